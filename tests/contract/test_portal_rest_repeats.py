"""Every attempt is the same request, so a portal with keys acts once (G3)."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from conformance.simulators.portal import PortalSimulator
from conformance.simulators.portal_faults import (
    Break,
    Fault,
    Garble,
    Refuse,
    Reset,
    Slow,
    Vanish,
)
from gateway.delivery.outcome import Delivered, NotTaken, Outcome, Rejected, Unknown
from tests.contract.sending import HURRIED, sending
from tests.unit.portal_rest.examples import CREDENTIALS, claim, portal

IMPATIENT = replace(HURRIED, auth=CREDENTIALS)


@pytest.mark.parametrize(
    ("fault", "first"),
    [
        (Refuse(429, retry_after="1"), NotTaken),
        (Refuse(503, retry_after="1"), NotTaken),
        (Refuse(500), Unknown),
        (Reset("unread"), Unknown),
        (Reset("unanswered"), Unknown),
        (Reset("answering"), Unknown),
        (Break(500), Unknown),
        (Break(504), Unknown),
        (Garble(), Unknown),
        (Garble(b"{}"), Unknown),
        (Vanish(), Unknown),
    ],
    ids=str,
)
@pytest.mark.parametrize("operation", ["submit", "change", "cancel"])
async def test_a_doubtful_attempt_is_settled_by_the_next(
    operation: str, fault: Fault, first: type[Outcome]
) -> None:
    """Whatever became of the first attempt, after the second there is one effect."""
    profile = IMPATIENT if isinstance(fault, Vanish) else portal()
    async with PortalSimulator() as helix, sending(helix.url, profile) as sender:
        if operation != "submit":
            await sender.send(claim(key="k-0"))
        helix.faults.next(fault)
        doubtful = await sender.send(claim(operation))
        settled = await sender.send(claim(operation))

    assert isinstance(doubtful, first)
    assert isinstance(settled, Delivered)
    assert helix.book.effects_of("o-1").count(operation) == 1
    assert {seen.key for seen in helix.requests} <= {"k-0", "k-1"}


async def test_a_request_still_being_worked_on_was_not_taken_again() -> None:
    """The profile knows the portal's code for it; the status would not do."""
    gate = asyncio.Event()
    async with PortalSimulator() as helix, sending(helix.url, portal()) as sender:
        helix.faults.next(Slow(gate=gate))
        first = asyncio.create_task(sender.send(claim()))
        await helix.until(lambda: len(helix.requests) == 1)
        second = await sender.send(claim())
        gate.set()
        settled = await first

    assert isinstance(second, NotTaken)
    assert isinstance(settled, Delivered)
    assert helix.book.effects_of("o-1") == ["submit"]


@pytest.mark.parametrize(
    ("before", "shown"),
    [({}, Rejected), ({"uncertain": True}, Unknown), ({"lapsed": True}, Unknown)],
    ids=["the first", "after an unclear end", "after a worker died"],
)
async def test_only_of_a_first_request_is_a_refusal_a_refusal(
    before: dict[str, Any], shown: type[Outcome]
) -> None:
    """One that was taken may be why its repeat is refused (ADR 0013)."""
    async with PortalSimulator() as helix, sending(helix.url, portal()) as sender:
        helix.faults.next(Refuse(409, "order.exists"))
        found = await sender.send(replace(claim(), **before))

    assert type(found) is shown
