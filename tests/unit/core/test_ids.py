"""Identifiers (ADR 0009)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.ids import ALPHABET, Minter, delivery_id, encode, order_id

END_OF_TIME = 2**45 - 1
times = st.lists(st.integers(0, END_OF_TIME - 100), min_size=2, max_size=50)


@given(times, st.integers())
def test_ids_of_one_process_are_unique_and_sort_by_arrival(
    milliseconds: list[int], start: int
) -> None:
    """Whatever the clock does meanwhile, and wherever counting began."""
    minter = Minter(start)
    minted = [minter.mint(at) for at in milliseconds]

    assert minted == sorted(set(minted))


def test_ids_go_on_rising_when_the_count_begins_anew() -> None:
    minter = Minter(2**35 - 2)

    last, first = minter.mint(1), minter.mint(1)

    assert (last, first) == (encode(1, 2**35 - 1), encode(2, 0))


@given(st.integers(0, END_OF_TIME), st.integers(0, 2**35 - 1))
def test_an_id_has_sixteen_characters_that_can_be_read_out(at: int, tail: int) -> None:
    """No I, L, O or U, which are taken for 1, 0 and V on the telephone."""
    minted = encode(at, tail)

    assert len(minted) == 16
    assert set(minted) <= set(ALPHABET)
    assert not set(ALPHABET) & set("ILOU")


@given(st.integers(0, END_OF_TIME), st.integers(0, 2**35 - 1))
def test_an_id_tells_its_time_and_its_count(at: int, tail: int) -> None:
    digits = [ALPHABET.index(character) for character in encode(at, tail)]
    number = sum(digit << (5 * n) for n, digit in enumerate(reversed(digits)))

    assert divmod(number, 2**35) == (at, tail)


def test_a_time_has_a_known_id() -> None:
    """Written out, so that the form cannot change unnoticed."""
    assert encode(1_772_452_800_000, 7) == "1KJQ6PSG00000007"


@pytest.mark.parametrize("n", [1, 9, 10, 99])
def test_a_delivery_id_fits_a_control_id(n: int) -> None:
    """MSH-10 has 20 characters before HL7 v2.7."""
    named = delivery_id(encode(END_OF_TIME, 0), n)

    assert named.endswith(f"-d{n}")
    assert len(named) <= 20


@pytest.mark.parametrize("name", [order_id, delivery_id])
@pytest.mark.parametrize("n", [0, 100])
def test_what_would_not_fit_has_no_name(name: object, n: int) -> None:
    """Deciding fails then, and the message is held: never a cut-off id."""
    assert callable(name)

    with pytest.raises(ValueError, match="at most 99"):
        name(encode(0, 0), n)


def test_orders_are_numbered_behind_their_message() -> None:
    assert order_id("0123456789ABCDEF", 2) == "0123456789ABCDEF-o2"
