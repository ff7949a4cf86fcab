"""What is stored and connected at this moment, as metrics. Counts and ages only."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
)

from gateway.store.audit import ACCEPTED, DELIVERY_STATES

Row = Sequence[Any]

STATES = {
    "messages": ("rejected", *ACCEPTED),
    "deliveries": DELIVERY_STATES,
}
"""What the books have a figure for, by what it is a figure of."""
SEEN = (
    *("opened", "refused", "frames", "empty", "damage"),
    *("answers", "undelivered", "failed"),
)
"""What a listener counts since its start."""


class _Present:
    """Figures of one moment, as a collector."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> list[Metric]:
        return self._metrics


def present(
    counts: Mapping[str, Sequence[Row]],
    counters: Any,  # noqa: ANN401 - an adapter's own type
    now: datetime,
) -> bytes:
    """Return what is stored and connected now, in Prometheus' text format.

    Args:
        counts: As ``Queries.counts`` returns them.
        counters: The MLLP listener's; ``None`` if it does not listen.
    """
    registry = CollectorRegistry()
    registry.register(_Present([*_stored(counts, now), *_connected(counters)]))
    return generate_latest(registry)


def _stored(counts: Mapping[str, Sequence[Row]], now: datetime) -> Iterator[Metric]:
    books = counts["books"]
    yield _gauge(
        "baton_messages_now",
        "Messages stored, by site and state.",
        ("site", "state"),
        _by_state(books, "messages"),
    )
    yield _gauge(
        "baton_deliveries_now",
        "Deliveries, by destination and state.",
        ("destination", "state"),
        _by_state(books, "deliveries"),
    )
    yield _gauge(
        "baton_orders_now",
        "Orders, by status.",
        ("status",),
        counts["orders_by_status"],
    )
    yield _gauge(
        "baton_oldest_open_delivery_seconds",
        "Age of the oldest delivery that has not ended; 0 if there is none.",
        ("destination",),
        [(name, _seconds(since, now)) for name, since in counts["oldest_open"]],
    )
    yield _gauge(
        "baton_destination_pause_seconds",
        "How much longer a destination rests after a fault.",
        ("destination",),
        [(name, -min(_seconds(at, now), 0.0)) for name, at in counts["paused"]],
    )
    yield _gauge(
        "baton_alarms_open",
        "Conditions somebody must see.",
        (),
        counts["open_alarms"],
    )


def _by_state(books: Sequence[Row], subject: str) -> list[Row]:
    names = {f"{subject}.{state}": state for state in STATES[subject]}
    return [
        (scope, names[name], value) for name, scope, value in books if name in names
    ]


def _seconds(since: str | None, now: datetime) -> float:
    return (now - datetime.fromisoformat(since)).total_seconds() if since else 0.0


def _connected(counters: Any) -> Iterator[Metric]:  # noqa: ANN401 - an adapter's own type
    if counters is None:
        return
    yield _gauge(
        "baton_mllp_connections",
        "MLLP connections open.",
        (),
        [(counters.connections,)],
    )
    seen = {what: getattr(counters, what) for what in SEEN}
    yield _counter("baton_mllp_seen", "What the listener saw.", "what", seen)
    yield _counter(
        "baton_mllp_ended", "Connections, by why they ended.", "why", counters.ended
    )


def _gauge(
    name: str, says: str, labels: tuple[str, ...], rows: Iterable[Row]
) -> Metric:
    family = GaugeMetricFamily(name, says, labels=labels)
    for *values, figure in rows:
        family.add_metric(list(map(str, values)), float(figure))
    return family


def _counter(name: str, says: str, label: str, seen: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, says, labels=(label,))
    for value, figure in sorted(seen.items()):
        family.add_metric([value], float(figure))
    return family
