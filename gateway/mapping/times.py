"""Times as HL7 v2 writes them, and the hours that local time hides.

HL7 v2.5.1 §2.A.77 (TS, DTM): ``YYYY[MM[DD[HH[MM[SS[.S…]]]]]][±ZZZZ]``. A time
without offset is read in the site's zone. Where the clocks go back, an hour comes
twice and the text does not say which; where they go forward, an hour is missing.
Neither is guessed at.
"""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

_ISO_DAY: Final = 10
_DAY: Final = 8
_ISO: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME: Final = re.compile(
    r"[0-9]{8}"
    r"(?P<time>(?:[01][0-9]|2[0-3])"  # hours
    r"(?:[0-5][0-9](?:[0-5][0-9](?:\.[0-9]{1,6})?)?)?"
    r"(?P<offset>[+-](?:0[0-9]|1[0-4])[0-5][0-9])?)?"
)


class Unfit(ValueError):
    """A value cannot be turned into what its field holds.

    Attributes:
        code: A problem code.
        place: Which of several places it came from, counted from 0.
        consequence: ``reject``, or ``hold`` if a person can settle it.
        value: What it most likely means, for the person to confirm; else ``None``.
    """

    def __init__(
        self,
        code: str,
        place: int = 0,
        *,
        consequence: str = "reject",
        value: object = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.place = place
        self.consequence = consequence
        self.value = value


Local = Callable[[datetime], datetime]
"""Gives a time without offset its offset, or raises ``Unfit``."""


def local(zone: str) -> Local:
    """Return how times without offset are read in ``zone``; ``""`` reads none.

    Raises:
        ValueError: There is no such zone.
    """
    return _local_in(_named(zone)) if zone else _without_zone


def _named(zone: str) -> ZoneInfo:
    try:
        return ZoneInfo(zone)
    except (LookupError, OSError, ValueError):
        raise ValueError("a zone is named as IANA does, like Europe/Berlin") from None


def _without_zone(naive: datetime) -> datetime:  # noqa: ARG001 - read in no zone
    raise Unfit("field.not_a_time")


def _local_in(zone: ZoneInfo) -> Local:
    steady = lru_cache(maxsize=4096)(_steady_offset)

    def place(naive: datetime) -> datetime:
        known = steady(zone, naive.date())
        if known is not None:
            return naive.replace(tzinfo=known)
        earlier, later = _offsets(zone, naive)
        if earlier < later:
            raise Unfit("time.nonexistent", consequence="hold")
        moment = naive.replace(tzinfo=timezone(earlier))
        if earlier > later:
            raise Unfit("time.ambiguous", consequence="hold", value=moment)
        return moment

    return place


def _steady_offset(zone: ZoneInfo, day: date) -> timezone | None:
    """Return the day's one offset, ``None`` if the clocks are changed on it."""
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - local time
    halves = (midnight + timedelta(minutes=30 * n) for n in range(48))
    offsets = {offset for half in halves for offset in _offsets(zone, half)}
    return timezone(offsets.pop()) if len(offsets) == 1 else None


def _offsets(zone: ZoneInfo, naive: datetime) -> tuple[timedelta, timedelta]:
    """Return the offset before and the one after, which differ around a change."""
    earlier = zone.utcoffset(naive)
    later = zone.utcoffset(naive.replace(fold=1))
    if earlier is None or later is None:
        raise Unfit("field.not_a_time")
    return earlier, later


@lru_cache(maxsize=4096)  # one message says the same time many times over
def hl7_instant(text: str, place: Local) -> datetime:
    """Read a time of day with its offset.

    Raises:
        Unfit: It is no time, or only a date, or a local hour that needs a person.
    """
    found = _TIME.fullmatch(text)
    if found is None or found["time"] is None:
        raise Unfit("field.not_a_time")
    try:
        moment = datetime.fromisoformat(f"{text[:_DAY]}T{text[_DAY:]}")
    except ValueError:
        raise Unfit("field.not_a_time") from None
    return moment if found["offset"] else place(moment)


def hl7_when(text: str, place: Local) -> datetime | date:
    """Read a time if there is one, else a date; less than a day is no answer."""
    if len(text) == _DAY:
        return _date(text, "field.not_a_time")
    return hl7_instant(text, place)


def hl7_date(text: str) -> date:
    """Read a date; a time of day after it is allowed and left out."""
    if len(text) == _DAY or _TIME.fullmatch(text):
        return _date(text[:_DAY], "field.not_a_date")
    raise Unfit("field.not_a_date")


def _date(digits: str, code: str) -> date:
    if not (digits.isascii() and digits.isdigit()):
        raise Unfit(code)
    try:
        return date.fromisoformat(digits)
    except ValueError:
        raise Unfit(code) from None


def iso_instant(text: str, place: Local) -> datetime:
    """Read a time as ISO 8601 writes it; no week dates, no basic form."""
    if not _ISO.match(text) or len(text) == _ISO_DAY:
        raise Unfit("field.not_a_time")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Unfit("field.not_a_time") from None
    return moment if moment.tzinfo else place(moment)


def iso_when(text: str, place: Local) -> datetime | date:
    """Read ``YYYY-MM-DD``, or a time as ISO 8601 writes it."""
    return iso_date(text) if len(text) == _ISO_DAY else iso_instant(text, place)


def iso_date(text: str) -> date:
    """Read ``YYYY-MM-DD``."""
    try:
        if _ISO.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Unfit("field.not_a_date")


def hl7_ts(zone: str) -> Callable[[datetime | date], str]:
    """Return what writes a time with its offset to the second, or a date.

    A time is written as the clocks of ``zone`` show it; without one, as it came.

    Raises:
        ValueError: There is no such zone.
    """
    there = _named(zone) if zone else None

    def write(moment: datetime | date) -> str:
        if not isinstance(moment, datetime):
            return hl7_date_out(moment)
        return f"{moment.astimezone(there) if there else moment:%Y%m%d%H%M%S%z}"

    return write


def hl7_date_out(moment: datetime | date) -> str:
    """Write the date alone."""
    return f"{moment:%Y%m%d}"


def iso_out(moment: datetime | date) -> str:
    """Write a time with its offset, or a date, as ISO 8601 does."""
    return moment.isoformat()
