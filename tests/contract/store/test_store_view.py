import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from gateway.core.effects import (
    Effects,
    NumberKey,
    OrderKey,
    PatientKey,
    StateNeeded,
    View,
    waits_for,
)
from gateway.core.order import Measure, Observation, Status
from gateway.core.verdict import MessageState, Verdict
from tests.contract.store.backends import AnyStore
from tests.contract.store.builders import (
    ACCEPTED,
    APPLIED,
    NOON,
    SITE,
    WAITING,
    amending,
    coi,
    key_of,
    message,
    opens,
    placing,
    therapy_order,
)


async def seen(store: AnyStore, **keys: Any) -> View:  # noqa: ANN401 - as Keys has them
    """What a message that asks for ``keys`` is shown."""
    work = message(Effects(APPLIED, ACCEPTED), **keys)
    await store.commit(work)
    [view] = work.views
    return view


async def test_an_order_is_read_as_it_was_written(store: AnyStore) -> None:
    weight = Measure(value=Decimal("72.50"), unit="kg", original_value="72.50")
    result = Observation(code="75622-1", observed_at=NOON, result="Negative")
    order = therapy_order(weight=weight, weight_at=NOON, observations=(result,))
    state, _ = opens(order)
    await store.commit(message(placing(order)))

    view = await seen(store, orders=(key_of(order),), order_ids=(order.id,))

    assert view.orders == {key_of(order): state}
    assert view.by_id == {order.id: state}


async def test_an_order_that_is_not_there_is_not_in_the_view(store: AnyStore) -> None:
    key = OrderKey(SITE, "ELM", "P-nobody")

    view = await seen(store, orders=(key,), order_ids=("nobody",))

    assert (dict(view.orders), dict(view.by_id)) == ({}, {})


@pytest.mark.parametrize(
    ("authority", "value"),
    [
        pytest.param("ELM", "1001", id="by the medical record number"),
        pytest.param("NHS", "N1001", id="by another identifier"),
    ],
)
async def test_a_patient_is_found_by_every_identifier(
    store: AnyStore, authority: str, value: str
) -> None:
    order = therapy_order()
    await store.commit(message(placing(order)))

    view = await seen(store, patients=(PatientKey(SITE, authority, value),))

    assert [state.order.id for state in view.patients] == [order.id]


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(PatientKey("st_oak", "ELM", "1001"), id="at another site"),
        pytest.param(PatientKey(SITE, "OAK", "1001"), id="of another authority"),
    ],
)
async def test_an_identifier_means_nothing_elsewhere(
    store: AnyStore, key: PatientKey
) -> None:
    await store.commit(message(placing(therapy_order())))

    view = await seen(store, patients=(key,))

    assert list(view.patients) == []


async def test_a_patient_with_two_identifiers_and_two_orders(store: AnyStore) -> None:
    """Each order is shown once, the older one first."""
    await store.commit(message(placing(therapy_order("ORDER-o1"))))
    await store.commit(message(placing(therapy_order("ORDER-o2"))))
    asked = (PatientKey(SITE, "ELM", "1001"), PatientKey(SITE, "NHS", "N1001"))

    view = await seen(store, patients=asked)

    assert [state.order.id for state in view.patients] == ["ORDER-o1", "ORDER-o2"]


@pytest.mark.parametrize("status", list(Status))
async def test_orders_that_have_ended_are_no_longer_the_patient_s(
    store: AnyStore, status: Status
) -> None:
    order = therapy_order(status=status, coi=coi())
    await store.commit(message(placing(order)))

    view = await seen(
        store,
        patients=(PatientKey(SITE, "ELM", "1001"),),
        numbers=(NumberKey("coi", "helix", "HX-1"),),
        orders=(key_of(order),),
    )

    ended = status in {
        Status.REJECTED,
        Status.CANCELLED,
        Status.TERMINATED,
        Status.DISCARDED,
        Status.EXPIRED,
        Status.CLOSED,
        Status.INFUSED,
    }
    assert len(view.patients) == (0 if ended else 1)
    assert (len(view.orders), len(view.numbered)) == (1, 1)


async def test_an_order_is_found_by_the_number_that_was_bound_to_it_later(
    store: AnyStore,
) -> None:
    order = therapy_order()
    await store.commit(message(placing(order)))
    state, _ = opens(order)
    bound = order.model_copy(update={"coi": coi("HX-7")})
    await store.commit(message(amending(state, bound)))

    numbers = (NumberKey("coi", "helix", "HX-7"), NumberKey("coi", "helix", "HX-8"))

    view = await seen(store, numbers=numbers)

    assert [state.order.id for state in view.numbered] == [order.id]


