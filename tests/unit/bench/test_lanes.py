from tests.bench.lanes import Arrival, Sent, arrivals_from, compare, sent_from

MILLISECOND = 1_000_000


def sent(operation: str, *, at: int = 0, code: str = "CA", order: str = "A") -> Sent:
    return Sent(order, operation, at * MILLISECOND, at * MILLISECOND + 1, code)


def arrival(
    operation: str, *, at: int, order: str = "A", key: str = "", hits: int = 1
) -> Arrival:
    return Arrival(order, operation, key or operation, at * MILLISECOND, hits)


ORDER = [sent("submit"), sent("change", at=10), sent("cancel", at=20)]


def test_everything_once_and_in_order() -> None:
    found = compare(
        ORDER,
        [
            arrival("submit", at=5),
            arrival("change", at=30),
            arrival("cancel", at=100),
        ],
    )

    assert (found.missing, found.duplicates, found.doubled) == (0, 0, 0)
    assert found.out_of_order == 0
    assert found.latencies == (5.0, 20.0, 80.0)
    assert found.per_second == 30.0


def test_a_positive_answer_without_an_arrival_is_a_loss() -> None:
    found = compare(ORDER, [arrival("submit", at=5)])

    assert found.missing == 2


def test_a_negative_answer_owes_no_arrival() -> None:
    assert compare([sent("submit", code="AE")], []).missing == 0


def test_a_key_that_comes_again_is_a_duplicate() -> None:
    found = compare(ORDER[:1], [arrival("submit", at=5, hits=3)])

    assert (found.duplicates, found.doubled) == (2, 0)


def test_one_operation_under_two_keys_is_doubled() -> None:
    arrivals = [arrival("submit", at=5, key="a"), arrival("submit", at=6, key="b")]

    found = compare(ORDER[:1], arrivals)

    assert (found.duplicates, found.doubled) == (0, 1)
    assert found.latencies == (5.0,)


def test_a_cancel_before_its_change_breaks_one_lane() -> None:
    found = compare(
        ORDER,
        [
            arrival("cancel", at=1),
            arrival("submit", at=2),
            arrival("change", at=3),
            arrival("submit", at=4, order="B", key="b1"),
            arrival("change", at=5, order="B", key="b2"),
        ],
    )

    assert found.out_of_order == 1


def test_the_generators_trace_is_read() -> None:
    trace = "B1 1 100 200 CA\nB1 3 300 400 AE\n"

    assert sent_from(trace) == [
        Sent("B1", "submit", 100, 200, "CA"),
        Sent("B1", "cancel", 300, 400, "AE"),
    ]


def test_the_portals_trace_is_read() -> None:
    assert arrivals_from("B1 change k-d1 100 2\n") == [
        Arrival("B1", "change", "k-d1", 100, 2)
    ]
