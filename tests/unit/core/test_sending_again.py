"""A delivery that was given up is sent again, unless the order went on without it."""

import pytest

from gateway.core.order import Status
from gateway.core.verdict import MessageState
from tests.unit.core.builders import cancel, problems, report
from tests.unit.core.story import Story

REFUSED = MessageState.REJECTED


def given_up(operation: str = "submit", status: Status = Status.READY) -> Story:
    """An order, one of whose deliveries came to nothing."""
    story = Story()
    order_id = story.placed(status=status)
    story.end_delivery("rejected", operation, order_id)
    return story


def test_a_submission_sent_again_is_no_longer_refused() -> None:
    """A correction must be a change of it, and no second submission."""
    story = given_up()
    before = story.order().flags

    decision = story.send_again("submit", story.order().id)

    assert before == ("submission_refused",)
    assert decision.verdict.state is MessageState.APPLIED
    assert story.order().flags == ()
    assert story.kinds(story.order().id)[-1] == "submit_sent_again"


@pytest.mark.parametrize("status", [Status.SUBMITTED, Status.ACCEPTED])
def test_a_submission_that_went_on_without_it_is_not_sent_again(
    status: Status,
) -> None:
    """The manufacturer has the order: it would have it twice."""
    story = given_up()
    story.report(report(story.order().id, status))

    decision = story.send_again("submit", story.order().id)

    assert decision.verdict.state is REFUSED
    assert problems(decision) == ["delivery.overtaken at order.status"]


@pytest.mark.parametrize("operation", ["submit", "change", "cancel"])
def test_nothing_of_an_order_that_has_ended_is_sent_again(operation: str) -> None:
    story = given_up()
    story.hear(cancel())
    story.end_delivery("rejected", "cancel", story.order().id)
    assert story.order().status is Status.CANCELLED

    decision = story.send_again(operation, story.order().id)

    assert decision.verdict.state is REFUSED


def test_a_cancellation_sent_again_is_pending_again() -> None:
    story = Story()
    order_id = story.placed(status=Status.ACCEPTED)
    story.hear(cancel())
    story.end_delivery("rejected", "cancel", order_id)
    assert story.order().flags == ()

    story.send_again("cancel", order_id)

    assert story.order().flags == ("cancel_pending",)
