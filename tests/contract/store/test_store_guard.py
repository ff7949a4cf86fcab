"""The last look before the first byte: what came up since a delivery was claimed."""

from gateway.core.order import TherapyOrder
from gateway.delivery.policy import RetryAt
from tests.contract.store.backends import AnyStore
from tests.contract.store.builders import (
    MINUTE,
    NOON,
    amending,
    delivery,
    message,
    opens,
    placing,
    report,
    therapy_order,
)
from tests.contract.store.dispatching import claim
from tests.contract.store.test_store_leases import hold_identity


async def claimed(
    store: AnyStore, order: TherapyOrder, *, guarded: bool = True
) -> tuple[str, int]:
    """Place an order and claim its one delivery: its id and its lease."""
    sent = (delivery(order, guarded=guarded),)
    await store.commit(message(placing(order, deliveries=sent)))
    [one] = await claim(store)
    return one.delivery_id, one.lease


async def test_what_nothing_came_up_about_may_leave(store: AnyStore) -> None:
    found = await claimed(store, therapy_order())

    assert await store.guard(*found) == ""


async def test_a_hold_put_on_since_the_claim_stops_it(store: AnyStore) -> None:
    order = therapy_order()
    found = await claimed(store, order)
    await hold_identity(store, order)

    assert await store.guard(*found) == "identity.hold"


async def test_a_hold_does_not_stop_what_it_does_not_guard(store: AnyStore) -> None:
    order = therapy_order()
    found = await claimed(store, order, guarded=False)
    await hold_identity(store, order)

    assert await store.guard(*found) == ""


async def test_another_identity_in_the_ledger_since_the_claim_stops_it(
    store: AnyStore,
) -> None:
    order = therapy_order()
    found = await claimed(store, order, guarded=False)
    corrected = replace_mrn(order, therapy_order(mrn="2002"))
    await store.commit(message(amending(opens(order)[0], corrected)))

    assert await store.guard(*found) == "identity.conflict"


def replace_mrn(order: TherapyOrder, other: TherapyOrder) -> TherapyOrder:
    return order.model_copy(update={"patient": other.patient})


async def test_a_lease_that_another_worker_took_over_sends_nothing(
    store: AnyStore,
) -> None:
    delivery_id, lease = await claimed(store, therapy_order())
    [taken_over] = await claim(store, now=NOON + MINUTE)

    assert await store.guard(delivery_id, lease) == "lease.lost"
    assert await store.guard(delivery_id, taken_over.lease) == ""


async def test_what_was_settled_is_not_sent(store: AnyStore) -> None:
    order = therapy_order()
    await store.commit(message(placing(order, deliveries=(delivery(order),))))
    [one] = await claim(store)
    await store.settle(report(one, "not_taken"), RetryAt(NOON, "connect.failed"))

    assert await store.guard(one.delivery_id, one.lease) == "lease.lost"
    assert await store.guard("nobody's", 1) == "lease.lost"
