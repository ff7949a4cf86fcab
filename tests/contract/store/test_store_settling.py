"""What an attempt means for its order is written with the attempt, or not at all."""

from collections.abc import Sequence

import pytest

from gateway.core.effects import Effects, Keys, View
from gateway.core.errors import LeaseLost
from gateway.core.order import Status, TherapyOrder
from gateway.delivery.policy import Done, GiveUp, Hold, NextStep, Refuse, RetryAt
from gateway.ports import Claim
from tests.contract.store.backends import AnyStore
from tests.contract.store.builders import (
    ACCEPTED,
    APPLIED,
    EHR,
    MINUTE,
    NOON,
    PORTAL,
    amending,
    delivery,
    failing,
    message,
    placing,
    report,
    therapy_order,
)

ORDER = therapy_order()
ASKS = Keys(order_ids=(ORDER.id,))


async def claimed_submit(store: AnyStore, *more: str) -> Claim:
    """Place the order, and claim the first of its deliveries."""
    sent = tuple(delivery(ORDER, operation) for operation in ("submit", *more))
    await store.commit(message(placing(ORDER, deliveries=sent)))
    [claimed] = await claim(store)
    return claimed


async def claim(store: AnyStore, destination: str = PORTAL) -> Sequence[Claim]:
    """Claim for a minute."""
    return await store.claim(destination, now=NOON, until=NOON + MINUTE, limit=9)


def acknowledged(view: View) -> Effects:
    """Advance the order and tell the hospital."""
    after = ORDER.model_copy(update={"status": Status.ACKNOWLEDGED})
    told = (delivery(after, "status", destination=EHR),)
    return amending(view.by_id[ORDER.id], after, deliveries=told)


def status(store: AnyStore, order: TherapyOrder = ORDER) -> str:
    """How the order stands."""
    shown = store.queries.order(order.id)
    assert shown is not None
    return str(shown["status"])


def state(store: AnyStore, claimed: Claim) -> str:
    """How a delivery stands."""
    shown = store.queries.delivery(claimed.delivery_id)
    assert shown is not None
    return str(shown["state"])


async def test_an_outcome_changes_its_order_and_makes_new_work(
    store: AnyStore,
) -> None:
    claimed = await claimed_submit(store, "cancel")
    told = report(claimed, decide=acknowledged, keys=ASKS)

    woken = await store.settle(told, Done())

    assert woken == {PORTAL, EHR}
    assert status(store) == "acknowledged"
    assert [c.operation for c in await claim(store, EHR)] == ["status"]


@pytest.mark.parametrize("broken", [failing, lambda _: placing(ORDER)])
async def test_an_attempt_is_recorded_even_if_deciding_about_it_fails(
    store: AnyStore, broken: object
) -> None:
    claimed = await claimed_submit(store, "cancel")
    told = report(claimed, decide=broken, keys=ASKS)

    woken = await store.settle(told, Done())

    assert woken == {PORTAL}
    assert (state(store, claimed), status(store)) == ("delivered", "ready")
    [alarm] = store.queries.alarms()
    assert (alarm["code"], alarm["subject"]) == ("message.failed", ORDER.id)


async def test_a_lost_lease_has_no_effect_on_the_order(store: AnyStore) -> None:
    slow = await claimed_submit(store)
    await store.claim(PORTAL, now=NOON + MINUTE, until=NOON + 2 * MINUTE, limit=1)

    with pytest.raises(LeaseLost):
        await store.settle(report(slow, decide=acknowledged, keys=ASKS), Done())

    assert status(store) == "ready"


# ------------------------------------------------------------ evidence


def reports(*proven: str) -> Effects:
    """What follows from a report that names what must have arrived."""
    return Effects(APPLIED, ACCEPTED, settled=proven)


UNCLEAR = [
    Hold("delivery.outcome_unknown"),
    RetryAt(NOON, "http.500"),
    GiveUp("http.500", certain=False),
]


@pytest.mark.parametrize("step", UNCLEAR)
async def test_a_report_settles_what_was_on_its_way_when_its_answer_is_lost(
    store: AnyStore, step: NextStep
) -> None:
    """The webhook came before the answer to the request that caused it."""
    claimed = await claimed_submit(store, "cancel")
    receipt = await store.commit(message(reports(f"{claimed.lane}:submit")))
    assert receipt.destinations == frozenset()

    woken = await store.settle(report(claimed, "unknown", decide=failing), step)

    assert woken == {PORTAL}
    assert state(store, claimed) == "delivered"
    assert [c.operation for c in await claim(store)] == ["cancel"]
    assert store.queries.alarms() == []


