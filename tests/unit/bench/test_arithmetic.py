import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.arithmetic import median, percentile, ratio, slope

FINITE = st.floats(-1e6, 1e6)


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        pytest.param(0.0, 1, id="the least"),
        pytest.param(0.5, 50, id="the median of an even number is one of them"),
        pytest.param(0.99, 99, id="one in a hundred is above it"),
        pytest.param(0.991, 100, id="a fraction of a rank counts as a whole one"),
        pytest.param(1.0, 100, id="the most"),
    ],
)
def test_a_percentile_is_the_value_of_the_nearest_rank(
    share: float, expected: int
) -> None:
    assert percentile(range(100, 0, -1), share) == expected


@given(st.lists(FINITE, min_size=1), st.floats(0, 1))
def test_as_many_values_as_asked_for_are_at_or_below_a_percentile(
    values: list[float], share: float
) -> None:
    found = percentile(values, share)

    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9
    assert sum(value < found for value in values) <= share * len(values) + 1e-9


def test_nothing_measured_is_zero() -> None:
    assert percentile([], 0.5) == median([]) == slope([]) == ratio({}, {}) == 0


@given(FINITE, FINITE, st.lists(st.integers(0, 10_000), min_size=2, unique=True))
def test_the_slope_of_a_line_is_its_slope(
    start: float, rise: float, moments: list[int]
) -> None:
    points = [(float(x), start + rise * x) for x in moments]

    assert slope(points) == pytest.approx(rise, rel=1e-3, abs=1e-2)


def test_a_saw_around_a_level_has_almost_no_slope() -> None:
    points = [(float(n), 100 + n % 2) for n in range(1001)]

    assert abs(slope(points)) < 1e-5


def test_a_single_moment_has_no_slope() -> None:
    assert slope([(1.0, 5.0), (1.0, 9.0)]) == 0


def test_a_ratio_is_taken_inside_each_round() -> None:
    """A slow round slows both, so it changes neither's standing."""
    ours = {0: 1000.0, 1: 10.0, 2: 500.0}
    theirs = {0: 500.0, 1: 5.0, 2: 250.0}

    assert ratio(ours, theirs) == 2.0


def test_a_round_only_one_of_two_took_part_in_is_left_out() -> None:
    assert ratio({0: 8.0, 1: 100.0}, {0: 4.0}) == 2.0
