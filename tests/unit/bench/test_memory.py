from tests.bench.memory import Course


def test_growth_at_the_start_is_no_trend() -> None:
    """Caches fill first; the trend is what comes after."""
    warming = tuple((float(s), 50.0 + s) for s in range(10))
    level = tuple((float(s), 60.0) for s in range(20, 101))

    assert Course(warming + level).per_minute == 0


def test_a_leak_shows_in_mib_a_minute() -> None:
    leak = tuple((float(s), 60 + 0.1 * s) for s in range(101))

    assert round(Course(leak).per_minute, 6) == 6
