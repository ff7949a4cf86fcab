"""Numbers and their units. A unit is read or it is a problem; never guessed.

Conversions are exact: the pound and the inch are defined by international
agreement (1959) as 0.45359237 kg and 2.54 cm, and only decimal units can be the
target, so that every result has finitely many digits.
"""

import re
from collections.abc import Callable
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Any, Final

from gateway.mapping.times import Unfit

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})")
_EXACT: Final = Context(prec=100, traps=[Inexact, InvalidOperation])
"""More digits than a number of ours times a factor of ours can have."""

_BASE: Final[dict[str, tuple[str, Decimal]]] = {
    "kg": ("mass", Decimal(1)),
    "g": ("mass", Decimal("0.001")),
    "[lb_av]": ("mass", Decimal("0.45359237")),
    "m": ("length", Decimal(1)),
    "cm": ("length", Decimal("0.01")),
    "[in_i]": ("length", Decimal("0.0254")),
}
_TARGETS: Final[dict[str, Decimal]] = {
    "kg": Decimal(1),
    "g": Decimal(1000),
    "m": Decimal(1),
    "cm": Decimal(100),
}
_ALIASES: Final[dict[str, str]] = {
    **{unit: unit for unit in _BASE},
    **dict.fromkeys(("KG", "Kg", "kilogram"), "kg"),
    **dict.fromkeys(("gram", "gm"), "g"),
    **dict.fromkeys(("lb", "lbs", "LB", "pound", "pounds", "[LB_AV]"), "[lb_av]"),
    **dict.fromkeys(("meter", "metre"), "m"),
    **dict.fromkeys(("CM", "centimeter", "centimetre"), "cm"),
    **dict.fromkeys(("in", "IN", "inch", "inches", "[IN_I]"), "[in_i]"),
}
"""Spellings seen in the field, and the UCUM unit each can only mean."""


def decimal(text: str) -> Decimal:
    """Read digits with at most one point.

    Raises:
        Unfit: Anything else, a comma or an exponent included.
    """
    if not _NUMBER.fullmatch(text):
        raise Unfit("field.not_a_number")
    return Decimal(text)


def quantity(unit: str) -> Callable[[str | None, str | None], dict[str, Any] | None]:
    """Return what reads a value and its unit, and converts it to ``unit``.

    With ``""`` nothing is converted: the unit stays the one that was sent.

    Raises:
        ValueError: ``unit`` is not one that can be converted to exactly.
    """
    factors = _factors(unit)

    def read(value: str | None, sent: str | None) -> dict[str, Any] | None:
        if value is None:
            return None
        number = decimal(value)
        if sent is None:
            raise Unfit("field.unit_missing", 1)
        known = _ALIASES.get(sent, sent)
        if factors is None:
            return _written(number, known, value, sent)
        factor = factors.get(known)
        if factor is None and known in _BASE:  # a weight in centimetres
            raise Unfit("field.not_a_quantity", 1)
        if factor is None:
            raise Unfit("field.unit_unknown", 1)
        return _written(_converted(number, factor), unit, value, sent)

    return read


def _written(number: Decimal, unit: str, value: str, sent: str) -> dict[str, Any]:
    return {
        "value": number,
        "unit": unit,
        "original_value": value,
        "original_unit": sent,
    }


def _factors(unit: str) -> dict[str, Decimal] | None:
    if not unit:
        return None
    if unit not in _TARGETS:
        raise ValueError(f"one of {', '.join(_TARGETS)}")
    dimension, _ = _BASE[unit]
    return {
        known: (base * _TARGETS[unit]).normalize()
        for known, (measure, base) in _BASE.items()
        if measure == dimension
    }


def _converted(number: Decimal, factor: Decimal) -> Decimal:
    if factor == 1:
        return number
    return _EXACT.multiply(number, factor)


def plain_number(number: Decimal) -> str:
    """Write a number without exponent, digit for digit."""
    return f"{number:f}"


def json_number(number: Decimal) -> int | float:
    """Return the JSON number that is exactly this number.

    Raises:
        Unfit: No double has this value's digits; write it as text.
    """
    if number == number.to_integral_value():
        return int(number)
    double = float(number)
    if Decimal(repr(double)) != number:
        raise Unfit("render.unrepresentable")
    return double
