"""What the end of a delivery to a manufacturer means for its order."""

import orjson
import pytest

from gateway.core.order import Status
from gateway.core.verdict import MessageState
from tests.unit.core.builders import (
    HELD,
    MAKER,
    cancel,
    change,
    coi,
    problems,
    report,
    told,
)
from tests.unit.core.story import Story


def test_a_submission_taken_without_a_word_makes_the_order_submitted() -> None:
    story = Story()
    order_id = story.placed()

    decision = story.end_delivery("delivered", "submit", order_id)

    assert told(decision) == [("site", "status", "status_advanced")]
    assert story.order().status is Status.SUBMITTED
    header = orjson.loads(decision.events[0].header)
    assert header["asserted_by"] == "baton"


def test_a_submission_taken_after_its_webhook_changes_nothing() -> None:
    story = Story()
    order_id = story.placed(status=Status.ACCEPTED)

    decision = story.end_delivery("delivered", "submit", order_id)

    assert (decision.events, decision.tellings) == ((), ())
    assert story.order().status is Status.ACCEPTED


def test_an_answer_that_reports_is_a_report() -> None:
    story = Story()
    order_id = story.placed()
    answer = report(order_id, Status.ACKNOWLEDGED, manufacturer_number="H-1")

    decision = story.end_delivery("delivered", "submit", order_id, answer)

    assert told(decision) == [("site", "status", "status_advanced")]
    assert story.order().status is Status.ACKNOWLEDGED
    assert story.order().manufacturer_number == "H-1"


def test_an_answer_that_lost_a_race_with_its_webhook_still_gives_its_number() -> None:
    story = Story()
    order_id = story.placed(status=Status.ACCEPTED)
    answer = report(order_id, Status.ACKNOWLEDGED, manufacturer_number="H-1")

    story.end_delivery("delivered", "submit", order_id, answer)

    assert story.order().status is Status.ACCEPTED
    assert story.order().manufacturer_number == "H-1"


@pytest.mark.parametrize("operation", ["change", "cancel"])
def test_another_operation_taken_without_a_word_changes_nothing(operation: str) -> None:
    """The manufacturer says later what came of it."""
    story = Story()
    order_id = story.placed()

    decision = story.end_delivery("delivered", operation, order_id)

    assert (decision.events, decision.tellings) == ((), ())


def test_an_answer_that_contradicts_the_ledger_holds_the_order() -> None:
    story = Story()
    order_id = story.placed()
    story.report(report(order_id, Status.ACCEPTED, coi=coi()))
    answer = report(order_id, Status.ACCEPTED, coi=coi("COI-2"))

    decision = story.end_delivery("delivered", "change", order_id, answer)

    assert decision.verdict.state is MessageState.HELD
    assert problems(decision) == ["coi.conflict at coi"]
    assert story.order().flags == (HELD,)


def test_a_refused_submission_flags_the_order_and_is_told() -> None:
    """The order is not over: a correction or a cancellation can follow."""
    story = Story()
    order_id = story.placed()

    decision = story.end_delivery("rejected", "submit", order_id, code="no_weight")

    assert told(decision) == [("site", "status", "submit_refused")]
    assert decision.tellings[0].event.code == "no_weight"
    order = story.order()
    assert (order.status, order.flags) == (Status.READY, ("submission_refused",))


def test_a_refusal_is_the_manufacturers_word_in_the_ledger() -> None:
    story = Story()
    order_id = story.placed()

    [event] = story.end_delivery("rejected", "submit", order_id, code="no").events

    header = orjson.loads(event.header)
    assert (header["kind"], header["asserted_by"]) == ("submit_refused", MAKER)
    assert orjson.loads(event.body) == {"code": "no"}


@pytest.mark.parametrize("operation", ["change", "cancel"])
def test_what_is_refused_after_the_end_is_recorded_and_not_told(operation: str) -> None:
    """``Unable to cancel`` of a cancelled order would say that it goes on."""
    story = Story()
    order_id = story.placed()
    story.hear(cancel())
    story.report(report(order_id, Status.CANCELLED))

    decision = story.end_delivery("rejected", operation, order_id)

    assert decision.tellings == ()
    assert story.kinds(order_id)[-1] == f"{operation}_refused"


