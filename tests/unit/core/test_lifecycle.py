"""The order's life as data (architecture §1.1)."""

from datetime import datetime
from itertools import product

import pytest

from gateway.core.lifecycle import (
    CLOSED_FOR_IDENTITY,
    CUT_SHORT,
    ENDED,
    MAIN_LINE,
    ONLY_FOLLOWED_BY,
    OWNER,
    RANK,
    REJECTED_FROM,
    RETURNS,
    Move,
    Party,
    judge,
)
from gateway.core.order import Status
from tests.unit.core.builders import MINUTE, NOON

BRANCHES = {
    Status.INFO_REQUESTED: (Status.ACKNOWLEDGED, Status.ACCEPTED),
    Status.OOS_DECISION: (Status.IN_RELEASE, Status.RELEASED),
    Status.MFG_FAILED: (Status.OOS_DECISION, Status.RELEASED),
    Status.QUARANTINED: (Status.FP_RECEIVED, Status.READY_TO_INFUSE),
}
EARLIER, LATER = NOON - MINUTE, NOON + MINUTE
PARTIES: tuple[Party, ...] = ("site", "manufacturer", "courier")


def owned(current: Status, reported: Status, when: datetime | None = LATER) -> Move:
    """Judge a report by the party that owns the fact; ``current`` was at noon."""
    return judge(
        current,
        reported,
        party=OWNER[reported],
        current_at=NOON,
        occurred_at=when,
    )


# ---------------------------------------------------------------- the tables


def test_every_status_has_an_owner_and_a_rank() -> None:
    assert set(OWNER) == set(RANK) == set(Status)


def test_the_main_line_rises() -> None:
    ranks = [RANK[status] for status in MAIN_LINE]

    assert ranks == sorted(set(ranks))


def test_every_status_is_on_the_main_line_or_a_branch_or_an_end() -> None:
    assert {*MAIN_LINE} | {*BRANCHES} | ENDED == set(Status)
    assert not {*BRANCHES} & ({*MAIN_LINE} | ENDED)


@pytest.mark.parametrize("branch", sorted(BRANCHES))
def test_a_branch_leaves_the_main_line_where_it_returns(branch: Status) -> None:
    before, after = BRANCHES[branch]

    assert RANK[before] < RANK[branch] < RANK[after]


def test_what_a_manufacturer_may_assert() -> None:
    """Acceptance, manufacture and release; not what happens at the bedside."""
    assert {s for s in Status if OWNER[s] != "manufacturer"} == {
        Status.COLLECTION_READY,
        Status.COLLECTED,
        Status.SM_IN_TRANSIT,
        Status.FP_IN_TRANSIT,
        Status.FP_RECEIVED,
        Status.READY_TO_INFUSE,
        Status.INFUSED,
        Status.QUARANTINED,
        Status.CLOSED,
    }


def test_identity_cannot_be_mistaken_once_the_cells_are_given_or_gone() -> None:
    assert ENDED | {Status.INFUSED} == CLOSED_FOR_IDENTITY


# ---------------------------------------------------------------- every pair


@pytest.mark.parametrize("status", Status)
def test_the_present_status_again_is_the_same(status: Status) -> None:
    assert owned(status, status) == Move("same")


@pytest.mark.parametrize("reported", Status)
def test_only_the_owner_of_a_fact_moves_the_status(reported: Status) -> None:
    kinds = {
        judge(current, reported, party=party, current_at=NOON, occurred_at=LATER).kind
        for current, party in product(Status, PARTIES)
        if current is not reported and party != OWNER[reported]
    }

    assert kinds == {"reported"}


@pytest.mark.parametrize("when", [None, EARLIER, NOON, LATER])
def test_a_status_never_moves_to_a_lower_rank(when: datetime | None) -> None:
    """Except back from a question that was answered later."""
    lowered = {
        (current, reported)
        for current, reported in product(Status, Status)
        if owned(current, reported, when).kind == "advance"
        and RANK[reported] < RANK[current]
    }

    assert lowered == (RETURNS if when is LATER else set())


@pytest.mark.parametrize("when", [None, EARLIER, LATER])
@pytest.mark.parametrize("end", sorted(ENDED))
def test_nothing_follows_an_end(end: Status, when: datetime | None) -> None:
    kinds = {
        owned(end, reported, when).kind for reported in Status if reported is not end
    }

    assert "advance" not in kinds


