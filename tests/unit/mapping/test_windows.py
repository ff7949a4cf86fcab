"""What stands around a tree: windows, guards, alternatives, and its own text."""

from typing import Any

import orjson

from gateway.core.commands import UpdatePatient
from gateway.mapping.compiler import Compiler, Outcome
from tests.unit.mapping.builders import (
    FACTS,
    FORMATS,
    REPORT,
    compiled,
    message,
    report,
    said,
    table,
)

WINDOWS = """\
mapping: 1
reads: { format: hl7v2 }
writes: command
each: ORC...
same: [{ places: [ORC-2.1, OBR-2.1] }]
refuse_when: [{ place: MSH-11, is_not: P, code: message.processing_id }]
hold_when: [{ place: ORC-5, is: HD, code: identity.hold }]
otherwise: { place: ORC-1, code: command.unlisted }
tree:
  - when: { place: ORC-1, is: CA }
    tree:
      command: { const: cancel }
      placer_number: { value: ORC-2.1, namespace: { const: EHR } }
      patient: { identifiers: [{ value: PID-3.1, authority: { const: X } }] }
      reason: ORC-16
"""
PID = "PID|1||0042"


def cancelled(*segments: str) -> tuple[list[Any], list[str]]:
    source = message(*segments, type_="ORM^O01")
    text = WINDOWS.replace("is_not: P", "is_not: T")
    commands, problems = compiled(text).run(source)
    return commands, said(problems)


def test_each_window_is_a_command_and_shares_what_stands_before() -> None:
    commands, problems = cancelled(PID, "ORC|CA|1", "OBR|1|1", "ORC|CA|2", "OBR|1|2")

    assert problems == []
    assert [c.placer_number.value for c in commands] == ["1", "2"]
    assert {c.patient.identifiers[0].value for c in commands} == {"0042"}


def test_one_bad_window_spoils_the_message_and_is_named() -> None:
    assert cancelled(PID, "ORC|CA|1", "ORC|CA|", "ORC|ZZ|3") == (
        [],
        [
            "reject: field.missing at ORC-2.1 in ORC[2]",
            "reject: command.unlisted at ORC-1 in ORC[3]",
        ],
    )


def test_what_is_wrong_with_every_window_is_said_once() -> None:
    assert cancelled("ORC|CA|1", "ORC|CA|2")[1] == ["reject: field.missing at PID-3.1"]


def test_a_message_without_a_window_has_a_segment_missing() -> None:
    assert cancelled(PID) == ([], ["reject: segment.missing at ORC"])


def test_no_order_control_code_is_missing_rather_than_unlisted() -> None:
    assert cancelled(PID, "ORC||1")[1] == ["reject: field.missing at ORC-1"]


def test_places_that_must_agree() -> None:
    assert cancelled(PID, "ORC|CA|1", "OBR|1|2")[1] == [
        "reject: order.placer_mismatch at OBR-2.1"
    ]
    assert cancelled(PID, "ORC|CA|1", "OBR|1|")[1] == []
    assert cancelled(PID, "ORC|CA|1", 'OBR|1|""')[1] == []


def test_what_holds_a_message_leaves_its_commands_for_a_person() -> None:
    commands, problems = cancelled(PID, "ORC|CA|1|||HD")

    assert problems == ["hold: identity.hold at ORC-5"]
    assert len(commands) == 1


def test_what_refuses_a_message_leaves_nothing() -> None:
    source = message(PID, "ORC|CA|1", type_="ORM^O01")
    commands, problems = compiled(WINDOWS).run(source)

    assert (commands, said(problems)) == (
        [],
        ["reject: message.processing_id at MSH-11"],
    )


def test_an_hour_that_comes_twice_leaves_the_command_for_a_person() -> None:
    text = FACTS.replace("update_patient", "report_status").replace(
        FACTS[FACTS.index("  patient:") :],
        "  party: { const: x }\n  order_id: PID-2\n  status: { const: accepted }\n"
        "  occurred_at: { from: PID-7, via: hl7_instant }\n",
    )
    mapping = compiled(text, zone="Europe/Berlin")

    commands, problems = mapping.run(message("PID||M1|||||20261025023000"))
    none, missing = mapping.run(message("PID||M1|||||20260329023000"))

    assert said(problems) == ["hold: time.ambiguous at PID-7"]
    assert len(commands) == 1
    assert (none, said(missing)) == ([], ["hold: time.nonexistent at PID-7"])


def test_a_problem_in_a_repetition_says_which() -> None:
    _, problems = compiled(FACTS).run(message("PID|1||1^^^A~2~3^^^C"))

    assert said(problems) == ["reject: field.missing at PID-3[2].4.1"]


def test_a_value_too_long_in_a_repetition_names_the_field() -> None:
    _, problems = compiled(FACTS).run(message(f"PID|1||1^^^A~{'x' * 251}^^^B"))

    assert said(problems) == ["reject: field.too_long at PID-3.1"]


def test_a_list_that_must_not_be_empty_is_missing() -> None:
    _, problems = compiled(FACTS).run(message("PID|1"))

    assert said(problems) == ["reject: field.missing at PID-3"]


def test_a_mapping_is_made_again_from_the_text_that_was_kept() -> None:
    text = REPORT + "  reason: { from: c, codes: t }\n"
    first = compiled(text, zone="Europe/Berlin", t=table("a,alpha,"))
    again = recompiled(first.text).compiled

    assert again is not None
    assert again.version == first.version
    assert again.run(report(c="a")) == first.run(report(c="a"))


def test_a_text_this_release_cannot_read_any_more_is_said() -> None:
    kept = compiled(REPORT).text.replace("report_status", "report_weather")

    found = recompiled(kept).findings

    assert list(map(str, found)) == ["mapping.bad_value at m.yaml:5"]


def recompiled(text: str) -> Outcome:
    """Compile a mapping from the text the store has kept, and nothing else."""
    kept = orjson.loads(text)
    files = {path: body.encode() for path, body in kept["files"].items()}
    compiler = Compiler(files.get, FORMATS)
    return compiler.compile(kept["mapping"], home=kept["home"], zone=kept["zone"])


def test_the_version_follows_text_tables_and_zone() -> None:
    text = REPORT + "  reason: { from: c, codes: t }\n"
    versions = {
        compiled(text, t=table("a,alpha,")).version,
        compiled(text + "\n", t=table("a,alpha,")).version,
        compiled(text, t=table("a,beta,")).version,
        compiled(text, t=table("a,alpha,"), zone="UTC").version,
    }

    assert len(versions) == 4
    assert all(len(version) == 64 for version in versions)


def test_what_a_mapping_reads_does_not_change_it() -> None:
    mapping = compiled(FACTS)
    good, bad = message("PID|1||1^^^A"), message("PID|1||1")

    before = mapping.run(good)
    mapping.run(bad)

    assert mapping.run(good) == before
    assert isinstance(before[0][0], UpdatePatient)
