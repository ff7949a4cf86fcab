"""What becomes of one value: absent, empty, coded, converted, refused."""

from datetime import UTC, datetime

import pytest

from gateway.core.commands import ReportStatus
from tests.unit.mapping.builders import REPORT, compiled, report, run, said, table

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def reason(line: str, source: object, **tables: str) -> str | None:
    """Run ``REPORT`` with one more line and return the reason it gives."""
    [command], problems = run(line, source, **tables)
    assert problems == []
    assert isinstance(command, ReportStatus)
    return command.reason


def test_a_bare_place_is_a_leaf() -> None:
    assert reason("  reason: why", report(why="because")) == "because"


def test_what_is_absent_is_not_said() -> None:
    commands, _ = run("  reason: why", report())

    assert "reason" not in commands[0].model_fields_set


@pytest.mark.parametrize("empty", ["", None])
def test_what_is_empty_is_absent(empty: object) -> None:
    assert reason("  reason: why", report(why=empty)) is None


def test_a_required_place_that_is_empty_is_a_problem_at_that_place() -> None:
    line = "  reason: { from: why, required: true }"

    assert run(line, report()) == ([], ["reject: field.missing at why"])


def test_a_field_the_model_needs_is_required_without_saying_so() -> None:
    assert run("  reason: why", {}) == ([], ["reject: field.missing at order"])


def test_a_value_the_model_refuses_is_placed_where_it_came_from() -> None:
    _, problems = run("  reason: why", report(why="x" * 4001))

    assert problems == ["reject: field.too_long at why"]


def test_a_value_of_another_type_is_refused_without_being_named() -> None:
    _, problems = run("  reason: why", report(why={"secret": "CANARY"}))

    assert problems == ["reject: field.not_valid at why"]


def test_a_transform_of_another_type_is_refused_without_being_named() -> None:
    line = "  occurred_at: { from: at, via: iso_instant }"
    _, problems = run(line, report(at=["CANARY"]))

    assert problems == ["reject: field.malformed at at"]


def test_a_transform_that_fails_is_a_problem_at_its_place() -> None:
    line = "  occurred_at: { from: at, via: iso_instant }"

    assert run(line, report(at="soon")) == ([], ["reject: field.not_a_time at at"])


@pytest.mark.parametrize("via", ["boolean_yn", "boolean"])
def test_neither_yes_nor_no_is_malformed(via: str) -> None:
    text = f"""\
        mapping: 1
        reads: {{ format: json }}
        writes: json
        tree: {{ a: {{ from: a, via: {via} }} }}
        """
    mapping = compiled(text)

    assert said(mapping.run({"a": "maybe"})[1]) == ["reject: field.malformed at a"]
    assert mapping.run({"a": "Y" if via == "boolean_yn" else "true"}) == (
        [{"a": True}],
        [],
    )


def test_the_zone_of_a_leaf_goes_before_the_zone_of_the_site() -> None:
    text = REPORT + (
        "  occurred_at: { from: at, via: iso_instant }\n"
        "  scheduled_for: { from: at, via: iso_when, zone: Asia/Tokyo }\n"
    )
    commands, _ = compiled(text, zone="UTC").run(report(at="2026-03-02T12:00"))

    assert commands[0].occurred_at == NOON
    assert commands[0].scheduled_for == datetime(2026, 3, 2, 3, tzinfo=UTC)


def test_a_code_is_looked_up() -> None:
    codes = table("a,alpha,", "b,beta,")

    assert reason("  reason: { from: c, codes: t }", report(c="b"), t=codes) == "beta"


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ("", "reject: code.unknown at c"),
        (", on_unknown: hold", "hold: code.unknown at c"),
        (", unknown: command.unlisted", "reject: command.unlisted at c"),
    ],
)
def test_an_unknown_code_is_never_passed_on(more: str, problem: str) -> None:
    line = f"  reason: {{ from: c, codes: t{more} }}"

    for source in (report(c="z"), report(c={"a": 1})):
        assert run(line, source, t=table("a,alpha,")) == ([], [problem])