async def test_the_answer_to_what_is_on_its_way_is_heard_after_a_report(
    store: AnyStore,
) -> None:
    """It may say what the report did not, such as the manufacturer's number."""
    claimed = await claimed_submit(store)
    await store.commit(message(reports(f"{claimed.lane}:submit")))

    await store.settle(report(claimed, decide=acknowledged, keys=ASKS), Done())

    assert (state(store, claimed), status(store)) == ("delivered", "acknowledged")


async def test_what_a_lost_worker_sent_is_known_by_the_report(store: AnyStore) -> None:
    lost = await claimed_submit(store)
    await store.commit(message(reports(f"{lost.lane}:submit")))

    later = NOON + MINUTE
    [again] = await store.claim(PORTAL, now=later, until=later + MINUTE, limit=9)

    assert (lost.proven, again.proven, again.lapsed) == (False, True, True)


async def test_a_report_settles_what_nobody_knew(store: AnyStore) -> None:
    claimed = await claimed_submit(store)
    await store.settle(report(claimed, "unknown"), Hold("delivery.outcome_unknown"))

    await store.commit(message(reports(f"{claimed.lane}:submit")))

    assert state(store, claimed) == "delivered"


async def test_a_report_settles_what_is_to_be_tried_again(store: AnyStore) -> None:
    claimed = await claimed_submit(store)
    await store.settle(report(claimed, "unknown"), RetryAt(NOON, "http.500"))

    await store.commit(message(reports(f"{claimed.lane}:submit")))

    assert state(store, claimed) == "delivered"


async def test_a_report_proves_nothing_about_what_never_left(store: AnyStore) -> None:
    sent = delivery(ORDER)
    await store.commit(message(placing(ORDER, deliveries=(sent,))))

    await store.commit(message(reports(f"{sent.lane}:submit")))

    assert [c.operation for c in await claim(store)] == ["submit"]


async def test_a_report_proves_nothing_about_another_operation(
    store: AnyStore,
) -> None:
    claimed = await claimed_submit(store)

    await store.commit(message(reports(f"{claimed.lane}:cancel", "nobody@x:submit")))

    assert state(store, claimed) == "leased"


async def test_a_report_does_not_overrule_an_identity_hold(store: AnyStore) -> None:
    claimed = await claimed_submit(store)
    await store.settle(report(claimed, "guarded"), Hold("identity.hold"))

    await store.commit(message(reports(f"{claimed.lane}:submit")))

    assert state(store, claimed) == "held"


async def test_a_report_does_not_change_what_is_over(store: AnyStore) -> None:
    claimed = await claimed_submit(store)
    await store.settle(report(claimed, "rejected"), Refuse("http.422"))

    await store.commit(message(reports(f"{claimed.lane}:submit")))

    assert state(store, claimed) == "rejected"


# ------------------------------------------------------------ behind what is held


@pytest.mark.parametrize(
    ("step", "blocked"),
    [
        (Hold("identity.hold"), True),
        (GiveUp("http.503", certain=False), True),
        (GiveUp("http.503", certain=True), False),
        (RetryAt(NOON + MINUTE, "http.503"), False),
    ],
)
async def test_a_cancellation_behind_what_is_held_is_an_alarm(
    store: AnyStore, step: NextStep, *, blocked: bool
) -> None:
    """Cells may be taken for an order that nobody wants any more."""
    claimed = await claimed_submit(store)
    await store.settle(report(claimed, "unknown"), step)

    cancel = (delivery(ORDER, "cancel", guarded=False),)
    await store.commit(message(Effects(APPLIED, ACCEPTED, deliveries=cancel)))

    raised = {(a["code"], a["subject"]) for a in store.queries.alarms(state="open")}
    assert (("order.cancel_blocked", ORDER.id) in raised) is blocked


async def test_a_change_behind_what_is_held_is_no_alarm_of_a_cancellation(
    store: AnyStore,
) -> None:
    claimed = await claimed_submit(store)
    await store.settle(report(claimed, "unknown"), Hold("delivery.outcome_unknown"))

    change = (delivery(ORDER, "change"),)
    await store.commit(message(Effects(APPLIED, ACCEPTED, deliveries=change)))

    [alarm] = store.queries.alarms(state="open")
    assert alarm["code"] == "delivery.outcome_unknown"


async def test_what_waits_for_a_person_is_not_settled_by_a_report(
    store: AnyStore,
) -> None:
    """The report shows that it arrived, and not for whom."""
    claimed = await claimed_submit(store)
    await store.settle(report(claimed, "unknown"), RetryAt(NOON, "http.500"))
    [again] = await claim(store)
    await store.settle(report(again, "guarded"), Hold("identity.hold"))

    await store.commit(message(reports(f"{claimed.lane}:submit")))

    assert state(store, claimed) == "held"
