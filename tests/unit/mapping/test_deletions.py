"""HL7 ``""``: said explicitly in a change, not said at all in a new order."""

from datetime import date
from typing import Any

import pytest

from gateway.core.commands import ChangeOrder, PlaceOrder
from tests.unit.mapping.builders import compiled, message, said, table

ORDER = """\
mapping: 1
reads: { format: hl7v2 }
writes: command
tree:
  command: { from: ORC-1, codes: control }
  order:
    placer_number: { value: ORC-2.1, namespace: { const: EHR } }
    facility: MSH-4.1
    patient:
      mrn: { value: PID-3.1, authority: PID-3.4.1 }
      name: { family: PID-5.1, given: PID-5.2 }
      birth_date: { from: PID-7, via: hl7_date }
      sex: { const: female }
      address: { street: PID-11.1, city: PID-11.3 }
      phone: PID-13
    product: { code: OBR-4.1 }
    prescriber: { id: ORC-12.1, name: { family: ORC-12.2 } }
    ordered_at: { from: ORC-9, via: hl7_instant }
    weight: { from: [OBX-5, OBX-6, OBX-14], via: quantity, unit: kg }
    notes: { each: NTE, item: NTE-3 }
    extensions: { "x:a": ZZZ-1, "x:b": ZZZ-2 }
"""
CONTROL = table("NW,place,", "XO,change,")


def ordered(control: str, *segments: str, pid: str = "") -> tuple[list[Any], list[str]]:
    """Run ``ORDER`` over one message."""
    pid = pid or PID
    orc = f"ORC|{control}|P-1" if not segments or segments[0][:3] != "ORC" else ""
    source = message(
        pid, *([orc] if orc else []), *segments, type_="OMG^O19", zone="UTC"
    )
    commands, problems = compiled(ORDER, zone="UTC", control=CONTROL).run(source)
    return commands, said(problems)


OBR = "OBR|1|||CART"
PID = "PID|1||0042^^^STELM||Beispiel^Asa||19710409||||Way 1^^Elmton"


def test_leading_zeros_stay() -> None:
    [command], _ = ordered("NW", OBR)

    assert isinstance(command, PlaceOrder)
    assert command.order.patient.mrn.value == "0042"
    assert command.order.patient.birth_date == date(1971, 4, 9)


def test_a_change_that_deletes_says_so() -> None:
    [command], problems = ordered(
        "XO",
        'ORC|XO|P-1|||||||""|||""^""',
        OBR,
        'OBX|1|NM|W||""|kg||||||||20260301',
        'NTE|1||""',
        'ZZZ|""|b',
        pid='PID|1||0042^^^STELM||Beispiel^""||19710409||||""||""',
    )

    assert problems == []
    assert isinstance(command, ChangeOrder)
    order = command.order
    assert {
        "prescriber": order.prescriber,
        "ordered_at": order.ordered_at,
        "weight": order.weight,
        "weight_at": order.weight_at,
        "notes": order.notes,
        "extensions": order.extensions,
        "address": order.patient.address,
        "phone": order.patient.phone,
        "given": order.patient.name.given,
    } == {
        "prescriber": None,
        "ordered_at": None,
        "weight": None,
        "weight_at": None,
        "notes": (),
        "extensions": {"x:b": "b"},
        "address": None,
        "phone": None,
        "given": None,
    }
    said = {"prescriber", "ordered_at", "weight", "weight_at", "notes"}
    assert said <= order.model_fields_set
    assert {"address", "phone"} <= order.patient.model_fields_set


def test_in_a_new_order_what_is_deleted_is_absent() -> None:
    [command], problems = ordered(
        "NW",
        'ORC|NW|P-1|||||||""|||""',
        OBR,
        pid='PID|1||0042^^^STELM||Beispiel^""||19710409||||""||""',
    )

    assert problems == []
    unsaid = {"prescriber", "ordered_at", "weight", "notes", "extensions"}
    assert not unsaid & command.order.model_fields_set
    assert not {"address", "phone"} & command.order.patient.model_fields_set


