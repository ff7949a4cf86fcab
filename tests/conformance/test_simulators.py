"""The simulated portal keeps its own contract, so that tests may count by it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from time import perf_counter

import aiohttp
import orjson
import pytest

from conformance.simulators.portal import PortalSimulator
from conformance.simulators.portal_book import Maker
from conformance.simulators.portal_faults import (
    Break,
    Fault,
    Garble,
    Refuse,
    Reset,
    Slow,
    Vanish,
)
from tests.conformance.callers import Caller, order


async def test_it_starts_at_once() -> None:
    began = perf_counter()
    async with PortalSimulator():
        assert perf_counter() - began < 0.5


# ---------------------------------------------------------------- orders


async def test_an_order_gets_a_reference(caller: Caller) -> None:
    status, tree = await caller.submit()

    assert status == 201
    assert tree["reference"].startswith("HX-")
    assert tree["status"] == "received"
    assert datetime.fromisoformat(tree["receivedAt"]).tzinfo is not None
    assert await caller.ask("GET", "/o-1") == (200, tree)


@pytest.mark.parametrize(
    ("tree", "places"),
    [
        ({}, ["clientReference", "product.code", "patient"]),
        (order(product={}), ["product.code"]),
        (order(product={"code": "other"}), ["product.code"]),
        (order(patient="Doe"), ["patient"]),
        ([], ["clientReference", "product.code", "patient"]),
    ],
)
async def test_a_faulty_order_gets_a_reason_for_each_field(
    tree: object, places: list[str]
) -> None:
    picky = Maker("Picky", "PICKY", "PK", products=frozenset({"HELIX-CART-19"}))
    async with PortalSimulator(picky) as portal, aiohttp.ClientSession() as session:
        caller = Caller(portal, session)
        await caller.authorise()
        status, answer = await caller.ask("POST", "", tree, key="k-1")

    assert status == 422
    assert [error["field"] for error in answer["errors"]] == places
    assert portal.book.effects == []


async def test_a_change_replaces_the_content(caller: Caller) -> None:
    await caller.submit()
    changed = order(note="new")

    status, tree = await caller.ask("PUT", "/o-1", changed, key="k-2")

    assert (status, tree["reference"]) == (200, "HX-000001")
    assert caller.portal.book.orders["o-1"].content == changed
    assert caller.portal.book.effects_of("o-1") == ["submit", "change"]


async def test_a_cancellation_before_manufacturing_is_final(caller: Caller) -> None:
    await caller.submit()

    status, tree = await caller.ask("POST", "/o-1/cancellation", key="k-2")
    late, _ = await caller.ask("PUT", "/o-1", order(), key="k-3")

    assert (status, tree["status"], late) == (200, "cancelled", 409)
    assert await caller.portal.advance("o-1") == "order.cancelled"
    assert await caller.portal.advance("o-1") is None


async def test_a_cancellation_during_manufacturing_is_a_request(caller: Caller) -> None:
    await caller.submit()
    while await caller.portal.advance("o-1") != "manufacturing.started":
        pass

    _, tree = await caller.ask("POST", "/o-1/cancellation", key="k-2")

    assert tree["status"] == "cancellation_requested"
    assert not caller.portal.book.orders["o-1"].closed


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/o-9"), ("POST", "/o-9/cancellation"), ("GET", "/o-9")],
)
async def test_an_unknown_order_is_not_found(
    caller: Caller, method: str, path: str
) -> None:
    assert (await caller.ask(method, path, order(), key="k-1"))[0] == 404


async def test_nobody_gets_in_without_a_token(caller: Caller) -> None:
    caller.portal.tokens.revoke()

    assert (await caller.submit())[0] == 401
    assert (await caller.ask("GET", "/o-1"))[0] == 401
    assert caller.portal.book.effects == []


# ---------------------------------------------------------------- keys


async def test_the_same_key_and_body_get_the_stored_answer(caller: Caller) -> None:
    assert await caller.submit() == await caller.submit()
    assert caller.portal.book.effects_of("o-1") == ["submit"]
    assert [seen.key for seen in caller.portal.requests] == ["k-1", "k-1"]


async def test_the_same_key_with_another_body_is_refused(caller: Caller) -> None:
    await caller.submit("o-1")

    status, tree = await caller.submit("o-2")

    assert (status, tree["code"]) == (422, "idempotency.key_reused")
    assert caller.portal.book.effects_of("o-2") == []


async def test_one_can_wait_for_an_effect_that_is_never_answered(
    caller: Caller, helix: PortalSimulator
) -> None:
    helix.faults.next(Vanish())
    asking = asyncio.create_task(caller.submit())

    await helix.until(lambda: helix.book.effects_of("o-1") == ["submit"])
    asking.cancel()

    with pytest.raises(TimeoutError):
        await helix.until(lambda: len(helix.book.effects) == 2, within=0.01)


async def test_the_same_key_at_the_same_time_is_told_to_wait(
    caller: Caller, helix: PortalSimulator
) -> None:
    gate = asyncio.Event()
    helix.faults.next(Slow(gate=gate))
    first = asyncio.create_task(caller.submit())
    await helix.until(lambda: len(helix.requests) == 1)

    status, tree = await caller.submit()
    gate.set()

    assert (status, tree["code"]) == (409, "idempotency.in_progress")
    assert (await first)[0] == 201
    assert helix.book.effects_of("o-1") == ["submit"]


async def test_a_refusal_is_stored_under_its_key_too(caller: Caller) -> None:
    bad = order(product={})

    first = await caller.ask("POST", "", bad, key="k-1")

    assert first[0] == 422
    assert await caller.ask("POST", "", bad, key="k-1") == first


async def test_a_key_is_required(caller: Caller) -> None:
    status, tree = await caller.submit(key="")

    assert (status, tree["code"]) == (400, "idempotency.missing")


async def test_after_its_time_a_key_protects_nobody(caller: Caller) -> None:
    await caller.submit()
    caller.portal.keys.forget()

    status, tree = await caller.submit()

    assert (status, tree["code"]) == (409, "order.exists")


async def test_a_portal_without_keys_does_everything_twice() -> None:
    async with (
        PortalSimulator(honours_keys=False) as portal,
        aiohttp.ClientSession() as session,
    ):
        caller = Caller(portal, session)
        await caller.authorise()
        await caller.submit()
        for _ in range(2):
            await caller.ask("PUT", "/o-1", order(), key="k-2")

    assert portal.book.effects_of("o-1") == ["submit", "change", "change"]


# ---------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("fault", "effects"),
    [
        (Refuse(503, retry_after="1"), []),
        (Refuse(500), []),
        (Reset("unread"), []),
        (Reset("unanswered"), ["submit"]),
        (Reset("answering"), ["submit"]),
        (Break(), ["submit"]),
        (Garble(), ["submit"]),
        (Vanish(), ["submit"]),
    ],
    ids=str,
)
async def test_a_fault_acts_before_or_after_the_effect(
    caller: Caller, helix: PortalSimulator, fault: Fault, effects: list[str]
) -> None:
    helix.faults.next(fault)

    with lost():
        async with asyncio.timeout(0.1):
            assert (await caller.submit())[0] in {500, 503}

    assert helix.book.effects_of("o-1") == effects
    assert (await caller.submit())[0] == 201
    assert helix.book.effects_of("o-1") == ["submit"]


@contextmanager
def lost() -> Iterator[None]:
    """Allow any ending in which no readable answer comes."""
    with suppress(aiohttp.ClientError, OSError, orjson.JSONDecodeError):
        yield


async def test_faults_follow_a_schedule(caller: Caller, helix: PortalSimulator) -> None:
    helix.faults.every(3, Refuse(503))

    statuses = [(await caller.submit(f"o-{n}", key=f"k-{n}"))[0] for n in range(6)]
    helix.faults.clear()

    assert statuses == [201, 201, 503, 201, 201, 503]
    assert (await caller.submit("o-9", key="k-9"))[0] == 201


async def test_a_client_that_gives_up_early_leaves_no_key_behind(
    caller: Caller, helix: PortalSimulator
) -> None:
    """What was begun is ended, so that the repetition gets its answer."""
    helix.faults.next(Slow(gate=asyncio.Event()))
    with lost():
        async with asyncio.timeout(0.05):
            await caller.submit()

    await helix.until(lambda: len(helix.book.effects) == 1)
    assert (await caller.submit())[0] == 201
