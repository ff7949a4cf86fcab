"""The closed set of transforms a mapping may name after ``via:``.

Each says which kinds it takes and gives (``shapes``), so that a mapping that
puts a number where a date belongs fails when it is compiled. What the language
cannot say becomes a transform here, with tests, for everybody.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.mapping import quantities, times
from gateway.mapping.shapes import WHEN
from gateway.mapping.times import Unfit

__all__ = ["TRANSFORMS", "Transform", "Unfit"]

Convert = Callable[..., Any]
TEXT: Final = frozenset({"text"})


@dataclass(frozen=True, slots=True)
class Transform:
    """One transform.

    Attributes:
        takes: The kinds of value it reads.
        gives: The kind of value it yields.
        says: What it does, for the README.
        make: From its arguments to the function; ``ValueError`` if one is wrong.
        arguments: Names of the arguments it may be given.
        places: How many places it reads. With one more, the last of a quantity
            says when it was measured.
    """

    takes: frozenset[str]
    gives: str
    says: str
    make: Callable[[Mapping[str, str]], Convert]
    arguments: frozenset[str] = frozenset()
    places: int = 1


def _always(convert: Convert) -> Callable[[Mapping[str, str]], Convert]:
    return lambda _: convert


def _in_zone(
    read: Callable[[str, times.Local], Any],
) -> Callable[[Mapping[str, str]], Convert]:
    def make(arguments: Mapping[str, str]) -> Convert:
        place = times.local(arguments.get("zone", ""))
        return lambda text: read(text, place)

    return make


def boolean_yn(text: str) -> bool:
    """Read HL7 table 0136 (yes/no indicator)."""
    if text in ("Y", "N"):
        return text == "Y"
    raise Unfit("field.malformed")


def boolean_text(text: str) -> bool:
    """Read ``true`` or ``false``, as JSON has them."""
    if text in ("true", "false"):
        return text == "true"
    raise Unfit("field.malformed")


def yn(value: bool) -> str:  # noqa: FBT001 - the value itself, not a flag
    """Write HL7 table 0136."""
    return "Y" if value else "N"


def telephone(
    number: str, area: str | None, country: str | None, extension: str | None
) -> str:
    """Put together what is said of a number in parts, as ``+1 413 5550151 x12``."""
    plus = country and f"+{country.removeprefix('+')}"
    parts = (plus, area, number, extension and f"x{extension}")
    return " ".join(part for part in parts if part)


_ZONE: Final = frozenset({"zone"})

TRANSFORMS: Final[dict[str, Transform]] = {
    "hl7_date": Transform(
        TEXT, "date", "YYYYMMDD; a time after it is left out", _always(times.hl7_date)
    ),
    "hl7_instant": Transform(
        TEXT,
        "instant",
        "YYYYMMDDHH[MM[SS[.S]]][±ZZZZ]; without offset, in `zone`",
        _in_zone(times.hl7_instant),
        _ZONE,
    ),
    "hl7_when": Transform(
        TEXT,
        "when",
        "a time as `hl7_instant` reads it, or a date",
        _in_zone(times.hl7_when),
        _ZONE,
    ),
    "iso_date": Transform(TEXT, "date", "YYYY-MM-DD", _always(times.iso_date)),
    "iso_instant": Transform(
        TEXT,
        "instant",
        "YYYY-MM-DDTHH:MM:SS±ZZ:ZZ; without offset, in `zone`",
        _in_zone(times.iso_instant),
        _ZONE,
    ),
    "iso_when": Transform(
        TEXT,
        "when",
        "a time as `iso_instant` reads it, or a date",
        _in_zone(times.iso_when),
        _ZONE,
    ),
    "decimal": Transform(
        TEXT, "decimal", "digits with a decimal point", _always(quantities.decimal)
    ),
    "quantity": Transform(
        TEXT,
        "quantity",
        "[value, unit] or [value, unit, time measured]; converted to `unit` "
        "(kg, g, m, cm)",
        lambda arguments: quantities.quantity(arguments.get("unit", "")),
        frozenset({"unit"}),
        places=2,
    ),
    "telephone": Transform(
        TEXT,
        "text",
        "[number, area code, country code, extension], put together; only the number "
        "must be there",
        _always(telephone),
        places=4,
    ),
    "boolean_yn": Transform(TEXT, "boolean", "Y or N", _always(boolean_yn)),
    "boolean": Transform(TEXT, "boolean", "true or false", _always(boolean_text)),
    "hl7_ts": Transform(
        WHEN,
        "text",
        "writes YYYYMMDDHHMMSS±ZZZZ in `zone`, or a date",
        lambda arguments: times.hl7_ts(arguments.get("zone", "")),
        _ZONE,
    ),
    "hl7_date_out": Transform(
        WHEN, "text", "writes YYYYMMDD", _always(times.hl7_date_out)
    ),
    "iso_out": Transform(
        WHEN, "text", "writes a time or date as ISO 8601", _always(times.iso_out)
    ),
    "plain_number": Transform(
        frozenset({"decimal"}),
        "text",
        "writes a number without exponent",
        _always(quantities.plain_number),
    ),
    "json_number": Transform(
        frozenset({"decimal"}),
        "number",
        "writes a JSON number, if one has these digits",
        _always(quantities.json_number),
    ),
    "yn": Transform(frozenset({"boolean"}), "text", "writes Y or N", _always(yn)),
}
