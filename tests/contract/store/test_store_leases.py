"""Leases are fenced, pauses hold a destination, guards follow the ledger."""

from dataclasses import replace

import pytest

from gateway.core.errors import LeaseLost
from gateway.core.order import TherapyOrder
from gateway.delivery.policy import Done, Hold, Refuse, RetryAt
from tests.contract.store.backends import AnyStore, opened
from tests.contract.store.builders import (
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
from tests.contract.store.dispatching import claim, operations, put

# ------------------------------------------------------------ leases


async def test_a_lapsed_lease_is_taken_over_and_says_so(store: AnyStore) -> None:
    await put(store, "submit")
    [slow] = await claim(store)

    assert await operations(store, now=NOON + MINUTE - SECOND) == []
    [fast] = await claim(store, now=NOON + MINUTE)

    assert (slow.attempt, slow.lapsed, slow.uncertain) == (1, False, False)
    assert (fast.attempt, fast.lapsed, fast.uncertain) == (2, True, True)
    assert fast.lease > slow.lease


async def test_a_lapsed_lease_is_taken_in_its_turn(store: AnyStore) -> None:
    """Oldest first, whether it is ready or was lost on the way."""
    for number, seconds in enumerate((20, 0, 40)):
        due = NOON + seconds * SECOND
        await put(store, f"at {seconds}", order_id=f"ORDER-o{number}", due=due)
    [lost] = await claim(store)
    later = NOON + 2 * MINUTE

    claims = [await claim(store, now=later, limit=1) for _ in range(3)]

    assert lost.operation == "at 0"
    assert [c.operation for [c] in claims] == ["at 0", "at 20", "at 40"]


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
    pause = RetryAt(NOON + HOUR, "http.429", pause_until=NOON + HOUR)

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
        step = RetryAt(NOON + wait, "http.429", pause_until=NOON + wait)
        await store.settle(report(claimed, "not_taken"), step)

    assert await operations(store, now=NOON + HOUR - SECOND) == []


async def test_a_pause_also_keeps_lapsed_leases(store: AnyStore) -> None:
    for number in (1, 2):
        await put(store, "submit", order_id=f"ORDER-o{number}")
    first, _lost = await claim(store)
    pause = RetryAt(NOON + HOUR, "http.429", pause_until=NOON + HOUR)
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

    pause = RetryAt(NOON + 2 * HOUR, "http.429", pause_until=NOON + 2 * HOUR)
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


async def test_what_tells_of_a_hold_passes_what_the_hold_keeps_back(
    store: AnyStore,
) -> None:
    order = therapy_order()
    waits = delivery(order, "status", destination=EHR)
    await store.commit(message(placing(order, deliveries=(waits,))))
    held = order.model_copy(update={"flags": ("hold.identity",)})
    tells = delivery(order, "status", destination=EHR, guarded=False)
    await store.commit(message(amending(opens(order)[0], held, deliveries=(tells,))))

    claims = await claim(store, destination=EHR)

    assert [(c.delivery_id, c.guard) for c in claims] == [
        (waits.delivery_id, "identity.hold"),
        (tells.delivery_id, ""),
    ]
    assert (await store.audit()).clean


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
