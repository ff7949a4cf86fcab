"""A manufacturer reports where an order stands."""

from datetime import datetime, timedelta, timezone

import orjson
import pytest

from gateway.core.order import Alias, Status
from gateway.core.verdict import MessageState
from tests.unit.core.builders import (
    MAKER,
    MINUTE,
    NOON,
    change,
    report,
    told,
)
from tests.unit.core.story import Story

EARLIER = NOON - MINUTE
LATER = NOON + MINUTE
DAY = timedelta(days=1)


# ---------------------------------------------------------------- advancing


def test_a_report_advances_the_order_and_is_told_to_the_site() -> None:
    story = Story()
    order_id = story.placed()

    decision = story.report(
        report(order_id, Status.ACKNOWLEDGED, occurred_at=EARLIER, reason="queued")
    )

    assert decision.verdict.state is MessageState.APPLIED
    assert told(decision) == [("site", "status", "status_advanced")]
    order = story.order()
    assert (order.status, order.status_at) == (Status.ACKNOWLEDGED, EARLIER)
    assert order.status_reason == "queued"


def test_what_the_site_hears_names_the_step_its_time_and_its_slot() -> None:
    story = Story()
    order_id = story.placed()
    slot = NOON + timedelta(days=9)

    [telling] = story.report(
        report(order_id, Status.SCHEDULED, occurred_at=EARLIER, scheduled_for=slot)
    ).tellings

    event = telling.event
    assert (event.status, event.occurred_at) == (Status.SCHEDULED, EARLIER)
    assert (event.scheduled_for, event.reported) == (slot, False)


def test_the_ledger_has_who_says_so_and_when_it_was() -> None:
    story = Story()
    order_id = story.placed()

    [event] = story.report(
        report(order_id, Status.ACCEPTED, occurred_at=EARLIER)
    ).events

    header = orjson.loads(event.header)
    assert header["asserted_by"] == MAKER
    assert header["occurred_at"] == EARLIER.isoformat()
    assert header["recorded_at"] == NOON.isoformat()


def test_states_passed_over_are_written_as_inferred() -> None:
    story = Story()
    order_id = story.placed()

    [event] = story.report(report(order_id, Status.ACCEPTED)).events

    assert orjson.loads(event.body)["inferred"] == ["submitted", "acknowledged"]


def test_the_next_state_infers_nothing() -> None:
    story = Story()
    order_id = story.placed(status=Status.ACKNOWLEDGED)

    [event] = story.report(report(order_id, Status.ACCEPTED)).events

    assert "inferred" not in orjson.loads(event.body)
    assert b"null" not in event.body


def test_an_untimed_report_happened_when_we_heard_of_it() -> None:
    story = Story()
    order_id = story.placed()
    story.now = LATER

    story.report(report(order_id, Status.ACCEPTED))

    assert story.order().status_at == LATER


def test_a_report_from_the_future_counts_from_now() -> None:
    """A fast clock there must not make later bad news look like old news here."""
    story = Story()
    order_id = story.placed()
    future = NOON + timedelta(days=9)
    story.report(report(order_id, Status.RELEASED, occurred_at=future))

    bad_news = report(order_id, Status.OOS_DECISION, occurred_at=NOON + MINUTE)
    decision = story.report(bad_news)

    assert story.order().status_at == NOON
    assert decision.verdict.state is MessageState.HELD


def test_an_offset_is_kept_as_the_manufacturer_said_it() -> None:
    story = Story()
    order_id = story.placed()
    local = datetime(2026, 3, 2, 5, tzinfo=timezone(timedelta(hours=-6)))

    story.report(report(order_id, Status.ACCEPTED, occurred_at=local))

    kept = story.order().status_at
    assert kept is not None
    assert kept.isoformat() == "2026-03-02T05:00:00-06:00"


def test_success_after_a_refusal_drops_its_flag() -> None:
    """The portal took the order by another way, such as by hand."""
    story = Story()
    order_id = story.placed()
    story.end_delivery("rejected", "submit", order_id)

    story.report(report(order_id, Status.ACCEPTED))

    assert story.order().flags == ()


@pytest.mark.parametrize("status", [Status.SUBMITTED, Status.COLLECTED])
def test_who_reports_any_step_has_the_order_whatever_was_refused(
    status: Status,
) -> None:
    """A change must not submit it a second time."""
    story = Story()
    order_id = story.placed()
    story.end_delivery("delivered", "submit", order_id)
    story.end_delivery("rejected", "submit", order_id)

    story.report(report(order_id, status))

    assert story.order().flags == ()
    assert told(story.hear(change(priority="stat"))) == [
        ("manufacturer", "change", "order_changed")
    ]


# ---------------------------------------------------------------- repeats


