"""What follows an attempt, as instants (never as configured numbers)."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.agreements import Patience
from gateway.delivery.outcome import (
    Delivered,
    DestinationFault,
    Evidence,
    Guarded,
    NotTaken,
    Outcome,
    Rejected,
    Unknown,
)
from gateway.delivery.policy import (
    Done,
    GiveUp,
    Hold,
    NextStep,
    Refuse,
    RetryAt,
    next_step,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TOMORROW = NOON + timedelta(days=1)
SECOND, MINUTE, HOUR = (timedelta(**{u: 1}) for u in ("seconds", "minutes", "hours"))
KEYS = Patience((5 * SECOND, MINUTE, 2 * HOUR), repeats_safely="key")
NO_KEYS = Patience(KEYS.waits)
SEEN = Evidence("http.503", "503")


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    """Return a time of that day."""
    return NOON.replace(hour=hour, minute=minute, second=second)


def after(
    outcome: Outcome,
    *,
    attempt: int = 1,
    deadline: datetime = TOMORROW,
    patience: Patience = KEYS,
    jitter: float = 0.0,
) -> NextStep:
    """Say what follows an attempt that ended at noon."""
    return next_step(
        outcome,
        attempt=attempt,
        now=NOON,
        deadline=deadline,
        patience=patience,
        jitter=jitter,
    )


# ---------------------------------------------------------------- clear ends


def test_what_was_delivered_is_done() -> None:
    assert after(Delivered(SEEN)) == Done()


def test_what_was_refused_for_its_content_is_not_sent_again() -> None:
    assert after(Rejected(Evidence("http.422"))) == Refuse("http.422")


def test_neither_end_depends_on_the_deadline() -> None:
    """An answer that came late is an answer."""
    assert after(Delivered(SEEN), deadline=NOON - HOUR) == Done()
    assert after(Rejected(SEEN), deadline=NOON - HOUR) == Refuse("http.503")


# ---------------------------------------------------------------- waiting


@pytest.mark.parametrize("outcome", [NotTaken(SEEN), Unknown(SEEN)])
@pytest.mark.parametrize(
    ("attempt", "due"),
    [
        pytest.param(1, at(12, 0, 5), id="5 s"),
        pytest.param(2, at(12, 1), id="1 min"),
        pytest.param(3, at(14), id="2 h"),
        pytest.param(4, at(14), id="the last wait repeats"),
        pytest.param(99, at(14), id="and repeats"),
    ],
)
def test_each_attempt_is_followed_by_its_wait(
    outcome: Outcome, attempt: int, due: datetime
) -> None:
    assert after(outcome, attempt=attempt) == RetryAt(due, "http.503")


@pytest.mark.parametrize(
    ("jitter", "due"), [(0.0, at(12, 1)), (0.5, at(12, 1, 6)), (1.0, at(12, 1, 12))]
)
def test_jitter_stretches_a_wait_by_up_to_a_fifth(jitter: float, due: datetime) -> None:
    step = after(NotTaken(SEEN), attempt=2, jitter=jitter)

    assert step == RetryAt(due, "http.503")


@pytest.mark.parametrize(
    ("wish", "due"),
    [
        pytest.param(30 * MINUTE, at(12, 30), id="longer than our wait"),
        pytest.param(90 * SECOND, at(12, 1, 30), id="a little longer"),
        pytest.param(SECOND, at(12, 1), id="shorter"),
        pytest.param(timedelta(), at(12, 1), id="none"),
        pytest.param(-HOUR, at(12, 1), id="a date in the past"),
    ],
)
@pytest.mark.parametrize("kind", [NotTaken, Unknown])
def test_the_receivers_wish_is_a_floor_and_slows_the_whole_destination(
    kind: type[NotTaken | Unknown], wish: timedelta, due: datetime
) -> None:
    step = after(kind(SEEN, retry_after=wish), attempt=2)

    assert step == RetryAt(due, "http.503", pause_until=NOON + wish)


def test_jitter_does_not_stretch_the_receivers_wish() -> None:
    step = after(NotTaken(SEEN, retry_after=HOUR), jitter=0.9)

    assert step == RetryAt(at(13), "http.503", pause_until=at(13))


# ---------------------------------------------------------------- the deadline


@pytest.mark.parametrize(
    ("outcome", "certain"), [(NotTaken(SEEN), True), (Unknown(SEEN), False)]
)
def test_past_the_deadline_there_is_no_next_attempt(
    outcome: Outcome,
    certain: bool,  # noqa: FBT001 - expectation
) -> None:
    """Whether it may have been taken decides if the lane goes on."""
    step = after(outcome, deadline=at(12, 0, 4))

    assert step == GiveUp("http.503", certain=certain)


@pytest.mark.parametrize(
    "outcome", [NotTaken(SEEN, reached=True), DestinationFault(SEEN, reached=True)]
)
def test_what_reached_somebody_is_not_given_up_for_certain(outcome: Outcome) -> None:
    """A 503 may be repeated, but does not prove that nothing was done."""
    step = after(outcome, deadline=NOON)

    assert step == GiveUp("http.503", certain=False)


def test_the_deadline_itself_is_still_in_time() -> None:
    step = after(NotTaken(SEEN), deadline=at(12, 0, 5))

    assert step == RetryAt(at(12, 0, 5), "http.503")


def test_a_wish_beyond_the_deadline_ends_the_delivery() -> None:
    step = after(NotTaken(SEEN, retry_after=3 * 24 * HOUR))

    assert step == GiveUp("http.503", certain=True)


# ---------------------------------------------------------------- unclear ends


def test_what_may_have_been_taken_is_not_repeated_without_a_key() -> None:
    """A second order is worse than a late one: a person asks the receiver."""
    step = after(Unknown(SEEN), patience=NO_KEYS)

    assert step == Hold("delivery.outcome_unknown")


@pytest.mark.parametrize("wish", [None, MINUTE])
def test_neither_wish_nor_deadline_makes_a_repeat_safe(wish: timedelta | None) -> None:
    step = after(Unknown(SEEN, wish), patience=NO_KEYS, deadline=NOON - HOUR)

    assert step == Hold("delivery.outcome_unknown")


def test_what_was_certainly_not_taken_is_repeated_without_a_key() -> None:
    assert after(NotTaken(SEEN), patience=NO_KEYS) == RetryAt(at(12, 0, 5), "http.503")


# ---------------------------------------------------------------- guards


@pytest.mark.parametrize("code", ["identity.hold", "identity.conflict"])
def test_a_doubtful_identity_waits_for_a_person(code: str) -> None:
    assert after(Guarded(Evidence(code))) == Hold(code)


def test_what_could_not_be_checked_is_tried_again_and_pauses_nobody() -> None:
    step = after(Guarded(Evidence("store.unavailable")))

    assert step == RetryAt(at(12, 1), "store.unavailable")


# ---------------------------------------------------------------- faults


@pytest.mark.parametrize("attempt", [1, 7])
def test_a_fault_pauses_the_whole_destination(attempt: int) -> None:
    """Attempts do not count: the delivery is not what is wrong."""
    patience = Patience(KEYS.waits, fault_wait=10 * MINUTE)

    step = after(
        DestinationFault(Evidence("http.401")), attempt=attempt, patience=patience
    )

    assert step == RetryAt(at(12, 10), "http.401", pause_until=at(12, 10))


def test_a_fault_rests_for_a_minute_unless_agreed_otherwise() -> None:
    due = at(12, 1)

    assert after(DestinationFault(SEEN)) == RetryAt(due, "http.503", pause_until=due)


def test_a_fault_does_not_outlive_the_deadline() -> None:
    """An earlier attempt may be a key the receiver has forgotten by now."""
    step = after(DestinationFault(SEEN), deadline=at(12, 0, 59))

    assert step == GiveUp("http.503", certain=True)


# ---------------------------------------------------------------- for all


durations = st.timedeltas(timedelta(), timedelta(days=3))


@given(
    outcome=st.sampled_from([NotTaken, Unknown]),
    wish=st.none() | durations,
    waits=st.lists(durations, min_size=1, max_size=4),
    attempt=st.integers(1, 9),
    jitter=st.floats(0, 1, exclude_max=True),
    deadline=durations.map(lambda d: NOON + d),
)
def test_no_attempt_is_early_or_after_the_deadline(
    outcome: type[NotTaken | Unknown],
    wish: timedelta | None,
    waits: list[timedelta],
    attempt: int,
    jitter: float,
    deadline: datetime,
) -> None:
    patience = Patience(tuple(waits), repeats_safely="key")
    agreed = [*waits, *[waits[-1]] * 9][attempt - 1]
    floor = NOON + max(agreed, wish or timedelta())

    step = after(
        outcome(SEEN, wish),
        attempt=attempt,
        deadline=deadline,
        patience=patience,
        jitter=jitter,
    )

    if isinstance(step, RetryAt):
        assert floor <= step.due <= deadline
        assert step.due <= max(floor, NOON + agreed * 1.2)
    else:
        assert isinstance(step, GiveUp)
        assert max(floor, NOON + agreed * 1.2) > deadline


@pytest.mark.parametrize("attempt", [1, 9])
def test_without_agreed_waits_every_wait_is_that_of_a_fault(attempt: int) -> None:
    step = after(NotTaken(SEEN), attempt=attempt, patience=Patience(()))

    assert step == RetryAt(at(12, 1), "http.503")


def test_evidence_can_be_printed() -> None:
    assert "marked" not in repr(Evidence("http.422", body=b"marked"))
