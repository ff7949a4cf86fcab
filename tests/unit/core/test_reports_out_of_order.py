"""Reports that come late, contradict what is known, or come from elsewhere."""

from datetime import datetime

import pytest

from gateway.core.order import Status
from gateway.core.verdict import MessageState, Refusal
from tests.unit.core.builders import (
    ANOTHER,
    HELD,
    MAKER,
    MINUTE,
    NOON,
    alarms,
    change,
    problems,
    report,
    told,
)
from tests.unit.core.story import Story

EARLIER = NOON - MINUTE
LATER = NOON + MINUTE


# ---------------------------------------------------------------- out of order


def test_an_earlier_step_told_late_is_recorded_and_moves_nothing() -> None:
    story = Story()
    order_id = story.placed()
    story.report(report(order_id, Status.RELEASED, occurred_at=NOON))

    decision = story.report(
        report(
            order_id, Status.SM_RECEIVED, occurred_at=EARLIER, manufacturer_number="H-1"
        )
    )

    assert decision.verdict.state is MessageState.APPLIED
    assert decision.tellings == ()
    assert story.order().status is Status.RELEASED
    assert story.order().manufacturer_number == "H-1"
    assert story.kinds(order_id)[-1] == "status_told_late"


@pytest.mark.parametrize("when", [None, LATER])
def test_acknowledgement_after_acceptance_only_lost_a_race(
    when: datetime | None,
) -> None:
    """The webhook came before the answer to the POST it speaks of."""
    story = Story()
    order_id = story.placed(status=Status.ACCEPTED)

    decision = story.report(report(order_id, Status.ACKNOWLEDGED, occurred_at=when))

    assert decision.verdict.state is MessageState.APPLIED
    assert story.order().status is Status.ACCEPTED


@pytest.mark.parametrize("when", [None, LATER])
def test_a_product_out_of_specification_after_release_is_held(
    when: datetime | None,
) -> None:
    """Somebody must look before anything is infused."""
    story = Story()
    order_id = story.placed(status=Status.RELEASED)

    decision = story.report(report(order_id, Status.OOS_DECISION, occurred_at=when))

    assert decision.verdict.state is MessageState.HELD
    assert problems(decision) == ["order.backward_step at status"]
    assert alarms(decision) == [f"order.backward_step:{order_id}"]
    assert story.order().status is Status.RELEASED


def test_a_released_backward_step_is_told_and_moves_nothing() -> None:
    """A person may accept that it was said; the status never moves backwards."""
    story = Story()
    order_id = story.placed(status=Status.RELEASED)

    decision = story.report(
        report(order_id, Status.OOS_DECISION), released={"order.backward_step"}
    )

    assert told(decision) == [("site", "status", "status_reported")]
    order = story.order()
    assert (order.status, order.reported) == (Status.RELEASED, (Status.OOS_DECISION,))


@pytest.mark.parametrize(
    ("current", "reported"),
    [
        (Status.CANCELLED, Status.IN_MANUFACTURING),
        (Status.REJECTED, Status.ACCEPTED),
        (Status.TERMINATED, Status.RELEASED),
        (Status.EXPIRED, Status.CANCELLED),
        (Status.MFG_FAILED, Status.RELEASED),
        (Status.IN_MANUFACTURING, Status.REJECTED),
    ],
)
def test_an_impossible_step_is_held(current: Status, reported: Status) -> None:
    story = Story()
    order_id = story.placed(status=current)

    decision = story.report(report(order_id, reported, occurred_at=LATER))

    assert decision.verdict.state is MessageState.HELD
    assert problems(decision) == ["order.impossible_step at status"]
    assert alarms(decision) == [f"order.impossible_step:{order_id}"]
    assert story.order().status is current


def test_a_released_impossible_step_is_told_and_moves_nothing() -> None:
    story = Story()
    order_id = story.placed(status=Status.CANCELLED)

    decision = story.report(
        report(order_id, Status.ACCEPTED), released={"order.impossible_step"}
    )

    assert told(decision) == [("site", "status", "status_reported")]
    order = story.order()
    assert (order.status, order.reported) == (Status.CANCELLED, (Status.ACCEPTED,))


def test_an_answered_question_returns_the_order() -> None:
    story = Story()
    order_id = story.placed()
    story.report(report(order_id, Status.INFO_REQUESTED, occurred_at=EARLIER))

    story.report(report(order_id, Status.ACKNOWLEDGED, occurred_at=NOON))

    assert story.order().status is Status.ACKNOWLEDGED


@pytest.mark.parametrize("when", [None, EARLIER - MINUTE])
def test_an_acknowledgement_that_lost_a_race_does_not_answer_a_question(
    when: datetime | None,
) -> None:
    """The site would stop looking for what the manufacturer still waits for."""
    story = Story()
    order_id = story.placed()
    story.report(report(order_id, Status.INFO_REQUESTED, occurred_at=EARLIER))

    story.report(report(order_id, Status.ACKNOWLEDGED, occurred_at=when))

    assert story.order().status is Status.INFO_REQUESTED


# ---------------------------------------------------------------- submitted anew