def test_a_repeated_report_has_no_effect() -> None:
    story = Story()
    order_id = story.placed(status=Status.ACCEPTED)

    decision = story.report(report(order_id, Status.ACCEPTED, occurred_at=LATER))

    assert decision.verdict.state is MessageState.NO_EFFECT


def test_a_repeated_report_that_says_more_is_recorded_and_not_told() -> None:
    story = Story()
    order_id = story.placed(status=Status.ACCEPTED)

    decision = story.report(
        report(order_id, Status.ACCEPTED, manufacturer_number="H-1")
    )

    assert decision.verdict.state is MessageState.APPLIED
    assert decision.tellings == ()
    assert story.order().manufacturer_number == "H-1"
    assert story.kinds(order_id)[-1] == "status_repeated"


def test_a_known_number_and_known_aliases_are_nothing_new() -> None:
    story = Story()
    order_id = story.placed()
    lot = Alias(type="LOT", issuer=MAKER, value="L-1")
    said = report(order_id, Status.ACCEPTED, manufacturer_number="H-1", aliases=(lot,))
    story.report(said)

    assert story.report(said).verdict.state is MessageState.NO_EFFECT


def test_aliases_gather_in_the_order_they_come() -> None:
    story = Story()
    order_id = story.placed()
    join, lot = (Alias(type=t, issuer=MAKER, value="1") for t in ("JOIN", "LOT"))

    story.report(report(order_id, Status.ACCEPTED, aliases=(join,)))
    story.report(report(order_id, Status.IN_MANUFACTURING, aliases=(lot, join, lot)))

    assert story.order().aliases == (join, lot)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({"scheduled_for": NOON + DAY}, {"scheduled_for": NOON + 2 * DAY}),
        ({"reason": "no slot"}, {"reason": "no slot before May"}),
        ({}, {"scheduled_for": NOON + DAY}),
    ],
)
def test_another_date_or_reason_of_the_same_status_is_told(
    first: dict[str, object], then: dict[str, object]
) -> None:
    """A slot that was moved is what the apheresis ward must know."""
    story = Story()
    order_id = story.placed()
    story.report(report(order_id, Status.SCHEDULED, occurred_at=EARLIER, **first))
    again = report(order_id, Status.SCHEDULED, occurred_at=NOON, **then)

    decision = story.report(again)

    assert told(decision) == [("site", "status", "status_amended")]
    event = decision.tellings[0].event
    assert (event.scheduled_for, event.reason) == (again.scheduled_for, again.reason)
    assert story.order().status_at == NOON
    assert story.report(again).verdict.state is MessageState.NO_EFFECT


def test_an_older_date_told_late_does_not_replace_the_newer() -> None:
    story = Story()
    order_id = story.placed()
    moved = report(
        order_id, Status.SCHEDULED, occurred_at=NOON, scheduled_for=NOON + DAY
    )
    story.report(moved)

    decision = story.report(
        report(order_id, Status.SCHEDULED, occurred_at=EARLIER, scheduled_for=LATER)
    )

    assert decision.verdict.state is MessageState.NO_EFFECT
    assert story.order().scheduled_for == NOON + DAY


def test_a_repeat_without_date_and_reason_takes_nothing_back() -> None:
    story = Story()
    order_id = story.placed()
    story.report(report(order_id, Status.SCHEDULED, scheduled_for=LATER, reason="x"))

    decision = story.report(report(order_id, Status.SCHEDULED))

    assert decision.verdict.state is MessageState.NO_EFFECT


# ---------------------------------------------------------------- not the owner


def test_another_partys_step_is_reported_and_does_not_move_the_order() -> None:
    """Collection is the site's to assert; the manufacturer's word is shown beside."""
    story = Story()
    order_id = story.placed(status=Status.SCHEDULED)

    decision = story.report(report(order_id, Status.COLLECTED))

    assert decision.verdict.state is MessageState.APPLIED
    assert told(decision) == [("site", "status", "status_reported")]
    assert decision.tellings[0].event.reported
    assert (story.order().status, story.order().reported) == (
        Status.SCHEDULED,
        (Status.COLLECTED,),
    )


def test_another_partys_step_is_reported_once() -> None:
    story = Story()
    order_id = story.placed(status=Status.SCHEDULED)
    story.report(report(order_id, Status.COLLECTED))

    decision = story.report(report(order_id, Status.COLLECTED))

    assert decision.verdict.state is MessageState.NO_EFFECT


def test_another_partys_step_repeated_with_a_new_fact_is_recorded() -> None:
    story = Story()
    order_id = story.placed(status=Status.SCHEDULED)
    story.report(report(order_id, Status.COLLECTED))

    story.report(report(order_id, Status.COLLECTED, manufacturer_number="H-1"))

    assert story.order().reported == (Status.COLLECTED,)
    assert story.order().manufacturer_number == "H-1"