async def test_orders_are_found_by_the_number_their_manufacturer_gave_them(
    store: AnyStore,
) -> None:
    """Another manufacturer's number, or a chain of identity, is another number."""
    known = {"manufacturer": "helix", "manufacturer_number": "7"}
    order = therapy_order(**known)
    await store.commit(message(placing(order)))
    others = (NumberKey("order", "other", "7"), NumberKey("coi", "helix", "7"))

    assert list((await seen(store, numbers=others)).numbered) == []
    number = NumberKey("order", "helix", "7")
    assert len((await seen(store, numbers=(number,))).numbered) == 1


async def test_messages_about_one_order_see_each_other_s_effects(
    store: AnyStore,
) -> None:
    """However the store groups them, no two decide over the same state."""
    order = therapy_order()
    await store.commit(message(placing(order)))

    def add_one(view: View) -> Effects:
        return amending(view.by_id[order.id], order)

    works = [message(add_one, order_ids=(order.id,)) for _ in range(40)]
    await asyncio.gather(*map(store.commit, works))

    lengths = sorted(work.views[-1].by_id[order.id].length for work in works)
    assert lengths == list(range(1, 41))


async def test_a_change_is_seen_by_the_next_message(store: AnyStore) -> None:
    order = therapy_order()
    await store.commit(message(placing(order)))
    accepted = order.model_copy(update={"status": Status.ACCEPTED})
    state, _ = opens(order)
    await store.commit(message(amending(state, accepted)))

    view = await seen(store, order_ids=(order.id,))

    assert view.by_id[order.id].order.status is Status.ACCEPTED
    assert view.by_id[order.id].length == 2


async def test_deciding_may_ask_for_more_state(store: AnyStore) -> None:
    order = therapy_order()
    await store.commit(message(placing(order)))

    def ask(view: View) -> Effects:
        if order.id not in view.by_id:
            raise StateNeeded(replace(view.asked, order_ids=(order.id,)))
        return amending(view.by_id[order.id], order)

    work = message(ask)
    await store.commit(work)

    first, second = work.views
    assert (list(first.by_id), list(second.by_id)) == ([], [order.id])
    assert second.asked == replace(work.keys, order_ids=(order.id,))


async def test_a_message_that_asks_for_the_same_again_is_held(store: AnyStore) -> None:
    def ask(view: View) -> Effects:
        raise StateNeeded(view.asked)

    work = message(ask)
    await store.commit(work)

    shown = store.queries.message(work.id)
    assert shown is not None
    assert shown["state"] == "held"


# ------------------------------------------------------------ waiting


def waiting_for(*keys: str) -> Effects:
    """What follows when a message comes before its order."""
    return Effects(WAITING, ACCEPTED, wait_for=keys)


async def test_an_early_message_is_shown_to_the_order_it_waits_for(
    store: AnyStore,
) -> None:
    order = therapy_order()
    key = key_of(order)
    first = message(waiting_for(waits_for(key)), body=b"cancel one")
    second = message(waiting_for(waits_for(key)), body=b"cancel two")
    other = message(waiting_for(f"{SITE}|ELM|P-other"))
    for work in (first, second, other):
        await store.commit(work)

    view = await seen(store, orders=(key,))

    assert [(w.message_id, w.body) for w in view.waiting] == [
        (first.id, b"cancel one"),
        (second.id, b"cancel two"),
    ]


async def test_who_waits_for_different_orders_is_shown_in_the_order_they_came(
    store: AnyStore,
) -> None:
    one, other = (key_of(therapy_order(f"ORDER-o{n}")) for n in (1, 2))
    works = [message(waiting_for(waits_for(key))) for key in (one, other, one)]
    for work in works:
        await store.commit(work)

    view = await seen(store, orders=(one, other))

    assert [w.message_id for w in view.waiting] == [work.id for work in works]


async def test_a_message_that_waits_for_two_is_shown_once(store: AnyStore) -> None:
    keys = tuple(key_of(therapy_order(f"ORDER-o{n}")) for n in (1, 2))
    early = message(waiting_for(*map(waits_for, keys)))
    await store.commit(early)

    view = await seen(store, orders=keys)

    assert [w.message_id for w in view.waiting] == [early.id]


async def test_a_woken_message_has_its_verdict_and_waits_no_more(
    store: AnyStore,
) -> None:
    order = therapy_order()
    early = message(waiting_for(waits_for(key_of(order))))
    await store.commit(early)
    woken = ((early.id, Verdict(MessageState.NO_EFFECT)),)

    await store.commit(message(placing(order, woken=woken)))

    shown = store.queries.message(early.id)
    assert shown is not None
    assert (shown["state"], shown["waits_for"]) == ("no_effect", [])
    view = await seen(store, orders=(key_of(order),))
    assert list(view.waiting) == []


async def test_only_a_waiting_message_can_be_woken(store: AnyStore) -> None:
    applied = message(Effects(APPLIED, ACCEPTED))
    await store.commit(applied)
    woken = ((applied.id, Verdict(MessageState.NO_EFFECT)),)

    await store.commit(message(Effects(APPLIED, ACCEPTED, woken=woken)))

    shown = store.queries.message(applied.id)
    assert shown is not None
    assert shown["state"] == "applied"
