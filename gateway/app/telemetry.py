"""Logs and metrics. Ids and codes only: a value from a message never gets here."""

import contextlib
import logging
import select
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any, BinaryIO

import orjson
import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import generate_latest
from structlog.typing import EventDict

from gateway.core.envelope import Envelope
from gateway.core.errors import whereabouts
from gateway.ports import Claim, Receipt

_OURS = ("gateway.", "adapters.")
"""Loggers whose texts are codes."""


def configure_logs(*, quiet: bool = False) -> None:
    """Write one JSON object a line to standard error."""
    level = 40 if quiet else 20
    lines = _Lines(sys.stderr.buffer)
    structlog.configure(
        processors=[_stamped, structlog.processors.JSONRenderer(serializer=_json)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_Others(logging.WARNING)], force=True)


class _Others(logging.Handler):
    """Says of what libraries log where it was, and no word of theirs.

    Their texts may quote what they were given, and their tracebacks do. Of our own
    packages the text is a code.
    """

    def emit(self, record: logging.LogRecord) -> None:
        ours = record.name.startswith(_OURS)
        error = record.exc_info[1] if record.exc_info else None
        structlog.get_logger("baton").log(
            logging.ERROR if record.levelno >= logging.ERROR else logging.WARNING,
            record.getMessage() if ours else "library.logged",
            logger=record.name,
            where=whereabouts(error) if error else f"{record.module}:{record.lineno}",
        )


class _Lines(structlog.BytesLogger):
    """Writes lines while it can: no log that is full or unread stops a message.

    A pipe that nobody reads would block the whole gateway, so it is asked first;
    a line is shorter than what a pipe that has room takes at once (POSIX: 512
    bytes or more, Linux: 4096).
    """

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self._room = _asked(file)
        self._dropped = 0

    def msg(self, message: bytes) -> None:
        if self._room is not None and not self._room(0):
            self._dropped += 1
            return
        with contextlib.suppress(OSError):
            if self._dropped:
                super().msg(b'{"event":"log.dropped","lines":%d}' % self._dropped)
                self._dropped = 0
            super().msg(message)

    debug = info = warning = error = critical = msg


def _asked(file: BinaryIO) -> Callable[[int], list[tuple[int, int]]] | None:
    """Return what tells whether ``file`` takes bytes; ``None`` if it is in memory."""
    room = select.poll()
    try:
        room.register(file, select.POLLOUT)
    except (OSError, ValueError):
        return None
    return room.poll


def _stamped(_: object, level: str, event: EventDict) -> EventDict:
    """Add level and time; the serializer writes times as ISO 8601."""
    event["level"] = level
    event["timestamp"] = datetime.now(UTC)
    return event


def _json(value: Any, **_: Any) -> bytes:  # noqa: ANN401 - structlog's event dictionary
    return orjson.dumps(value, default=str)


class Telemetry:
    """One wide event per hop, and the same facts as metrics."""

    def __init__(self, *, log_messages: bool = True) -> None:
        """Start every count at zero; ``log_messages`` false keeps counts only."""
        self._log = structlog.get_logger("baton").bind()  # bound once, not at each line
        self._log_messages = log_messages
        self.registry = CollectorRegistry()
        self._messages = cache(
            Counter(
                "baton_messages",
                "Messages decided, by site and answer.",
                ["endpoint", "site", "answer"],
                registry=self.registry,
            ).labels
        )
        self._seconds = Histogram(
            "baton_message_seconds",
            "From the last byte of a message to its durable answer.",
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5),
            registry=self.registry,
        )
        self._attempts = Counter(
            "baton_delivery_attempts",
            "Attempts, by destination and outcome.",
            ["destination", "outcome"],
            registry=self.registry,
        )
        self._damage = Counter(
            "baton_damage",
            "Byte runs that were no frame, by kind.",
            ["kind"],
            registry=self.registry,
        )

    def message(
        self, envelope: Envelope, receipt: Receipt | None, seconds: float
    ) -> None:
        """Record one message: decided, or not stored at all."""
        answer = receipt.answer.kind.value if receipt else "unavailable"
        self._messages(envelope.endpoint, envelope.site, answer).inc()
        self._seconds.observe(seconds)
        if not self._log_messages:
            return
        self._log.info(
            "message.concluded",
            message_id=envelope.message_id,
            endpoint=envelope.endpoint,
            site=envelope.site,
            answer=answer,
            ack_code=receipt.answer.code if receipt else "",
            duplicate=bool(receipt and receipt.duplicate),
            duration_ms=round(seconds * 1000, 3),
        )

    def attempt(self, claim: Claim, outcome: str, code: str, seconds: float) -> None:
        """Record one attempt to deliver."""
        self._attempts.labels(claim.destination, outcome).inc()
        if not self._log_messages:
            return
        self._log.info(
            "delivery.attempted",
            delivery_id=claim.delivery_id,
            order_id=claim.order_id,
            destination=claim.destination,
            attempt=claim.attempt,
            outcome=outcome,
            code=code,
            duration_ms=round(seconds * 1000, 3),
        )

    def damage(self, kind: str, size: int, *, logged: bool) -> None:
        """Record bytes that were no frame."""
        self._damage.labels(kind).inc()
        if logged:
            self._log.warning("mllp.damage", kind=kind, size_bytes=size)

    def event(self, name: str, **facts: str | float) -> None:
        """Record something that happens seldom; ``facts`` are ids and codes."""
        self._log.info(name, **facts)

    def warning(self, name: str, **facts: str | float) -> None:
        """Record what a person must see to; ``facts`` are ids and codes."""
        self._log.warning(name, **facts)

    def failed(self, where: str) -> None:
        """Record that something of our own failed; ``where`` holds no value."""
        self._log.error("failed", where=where)

    def exposition(self) -> bytes:
        """Return the metrics in Prometheus' text format."""
        return generate_latest(self.registry)
