"""A place of a PID is read only where it is certain which patient it means."""

from typing import Any

import pytest

from gateway.core.errors import Problem, Unmappable
from tests.unit.mapping.builders import FORMATS, compiled, message, said

TWICE = Problem("segment.repeated", "PID[2]")
FIRST, SECOND = "PID|1||A1^^^X^MR", "PID|2||B2^^^X^MR"
SWAPPED = message("ORC|CA|1", FIRST, "ORC|CA|2", SECOND, type_="ORM^O01")
PRIOR = message(FIRST, "ORC|CA|1", "OBR|1|1", SECOND, "ORC|RE|0", type_="OML^O21")

CANCEL = """\
mapping: 1
reads: { format: hl7v2 }
writes: command
each: ORC...
otherwise: nothing
tree:
  - when: { place: ORC-1, is: CA }
    tree:
      command: { const: cancel }
      placer_number: { value: ORC-2.1, namespace: { const: EHR } }
      patient: { identifiers: PATIENTS }
"""
PATIENTS = [
    "[{ value: PID-3.1, authority: { const: X } }]",
    '[{ value: "PID-3[5=MR].1", authority: { const: X } }]',
    '[{ value: "PID[2]-3.1", authority: { const: X } }]',
    '[{ value: "PID[3.1=B2]-3.1", authority: { const: X } }]',
    "{ each: PID-3, item: { value: .1, authority: .4.1 } }",
    "{ each: OBR, item: { value: PID-3.1, authority: { const: X } } }",
]


@pytest.mark.parametrize("patients", PATIENTS)
def test_an_order_among_several_patients_is_refused(patients: str) -> None:
    mapping = compiled(CANCEL.replace("PATIENTS", patients))

    assert mapping.run(PRIOR) == ([], [TWICE])


@pytest.mark.parametrize("patients", PATIENTS[:5])
def test_no_order_gets_the_patient_of_the_next(patients: str) -> None:
    mapping = compiled(CANCEL.replace("PATIENTS", patients))

    assert mapping.run(SWAPPED) == ([], [TWICE])


@pytest.mark.parametrize("patients", PATIENTS[:2] + PATIENTS[4:])
def test_one_patient_is_read_whatever_the_orders(patients: str) -> None:
    orders = ("ORC|CA|1", "OBR|1|1", "ORC|CA|2", "OBR|1|2")
    one = message(FIRST, *orders, type_="ORM^O01")

    commands, problems = compiled(CANCEL.replace("PATIENTS", patients)).run(one)

    assert said(problems) == []
    found = [c.patient.identifiers[0].value for c in commands]
    assert found == ["A1", "A1"]


def test_a_condition_on_one_of_several_patients_is_refused_too() -> None:
    text = CANCEL.replace("PATIENTS", PATIENTS[0])
    text = text.replace(
        "tree:\n  -",
        "refuse_when: [{ place: PID-30, is: Y, code: identity.hold }]\ntree:\n  -",
        1,
    )

    assert compiled(text).run(SWAPPED) == ([], [TWICE])


def commands_of(text: str, source: Any) -> list[str]:  # noqa: ANN401 - any source
    commands, problems = compiled(text).run(source)
    assert said(problems) == []
    return [i.value for c in commands for p in c.patients for i in p.identifiers]


EVERYBODY = """\
mapping: 1
reads: { format: hl7v2 }
writes: command
tree:
  command: { const: correct_identity }
  event: MSH-9.2
  patients:
    each: PID
    item:
      identifiers:
        - { value: PID-3.1, authority: "PID-3[5=MR].4.1" }
        - { each: PID-3, item: { value: .1, authority: .4.1 } }
"""


def test_a_mapping_that_walks_the_patients_reads_each_of_them() -> None:
    assert commands_of(EVERYBODY, SWAPPED) == ["A1", "A1", "B2", "B2"]


def test_a_window_that_begins_with_a_patient_is_about_that_one() -> None:
    walk = FORMATS["hl7v2"].group("PID...")
    get = FORMATS["hl7v2"].place("PID-3.1")

    assert [get(window) for window in walk(SWAPPED)] == ["A1", "B2"]


def test_a_place_of_no_patient_is_read_all_the_same() -> None:
    assert FORMATS["hl7v2"].place("ORC-2.1")(SWAPPED) == "1"
    with pytest.raises(Unmappable):
        FORMATS["hl7v2"].place("PID-3.1")(SWAPPED)
