"""Everything that can be wrong with a mapping, each at its line, before a message."""

import re
from pathlib import Path

import pytest

from gateway.mapping.compiler import Compiler
from gateway.mapping.problems import CATALOGUE, Finding, explain
from tests.unit.mapping.builders import FORMATS, REPORT, found, outcome, table

SEX = table("F,female,")
TREE = "  occurred_at: { from: at, via: iso_instant }\n"


def line(text: str, tree: str = TREE) -> str:
    """Return ``REPORT`` with ``text`` as line 9 of the file."""
    return REPORT + text + "\n" + tree


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("  reason: a..b", "9: bad_place", id="no place"),
        pytest.param("  reason: .a", "9: bad_place", id="a leading dot outside each"),
        pytest.param("  reason: { from: a, vai: x }", "9: unknown_key", id="key"),
        pytest.param(
            "  reason: { from: a, via: up }", "9: unknown_transform", id="via"
        ),
        pytest.param(
            "  reason: { from: a, via: iso_date }", "9: wrong_kind", id="date as a text"
        ),
        pytest.param("  scheduled_for: a", "9: wrong_kind", id="text as a date"),
        pytest.param(
            "  reason: { from: [a, b] }", "9: bad_value", id="two places, one wanted"
        ),
        pytest.param(
            "  reason: { from: [a, b, c, d, e], via: telephone }",
            "9: bad_value",
            id="a time of what is not measured",
        ),
        pytest.param("  reason: { from: [] }", "9: bad_place", id="no place in a list"),
        pytest.param("  reason: { from: a, codes: t }", "9: unknown_table", id="table"),
        pytest.param(
            "  reason: { from: a, unknown: x.y }", "9: unknown_key", id="no table"
        ),
        pytest.param(
            "  reason: { from: a, codes: sex, unknown: x.y }",
            "9: unknown_problem",
            id="problem",
        ),
        pytest.param(
            "  reason: { from: a, codes: sex, on_unknown: skip }",
            "9: bad_value",
            id="on_unknown",
        ),
        pytest.param(
            "  reason: { from: a, required: yes }", "9: bad_value", id="required"
        ),
        pytest.param("  raeson: a", "9: unknown_field", id="field"),
        pytest.param("  coi: { value: a }", "9: not_covered", id="uncovered field"),
        pytest.param("  coi: a", "9: wrong_shape", id="a text for a map"),
        pytest.param("  reason: { text: a }", "9: wrong_shape", id="a map for a text"),
        pytest.param(
            "  aliases: { value: a }", "9: wrong_shape", id="a map for a list"
        ),
        pytest.param("  reason: [a]", "9: wrong_shape", id="a list for a text"),
        pytest.param(
            "  reason: { each: a, item: .b }", "9: wrong_shape", id="each for a text"
        ),
        pytest.param(
            "  aliases: { each: a }", "9: missing_key", id="each without item"
        ),
        pytest.param(
            "  aliases: { each: a..b, item: { type: .t, issuer: .i, value: .v } }",
            "9: bad_place",
            id="each of no place",
        ),
        pytest.param(
            "  reason: { first_of: [{ const: a }, b] }", "9: unreachable", id="order"
        ),
        pytest.param(
            "  reason: { first_of: [] }", "9: missing_key", id="nothing first"
        ),
        pytest.param(
            "  reason: { first_of: [a, { from: b, via: decimal }] }",
            "9: wrong_kind",
            id="a text or a number",
        ),
        pytest.param(
            "  reason: { first_of: [{ x: a }] }", "9: not_a_text", id="a map first"
        ),
        pytest.param(
            "  reason: { from: a, when: { place: b } }", "9: missing_key", id="no test"
        ),
        pytest.param(
            "  reason: { from: a, when: { place: b, is: 1, present: true } }",
            "9: missing_key",
            id="two tests",
        ),
        pytest.param(
            "  reason: { from: a, when: { place: b, listed_in: t } }",
            "9: unknown_table",
            id="listed in no table",
        ),
        pytest.param(
            "  reason: { from: a, when: { place: 'b[', is: 1 } }",
            "9: bad_place",
            id="condition's place",
        ),
        pytest.param(
            "  reason: { from: a, when: { place: b, equals: 1 } }",
            "9: unknown_key",
            id="condition's key",
        ),
        pytest.param("  reason: { const: [a] }", "9: not_a_text", id="const of a list"),
        pytest.param(
            "  scheduled_for: { const: soon, via: iso_when }",
            "9: bad_value",
            id="const",
        ),
        pytest.param(
            "  reason: { const: a, required: true }", "9: unknown_key", id="const key"
        ),
        pytest.param(
            "  scheduled_for: { from: a, via: iso_instant, zone: Mars }",
            "9: bad_value",
            id="zone",
        ),
        pytest.param(
            "  reason: { const: '1', via: plain_number }", "9: wrong_kind", id="number"
        ),
        pytest.param(
            "  reason: { const: '1', via: quantity }", "9: wrong_kind", id="quantity"
        ),
        pytest.param(
            "  reason: { const: a, when: { place: b, is: {} } }",
            "9: not_a_text",
            id="is of a map",
        ),
        pytest.param("  coi: []", "9: wrong_shape", id="a list for a map"),
        pytest.param("  reason: { const: '' }", "9: bad_value", id="an empty constant"),
        pytest.param("  order_id: again", "9: duplicate_key", id="key twice"),
    ],
)
def test_a_line_of_a_tree(text: str, expected: str) -> None:
    made = outcome(line(text), sex=SEX)

    assert expected in found(made.findings)
    assert made.compiled is None


