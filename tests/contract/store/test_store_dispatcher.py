"""A dispatcher on a real store: what is certain when it gives a delivery up.

A submission that may have been taken keeps its lane closed, or a correction would
order the same cells twice (ADR 0013).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from gateway.core.agreements import Patience
from gateway.core.effects import Effects
from gateway.delivery.outcome import Evidence, NotTaken, Outcome, Unknown
from gateway.flow.dispatch import FRESH, Dispatcher, Target
from gateway.flow.rules import Rules
from gateway.notifier.local import LocalNotifier
from gateway.ports import Check, Claim, unchecked
from tests.contract.store.backends import AnyStore
from tests.contract.store.builders import (
    ACCEPTED,
    APPLIED,
    HOUR,
    MINUTE,
    NOON,
    PORTAL,
    delivery,
    message,
    placing,
    therapy_order,
)
from tests.contract.store.dispatching import claim, put
from tests.contract.store.test_store_leases import hold_identity

SILENCE = Unknown(Evidence("http.timeout"))
NO_ROAD = NotTaken(Evidence("connect.failed"))


class Scripted:
    """A sender to which happens, one after the other, what a test says."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.left = list(outcomes)

    async def send(self, claim: Claim, check: Check = unchecked) -> Outcome:  # noqa: ARG002 - as the port has it
        return self.left.pop(0)

    async def close(self) -> None:
        """Hold nothing open."""


@dataclass
class Watch:
    """A clock that a test sets."""

    time: datetime = NOON

    def now(self) -> datetime:
        return self.time


def nothing_asked() -> Rules:
    raise AssertionError("no manufacturer, so nothing is concluded")


def dispatcher(store: AnyStore, clock: Watch, *outcomes: Outcome) -> Dispatcher:
    """Serve the portal, whose attempts come to ``outcomes``."""
    target = Target(
        destination=PORTAL,
        sender=Scripted(*outcomes),
        patience=Patience((timedelta(seconds=1),), "key"),
        concurrency=1,
        lease=MINUTE,
    )
    return Dispatcher(
        target,
        store=store,
        clock=clock,
        notifier=LocalNotifier(),
        rules=nothing_asked,
        mint=str,
        watch=lambda *_: None,
        failed=lambda _: None,
    )


async def attempted(
    store: AnyStore, times: Sequence[datetime], *outcomes: Outcome
) -> None:
    """Let the dispatcher look at each of these times and finish what it began."""
    clock = Watch()
    sends = dispatcher(store, clock, *outcomes)
    for clock.time in times:
        assert await sends._take_due() == 1
        await asyncio.gather(*sends._busy)


async def lane(store: AnyStore) -> tuple[str, list[str]]:
    """Return the submission's state, and what of its lane can be sent now."""
    (submit,) = [
        row for row in store.queries.deliveries() if row["operation"] == "submit"
    ]
    goes_on = [one.operation for one in await claim(store, now=NOON + 3 * HOUR)]
    return submit["state"], goes_on


@pytest.mark.parametrize(
    ("first", "goes_on"), [(SILENCE, []), (NO_ROAD, ["cancel"])], ids=["unclear", "not"]
)
async def test_after_one_unclear_end_no_later_one_shows_that_nothing_was_done(
    store: AnyStore, first: Outcome, goes_on: list[str]
) -> None:
    await put(store, "submit", "cancel", deadline=NOON + MINUTE)

    await attempted(store, [NOON, NOON + MINUTE], first, NO_ROAD)

    assert await lane(store) == ("dead", goes_on)


@pytest.mark.parametrize(
    ("first", "goes_on"), [(SILENCE, []), (NO_ROAD, ["cancel"])], ids=["unclear", "not"]
)
async def test_a_deadline_that_passes_after_an_unclear_end_closes_the_lane(
    store: AnyStore, first: Outcome, goes_on: list[str]
) -> None:
    await put(store, "submit", "cancel", deadline=NOON + MINUTE)

    await attempted(store, [NOON, NOON + HOUR], first)

    assert await lane(store) == ("dead", goes_on)


async def test_a_deadline_that_passes_after_a_worker_died_closes_the_lane(
    store: AnyStore,
) -> None:
    await put(store, "submit", "cancel", deadline=NOON + MINUTE)
    await claim(store)

    await attempted(store, [NOON + HOUR])

    assert await lane(store) == ("dead", [])


async def test_what_a_report_has_proven_since_a_worker_died_is_not_sent(
    store: AnyStore,
) -> None:
    await put(store, "submit", "cancel")
    [lost] = await claim(store)
    proven = Effects(APPLIED, ACCEPTED, settled=(f"{lost.lane}:submit",))
    await store.commit(message(proven))

    await attempted(store, [NOON + HOUR])

    assert await lane(store) == ("delivered", ["cancel"])


@pytest.mark.parametrize(
    ("passed", "found"),
    [
        (timedelta(), ""),
        (FRESH, "identity.hold"),
        (-timedelta(seconds=1), "identity.hold"),
    ],
    ids=["at once", "later", "the clock was set back"],
)
async def test_the_last_look_is_spared_right_after_the_claim_only(
    store: AnyStore, passed: timedelta, found: str
) -> None:
    clock, order = Watch(), therapy_order()
    sent = (delivery(order),)
    await store.commit(message(placing(order, deliveries=sent)))
    [claimed] = await claim(store)
    check = dispatcher(store, clock)._check(claimed)
    await hold_identity(store, order)

    clock.time += passed

    assert await check() == found
