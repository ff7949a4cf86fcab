"""Many messages share a commit; none shares another's fate."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.core.effects import Effects, View
from gateway.core.errors import LeaseLost, Problem, Unavailable, Unmappable
from gateway.delivery.policy import Done
from tests.contract.store.backends import AnyStore, opened
from tests.contract.store.builders import (
    HELD,
    MINUTE,
    NOON,
    PORTAL,
    Message,
    amending,
    delivery,
    failing,
    message,
    opens,
    placing,
    report,
    therapy_order,
)


def placing_order(number: int) -> Message:
    """A message that places an order and one delivery."""
    order = therapy_order(f"ORDER-o{number}")
    sent = (delivery(order),)
    return message(placing(order, deliveries=sent), control_id=f"C{number}")


def refusing(_: View) -> Effects:
    """Fail as a mapping would that cannot render an order."""
    raise Unmappable(Problem("render.unrepresentable", "patient.name"))


def same_event(_: View) -> Effects:
    """Write an event that is there already, as two deciders of one state would."""
    order = therapy_order("ORDER-o1")
    return placing(order, deliveries=(delivery(order, "change"),))


def same_key(_: View) -> Effects:
    """Write a delivery whose key is taken."""
    order = therapy_order("ORDER-o1")
    state, _event = opens(order)
    twice = (delivery(order, key="K"), delivery(order, "change", key="K"))
    return amending(state, order, deliveries=twice)


def same_placer_number(_: View) -> Effects:
    """Place an order under a placer number that is taken."""
    taken = therapy_order("ORDER-o1").placer_number
    return placing(therapy_order("ORDER-o99", placer_number=taken))


@pytest.mark.parametrize(
    "poison", [failing, refusing, same_event, same_key, same_placer_number]
)
async def test_one_poison_message_is_held_and_its_neighbours_are_stored(
    store: AnyStore, poison: Callable[[View], Effects]
) -> None:
    await store.commit(placing_order(1))
    bad = message(poison, control_id="BAD")
    works = [*map(placing_order, range(2, 12)), bad, *map(placing_order, range(12, 22))]

    receipts = await asyncio.gather(*map(store.commit, works))

    assert [receipt.message_id for receipt in receipts] == [work.id for work in works]
    states = {row["id"]: row["state"] for row in store.queries.messages()}
    assert states.pop(bad.id) == "held"
    assert set(states.values()) == {"applied"}
    assert len(store.queries.orders()) == 21
    assert len(store.queries.deliveries()) == 21
    [alarm] = store.queries.alarms()
    assert (alarm["code"], alarm["count"]) == ("message.failed", 1)


async def test_a_poison_message_is_accepted_so_its_resend_is_a_duplicate(
    store: AnyStore,
) -> None:
    bad = message(failing, control_id="BAD")
    await store.commit(bad)

    receipt = await store.commit(message(failing, control_id="BAD"))

    assert receipt.duplicate
    assert receipt.message_id == bad.id


class Hopeless(Message):
    """A message whose deciding fails, and what is to be stored instead too."""

    __slots__ = ()

    def failed(self) -> Effects:
        """Say something that cannot be written: an event that is there."""
        return replace(placing(therapy_order("ORDER-o1")), verdict=HELD)


async def test_what_cannot_even_be_held_is_not_stored(store: AnyStore) -> None:
    work = message(failing, control_id="BAD")
    bad = Hopeless(work.envelope, work.keys, failing)
    works = [placing_order(1), bad, placing_order(2)]

    outcomes = await asyncio.gather(*map(store.commit, works), return_exceptions=True)

    assert [type(outcome).__name__ for outcome in outcomes] == [
        "Receipt",
        "Unavailable",
        "Receipt",
    ]
    assert store.queries.message(bad.id) is None


async def test_a_lost_lease_does_not_disturb_its_neighbours(store: AnyStore) -> None:
    await store.commit(placing_order(1))
    [slow] = await store.claim(PORTAL, now=NOON, until=NOON + MINUTE, limit=1)
    [fast] = await store.claim(
        PORTAL, now=NOON + MINUTE, until=NOON + 9 * MINUTE, limit=1
    )

    lost, stored, settled = await asyncio.gather(
        store.settle(report(slow), Done()),
        store.commit(placing_order(2)),
        store.settle(report(fast), Done()),
        return_exceptions=True,
    )

    assert isinstance(lost, LeaseLost)
    assert not isinstance(stored, BaseException)
    assert settled == frozenset()


async def test_a_caller_that_gives_up_changes_nothing(store: AnyStore) -> None:
    """The message is stored all the same, and its resend is a duplicate."""
    work = placing_order(1)
    caller = asyncio.create_task(store.commit(work))
    await asyncio.sleep(0)  # let it hand the message over
    caller.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await caller

    receipt = await store.commit(message(failing, control_id="C1"))

    assert receipt.duplicate
    assert receipt.message_id == work.id


async def test_closing_finishes_what_was_handed_over(location: str) -> None:
    store = opened(location)
    works = [placing_order(number) for number in range(50)]
    callers = [asyncio.create_task(store.commit(work)) for work in works]
    await asyncio.sleep(0)  # let them hand their messages over

    await store.close()

    receipts = await asyncio.gather(*callers)
    assert [receipt.message_id for receipt in receipts] == [work.id for work in works]
    with pytest.raises(Unavailable):
        await store.next_due(PORTAL)


async def test_hundreds_at_once_are_all_stored_in_the_order_they_came(
    store: AnyStore,
) -> None:
    works = [placing_order(number) for number in range(600)]

    await asyncio.gather(*map(store.commit, works))

    rows = store.queries.messages(limit=1000)
    assert [row["id"] for row in reversed(rows)] == [work.id for work in works]