def test_a_submission_refused_twice_is_flagged_once() -> None:
    story = Story()
    order_id = story.placed()
    story.end_delivery("rejected", "submit", order_id)

    story.end_delivery("rejected", "submit", order_id)

    assert story.order().flags == ("submission_refused",)


def test_a_refusal_of_what_the_manufacturer_already_has_flags_nothing() -> None:
    """A repeat was refused, say; a cancellation must still go to who has the order."""
    story = Story()
    order_id = story.placed(status=Status.ACCEPTED)

    decision = story.end_delivery("rejected", "submit", order_id)

    assert told(decision) == [("site", "status", "submit_refused")]
    assert story.order().flags == ()
    assert told(story.hear(cancel())) == [
        ("manufacturer", "cancel", "cancel_requested")
    ]


def test_a_submission_refused_after_it_was_taken_in_flags_the_order() -> None:
    story = Story()
    order_id = story.placed()
    story.end_delivery("delivered", "submit", order_id)

    story.end_delivery("rejected", "submit", order_id)

    assert story.order().flags == ("submission_refused",)


def test_a_refused_change_is_told_and_flags_the_order() -> None:
    """The ledger has what the manufacturer has not, until a change is taken."""
    story = Story()
    order_id = story.placed(status=Status.ACCEPTED)

    decision = story.end_delivery("rejected", "change", order_id)

    assert told(decision) == [("site", "status", "change_refused")]
    order = story.order()
    assert (order.status, order.flags) == (Status.ACCEPTED, ("change_refused",))


def test_a_change_taken_after_a_refused_one_settles_it() -> None:
    story = Story()
    order_id = story.placed(status=Status.ACCEPTED)
    story.hear(change(priority="stat"))
    story.hear(change(priority="urgent"))
    story.end_delivery("rejected", "change", order_id)

    decision = story.end_delivery("delivered", "change", order_id)

    assert told(decision) == []
    assert story.kinds(order_id)[-2:] == ["change_refused", "change_taken"]
    assert story.order().flags == ()


def test_a_submission_or_cancellation_taken_settles_no_refused_change() -> None:
    story = Story()
    order_id = story.placed(status=Status.ACCEPTED)
    story.end_delivery("rejected", "change", order_id)

    story.end_delivery("delivered", "submit", order_id)
    story.end_delivery("delivered", "cancel", order_id)

    assert story.order().flags == ("change_refused",)


def test_a_change_taken_with_a_word_is_settled_and_reported() -> None:
    story = Story()
    order_id = story.placed(status=Status.ACCEPTED)
    story.end_delivery("rejected", "change", order_id)
    answer = report(order_id, Status.SCHEDULED)

    story.end_delivery("delivered", "change", order_id, answer)

    assert (story.order().status, story.order().flags) == (Status.SCHEDULED, ())


def test_a_change_refused_because_the_order_ended_flags_nothing() -> None:
    story = Story()
    order_id = story.placed(status=Status.TERMINATED)

    story.end_delivery("rejected", "change", order_id)

    assert story.order().flags == ()


@pytest.mark.parametrize("end", [Status.REJECTED, Status.TERMINATED])
def test_an_end_settles_a_refused_change(end: Status) -> None:
    story = Story()
    order_id = story.placed()
    story.end_delivery("rejected", "change", order_id)

    story.report(report(order_id, end))

    assert (story.order().status, story.order().flags) == (end, ())


def test_a_cancellation_here_settles_every_refusal() -> None:
    story = Story()
    order_id = story.placed()
    story.end_delivery("rejected", "submit", order_id)
    story.end_delivery("rejected", "change", order_id)

    story.hear(cancel())
    story.end_delivery("rejected", "cancel", order_id)

    assert (story.order().status, story.order().flags) == (Status.CANCELLED, ())


def test_a_refusal_for_an_unknown_order_changes_nothing() -> None:
    decision = Story().end_delivery("rejected", "submit", "nobody")

    assert problems(decision) == ["order.unknown at order_id"]
    assert decision.events == ()


def test_a_delivery_for_an_unknown_order_changes_nothing() -> None:
    assert Story().end_delivery("delivered", "submit", "nobody").events == ()