ORDER = """\
mapping: 1
reads: { format: hl7v2, message: OMG^O19 }
writes: command
otherwise: { place: ORC-1, code: command.unlisted }
tree:
  - when: { place: ORC-1, is: CA }
    tree:
      command: { from: ORC-1, codes: control }
      placer_number: { value: ORC-2.1, namespace: ORC-2.2 }
      patient:
        identifiers: { each: PID-3, item: { value: .1, authority: .4.1 } }
"""


def test_a_tree_is_checked_for_the_commands_its_condition_lets_through() -> None:
    control = table("NW,place,", "CA,cancel,")

    assert outcome(ORDER, control=control).findings == []
    everything = ORDER.replace("is: CA", "is: [CA, NW]")
    assert "8: unknown_field" not in found(outcome(ORDER, control=control).findings)
    assert found(outcome(everything, control=control).findings) == [
        "9: unknown_field",
        "10: unknown_field",
        "8: not_covered",
    ]


def test_a_code_that_can_become_no_command_is_found() -> None:
    made = outcome(ORDER.replace("is: CA", "is: XX"), control=table("CA,cancel,"))

    assert found(made.findings) == ["8: bad_value"]


def test_a_table_is_checked_against_the_field_it_fills() -> None:
    text = line("  occurred_at: { from: at, via: iso_instant }", "").replace(
        "status: { const: accepted }", "status: { from: s, codes: events }"
    )
    made = outcome(text, events=table("a,accepted,", "b,acepted,"))

    [finding] = made.findings
    assert (finding.code, finding.where) == ("mapping.bad_value", "m.yaml:8")
    assert finding.detail == "acepted is not a value of the field"


def test_a_table_is_checked_through_the_transform_after_it() -> None:
    text = line("  occurred_at: { from: at, codes: days, via: iso_instant }", "")
    made = outcome(text, days=table("a,2026-03-02T10:00:00Z,", "b,soon,"))

    [finding] = made.findings
    assert (finding.where, finding.detail) == (
        "m.yaml:9",
        "soon is not a value of the field",
    )


def test_a_broken_table_is_named_at_its_own_line() -> None:
    made = outcome(line("  reason: { from: a, codes: t }"), t="from,to,display\n")

    assert ("mapping.table_source", "codes/t.csv:1") in [
        (f.code, f.where) for f in made.findings
    ]


def test_a_measured_quantity_needs_a_field_for_its_time() -> None:
    order = """\
        mapping: 1
        reads: { format: hl7v2 }
        writes: command
        tree:
          command: { const: place }
          order:
            placer_number: { value: ORC-2.1, namespace: ORC-2.2 }
            facility: MSH-4.1
            patient:
              mrn: { value: PID-3.1, authority: PID-3.4.1 }
              name: { family: PID-5.1 }
              birth_date: { from: PID-7, via: hl7_date }
              sex: { const: female }
            product: { code: OBR-4.1 }
            height: { from: [OBX-5, OBX-6, OBX-14], via: quantity, unit: cm }
            weight: { from: [OBX-5, OBX-6, OBX-14], via: quantity, unit: kg }
        """

    assert found(outcome(order).findings) == ["15: unknown_field"]
    twice = order.replace("height:", "weight_at: OBX-14 #").rstrip() + "\n"
    assert "15: duplicate_key" in found(outcome(twice).findings)


@pytest.mark.parametrize("key", ["board", "St Elm:board", "x:y z"])
def test_an_extension_has_a_name_of_its_site(key: str) -> None:
    text = f"""\
        mapping: 1
        reads: {{ format: hl7v2 }}
        writes: command
        tree:
          command: {{ const: place }}
          order:
            extensions: {{ "{key}": ZZZ-1 }}
        """

    assert "7: unknown_field" in found(outcome(text).findings)


def test_all_that_is_wrong_is_found_at_once() -> None:
    made = outcome(line("  raeson: a\n  reason: a..b\n  coi: a"))

    assert found(made.findings) == [
        "10: bad_place",
        "9: unknown_field",
        "11: wrong_shape",
    ]


def test_a_missing_file_is_said() -> None:
    none = Compiler({"other.yaml": b""}.get, FORMATS).compile("gone.yaml")
    assert [str(f) for f in none.findings] == ["mapping.file_missing at gone.yaml:1"]


def test_every_finding_is_explained() -> None:
    finding = Finding("mapping.bad_place", "m.yaml:9", detail="a..b: no")

    assert explain(finding) == (
        "m.yaml:9: mapping.bad_place: The text names no place of this format. "
        "(a..b: no) Correct the place."
    )


def test_every_code_that_is_used_is_explained_and_no_other() -> None:
    sources = Path(__file__).parents[3].glob("gateway/mapping/*.py")
    text = "".join(p.read_text() for p in sources if p.name != "problems.py")
    known = {name.removeprefix("mapping.") for name in CATALOGUE}

    assert set(re.findall(r'\.add\(\s*"([a-z_0-9]+)"', text)) <= known
    assert known <= set(re.findall(r'"([a-z_0-9]+)"', text))
