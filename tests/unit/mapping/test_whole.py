"""What decides who, which order, what and how much is whole, or it is refused."""

from typing import Any

import pytest

from gateway.mapping.shapes import members
from gateway.mapping.whole import FIELDS
from tests.unit.mapping.builders import compiled, message, report, run, said, table

ORDER = """\
mapping: 1
reads: { format: hl7v2 }
writes: command
each: ORC...
otherwise: { place: ORC-1, code: command.unlisted }
tree:
  - when: { place: ORC-1, is: [NW, XO] }
    tree:
      command: { from: ORC-1, codes: control }
      order:
        placer_number: { value: ORC-2.1, namespace: ORC-2.2 }
        facility: MSH-4.1
        patient:
          mrn: { value: "PID-3[5=MR].1", authority: "PID-3[5=MR].4.1" }
          identifiers:
            each: PID-3
            item: { value: .1, authority: .4.1, type: .5 }
          name: { family: PID-5.1, given: PID-5.2 }
          birth_date: { from: PID-7, via: hl7_date }
          sex: { from: PID-8, codes: sex }
          phone: PID-13.1
        product: { code: OBR-4.1, display: OBR-4.2 }
        weight:
          from: ["OBX[3.1=W]-5", "OBX[3.1=W]-6.1"]
          via: quantity
          unit: kg
  - when: { place: ORC-1, is: CA }
    tree:
      command: { const: cancel }
      placer_number: { value: ORC-2.1, namespace: ORC-2.2 }
      patient: { identifiers: [{ value: PID-3.1, authority: PID-3.4.1 }] }
"""
PID = "PID|||777^^^X^MR||Beispiel^Inge||19710409|F|||||1"
GOOD = [PID, "ORC|NW|A^E", "OBR|1|||CART^Cells", "OBX|1|NM|W||70|kg"]
TABLES = {
    "control": table("NW,place,", "XO,change,"),
    "sex": table("F,female,", "M,male,"),
}


def read(*segments: str) -> tuple[list[Any], list[str]]:
    """Read an order; return commands and problems."""
    source = message(*segments, type_="ORM^O01")
    commands, problems = compiled(ORDER, **TABLES).run(source)
    return commands, said(problems)


def spoilt(old: str, new: str) -> list[str]:
    """Read an order in which one text is another; return its problems."""
    text = "\n".join(GOOD)
    assert old in text
    commands, problems = read(*text.replace(old, new, 1).split("\n"))
    assert commands == []
    return problems


def test_an_order_that_says_each_once_is_read() -> None:
    commands, problems = read(*GOOD)

    assert problems == []
    assert commands[0].order.patient.mrn.value == "777"


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("ORC|NW", "ORC|NW~CA", "ORC-1"),
        ("|A^E", "|A&2^E", "ORC-2.1"),
        ("|A^E", "|A^E~A2^E", "ORC-2.1"),
        ("19710409", "19710409~19800202", "PID-7"),
        ("|F|", "|F&M|", "PID-8"),
        ("^MR|", "^MR&PI|", "PID-3[1].5"),
        ("CART^", "CART&TIL^", "OBR-4.1"),
        ("|70|", "|70&1|", "OBX[3.1=W]-5"),
        ("|70|", "|70~80|", "OBX[3.1=W]-5"),
        ("|kg", "|kg~lb", "OBX[3.1=W]-6.1"),
        ("|70|kg", "|70|kg\nOBX|2|NM|W||80|kg", "OBX[3.1=W]-5"),
    ],
)
def test_what_decides_is_refused_if_it_could_be_two(
    old: str, new: str, place: str
) -> None:
    assert spoilt(old, new) == [f"reject: field.more_than_one at {place}"]


def test_a_number_that_would_be_cut_is_refused_wherever_it_is_read() -> None:
    assert spoilt("777^^^", "777&9^^^") == [
        "reject: field.more_than_one at PID-3[5=MR].1",
        "reject: field.more_than_one at PID-3[1].1",
    ]


def test_of_two_numbers_that_fit_none_is_taken() -> None:
    assert spoilt("^^^X^MR", "^^^X^MR~778^^^X^MR") == [
        "reject: patient.two_numbers at PID-3[5=MR].1"
    ]


def test_what_chooses_the_command_is_whole_although_nothing_is_filled_by_it() -> None:
    assert read(PID, "ORC|CA~NW|A^E")[1] == ["reject: field.more_than_one at ORC-1"]


def test_a_place_that_picks_no_repetition_takes_none_of_several() -> None:
    problems = read(PID.replace("^MR", "^MR~888^^^X^SS"), "ORC|CA|A^E")[1]

    assert problems == ["reject: field.more_than_one at PID-3.1"]


def test_of_names_addresses_and_telephones_the_first_counts() -> None:
    commands, problems = read(
        PID.replace("Beispiel", "von Beispiel&von&Beispiel").replace(
            "^Inge|", "^Inge~Muster^Ina|"
        )[:-1]
        + "1~2",
        *GOOD[1:],
    )

    assert problems == []
    assert commands[0].order.patient.name.family == "von Beispiel"
    assert commands[0].order.patient.phone == "1"


def test_the_same_said_twice_is_one_value() -> None:
    commands, problems = read(PID.replace("^MR", "^MR~777^^^X^MR"), *GOOD[1:], GOOD[-1])

    assert problems == []
    assert commands[0].order.weight.value == 70


def test_every_whole_field_is_one_of_the_model() -> None:
    for model, names in FIELDS.items():
        assert set(names) <= members(model).keys()


COI = (
    "  coi: { type: { const: COI }, issuer: { const: HELIX }, "
    'value: "ids[type=COI].value" }'
)


def test_of_two_chain_of_identity_numbers_in_one_report_none_is_taken() -> None:
    def ids(*values: str) -> dict[str, object]:
        said = [{"type": "COI", "value": value} for value in values]
        return report(ids=[{"type": "LOT", "value": "L"}, *said, {"type": "COI"}, "x"])

    assert run(COI, ids("C-1", "C-2")) == (
        [],
        ["reject: field.more_than_one at ids[type=COI].value"],
    )
    assert run(COI, ids("C-1", "C-1"))[1] == []
    [command], _ = run(COI.replace("[type=COI]", "[2]"), ids("C-1", "C-2"))
    assert command.coi.value == "C-1"
