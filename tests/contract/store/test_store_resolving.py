"""What a person finds out about a delivery, and what becomes of its lane."""

from typing import Literal

import pytest

from gateway.core.effects import Effects, Sequel, View
from gateway.core.errors import NotAllowed
from gateway.delivery.policy import Done, GiveUp, Hold, NextStep
from gateway.ports import Claim
from tests.contract.store.backends import AnyBeside, AnyStore
from tests.contract.store.builders import (
    HOUR,
    MINUTE,
    NOON,
    NOTHING,
    PORTAL,
    SIGNED,
    amending,
    codes,
    delivery,
    message,
    opens,
    operations,
    placing,
    report,
    therapy_order,
)

UNKNOWN = Hold("delivery.outcome_unknown")


async def attempted(store: AnyStore, step: NextStep) -> Claim:
    """Place an order with a submit and a cancel, and attempt the submit."""
    order = therapy_order()
    sent = (delivery(order, "submit"), delivery(order, "cancel"))
    await store.commit(message(placing(order, deliveries=sent)))
    [claimed] = await store.claim(PORTAL, now=NOON, until=NOON + MINUTE, limit=1)
    await store.settle(report(claimed, "unknown"), step)
    return claimed


@pytest.mark.parametrize("found", ["delivered", "rejected", "superseded"])
@pytest.mark.parametrize(
    "step", [UNKNOWN, GiveUp("http.500", certain=False)], ids=["held", "dead"]
)
async def test_a_resolved_delivery_is_over_and_its_lane_goes_on(
    store: AnyStore,
    desk: AnyBeside,
    step: NextStep,
    found: Literal["delivered", "rejected", "superseded"],
) -> None:
    stuck = await attempted(store, step)

    desk.resolve(stuck.delivery_id, as_=found, **SIGNED)

    shown = desk.delivery(stuck.delivery_id)
    assert shown is not None
    assert (shown["state"], shown["code"]) == (found, "resolved.by_operator")
    assert await operations(store) == ["cancel"]


async def test_a_delivery_that_never_left_can_be_superseded(
    store: AnyStore, desk: AnyBeside
) -> None:
    order = therapy_order()
    sent = (delivery(order, "submit"), delivery(order, "change"))
    await store.commit(message(placing(order, deliveries=sent)))

    desk.resolve(sent[1].delivery_id, as_="superseded", **SIGNED)

    assert await operations(store) == ["submit"]
    shown = desk.delivery(sent[1].delivery_id)
    assert shown is not None
    assert shown["state"] == "superseded"


async def test_a_delivery_that_never_left_has_not_arrived(
    store: AnyStore, desk: AnyBeside
) -> None:
    sent = delivery(order := therapy_order())
    await store.commit(message(placing(order, deliveries=(sent,))))

    with pytest.raises(NotAllowed) as refused:
        desk.resolve(sent.delivery_id, as_="delivered", **SIGNED)

    assert codes(refused) == ["delivery.never_sent"]
    assert await operations(store) == ["submit"]


async def test_a_held_delivery_can_be_sent_again_with_its_key(
    store: AnyStore, desk: AnyBeside
) -> None:
    held = await attempted(store, UNKNOWN)

    desk.resolve(held.delivery_id, as_="ready", **SIGNED)

    [again] = await store.claim(PORTAL, now=NOON, until=NOON + MINUTE, limit=9)
    assert (again.key, again.attempt, again.uncertain) == (held.key, 2, True)


async def test_what_is_on_its_way_cannot_be_resolved(
    store: AnyStore, desk: AnyBeside
) -> None:
    order = therapy_order()
    sent = delivery(order)
    await store.commit(message(placing(order, deliveries=(sent,))))
    await store.claim(PORTAL, now=NOON, until=NOON + MINUTE, limit=1)

    with pytest.raises(NotAllowed) as refused:
        desk.resolve(sent.delivery_id, as_="superseded", **SIGNED)

    assert codes(refused) == ["delivery.leased"]


async def test_what_is_over_cannot_be_resolved(
    store: AnyStore, desk: AnyBeside
) -> None:
    over = await attempted(store, Done())

    with pytest.raises(NotAllowed) as refused:
        desk.resolve(over.delivery_id, as_="rejected", **SIGNED)

    assert codes(refused) == ["delivery.final"]


async def test_what_is_on_its_way_anyway_is_not_sent_again(
    store: AnyStore, desk: AnyBeside
) -> None:
    order = therapy_order()
    sent = delivery(order)
    await store.commit(message(placing(order, deliveries=(sent,))))

    with pytest.raises(NotAllowed) as refused:
        desk.resolve(sent.delivery_id, as_="ready", **SIGNED)

    assert codes(refused) == ["delivery.not_held"]


