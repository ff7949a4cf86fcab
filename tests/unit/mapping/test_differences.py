import pytest

from gateway.mapping.differences import LONGEST, difference, in_segments


@pytest.mark.parametrize(
    ("expected", "actual", "said"),
    [
        ({"a": 1}, {"a": 1}, ""),
        (
            {"a": {"b": [1, {"c": 2}]}},
            {"a": {"b": [1, {"c": 3}]}},
            "a.b[2].c: expected 2, got 3",
        ),
        ({"a": {"b": 1}}, {}, 'a: expected {"b":1}, got none'),
        ({}, {"a": 1}, "a: expected none, got 1"),
        ({"a": [1]}, {"a": [1, 2]}, "a: expected 1 items, got 2"),
        ([1], [1, 2], "length: expected 1 items, got 2"),
        (1, 2, "value: expected 1, got 2"),
        ({"a": 1}, {"a": True}, "a: expected 1, got true"),
        ({"a": None}, {}, "a: expected null, got none"),
    ],
)
def test_the_first_difference_is_told(
    expected: object, actual: object, said: str
) -> None:
    assert difference(expected, actual) == said


def test_a_long_value_is_cut() -> None:
    said = difference(1, "x" * 1000)

    assert len(said) < LONGEST + 40


@pytest.mark.parametrize(
    ("expected", "actual", "said"),
    [
        ("PID|1\r\nORC|OK", "PID|1\nORC|OK", ""),
        ("PID|1\nORC|OK", "PID|1\nORC|SC", "segment 2: expected ORC|OK, got ORC|SC"),
        ("PID|1\nORC|OK", "PID|1", "segment 2: expected ORC|OK, got none"),
    ],
)
def test_the_first_segment_that_differs_is_told(
    expected: str, actual: str, said: str
) -> None:
    assert in_segments(expected, actual) == said
