"""Groups and lists: what makes one present, and what it then requires."""

import pytest

from tests.unit.mapping.builders import compiled, message, report, run, said, table

COI = (
    "  coi: { type: { const: COI }, issuer: by, value: { from: coi, required: true } }"
)


def test_a_group_without_anything_but_constants_is_absent() -> None:
    commands, problems = run(COI, report())

    assert problems == []
    assert commands[0].coi is None


def test_what_a_group_requires_is_required_once_the_group_is_there() -> None:
    assert run(COI, report(by="HELIX"))[1] == ["reject: field.missing at coi"]


def test_a_problem_in_a_group_is_not_forgiven() -> None:
    line = "  coi: { type: { from: t, codes: x }, issuer: by, value: coi }"

    assert run(line, report(t="?"), x=table("a,b,"))[1] == [
        "reject: code.unknown at t",
        "reject: field.missing at by",
        "reject: field.missing at coi",
    ]


def test_constants_join_a_group_that_is_there() -> None:
    commands, _ = run(COI, report(by="HELIX", coi="1"))

    assert commands[0].coi.model_dump() == {
        "type": "COI",
        "issuer": "HELIX",
        "value": "1",
    }


ALIASES = """\
  aliases:
    each: lots
    item: { type: { const: LOT }, issuer: by, value: .number }
"""


def test_each_makes_a_list() -> None:
    commands, _ = run(ALIASES, report(by="X", lots=[{"number": "1"}, {"number": "2"}]))

    assert [(a.issuer, a.value) for a in commands[0].aliases] == [
        ("X", "1"),
        ("X", "2"),
    ]


def test_inside_each_a_place_without_a_dot_is_read_from_the_whole() -> None:
    assert run(ALIASES, report(lots=[{"number": "1", "by": "wrong"}]))[1] == [
        "reject: field.missing at by in lots[1]"
    ]


def test_a_problem_in_a_list_says_which_item() -> None:
    _, problems = run(
        ALIASES, report(by="X", lots=[{"number": "1"}, {"number": 5}, {}])
    )

    assert problems == ["reject: field.missing at lots[3].number"]


def test_where_picks_items() -> None:
    line = ALIASES + "    where: { place: .number, is_not: '1' }\n"
    commands, _ = run(line, report(by="X", lots=[{"number": "1"}, {"number": "2"}]))

    assert [a.value for a in commands[0].aliases] == ["2"]


def test_a_list_may_be_written_out_with_each_among_its_items() -> None:
    line = """\
  aliases:
    - { type: { const: A }, issuer: { const: x }, value: first }
    - each: lots
      item: { type: { const: LOT }, issuer: { const: x }, value: .number }
"""
    commands, _ = run(line, report(first="1", lots=[{"number": "2"}]))
    fewer, _ = run(line, report(lots=[{"number": "2"}]))

    assert [a.value for a in commands[0].aliases] == ["1", "2"]
    assert [a.value for a in fewer[0].aliases] == ["2"]


def test_a_time_beside_a_quantity_is_under_the_same_condition() -> None:
    text = """\
        mapping: 1
        reads: { format: json }
        writes: command
        tree:
          command: { const: place }
          order:
            placer_number: { value: { const: P }, namespace: { const: N } }
            facility: { const: F }
            patient:
              mrn: { value: { const: "1" }, authority: { const: A } }
              name: { family: { const: B } }
              birth_date: { const: "1971-04-09", via: iso_date }
              sex: { const: female }
            product: { code: { const: C } }
            weight:
              from: [w.value, w.unit, w.at]
              via: quantity
              unit: kg
              when: { place: w.final, is: "true" }
        """
    mapping = compiled(text)
    weighed = {"value": "70", "unit": "kg", "at": "2026-03-01"}

    [final], _ = mapping.run({"w": {**weighed, "final": True}})
    [early], _ = mapping.run({"w": {**weighed, "final": False}})

    assert (str(final.order.weight.value), str(final.order.weight_at)) == (
        "70",
        "2026-03-01",
    )
    assert (early.order.weight, early.order.weight_at) == (None, None)


def test_an_empty_list_is_not_said() -> None:
    commands, _ = run(ALIASES, report(lots=[]))

    assert "aliases" not in commands[0].model_fields_set


def test_each_inside_each_is_one_list() -> None:
    text = """\
        mapping: 1
        reads: { format: hl7v2 }
        writes: command
        tree:
          command: { const: correct_identity }
          event: MSH-9.2
          patients: [{ identifiers: [{ value: { const: "0" }, authority: MSH-4 }] }]
          prior:
            - each: MRG
              item: { each: MRG-1, item: { value: .1, authority: .4.1 } }
            - each: MRG
              item: { each: MRG-4, item: { value: .1, authority: .4.1 } }
        """
    source = message("MRG|1^^^A~2^^^A|||9^^^A", "MRG|3^^^A", "MRG||||8")
    commands, problems = compiled(text).run(source)

    assert (commands, said(problems)) == (
        [],
        ["reject: field.missing at MRG[3]-4[1].4.1"],
    )
    [command], _ = compiled(text).run(message("MRG|1^^^A~2^^^A|||9^^^A", "MRG|3^^^A"))
    assert [i.value for i in command.prior] == ["1", "2", "3", "9"]


@pytest.mark.parametrize("lots", [None, [], [{}]])
def test_a_list_that_is_required_is_not_empty(lots: object) -> None:
    line = ALIASES.replace("each: lots", "each: lots\n    required: true")

    assert run(ALIASES, report(lots=lots))[1] == []
    assert run(line, report(lots=lots)) == ([], ["reject: field.missing at lots"])
    assert run(line, report(lots=[{"number": "1"}], by="X"))[1] == []