def submitted_anew(story: Story) -> str:
    """Place an order that is refused, corrected a minute later and sent again."""
    order_id = story.placed()
    story.end_delivery("rejected", "submit", order_id)
    story.now = LATER
    story.hear(change(priority="stat"))
    story.now = LATER + MINUTE
    return order_id


@pytest.mark.parametrize(
    ("status", "when"),
    [
        (Status.REJECTED, EARLIER),
        (Status.REJECTED, LATER),
        (Status.REJECTED, None),
        (Status.ACCEPTED, EARLIER),
    ],
)
def test_a_report_about_what_was_refused_before_is_held(
    status: Status, when: datetime | None
) -> None:
    """The correction is on its way; the order must not end with its forerunner."""
    story = Story()
    order_id = submitted_anew(story)

    decision = story.report(report(order_id, status, occurred_at=when))

    assert decision.verdict.state is MessageState.HELD
    assert problems(decision) == ["order.stale_report at status"]
    assert alarms(decision) == [f"order.stale_report:{order_id}"]
    assert story.order().status is Status.READY


@pytest.mark.parametrize(
    ("status", "when"),
    [(Status.REJECTED, LATER + MINUTE), (Status.ACCEPTED, None)],
)
def test_a_report_about_what_was_sent_again_advances_the_order(
    status: Status, when: datetime | None
) -> None:
    story = Story()
    order_id = submitted_anew(story)

    story.report(report(order_id, status, occurred_at=when))

    assert story.order().status is status


def test_a_released_stale_report_counts() -> None:
    story = Story()
    order_id = submitted_anew(story)

    decision = story.report(
        report(order_id, Status.REJECTED), released={"order.stale_report"}
    )

    assert told(decision) == [("site", "status", "status_advanced")]
    assert story.order().status is Status.REJECTED


def test_an_answer_is_never_stale_whatever_its_clock() -> None:
    story = Story()
    order_id = submitted_anew(story)
    answer = report(order_id, Status.ACKNOWLEDGED, occurred_at=EARLIER)

    story.end_delivery("delivered", "submit", order_id, answer)

    assert story.order().status is Status.ACKNOWLEDGED


# ---------------------------------------------------------------- one number


def test_a_second_number_of_the_manufacturer_is_held_and_holds_the_order() -> None:
    """The portal has the order twice, or speaks of another one."""
    story = Story()
    order_id = story.placed()
    story.report(report(order_id, Status.ACKNOWLEDGED, manufacturer_number="H-1"))

    decision = story.report(
        report(order_id, Status.ACCEPTED, manufacturer_number="H-2")
    )

    assert decision.verdict.state is MessageState.HELD
    assert problems(decision) == ["order.number_conflict at manufacturer_number"]
    assert alarms(decision) == [f"order.number_conflict:{order_id}"]
    assert told(decision) == [("site", "status", "identity_held")]
    order = story.order()
    assert (order.status, order.flags) == (Status.ACKNOWLEDGED, (HELD,))
    assert order.manufacturer_number == "H-1"


@pytest.mark.parametrize("status", [Status.ACKNOWLEDGED, Status.CANCELLED])
def test_the_number_of_another_order_is_held_and_holds_both(status: Status) -> None:
    """Whether that one has ended or not: the portal took one order for the other."""
    story = Story()
    first, second = story.placed("A-1"), story.placed("A-2", product=ANOTHER)
    story.report(report(first, status, manufacturer_number="H-1"))

    decision = story.report(report(second, Status.ACCEPTED, manufacturer_number="H-1"))

    assert problems(decision) == ["order.number_conflict at manufacturer_number"]
    assert story.order("A-1").flags == story.order("A-2").flags == (HELD,)
    assert story.order("A-2").manufacturer_number is None


@pytest.mark.parametrize("number", ["H-1", None])
def test_the_same_number_or_none_is_no_conflict(number: str | None) -> None:
    story = Story()
    order_id = story.placed()
    story.report(report(order_id, Status.ACKNOWLEDGED, manufacturer_number="H-1"))

    story.report(report(order_id, Status.ACCEPTED, manufacturer_number=number))

    order = story.order()
    assert (order.status, order.manufacturer_number) == (Status.ACCEPTED, "H-1")


# ---------------------------------------------------------------- who may speak


def test_a_report_on_an_unknown_order_is_rejected() -> None:
    decision = Story().report(report("nobody", Status.ACCEPTED))

    assert decision.verdict.refusal is Refusal.CONTENT
    assert problems(decision) == ["order.unknown at order_id"]


@pytest.mark.parametrize(
    ("speaker", "party"),
    [
        pytest.param("other", "other", id="as itself"),
        pytest.param("other", MAKER, id="as the order's manufacturer"),
        pytest.param(MAKER, "other", id="as somebody else"),
    ],
)
def test_another_manufacturers_report_is_rejected_as_if_there_were_no_order(
    speaker: str, party: str
) -> None:
    """A portal learns nothing of others' orders, and speaks for itself alone."""
    story = Story()
    order_id = story.placed()
    stranger = report(order_id, Status.ACCEPTED, party=party)

    decision = story.hear(stranger, site=speaker)

    assert decision.verdict.refusal is Refusal.CONTENT
    assert problems(decision) == ["order.unknown at order_id"]
    assert story.order().status is Status.READY
