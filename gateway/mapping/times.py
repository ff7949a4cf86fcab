"""Times as HL7 v2 writes them, and the hours that local time hides.

HL7 v2.5.1 §2.A.77 (TS, DTM): ``YYYY[MM[DD[HH[MM[SS[.S…]]]]]][±ZZZZ]``. A time
without offset is read in the site's zone. Where the clocks go back, an hour comes
twice and the text does not say which; where they go forward, an hour is missing.
Neither is guessed at.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

MINUTE: Final = timedelta(minutes=1)
_DAY: Final = 8
_ISO_DAY: Final = 10
_TIMES: Final = {10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}


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
    if not zone:
        return _without_zone
    try:
        return _local_in(ZoneInfo(zone))
    except (LookupError, OSError, ValueError):
        raise ValueError("a zone is named as IANA does, like Europe/Berlin") from None


def _without_zone(naive: datetime) -> datetime:  # noqa: ARG001 - read in no zone
    raise Unfit("field.not_a_time")


def _local_in(zone: ZoneInfo) -> Local:
    def place(naive: datetime) -> datetime:
        earlier = zone.utcoffset(naive)
        later = zone.utcoffset(naive.replace(fold=1))
        if earlier is None or later is None:
            raise Unfit("field.not_a_time")
        known = naive.replace(tzinfo=_fixed(earlier))
        if earlier == later:
            return known
        if earlier < later:
            raise Unfit("time.nonexistent", consequence="hold")
        raise Unfit("time.ambiguous", consequence="hold", value=known)

    return place


@lru_cache(maxsize=2048)
def _fixed(offset: timedelta) -> timezone:
    return timezone(offset)


def hl7_instant(text: str, place: Local) -> datetime:
    """Read a time of day with its offset.

    Raises:
        Unfit: It is no time, or only a date, or a local hour that needs a person.
    """
    moment = hl7_when(text, place)
    if type(moment) is date:
        raise Unfit("field.not_a_time")
    return moment  # type: ignore[return-value]  # datetime is the other case


def hl7_when(text: str, place: Local) -> datetime | date:
    """Read a time if there is one, else a date; less than a day is no answer."""
    digits, offset = _split(text)
    if not (digits.isascii() and digits.isdigit()):
        return _with_fraction(digits, offset, place)
    if len(digits) == _DAY and not offset:
        return _date(digits, "field.not_a_time")
    return _aware(_moment(digits, 0), offset, place)


def hl7_date(text: str) -> date:
    """Read a date; a time of day after it is allowed and left out."""
    if len(text) == _DAY and text.isascii() and text.isdigit():
        return _date(text, "field.not_a_date")
    digits, _ = _split(text)
    digits, _, fraction = digits.partition(".")
    if len(digits) not in _TIMES or not _is_number(digits + fraction):
        raise Unfit("field.not_a_date")
    try:
        return _moment(digits, 0).date()
    except Unfit:
        raise Unfit("field.not_a_date") from None


def _split(text: str) -> tuple[str, str]:
    if len(text) > 5 and text[-5] in "+-":  # noqa: PLR2004 - ±ZZZZ
        return text[:-5], text[-5:]
    return text, ""


def _with_fraction(text: str, offset: str, place: Local) -> datetime:
    digits, point, fraction = text.partition(".")
    if not point or len(digits) != max(_TIMES) or not _is_number(digits + fraction):
        raise Unfit("field.not_a_time")
    return _aware(_moment(digits, int(f"{fraction:0<6.6}")), offset, place)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _date(digits: str, code: str) -> date:
    try:
        return date.fromisoformat(digits)
    except ValueError:
        raise Unfit(code) from None


def _moment(digits: str, microsecond: int) -> datetime:
    if len(digits) not in _TIMES:
        raise Unfit("field.not_a_time")
    try:
        return datetime(  # noqa: DTZ001 - the offset is not known yet
            int(digits[:4]),
            int(digits[4:6]),
            int(digits[6:8]),
            int(digits[8:10]),
            int(digits[10:12] or 0),
            int(digits[12:14] or 0),
            microsecond,
        )
    except ValueError:
        raise Unfit("field.not_a_time") from None


def _aware(naive: datetime, offset: str, place: Local) -> datetime:
    return naive.replace(tzinfo=_zone(offset)) if offset else place(naive)


@lru_cache(maxsize=2048)
def _zone(offset: str) -> timezone:
    digits = offset[1:]
    hours, minutes = digits[:2], digits[2:]
    if not _is_number(digits) or int(hours) > 14 or int(minutes) > 59:  # noqa: PLR2004 - UTC-12 to UTC+14 are in use
        raise Unfit("field.not_a_time")
    distance = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(distance if offset[0] == "+" else -distance)


def iso_instant(text: str, place: Local) -> datetime:
    """Read a time as ISO 8601 writes it."""
    if len(text) <= _ISO_DAY:
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
        if len(text) == _ISO_DAY:
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Unfit("field.not_a_date")


def hl7_ts(moment: datetime | date) -> str:
    """Write a time with its offset to the second, or a date."""
    if isinstance(moment, datetime):
        return f"{moment:%Y%m%d%H%M%S%z}"
    return f"{moment:%Y%m%d}"


def hl7_date_out(moment: datetime | date) -> str:
    """Write the date alone."""
    return f"{moment:%Y%m%d}"


def iso_out(moment: datetime | date) -> str:
    """Write a time with its offset, or a date, as ISO 8601 does."""
    return moment.isoformat()
