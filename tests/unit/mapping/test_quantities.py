from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mapping.quantities import decimal, json_number, plain_number, quantity
from gateway.mapping.times import Unfit

EXACTLY = {
    ("[lb_av]", "kg"): Fraction(45359237, 10**8),
    ("[lb_av]", "g"): Fraction(45359237, 10**5),
    ("kg", "g"): Fraction(1000),
    ("g", "kg"): Fraction(1, 1000),
    ("[in_i]", "cm"): Fraction(254, 100),
    ("[in_i]", "m"): Fraction(254, 10000),
    ("m", "cm"): Fraction(100),
    ("cm", "m"): Fraction(1, 100),
    ("kg", "kg"): Fraction(1),
}
NUMBERS = st.decimals(
    min_value=Decimal(0), max_value=Decimal(10**9), places=6, allow_nan=False
)


@given(NUMBERS, st.sampled_from(sorted(EXACTLY)))
def test_a_conversion_loses_no_digit(number: Decimal, units: tuple[str, str]) -> None:
    sent, wanted = units

    read = quantity(wanted)(f"{number:f}", sent)

    assert read is not None
    assert Fraction(read["value"]) == Fraction(number) * EXACTLY[units]
    assert (read["unit"], read["original_value"], read["original_unit"]) == (
        wanted,
        f"{number:f}",
        sent,
    )


@pytest.mark.parametrize("unit", ["lb", "lbs", "LB", "pounds", "[LB_AV]"])
def test_spellings_of_the_pound(unit: str) -> None:
    read = quantity("kg")("10", unit)

    assert read is not None
    assert read["value"] == Decimal("4.5359237")


def test_without_a_target_the_unit_stays_the_one_that_was_sent() -> None:
    read = quantity("")("4.2", "10*3/uL")

    assert read is not None
    assert (read["value"], read["unit"]) == (Decimal("4.2"), "10*3/uL")


def test_no_value_is_no_quantity() -> None:
    assert quantity("kg")(None, "kg") is None


@pytest.mark.parametrize(
    ("value", "unit", "code", "place"),
    [
        ("71.4", None, "field.unit_missing", 1),
        ("71.4", "stone", "field.unit_unknown", 1),
        ("71.4", "cm", "field.not_a_quantity", 1),
        ("71,4", "kg", "field.not_a_number", 0),
        ("about 70", "kg", "field.not_a_number", 0),
    ],
)
def test_a_quantity_is_never_guessed(
    value: str, unit: str | None, code: str, place: int
) -> None:
    read = quantity("kg")

    with pytest.raises(Unfit) as raised:
        read(value, unit)

    assert (raised.value.code, raised.value.place) == (code, place)


def test_the_longest_number_is_converted_exactly() -> None:
    read = quantity("kg")("9" * 30 + "." + "9" * 20, "[lb_av]")

    assert read is not None
    assert Fraction(read["value"]) == (
        (Fraction(10**50 - 1, 10**20)) * EXACTLY["[lb_av]", "kg"]
    )


@pytest.mark.parametrize("unit", ["[lb_av]", "[in_i]", "stone", "KG"])
def test_only_decimal_units_can_be_converted_to(unit: str) -> None:
    with pytest.raises(ValueError, match="one of kg, g, m, cm"):
        quantity(unit)


@pytest.mark.parametrize("text", ["0", "71.4", "+5", "-5", ".5", "5.", "007"])
def test_numbers(text: str) -> None:
    assert decimal(text) == Decimal(text)


@pytest.mark.parametrize(
    "text",
    ["", " 5", "1e3", "NaN", "Infinity", "1_000", "1,000", "\u0665", "5 kg", "9" * 31],
)
def test_what_is_no_number_is_not_one(text: str) -> None:
    with pytest.raises(Unfit) as raised:
        decimal(text)

    assert raised.value.code == "field.not_a_number"


@given(NUMBERS)
def test_a_number_is_written_digit_for_digit(number: Decimal) -> None:
    assert Decimal(plain_number(number)) == number
    assert "E" not in plain_number(number)


@pytest.mark.parametrize(
    ("number", "written"),
    [("71.4", 71.4), ("168", 168), ("168.00", 168), ("69.989302691", 69.989302691)],
)
def test_a_json_number_has_the_same_digits(number: str, written: float) -> None:
    assert json_number(Decimal(number)) == written


def test_a_number_that_json_would_round_is_not_written() -> None:
    with pytest.raises(Unfit) as raised:
        json_number(Decimal("71.40000000000000000001"))

    assert raised.value.code == "render.unrepresentable"