@pytest.mark.parametrize("certain", [True, False], ids=["never taken", "perhaps taken"])
async def test_what_was_given_up_can_be_sent_again_before_what_follows_it(
    store: AnyStore,
    desk: AnyBeside,
    certain: bool,  # noqa: FBT001 - a case
) -> None:
    dead = await attempted(store, GiveUp("http.503", certain=certain))

    desk.resolve(dead.delivery_id, as_="ready", **SIGNED)

    [again] = await store.claim(PORTAL, now=NOON, until=NOON + MINUTE, limit=9)
    assert (again.key, again.attempt) == (dead.key, 2)
    await store.settle(report(again), Done())
    assert await operations(store) == ["cancel"]


async def test_what_tells_of_a_hold_waits_for_nothing_that_is_sent_again(
    store: AnyStore, desk: AnyBeside
) -> None:
    order = therapy_order()
    first = delivery(order, "status")
    await store.commit(message(placing(order, deliveries=(first,))))
    [claimed] = await store.claim(PORTAL, now=NOON, until=NOON + MINUTE, limit=1)
    await store.settle(report(claimed, "not_taken"), GiveUp("mllp.down", certain=True))
    tells = delivery(order, "status", guarded=False)
    held = order.model_copy(update={"flags": ("hold.identity",)})
    after = amending(opens(order)[0], held, deliveries=(tells,))
    await store.commit(message(after))

    desk.resolve(first.delivery_id, as_="ready", **SIGNED)

    claims = await store.claim(PORTAL, now=NOON, until=NOON + MINUTE, limit=9)
    assert [(c.delivery_id, c.guard) for c in claims] == [
        (first.delivery_id, "identity.hold"),
        (tells.delivery_id, ""),
    ]
    assert (await store.audit()).clean


async def test_what_its_lane_has_overtaken_is_not_sent_again(
    store: AnyStore, desk: AnyBeside
) -> None:
    dead = await attempted(store, GiveUp("http.503", certain=True))
    assert await operations(store) == ["cancel"]

    with pytest.raises(NotAllowed) as refused:
        desk.resolve(dead.delivery_id, as_="ready", **SIGNED)

    assert codes(refused) == ["delivery.overtaken"]


async def test_a_delivery_sent_again_may_have_a_new_deadline(
    store: AnyStore, desk: AnyBeside
) -> None:
    dead = await attempted(store, GiveUp("deadline.passed", certain=True))
    later = NOON + 5 * HOUR

    desk.resolve(dead.delivery_id, as_="ready", sequel=Sequel(deadline=later), **SIGNED)

    [again] = await store.claim(PORTAL, now=NOON, until=NOON + MINUTE, limit=9)
    assert again.deadline == later


async def test_a_delivery_nobody_has_cannot_be_resolved(desk: AnyBeside) -> None:
    with pytest.raises(NotAllowed) as refused:
        desk.resolve("nobody", as_="delivered", **SIGNED)

    assert codes(refused) == ["delivery.unknown"]


async def test_what_a_person_did_is_in_the_log(
    store: AnyStore, desk: AnyBeside
) -> None:
    held = await attempted(store, UNKNOWN)
    with pytest.raises(NotAllowed):
        desk.resolve("nobody", as_="delivered", **SIGNED)

    desk.resolve(held.delivery_id, as_="delivered", **SIGNED)

    assert desk.operator_log() == [
        {
            "at": "2026-03-02T12:00:00.000Z",
            "who": "ana",
            "action": "delivery.resolve",
            "subject": held.delivery_id,
            "reason": "asked the portal",
            "detail": {"from": "held", "to": "delivered"},
        }
    ]


@pytest.mark.parametrize(
    ("step", "found", "hears"),
    [
        (UNKNOWN, "rejected", True),
        (GiveUp("http.500", certain=False), "rejected", True),
        (GiveUp("http.500", certain=True), "rejected", False),
        (GiveUp("http.500", certain=True), "delivered", True),
        (GiveUp("http.500", certain=True), "ready", True),
        (UNKNOWN, "ready", False),
    ],
)
async def test_an_order_hears_of_a_finding_what_it_did_not_hear_before(
    store: AnyStore,
    desk: AnyBeside,
    step: NextStep,
    found: Literal["delivered", "rejected", "ready"],
    hears: bool,  # noqa: FBT001 - a case
) -> None:
    """Of what was given up for certain it knows that it came to nothing."""
    stuck = await attempted(store, step)
    heard: list[View] = []

    def decide(view: View) -> Effects:
        heard.append(view)
        return NOTHING

    desk.resolve(stuck.delivery_id, as_=found, sequel=Sequel(decide), **SIGNED)

    assert bool(heard) is hears
