from datetime import UTC, datetime

import pytest

from gateway.core.order import Status
from gateway.mapping.canonical import Occasion, Told
from tests.unit.mapping.builders import compiled, found, outcome, said, table
from tests.unit.mapping.test_dotted_places import NOW, OCCASION, ORDER

JSON = """\
mapping: 1
reads: { format: canonical }
writes: json
tree:
"""
HL7 = """\
mapping: 1
reads: { format: canonical }
writes: hl7v2
tree:
"""


def written(tree: str, occasion: Occasion = OCCASION, **tables: str) -> object:
    """Render a JSON template without problems."""
    [rendered], problems = compiled(JSON + tree, **tables).run(occasion)
    assert problems == []
    return rendered


def test_what_is_absent_is_left_out() -> None:
    tree = """\
  id: order.id
  coi: { issuer: order.coi.issuer, value: order.coi.value }
  lot: { type: { const: LOT }, number: "order.aliases[type=LOT].value" }
  notes: { each: order.notes, item: . }
"""

    assert written(tree) == {"id": "M1-o1"}


def test_a_body_of_nothing_is_an_empty_map() -> None:
    assert written("  coi: order.coi.value\n") == {}


def test_constants_have_the_type_their_transform_gives() -> None:
    tree = '  text: { const: "1" }\n  yes: { const: "true", via: boolean }\n'
    decimal = '  n: { const: "1.5", via: decimal }\n'

    assert written(tree) == {"text": "1", "yes": True}
    assert found(outcome(JSON + decimal).findings) == ["5: wrong_kind"]


def test_lists_are_walked_with_the_whole_in_reach() -> None:
    tree = """\
  results:
    each: order.observations
    where: { place: .result, present: true }
    item: { order: order.id, test: .code, result: .result }
"""

    assert written(tree) == {
        "results": [{"order": "M1-o1", "test": "hiv_1_2", "result": "negative"}]
    }


def test_the_names_of_a_list_are_checked() -> None:
    tree = "  r: { each: order.observations, item: { t: .cod } }\n"

    assert found(outcome(JSON + tree).findings) == ["5: bad_place"]


@pytest.mark.parametrize(
    ("leaf", "value"),
    [
        ("{ from: order.patient.birth_date, via: iso_out }", "1971-04-09"),
        ("{ from: order.patient.birth_date, via: hl7_date_out }", "19710409"),
        ("{ from: event.occurred_at, via: hl7_ts }", "20260303090000+0000"),
        (
            "{ from: 'order.observations[code=weight].value.value', via: json_number }",
            71.4,
        ),
        (
            "{ from: 'order.observations[2].value.value', via: plain_number }",
            "71.4",
        ),
        ("{ from: event.reported, via: yn }", "N"),
        ("event.reported", False),
        ("order.schema_version", 1),
        ("{ from: event.status, codes: t }", "OK"),
    ],
)
def test_a_value_is_written(leaf: str, value: object) -> None:
    assert written(f"  a: {leaf}\n", t=table("accepted,OK,")) == {"a": value}


@pytest.mark.parametrize(
    "leaf",
    [
        "order.patient.birth_date",
        "event.occurred_at",
        "order.weight.value",
        "order.weight",
        "{ from: order.id, via: iso_out }",
        "{ from: event.occurred_at, via: plain_number }",
        "{ from: order.patient.birth_date, codes: t }",
    ],
)
def test_a_value_that_needs_a_transform_is_found(leaf: str) -> None:
    made = outcome(JSON + f"  a: {leaf}\n", t=table("a,b,"))

    assert "5: wrong_kind" in found(made.findings)


def test_what_a_template_requires_stops_it() -> None:
    mapping = compiled(JSON + "  a: { from: order.coi.value, required: true }\n")

    trees, problems = mapping.run(OCCASION)

    assert (trees, said(problems)) == ([], ["reject: field.missing at order.coi.value"])


def test_a_status_without_a_code_stops_the_template() -> None:
    mapping = compiled(
        JSON + "  a: { from: event.status, codes: t }\n", t=table("x,y,")
    )

    assert said(mapping.run(OCCASION)[1]) == ["reject: code.unknown at event.status"]


def test_segments_are_written_in_order_and_left_out_if_empty() -> None:
    tree = """\
  - PID: { "3.1": order.patient.mrn.value, "5.1": order.patient.name.family }
  - OBX: { "3.1": { const: COI }, "5": order.coi.value }
  - when: { place: event.reported, is: "true" }
    tree: { NTE: { "3": { const: reported } } }
  - each: order.observations
    item: { OBX: { "3.1": .code, "5": .result } }
"""
    mapping = compiled(HL7 + tree)
    told = Told("k", Status.COLLECTED, NOW, reported=True)

    plain, _ = mapping.run(OCCASION)
    reported, _ = mapping.run(Occasion(ORDER, NOW, event=told))

    assert plain[0] == [
        {"PID": {"3.1": "0042", "5.1": "Beispiel"}},
        {"OBX": {"3.1": "hiv_1_2", "5": "negative"}},
        {"OBX": {"3.1": "weight"}},
    ]
    assert reported[0][1] == {"NTE": {"3": "reported"}}


@pytest.mark.parametrize(
    ("tree", "problem"),
    [
        pytest.param("  PID: order.id\n", "5: template", id="no list"),
        pytest.param("  - PID: order.id\n", "5: template", id="no fields"),
        pytest.param("  - MSH: { '3': order.id }\n", "5: template", id="MSH"),
        pytest.param(
            "  - PID:\n      '3.1': order.id\n      x: order.id\n",
            "7: template",
            id="no field",
        ),
        pytest.param(
            "  - when: { place: now, present: true }\n"
            "    tree: { PIDX: { '3': order.id } }\n",
            "6: template",
            id="in a condition",
        ),
        pytest.param(
            "  - each: order.notes\n    item: { N: { '3': . } }\n",
            "6: template",
            id="in a list",
        ),
        pytest.param("  - PID: { '3': event.reported }\n", "5: wrong_kind", id="kind"),
    ],
)
def test_a_shape_the_format_cannot_write_is_found_at_its_line(
    tree: str, problem: str
) -> None:
    assert problem in found(outcome(HL7 + tree).findings)


def test_a_group_of_constants_in_a_list_is_static() -> None:
    tree = "  a: [{ const: x }, { b: { const: y } }]\n"

    assert written(tree) == {"a": ["x", {"b": "y"}]}


def test_the_time_is_the_moment_of_rendering() -> None:
    later = Occasion(ORDER, datetime(2027, 1, 1, tzinfo=UTC))

    assert written("  at: { from: now, via: iso_out }\n", later) == {
        "at": "2027-01-01T00:00:00+00:00"
    }