def test_an_unknown_code_is_not_missing_too() -> None:
    line = "  reason: { from: c, codes: t, required: true }"

    assert run(line, report(c="z"), t=table("a,alpha,"))[1] == [
        "reject: code.unknown at c"
    ]


def test_a_code_the_model_needs_is_missing_if_there_is_none() -> None:
    text = REPORT.replace("{ const: accepted }", "{ from: s, codes: t }")
    mapping = compiled(text, t=table("a,accepted,"))

    assert said(mapping.run(report())[1]) == ["reject: field.missing at s"]
    assert mapping.run(report(s="a"))[0][0].status == "accepted"


def test_codes_come_before_the_transform() -> None:
    text = """\
        mapping: 1
        reads: { format: json }
        writes: json
        tree: { given: { from: x, codes: yes_no, via: boolean } }
        """
    yes_no = table("J,true,ja", "N,false,nein")
    mapping = compiled(text, yes_no=yes_no)

    assert mapping.run({"x": "J"}) == ([{"given": True}], [])
    assert said(mapping.run({"x": "?"})[1]) == ["reject: code.unknown at x"]


def test_the_first_place_that_is_there_counts() -> None:
    line = "  reason: { first_of: [a, b, { const: none given }] }"

    assert reason(line, report(b="2")) == "2"
    assert reason(line, report(a="1", b="2")) == "1"
    assert reason(line, report()) == "none given"


def test_the_first_of_the_first() -> None:
    line = "  reason: { first_of: [{ first_of: [a, b] }, c], required: true }"

    assert reason(line, report(b="2", c="3")) == "2"
    assert run(line, report())[1] == ["reject: field.missing at a"]


def test_the_first_of_several_can_be_required() -> None:
    line = "  reason: { first_of: [a, b], required: true }"

    assert run(line, report())[1] == ["reject: field.missing at a"]


@pytest.mark.parametrize(
    ("test", "member", "holds"),
    [
        ("is: x", "x", True),
        ("is: x", "y", False),
        ("is: x", None, False),
        ("is: [x, y]", "y", True),
        ("is_not: x", "y", True),
        ("is_not: x", "x", False),
        ("is_not: x", None, True),
        ("present: true", "y", True),
        ("present: true", None, False),
        ("present: false", None, True),
        ("listed_in: t", "a", True),
        ("listed_in: t", "z", False),
        ('is: "true"', True, True),
    ],
)
def test_a_condition(test: str, member: object, *, holds: bool) -> None:
    line = f"  reason: {{ const: yes, when: {{ place: if, {test} }} }}"
    source = report(**{"if": member})

    found = reason(line, source, t=table("a,alpha,"))

    assert found == ("yes" if holds else None)


def test_all_of_several_conditions_must_hold() -> None:
    line = (
        "  reason: { const: both, "
        "when: [{ place: a, is: 1 }, { place: b, present: true }] }"
    )

    assert reason(line, report(a="1", b="2")) == "both"
    assert reason(line, report(a="1")) is None


@pytest.mark.parametrize(
    ("parts", "read"),
    [
        ({"n": "5550123", "a": "40", "c": "49"}, "+49 40 5550123"),
        ({"n": "5550123", "a": "40", "c": "+49", "x": "7"}, "+49 40 5550123 x7"),
        ({"n": "5550123", "a": "40"}, "40 5550123"),
        ({"n": "5550123", "c": "49"}, "+49 5550123"),
        ({"n": "5550123"}, "5550123"),
        ({"a": "40", "c": "49"}, None),
    ],
)
def test_a_telephone_number_is_put_together(
    parts: dict[str, str], read: str | None
) -> None:
    line = "  reason: { from: [n, a, c, x], via: telephone }"

    assert reason(line, report(**parts)) == read
