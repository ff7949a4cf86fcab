"""What waits too long is one alarm each, which closes when the waiting ends."""

import pytest

from gateway.core.effects import Alarm, Effects
from gateway.delivery.policy import Done, Hold, RetryAt
from tests.contract.store.backends import AnyStore
from tests.contract.store.builders import (
    ACCEPTED,
    DAY,
    EHR,
    HOUR,
    MINUTE,
    NOON,
    PORTAL,
    WAITING,
    delivery,
    message,
    placing,
    report,
    therapy_order,
)

ORDER = therapy_order()
EARLY = Effects(WAITING, ACCEPTED, wait_for=("st_elm|ELM|P-1",))


async def conditions(store: AnyStore) -> list[tuple[str, str, int]]:
    """List what is open now, looked at an hour after noon."""
    await store.note_overdue(NOON + MINUTE, NOON + HOUR)
    return [
        (alarm["code"], alarm["subject"], alarm["count"])
        for alarm in store.queries.alarms(state="open")
    ]


async def ordered(store: AnyStore, destination: str = PORTAL) -> None:
    """Place an order at noon, with something to send."""
    sent = (delivery(ORDER, destination=destination),)
    await store.commit(message(placing(ORDER, deliveries=sent)))


async def test_a_message_that_waits_for_its_order_is_counted_once(
    store: AnyStore,
) -> None:
    work = message(EARLY)
    await store.commit(work)

    assert await conditions(store) == [("message.waits_long", work.id, 1)]
    assert await conditions(store) == [("message.waits_long", work.id, 1)]


async def test_one_that_joins_those_that_wait_is_not_counted_for_them(
    store: AnyStore,
) -> None:
    first, second = message(EARLY), message(EARLY)
    await store.commit(first)
    await conditions(store)
    await store.commit(second)

    assert {(subject, count) for _, subject, count in await conditions(store)} == {
        (first.id, 1),
        (second.id, 1),
    }


async def test_the_alarm_closes_when_the_order_has_come(store: AnyStore) -> None:
    work = message(EARLY)
    await store.commit(work)
    await conditions(store)

    woken = ((work.id, placing().verdict),)
    await store.commit(message(placing(ORDER, woken=woken)))

    assert await conditions(store) == []


async def test_a_destination_that_takes_nothing_is_behind(store: AnyStore) -> None:
    """Whether it is down, paused, not configured or just not attempted."""
    await ordered(store)

    assert await conditions(store) == [("destination.behind", PORTAL, 1)]


@pytest.mark.parametrize("at", ["leased", "failing"])
async def test_what_is_attempted_in_vain_is_behind(store: AnyStore, at: str) -> None:
    await ordered(store)
    [claim] = await store.claim(PORTAL, now=NOON, until=NOON + DAY, limit=1)
    if at == "failing":
        step = RetryAt(NOON + 2 * HOUR, "http.503")
        await store.settle(report(claim, "not_taken"), step)

    assert await conditions(store) == [("destination.behind", PORTAL, 1)]


async def test_a_destination_that_took_it_is_behind_no_more(store: AnyStore) -> None:
    await ordered(store)
    await conditions(store)
    [claim] = await store.claim(PORTAL, now=NOON, until=NOON + DAY, limit=1)

    await store.settle(report(claim), Done())

    assert await conditions(store) == []


async def test_what_waits_for_a_person_makes_no_destination_late(
    store: AnyStore,
) -> None:
    """Its own alarm is open; others of the destination would go unseen."""
    await ordered(store)
    [claim] = await store.claim(PORTAL, now=NOON, until=NOON + DAY, limit=1)
    await store.settle(report(claim, "unknown"), Hold("delivery.outcome_unknown"))

    assert ("destination.behind", PORTAL, 1) not in await conditions(store)


async def test_what_has_waited_a_short_while_raises_nothing(store: AnyStore) -> None:
    await store.commit(message(EARLY))
    await ordered(store, EHR)

    await store.note_overdue(NOON, NOON + MINUTE)

    assert store.queries.alarms() == []


async def test_other_alarms_stay(store: AnyStore) -> None:
    await store.raise_alarms([Alarm("site.paused", "st_elm")], NOON)

    assert await conditions(store) == [("site.paused", "st_elm", 1)]


async def test_a_destination_that_takes_something_has_no_fault(
    store: AnyStore,
) -> None:
    await store.raise_alarms([Alarm("destination.fault", PORTAL)], NOON)
    await ordered(store)
    [claim] = await store.claim(PORTAL, now=NOON, until=NOON + DAY, limit=1)

    await store.settle(report(claim), Done())

    assert store.queries.alarms(state="open") == []


async def test_a_fault_goes_on_until_the_destination_takes_something(
    store: AnyStore,
) -> None:
    await ordered(store)
    for outcome in ("fault", "not_taken", "unknown"):
        [claim] = await store.claim(PORTAL, now=NOON, until=NOON + DAY, limit=1)
        await store.settle(report(claim, outcome), RetryAt(NOON, "http.401"))

    [alarm] = store.queries.alarms(state="open")
    assert (alarm["code"], alarm["subject"], alarm["count"]) == (
        "destination.fault",
        PORTAL,
        1,
    )