def test_a_list_written_out_can_be_deleted_too() -> None:
    text = ORDER.replace("{ each: NTE, item: NTE-3 }", "[NTE-3]")
    source = message(PID, "ORC|XO|P-1", OBR, 'NTE|1||""', zone="UTC")

    [command], _ = compiled(text, zone="UTC", control=CONTROL).run(source)

    assert command.order.notes == ()
    assert "notes" in command.order.model_fields_set


def test_what_must_be_there_cannot_be_deleted() -> None:
    pid = 'PID|1||0042^^^STELM||""||""'

    assert ordered("XO", OBR, pid=pid)[1] == [
        "reject: field.missing at PID-5.1",
        "reject: field.missing at PID-7",
    ]


def test_a_part_of_a_group_that_is_deleted_leaves_the_rest() -> None:
    [command], _ = ordered("XO", OBR, pid=PART_DELETED)

    address = command.order.patient.address
    assert (address.street, address.city) == ("Way 1", None)
    assert "city" in address.model_fields_set


PART_DELETED = 'PID|1||0042^^^STELM||Beispiel||19710409||||Way 1^^""'


def test_a_message_that_only_deletes_is_a_message_all_the_same() -> None:
    text = """\
        mapping: 1
        reads: { format: hl7v2 }
        writes: command
        tree:
          command: { const: report_status }
          party: { const: helix }
          order_id: { const: M1-o1 }
          status: { const: accepted }
          reason: NTE-3
        """
    [command], problems = compiled(text).run(message('NTE|1||""'))

    assert problems == []
    assert command.reason is None
    assert "reason" not in command.model_fields_set


def test_a_quantity_needs_its_unit() -> None:
    assert ordered("NW", OBR, "OBX|1|NM|W||71.4")[1] == [
        "reject: field.unit_missing at OBX-6"
    ]


@pytest.mark.parametrize("status", ["D", "W"])
def test_a_change_withdraws_a_weight_with_its_time(status: str) -> None:
    [command], problems = ordered(
        "XO", OBR, f"OBX|1|NM|W||71.4|kg|||||{status}|||20260301"
    )

    assert problems == []
    assert {"weight", "weight_at"} <= command.order.model_fields_set
    assert (command.order.weight, command.order.weight_at) == (None, None)


@pytest.mark.parametrize(("amount", "unit"), [("7000", "kg"), ("70", "g"), ("0", "kg")])
def test_a_weight_no_body_has_is_refused_at_its_place(amount: str, unit: str) -> None:
    assert ordered("NW", OBR, f"OBX|1|NM|W||{amount}|{unit}")[1] == [
        "reject: field.implausible at OBX-5"
    ]


MARKERS = (
    "{ each: OBX, deleted_when: { place: OBX-11, is: [D, W] }, "
    "item: { code: OBX-3, result: OBX-5 } }"
)


@pytest.mark.parametrize(
    ("statuses", "left"), [("FW", ["C0"]), ("DF", ["C1"]), ("DW", [])]
)
def test_an_item_that_is_deleted_leaves_the_others(
    statuses: str, left: list[str]
) -> None:
    """Where there is no other, the list is deleted."""
    text = ORDER.replace(
        "    notes:", f"    observations: {MARKERS}\n    notes:"
    ).replace("from: [OBX-5", "when: { place: OBX-3, is: W }, from: [OBX-5")
    segments = [f"OBX|1|ST|C{n}||NEG||||||{s}" for n, s in enumerate(statuses)]

    commands, problems = compiled(text, zone="UTC", control=CONTROL).run(
        message(PID, "ORC|XO|P-1", OBR, *segments, type_="OMG^O19")
    )

    assert said(problems) == []
    assert [o.code for o in commands[0].order.observations] == left
    assert "observations" in commands[0].order.model_fields_set


def test_a_quantity_with_its_time_fills_the_field_beside_it() -> None:
    [command], _ = ordered("NW", OBR, "OBX|1|NM|W||71.4|kg||||||||20260301")

    assert command.order.weight_at == date(2026, 3, 1)
