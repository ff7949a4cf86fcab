"""``memory``: resident memory over minutes at a steady rate, portal attached."""

import subprocess
import time
from dataclasses import dataclass

from tests.bench.arithmetic import slope
from tests.bench.baton import fresh_baton
from tests.bench.load import Result, arguments, result_of
from tests.bench.portal import portal
from tests.bench.processes import Running, Watch, end
from tests.bench.report import Report

SETTLED_AFTER = 0.2
"""Share of the run after which memory should have stopped growing."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, how fast, over how many connections."""

    minutes: float
    rate: float
    conns: int


@dataclass(frozen=True, slots=True)
class Course:
    """Resident memory in MiB: (seconds, MiB) from start to end."""

    points: tuple[tuple[float, float], ...]

    @property
    def settled(self) -> list[tuple[float, float]]:
        """The points after the start has worn off."""
        end_at = self.points[-1][0]
        return [p for p in self.points if p[0] >= SETTLED_AFTER * end_at]

    @property
    def per_minute(self) -> float:
        """The linear trend of the settled part, in MiB a minute."""
        return 60 * slope(self.settled)


def measure_memory(plan: Plan, report: Report) -> None:
    """Measure and print the table.

    Raises:
        Failed: Baton or the portal did not start.
    """
    watch = Watch()
    with portal() as receiver, fresh_baton(receiver.url) as server:
        idle = server.rss_mb()
        course, result = _watch(server, plan)
        arrived = receiver.stats()["unique"]
    for seconds, mb in course.points:
        report.record("memory", seconds=seconds, rss_mb=mb)
    report.record("memory", **result.raw)
    report.errors += result.errors
    _print(idle, course, result, arrived, plan, report)
    report.say(f"{result.acked:,} messages; {watch.load()}.", "")


def _watch(server: Running, plan: Plan) -> tuple[Course, Result]:
    command = arguments(
        server.port, plan.conns, rate=plan.rate, duration=60 * plan.minutes, warmup=1
    )
    began = time.monotonic()
    points = [(0.0, server.rss_mb())]
    generator = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        while generator.poll() is None:
            time.sleep(min(1.0, plan.minutes))
            points.append((time.monotonic() - began, server.rss_mb()))
        output, _ = generator.communicate()
    finally:
        end(generator)
    return Course(tuple(points)), result_of(output.decode(), "")


def _print(
    idle: float,
    course: Course,
    result: Result,
    arrived: int,
    plan: Plan,
    report: Report,
) -> None:
    settled = course.settled
    report.say(f"## Memory: {plan.minutes:g} min at {plan.rate:g} messages/s", "")
    report.table(
        ["figure", "value"],
        [
            ["idle, before the first message", f"{idle:.1f} MiB"],
            ["after the first fifth", f"{settled[0][1]:.1f} MiB"],
            ["at the end", f"{settled[-1][1]:.1f} MiB"],
            ["most", f"{max(mb for _, mb in course.points):.1f} MiB"],
            ["trend after the first fifth", f"{course.per_minute:+.3f} MiB a minute"],
            ["answered", f"{result.acked:,} ({result.errors} errors)"],
            ["arrived at the portal", f"{arrived:,}"],
            ["p50 / p99 of the answers", f"{result.p50:.2f} / {result.p99:.2f} ms"],
        ],
    )
