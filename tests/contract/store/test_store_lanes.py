"""Deliveries leave in order per lane, once per claim, and never past an open head."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from gateway.core.effects import NewDelivery
from gateway.core.errors import LeaseLost
from gateway.core.order import TherapyOrder
from gateway.delivery.policy import Done, GiveUp, Hold, NextStep, Refuse, RetryAt
from gateway.ports import Claim
from tests.contract.store.backends import AnyBeside, AnyStore, opened
from tests.contract.store.builders import (
    DAY,
    EHR,
    HOUR,
    MINUTE,
    NOON,
    PORTAL,
    SECOND,
    amending,
    delivery,
    message,
    opens,
    placing,
    report,
    therapy_order,
)


async def put(
    store: AnyStore, *operations: str, order_id: str = "ORDER-o1", **facts: object
) -> list[NewDelivery]:
    """Place an order with one delivery for each operation."""
    order = therapy_order(order_id)
    sent = [delivery(order, operation, **facts) for operation in operations]
    await store.commit(message(placing(order, deliveries=tuple(sent))))
    return sent


async def claim(
    store: AnyStore,
    *,
    now: datetime = NOON,
    destination: str = PORTAL,
    limit: int = 64,
) -> Sequence[Claim]:
    """Claim for a minute."""
    return await store.claim(destination, now=now, until=now + MINUTE, limit=limit)


async def operations(store: AnyStore, *, now: datetime = NOON) -> list[str]:
    """What can be claimed."""
    return [claimed.operation for claimed in await claim(store, now=now)]


# ------------------------------------------------------------ claiming


async def test_a_claim_is_the_frozen_delivery(store: AnyStore) -> None:
    [sent] = await put(store, "submit")

    [claimed] = await claim(store)

    assert claimed == Claim(
        delivery_id=sent.delivery_id,
        order_id="ORDER-o1",
        destination=PORTAL,
        lane="ORDER-o1@portal:helix",
        key=sent.key,
        operation="submit",
        body=sent.body,
        content_type="application/json",
        attempt=1,
        lease=1,
        deadline=sent.deadline,
    )


async def test_a_leased_delivery_is_not_offered_again(store: AnyStore) -> None:
    await put(store, "submit")
    await claim(store)

    assert await operations(store) == []


async def test_nothing_is_offered_before_it_is_due(store: AnyStore) -> None:
    await put(store, "submit", due=NOON + MINUTE)

    assert await operations(store) == []
    assert await operations(store, now=NOON + MINUTE) == ["submit"]


async def test_a_claim_takes_the_oldest_and_no_more_than_asked(store: AnyStore) -> None:
    for number, minutes in enumerate((3, 1, 2)):
        due = NOON + minutes * MINUTE
        await put(store, f"due {minutes}", order_id=f"ORDER-o{number}", due=due)

    claims = await claim(store, now=NOON + HOUR, limit=2)

    assert [claimed.operation for claimed in claims] == ["due 1", "due 2"]


async def test_destinations_do_not_share_claims(store: AnyStore) -> None:
    await put(store, "status", destination=EHR)

    assert await operations(store) == []


async def test_a_lane_leaves_in_order_even_if_a_later_one_is_due_first(
    store: AnyStore,
) -> None:
    order = therapy_order()
    sent = (delivery(order, "submit"), delivery(order, "cancel", due=NOON - HOUR))
    await store.commit(message(placing(order, deliveries=sent)))
    await put(store, "other order", order_id="ORDER-o2")

    assert await operations(store) == ["submit", "other order"]


async def test_one_order_has_one_lane_at_each_destination(store: AnyStore) -> None:
    order = therapy_order()
    sent = (delivery(order), delivery(order, "status", destination=EHR))
    await store.commit(message(placing(order, deliveries=sent)))

    [submit] = await claim(store)
    [status] = await claim(store, destination=EHR)

    assert (submit.operation, status.operation) == ("submit", "status")


async def test_a_lane_goes_on_across_messages(store: AnyStore) -> None:
    order = therapy_order()
    await store.commit(message(placing(order, deliveries=(delivery(order),))))
    later = (delivery(order, "cancel"),)
    await store.commit(message(amending(opens(order)[0], order, deliveries=later)))

    [submit] = await claim(store)
    woken = await store.settle(report(submit), Done())

    assert woken == {PORTAL}
    assert await operations(store) == ["cancel"]


# ------------------------------------------------------------ next steps


@pytest.mark.parametrize(
    ("step", "outcome", "state", "goes_on"),
    [
        pytest.param(Done(), "delivered", "delivered", True, id="delivered"),
        pytest.param(Refuse("http.422"), "rejected", "rejected", True, id="rejected"),
        pytest.param(
            GiveUp("http.503", certain=True),
            "not_taken",
            "dead",
            True,
            id="dead, and certainly not taken",
        ),
        pytest.param(
            GiveUp("http.500", certain=False),
            "unknown",
            "dead",
            False,
            id="dead, and nobody knows",
        ),
        pytest.param(
            Hold("delivery.outcome_unknown"), "unknown", "held", False, id="held"
        ),
    ],
)
async def test_what_follows_an_attempt_and_whether_its_lane_goes_on(
    store: AnyStore, step: NextStep, outcome: str, state: str, *, goes_on: bool
) -> None:
    [sent, _] = await put(store, "submit", "cancel")
    [submit] = await claim(store)

    woken = await store.settle(report(submit, outcome), step)

    shown = store.queries.delivery(sent.delivery_id)
    assert shown is not None
    assert shown["state"] == state
    assert woken == ({PORTAL} if goes_on else set())
    assert await operations(store, now=NOON + 9 * DAY) == (
        ["cancel"] if goes_on else []
    )


async def test_an_attempt_is_kept_with_what_came_back(store: AnyStore) -> None:
    [sent] = await put(store, "submit")
    [claimed] = await claim(store)

    await store.settle(report(claimed, "delivered"), Done())

    shown = store.queries.delivery(sent.delivery_id)
    assert shown is not None
    assert shown["attempts_made"] == [
        {
            "n": 1,
            "outcome": "delivered",
            "code": "http.200",
            "status": "200",
            "started_at": "2026-03-02T12:00:00.000Z",
            "ended_at": "2026-03-02T12:00:01.000Z",
            "answer": {"reference": "HX-1"},
            "encoding": "json",
        }
    ]


async def test_no_more_evidence_is_kept_than_64_kib(store: AnyStore) -> None:
    [sent] = await put(store, "submit")
    [claimed] = await claim(store)

    await store.settle(report(claimed, body=b"x" * 100_000), Done())

    shown = store.queries.delivery(sent.delivery_id)
    assert shown is not None
    assert len(shown["attempts_made"][0]["answer"]) == 64 * 1024


async def test_a_retry_waits_for_its_time_and_counts(store: AnyStore) -> None:
    await put(store, "submit")
    [first] = await claim(store)
    retry = RetryAt(NOON + HOUR, "http.503")

    await store.settle(report(first, "not_taken"), retry)

    assert await operations(store, now=NOON + HOUR - SECOND) == []
    [second] = await claim(store, now=NOON + HOUR)
    assert (first.attempt, second.attempt) == (1, 2)
    assert (second.key, second.body) == (first.key, first.body)
    assert (second.lapsed, second.uncertain) == (False, False)


async def test_after_an_unknown_outcome_every_later_claim_is_uncertain(
    store: AnyStore,
) -> None:
    await put(store, "submit")
    [first] = await claim(store)
    await store.settle(report(first, "unknown"), RetryAt(NOON, "http.500"))
    [second] = await claim(store)
    await store.settle(report(second, "not_taken"), RetryAt(NOON, "http.503"))

    [third] = await claim(store)

    assert (first.uncertain, second.uncertain, third.uncertain) == (False, True, True)


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (Hold("identity.hold"), "identity.hold"),
        (GiveUp("http.503", certain=True), "delivery.retries_spent"),
        (GiveUp("http.500", certain=False), "delivery.retries_spent"),
    ],
)
async def test_what_needs_a_person_raises_one_alarm(
    store: AnyStore, step: NextStep, code: str
) -> None:
    [sent] = await put(store, "submit")
    [claimed] = await claim(store)

    await store.settle(report(claimed, "unknown"), step)

    [alarm] = store.queries.alarms()
    assert (alarm["code"], alarm["subject"], alarm["count"]) == (
        code,
        sent.delivery_id,
        1,
    )


# ------------------------------------------------------------ leases


async def test_a_lapsed_lease_is_taken_over_and_says_so(store: AnyStore) -> None:
    await put(store, "submit")
    [slow] = await claim(store)

    assert await operations(store, now=NOON + MINUTE - SECOND) == []
    [fast] = await claim(store, now=NOON + MINUTE)

    assert (slow.attempt, slow.lapsed, slow.uncertain) == (1, False, False)
    assert (fast.attempt, fast.lapsed, fast.uncertain) == (2, True, True)
    assert fast.lease > slow.lease


async def test_a_worker_whose_lease_was_taken_cannot_settle(store: AnyStore) -> None:
    [sent] = await put(store, "submit")
    [slow] = await claim(store)
    [fast] = await claim(store, now=NOON + MINUTE)

    with pytest.raises(LeaseLost):
        await store.settle(report(slow, "rejected"), Refuse("http.422"))

    shown = store.queries.delivery(sent.delivery_id)
    assert shown is not None
    assert (shown["state"], shown["attempts_made"]) == ("leased", [])
    await store.settle(report(fast), Done())


async def test_a_worker_that_is_late_but_still_holds_its_lease_settles(
    store: AnyStore,
) -> None:
    [sent] = await put(store, "submit")
    [slow] = await claim(store)

    await store.settle(report(slow, reported_at=NOON + HOUR), Done())

    shown = store.queries.delivery(sent.delivery_id)
    assert shown is not None
    assert shown["state"] == "delivered"


async def test_nothing_is_settled_twice(store: AnyStore) -> None:
    await put(store, "submit")
    [claimed] = await claim(store)
    await store.settle(report(claimed), Done())

    with pytest.raises(LeaseLost):
        await store.settle(report(claimed, "rejected"), Refuse("http.422"))


async def test_after_a_restart_every_lease_can_be_ended_at_once(location: str) -> None:
    before = opened(location)
    await put(before, "submit")
    [lost] = await claim(before)
    await before.close()

    after = opened(location)
    ended = await after.lapse_leases()
    [taken] = await claim(after)
    with pytest.raises(LeaseLost):
        await after.settle(report(lost), Done())
    await after.close()

    assert (ended, taken.lapsed, taken.attempt) == (1, True, 2)


# ------------------------------------------------------------ pauses


async def test_a_pause_holds_the_whole_destination_and_no_other(
    store: AnyStore,
) -> None:
    await put(store, "submit")
    await put(store, "submit", order_id="ORDER-o2")
    await put(store, "status", order_id="ORDER-o3", destination=EHR)
    [first] = await claim(store, limit=1)
    pause = RetryAt(NOON + HOUR, "http.429", pause=True)

    await store.settle(report(first, "not_taken"), pause)

    assert await operations(store, now=NOON + HOUR - SECOND) == []
    assert len(await claim(store, destination=EHR)) == 1
    assert await operations(store, now=NOON + HOUR) == ["submit", "submit"]


async def test_a_later_shorter_pause_does_not_end_a_longer_one(
    store: AnyStore,
) -> None:
    for number in (1, 2):
        await put(store, "submit", order_id=f"ORDER-o{number}")
    first, second = await claim(store)
    for claimed, wait in ((first, HOUR), (second, MINUTE)):
        step = RetryAt(NOON + wait, "http.429", pause=True)
        await store.settle(report(claimed, "not_taken"), step)

    assert await operations(store, now=NOON + HOUR - SECOND) == []


async def test_a_pause_also_keeps_lapsed_leases(store: AnyStore) -> None:
    for number in (1, 2):
        await put(store, "submit", order_id=f"ORDER-o{number}")
    first, _lost = await claim(store)
    pause = RetryAt(NOON + HOUR, "http.429", pause=True)
    await store.settle(report(first, "not_taken"), pause)

    assert await operations(store, now=NOON + 2 * MINUTE) == []


# ------------------------------------------------------------ next due


async def test_next_due_is_when_something_can_be_claimed(store: AnyStore) -> None:
    assert await store.next_due(PORTAL) is None

    await put(store, "submit", "cancel", due=NOON + MINUTE)
    await put(store, "submit", order_id="ORDER-o2", due=NOON + HOUR)
    assert await store.next_due(PORTAL) == NOON + MINUTE

    [claimed] = await claim(store, now=NOON + MINUTE)
    assert await store.next_due(PORTAL) == NOON + 2 * MINUTE  # its lease

    pause = RetryAt(NOON + 2 * HOUR, "http.429", pause=True)
    await store.settle(report(claimed, "not_taken"), pause)
    assert await store.next_due(PORTAL) == NOON + 2 * HOUR


async def test_what_waits_for_a_person_is_not_due(store: AnyStore) -> None:
    await put(store, "submit", "cancel")
    [claimed] = await claim(store)
    await store.settle(report(claimed, "unknown"), Hold("delivery.outcome_unknown"))

    assert await store.next_due(PORTAL) is None


# ------------------------------------------------------------ the guard


async def hold_identity(store: AnyStore, order: TherapyOrder) -> None:
    """Put an identity hold on an order that was just placed."""
    held = order.model_copy(update={"flags": ("name_changed", "hold.identity")})
    await store.commit(message(amending(opens(order)[0], held)))


async def test_a_hold_on_the_order_guards_what_bears_its_identity(
    store: AnyStore,
) -> None:
    order = therapy_order()
    sent = (
        delivery(order, "submit"),
        delivery(order, "status", destination=EHR, guarded=False),
    )
    await store.commit(message(placing(order, deliveries=sent)))
    await hold_identity(store, order)

    [submit] = await claim(store)
    [status] = await claim(store, destination=EHR)

    assert (submit.guard, status.guard) == ("identity.hold", "")


@pytest.mark.parametrize("guarded", [True, False])
async def test_a_delivery_made_from_another_identity_is_a_conflict(
    store: AnyStore, *, guarded: bool
) -> None:
    other = therapy_order(mrn="2002")
    order = therapy_order()
    stale = replace(delivery(other, guarded=guarded), order_id=order.id)
    await store.commit(message(placing(order, deliveries=(stale,))))

    [claimed] = await claim(store)

    assert claimed.guard == "identity.conflict"


async def test_a_guard_follows_the_ledger_and_not_the_first_claim(
    store: AnyStore,
) -> None:
    order = therapy_order()
    sent = (delivery(order),)
    await store.commit(message(placing(order, deliveries=sent)))
    [before] = await claim(store)
    await hold_identity(store, order)
    await store.settle(report(before, "not_taken"), RetryAt(NOON, "http.503"))

    [after] = await claim(store)

    assert (before.guard, after.guard) == ("", "identity.hold")


async def test_a_delivery_about_no_order_is_not_guarded(store: AnyStore) -> None:
    nothing = therapy_order()
    sent = delivery(nothing, destination=EHR, order_id="", identity=b"")
    await store.commit(message(placing(deliveries=(sent,))))

    [claimed] = await claim(store, destination=EHR)

    assert (claimed.guard, claimed.lane) == ("", "@ehr:st_elm")


# ------------------------------------------------------------ a person's hand


async def test_a_held_head_goes_on_when_a_person_resolves_it(
    store: AnyStore, desk: AnyBeside
) -> None:
    [sent, _] = await put(store, "submit", "cancel")
    [claimed] = await claim(store)
    await store.settle(report(claimed, "unknown"), Hold("delivery.outcome_unknown"))
    assert await operations(store) == []

    desk.resolve(
        sent.delivery_id, as_="delivered", reason="portal has it", who="ana", now=NOON
    )

    assert await operations(store) == ["cancel"]
