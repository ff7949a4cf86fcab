"""Times as the database keeps them: microseconds since 1970, UTC."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def micros(at: datetime) -> int:
    """Write a time; exact, unlike a float of seconds."""
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment(at: int) -> datetime:
    """Read a time."""
    return _EPOCH + timedelta(microseconds=at)


def iso(at: int) -> str:
    """Write a time as JSON has it, e.g. ``2026-03-02T09:30:00.000Z``."""
    return moment(at).isoformat(timespec="milliseconds").replace("+00:00", "Z")
