"""Compares what was sent with what arrived: once each, in order, how late."""

from collections.abc import Iterable
from dataclasses import dataclass

STEPS = ("submit", "change", "cancel")
"""The operation each template of ``messages/`` causes, in the order they are sent."""

POSITIVE = frozenset({"AA", "CA"})
NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Sent:
    """One message and its answer. Times are CLOCK_MONOTONIC, in nanoseconds."""

    order: str
    operation: str
    due: int
    answered: int
    code: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request's first arrival at the portal, and how often it came in all."""

    order: str
    operation: str
    key: str
    at: int
    hits: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """What came of a run.

    Attributes:
        missing: Positively answered messages that never arrived.
        duplicates: Arrivals of a key after its first.
        doubled: Operations of one order that arrived under more than one key.
        out_of_order: Orders whose operations did not arrive as they were sent.
        latencies: From when a message was due until its request arrived, in ms.
    """

    arrived: int
    per_second: float
    missing: int
    duplicates: int
    doubled: int
    out_of_order: int
    latencies: tuple[float, ...]


def sent_from(trace: str) -> list[Sent]:
    """Read the load generator's trace."""
    rows = (line.split() for line in trace.splitlines())
    return [
        Sent(order, STEPS[int(step) - 1], int(due), int(answered), code)
        for order, step, due, answered, code in rows
    ]


def arrivals_from(trace: str) -> list[Arrival]:
    """Read the portal stub's trace."""
    rows = (line.split() for line in trace.splitlines())
    return [
        Arrival(order, operation, key, int(at), int(hits))
        for order, operation, key, at, hits in rows
    ]


def compare(sent: Iterable[Sent], arrivals: Iterable[Arrival]) -> Delivered:
    """Compare one run's messages with the requests they should have caused."""
    messages, found = list(sent), list(arrivals)
    first: dict[tuple[str, str], Arrival] = {}
    for arrival in sorted(found, key=lambda a: a.at):
        first.setdefault((arrival.order, arrival.operation), arrival)
    late = [(m, first.get((m.order, m.operation))) for m in messages]
    latencies = tuple((a.at - m.due) / 1e6 for m, a in late if a)
    return Delivered(
        arrived=len(found),
        per_second=_rate(messages, found),
        missing=sum(1 for m, a in late if m.code in POSITIVE and not a),
        duplicates=sum(a.hits - 1 for a in found),
        doubled=len(found) - len(first),
        out_of_order=_out_of_order(first.values()),
        latencies=latencies,
    )


def _rate(messages: list[Sent], found: list[Arrival]) -> float:
    if not messages or not found:
        return 0.0
    began = min(m.due for m in messages)
    ended = max(a.at for a in found)
    return len(found) * NANOSECONDS / max(1, ended - began)


def _out_of_order(first: Iterable[Arrival]) -> int:
    """Count the orders of which a later step arrived before an earlier one."""
    furthest: dict[str, int] = {}
    broken: set[str] = set()
    for arrival in sorted(first, key=lambda a: a.at):
        rank = STEPS.index(arrival.operation)
        if rank < furthest.get(arrival.order, 0):
            broken.add(arrival.order)
        furthest[arrival.order] = max(rank, furthest.get(arrival.order, 0))
    return len(broken)
