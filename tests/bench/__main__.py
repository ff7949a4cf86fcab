"""Measures Baton beside peers and limits: ``python -m tests.bench --help``.

Exit status: 0 measured; 1 Baton gave a wrong answer or lost something; 2 something
could not be measured, and a sentence says what it lacks.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from tests.bench import delivery, harness, intake, memory, start
from tests.bench.processes import Failed
from tests.bench.report import Report

SECTIONS = ("parse", "start", "intake", "e2e", "memory")
WRONG, INCOMPLETE = 1, 2


def parser() -> argparse.ArgumentParser:
    """Return the options; docs/benchmarks.md explains what each figure means."""
    made = argparse.ArgumentParser(
        prog="python -m tests.bench", description=(__doc__ or "").partition("\n")[0]
    )
    add = made.add_argument
    add("section", nargs="?", default="all", choices=(*SECTIONS, "all", "prepare"))
    add("--rounds", type=int, default=2, help="alternating rounds (default 2)")
    add("--seconds", type=float, default=4, help="intake: of each measurement")
    add("--conns", default="1,8,64", help="intake: numbers of connections")
    add("--peers", help="names from the harness, with commas between; none: -")
    add("--messages", type=int, default=3000, help="e2e: how many")
    add("--fail-every", type=int, default=0, metavar="N", help="e2e: every N-th 503")
    add("--drop-every", type=int, default=0, metavar="N", help="e2e: every N-th cut")
    add("--minutes", type=float, default=10, help="memory: how long")
    add("--rate", type=float, default=500, help="memory: messages/s")
    add("--results", type=Path, help="append every measurement here, as JSON lines")
    return made


def works(given: argparse.Namespace, report: Report) -> dict[str, Callable[[], None]]:
    """Return what each section runs."""

    def chosen(otherwise: tuple[str, ...]) -> tuple[str, ...]:
        if given.peers is None:
            return otherwise
        return tuple(name for name in given.peers.split(",") if name not in ("", "-"))

    conns = tuple(int(n) for n in given.conns.split(","))
    at_intake = intake.Plan(given.rounds, given.seconds, conns, chosen(intake.PEERS))
    at_delivery = delivery.Plan(
        given.rounds,
        given.messages,
        8,
        chosen(delivery.PEERS),
        given.fail_every,
        given.drop_every,
    )
    at_memory = memory.Plan(given.minutes, given.rate, 8)
    return {
        "parse": partial(_parse, 4 * given.rounds + 1, report),
        "start": partial(start.measure_start, 2 * given.rounds + 1, report),
        "intake": partial(intake.measure_intake, at_intake, report),
        "e2e": partial(delivery.measure_delivery, at_delivery, report),
        "memory": partial(memory.measure_memory, at_memory, report),
        "prepare": harness.prepare,
    }


def _parse(rounds: int, report: Report) -> None:
    """Load the gateway and the two libraries only where they are measured."""
    from tests.bench.parse import measure_parse

    measure_parse(rounds, report)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what was asked for; return the exit status."""
    given = parser().parse_args(argv)
    report = Report(given.results)
    known = works(given, report)
    for section in SECTIONS if given.section == "all" else (given.section,):
        try:
            known[section]()
        except Failed as error:
            report.lacks(section, str(error))
    if report.missing:
        report.say("Not measured:", "", *(f"- {each}" for each in report.missing))
    if report.errors:
        report.progress(f"{report.errors} wrong or lost answers of Baton")
        return WRONG
    return INCOMPLETE if report.missing else 0


if __name__ == "__main__":
    sys.exit(main())