def test_what_is_inferred_lies_between_in_order() -> None:
    for current, reported in product(Status, Status):
        inferred = owned(current, reported).inferred
        ranks = [RANK[current], *(RANK[s] for s in inferred), RANK[reported]]
        assert ranks == sorted(set(ranks)) or not inferred


def test_every_status_can_be_reached_by_its_owners_word() -> None:
    reached, seen = {Status.DRAFT}, set[Status]()
    while reached - seen:
        current = min(reached - seen)
        seen.add(current)
        reached |= {s for s in Status if owned(current, s).kind == "advance"}

    assert reached == set(Status)


@pytest.mark.parametrize("status", sorted(set(Status) - ENDED))
def test_every_open_order_can_end(status: Status) -> None:
    assert any(owned(status, end).kind == "advance" for end in ENDED)


# ---------------------------------------------------------------- late or backward


@pytest.mark.parametrize("when", [EARLIER, NOON])
def test_an_earlier_step_that_happened_before_is_late(when: datetime) -> None:
    assert owned(Status.RELEASED, Status.SM_RECEIVED, when) == Move("late")


@pytest.mark.parametrize("when", [None, LATER])
def test_an_earlier_step_that_may_have_happened_since_is_backward(
    when: datetime | None,
) -> None:
    assert owned(Status.RELEASED, Status.OOS_DECISION, when) == Move("backward")


def test_without_the_present_statuss_time_nothing_is_known_to_be_late() -> None:
    move = judge(
        Status.RELEASED,
        Status.OOS_DECISION,
        party="manufacturer",
        current_at=None,
        occurred_at=EARLIER,
    )

    assert move == Move("backward")


@pytest.mark.parametrize("when", [None, EARLIER, LATER])
@pytest.mark.parametrize(
    "reported", [Status.READY, Status.SUBMITTED, Status.ACKNOWLEDGED]
)
@pytest.mark.parametrize(
    "current", [Status.ACCEPTED, Status.IN_RELEASE, Status.CANCELLED]
)
def test_a_step_before_acceptance_is_always_late(
    current: Status, reported: Status, when: datetime | None
) -> None:
    assert owned(current, reported, when) == Move("late")


@pytest.mark.parametrize(
    ("when", "kind"), [(LATER, "advance"), (NOON, "late"), (None, "late")]
)
def test_a_question_is_answered_by_what_happened_later(
    when: datetime | None, kind: str
) -> None:
    assert owned(Status.INFO_REQUESTED, Status.ACKNOWLEDGED, when).kind == kind


def test_acceptance_answers_a_question_too() -> None:
    assert owned(Status.INFO_REQUESTED, Status.ACCEPTED) == Move("advance")


# ---------------------------------------------------------------- ends


@pytest.mark.parametrize("current", sorted(set(Status) - ENDED))
def test_an_order_is_rejected_before_its_visit_is_planned_or_not_at_all(
    current: Status,
) -> None:
    kind = owned(current, Status.REJECTED).kind

    assert kind == ("advance" if current in REJECTED_FROM else "impossible")


@pytest.mark.parametrize("end", sorted(CUT_SHORT))
def test_an_order_cut_short_infers_nothing(end: Status) -> None:
    """What lay ahead did not happen."""
    assert owned(Status.ACCEPTED, end) == Move("advance")


def test_closing_infers_what_lay_between() -> None:
    move = owned(Status.READY_TO_INFUSE, Status.CLOSED)

    assert move == Move("advance", (Status.INFUSED,))


@pytest.mark.parametrize("current", sorted(ONLY_FOLLOWED_BY))
def test_what_only_few_may_follow_nothing_else_follows(current: Status) -> None:
    """A failed batch is not released; infused cells are not cancelled."""
    followers = {s for s in Status if owned(current, s).kind == "advance"}

    assert followers == ONLY_FOLLOWED_BY[current] - {Status.REJECTED}


@pytest.mark.parametrize("end", sorted(ENDED))
def test_after_an_end_old_events_are_late_and_new_ones_impossible(end: Status) -> None:
    other = Status.TERMINATED if end is Status.CANCELLED else Status.CANCELLED

    assert owned(end, other, EARLIER) == Move("late")
    assert owned(end, other, LATER) == Move("impossible")
    assert owned(end, other, None) == Move("impossible")
