"""A cancellation (ORC-1 CA)."""

from datetime import date

import pytest

from gateway.core.order import Name, Status
from gateway.core.verdict import MessageState
from tests.unit.core.builders import (
    HELD,
    NOON,
    NOWHERE,
    alarms,
    cancel,
    facts,
    mrn,
    problems,
    report,
    told,
    update,
)
from tests.unit.core.story import Story

PENDING = "cancel_pending"


def test_a_cancellation_before_its_order_waits() -> None:
    decision = Story().hear(cancel())

    assert decision.verdict.state is MessageState.WAITING
    assert decision.wait_for == ("elmwood|ELM-ORD|A-1",)


@pytest.mark.parametrize("status", [Status.READY, Status.ACCEPTED, Status.IN_RELEASE])
def test_a_cancellation_is_asked_of_the_manufacturer(status: Status) -> None:
    """The manufacturer owns the fact: until it answers, the status stays."""
    story = Story()
    story.placed(status=status)

    decision = story.hear(cancel(reason="relapse"))

    assert decision.verdict.state is MessageState.APPLIED
    assert told(decision) == [("manufacturer", "cancel", "cancel_requested")]
    assert decision.tellings[0].event.reason == "relapse"
    assert (story.order().status, story.order().flags) == (status, (PENDING,))


def test_the_manufacturers_answer_ends_the_order_and_the_waiting() -> None:
    story = Story()
    order_id = story.placed()
    story.hear(cancel())

    story.report(report(order_id, Status.CANCELLED))

    assert (story.order().status, story.order().flags) == (Status.CANCELLED, ())


def test_progress_meanwhile_does_not_end_the_waiting() -> None:
    story = Story()
    order_id = story.placed()
    story.hear(cancel())

    story.report(report(order_id, Status.ACCEPTED))

    assert story.order().flags == (PENDING,)


def test_cancelling_an_order_routed_nowhere_cancels_it_here() -> None:
    story = Story(NOWHERE)
    story.placed()

    decision = story.hear(cancel(reason="entered in error"))

    assert told(decision) == [("site", "status", "order_cancelled")]
    order = story.order()
    assert (order.status, order.status_at) == (Status.CANCELLED, NOON)
    assert order.status_reason == "entered in error"


def test_a_cancellation_is_asked_of_a_manufacturer_that_refused_the_order() -> None:
    """It may have taken the order before it refused a repeat; its word ends it."""
    story = Story()
    order_id = story.placed()
    story.end_delivery("rejected", "submit", order_id)

    asked = story.hear(cancel())
    ended = story.end_delivery("rejected", "cancel", order_id, code="http.404")

    assert told(asked) == [("manufacturer", "cancel", "cancel_requested")]
    assert told(ended) == [("site", "status", "order_cancelled")]
    assert (story.order().status, story.order().flags) == (Status.CANCELLED, ())


def test_cancelling_keeps_an_identity_hold() -> None:
    """Who the patient is stays in question when the order ends."""
    story = Story(NOWHERE)
    story.placed()
    story.hear(update(sex="male"))

    story.hear(cancel())

    assert (story.order().status, story.order().flags) == (Status.CANCELLED, (HELD,))


def test_cancelling_what_is_cancelled_has_no_effect() -> None:
    story = Story(NOWHERE)
    story.placed()
    story.hear(cancel())

    decision = story.hear(cancel())

    assert (decision.verdict.state, decision.alarms) == (MessageState.NO_EFFECT, ())


def test_cancelling_again_what_is_not_answered_yet_raises_an_alarm() -> None:
    """The ward grows impatient; what was asked may be stuck on its way."""
    story = Story()
    order_id = story.placed()
    story.hear(cancel())

    decision = story.hear(cancel())

    assert decision.verdict.state is MessageState.NO_EFFECT
    assert alarms(decision) == [f"order.cancel_unanswered:{order_id}"]


@pytest.mark.parametrize("end", [Status.REJECTED, Status.TERMINATED, Status.EXPIRED])
def test_cancelling_what_ended_otherwise_is_held(end: Status) -> None:
    story = Story()
    order_id = story.placed(status=end)

    decision = story.hear(cancel())

    assert problems(decision) == ["order.closed at order.status"]
    assert alarms(decision) == [f"order.closed:{order_id}"]


@pytest.mark.parametrize(
    "who",
    [
        pytest.param(facts(mrn("00043")), id="number"),
        pytest.param(facts(birth_date=date(1970, 1, 30)), id="birth date"),
        pytest.param(facts(name=Name(family="Else")), id="family name"),
    ],
)
def test_cancelling_for_the_wrong_patient_is_held_and_holds_the_order(
    who: object,
) -> None:
    story = Story()
    story.placed()

    decision = story.hear(cancel().model_copy(update={"patient": who}))

    assert decision.verdict.state is MessageState.HELD
    assert told(decision) == [("site", "status", "identity_held")]
    assert story.order().flags == (HELD,)


def test_a_refused_cancellation_is_no_longer_pending() -> None:
    """The order goes on, and the site hears that it does (UC)."""
    story = Story()
    order_id = story.placed(status=Status.IN_MANUFACTURING)
    story.hear(cancel())

    decision = story.end_delivery("rejected", "cancel", order_id, code="too_late")

    assert told(decision) == [("site", "status", "cancel_refused")]
    assert decision.tellings[0].event.code == "too_late"
    assert (story.order().status, story.order().flags) == (Status.IN_MANUFACTURING, ())


def test_a_refused_cancellation_can_be_asked_again() -> None:
    story = Story()
    order_id = story.placed(status=Status.IN_MANUFACTURING)
    story.hear(cancel())
    story.end_delivery("rejected", "cancel", order_id)

    assert told(story.hear(cancel())) == [
        ("manufacturer", "cancel", "cancel_requested")
    ]


def test_a_manufacturer_that_refused_order_and_cancellation_never_had_it() -> None:
    """The cancellation was on its way behind the order; both came back refused."""
    story = Story()
    order_id = story.placed()
    story.hear(cancel())
    story.end_delivery("rejected", "submit", order_id)

    decision = story.end_delivery("rejected", "cancel", order_id)

    assert told(decision) == [("site", "status", "order_cancelled")]
    assert (story.order().status, story.order().flags) == (Status.CANCELLED, ())
    assert story.kinds(order_id)[-2:] == ["cancel_refused", "order_cancelled"]
