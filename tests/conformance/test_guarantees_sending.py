"""Guarantees about what is sent: G3 and G4, each at its own wiring."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.simulators.portal_faults import Break, Reset, Slow
from tests.conformance.scene import Scene, heavier, rewrite, staged
from tests.conformance.watched import (
    PORTAL,
    Forgetful,
    WatchedStage,
    watched,
    without_keys,
)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with staged(tmp_path, stage=WatchedStage) as scene:
        yield scene


# ------------------------------------------------------------ G3


@pytest.mark.slow
async def test_g3_every_attempt_is_the_bytes_that_were_frozen(
    scene: Scene, tmp_path: Path
) -> None:
    """Stored before the first request; whatever is deployed before the second."""
    portal = watched(scene)
    frozen = "SELECT body FROM bodies JOIN deliveries ON seq = delivery WHERE key = ?"
    portal.look = lambda key: bytes(scene.sql(frozen, key)[0][0])
    portal.faults.next(Break(500))
    placed = await scene.place()
    await portal.until(lambda: portal.book.effects != [])
    template = tmp_path / "mappings" / "manufacturers" / "helix" / "submit.yaml"
    rewrite(template, {r"  priority: .*\n": ""})
    await scene.restart()

    await scene.rests(placed.number)

    (first_key, first), (again_key, again) = portal.asked
    assert (again_key, again) == (first_key, first)
    assert b'"priority"' in first
    assert portal.found == [first, first]
    assert await scene.done(placed.number) == ["submit"]


@pytest.mark.slow
async def test_g3_every_operation_has_a_key_of_its_own(scene: Scene) -> None:
    """However each of them is disturbed, it is done once."""
    portal = watched(scene)
    placed, _ = await scene.settled()
    for fault, message in (
        (Reset("unanswered"), scene.st_elm.change_order),
        (Break(500), scene.st_elm.cancel_order),
    ):
        portal.faults.next(fault)
        await scene.send("st_elm", message(placed.number, heavier(placed.person)))
        await scene.rests(placed.number)

    assert await scene.done(placed.number) == ["submit", "change", "cancel"]
    keys = [key for key, _ in portal.asked]
    assert len(keys) == 5
    assert len(set(keys)) == 3


async def test_g3_without_keys_one_send_then_a_person(tmp_path: Path) -> None:
    """After the first byte nothing is sent again, not even after a restart."""
    async with staged(tmp_path, edit=without_keys, stage=Forgetful) as scene:
        portal = watched(scene)
        portal.faults.next(Reset("unanswered"))
        placed = await scene.place()
        await scene.rests(placed.number)
        await scene.restart()
        other, _ = await scene.settled()

        (held,) = await scene.deliveries(placed.number, PORTAL)
        assert (held["state"], held["code"]) == ("held", "delivery.outcome_unknown")
        assert await scene.requests(placed.number) == ["submit"]
        assert await scene.done(other.number) == ["submit"]
        await scene.alarm("delivery.outcome_unknown", held["id"])


async def test_g3_without_keys_a_worker_that_died_leaves_it_to_a_person(
    tmp_path: Path,
) -> None:
    """What it was sending may have arrived."""
    async with staged(tmp_path, edit=without_keys, stage=Forgetful) as scene:
        portal = watched(scene)
        portal.faults.next(Slow(gate=asyncio.Event()))
        placed = await scene.place()
        await portal.until(lambda: len(portal.requests) == 1)
        for dispatcher in scene.gateway._dispatchers:
            for attempt in dispatcher._busy:
                attempt.cancel()
        await scene.restart()
        await scene.rests(placed.number)

        (held,) = await scene.deliveries(placed.number, PORTAL)
        assert (held["state"], held["code"]) == ("held", "delivery.outcome_unknown")
        assert len(portal.asked) == 1


async def test_g3_without_keys_a_report_tells_what_a_dead_worker_could_not(
    tmp_path: Path,
) -> None:
    """The portal names our reference, so it has the order: nobody need ask it."""
    async with staged(tmp_path, edit=without_keys, stage=Forgetful) as scene:
        portal = watched(scene)
        portal.faults.next(Slow(gate=asyncio.Event()))
        placed = await scene.place()
        await portal.until(lambda: len(portal.requests) == 1)
        order = await scene.order(placed.number)
        await scene.webhook(order["id"], "order.acknowledged")
        for dispatcher in scene.gateway._dispatchers:
            for attempt in dispatcher._busy:
                attempt.cancel()
        await scene.restart()
        await scene.rests(placed.number)

        (sent,) = await scene.deliveries(placed.number, PORTAL)
        assert (sent["state"], sent["code"]) == ("delivered", "settled.by_report")
        assert len(portal.asked) == 1


# ------------------------------------------------------------ G4


@pytest.mark.slow
async def test_g4_a_lane_keeps_its_order_across_a_restart(scene: Scene) -> None:
    portal = watched(scene)
    await portal.stop()
    placed = await scene.place()
    elm, person = scene.st_elm, placed.person
    for message in (
        elm.change_order(placed.number, heavier(person)),
        elm.change_order(placed.number, replace(person, weight_kg="88.8")),
        elm.cancel_order(placed.number, person),
    ):
        await scene.send("st_elm", message)
    await scene.restart()
    await portal.start()

    await scene.shows(placed.number, status="cancelled")

    assert await scene.done(placed.number) == ["submit", "change", "change", "cancel"]
    assert portal.most_in_flight == 1


async def test_g4_one_of_a_lane_is_in_flight_and_the_other_lanes_go_on(
    scene: Scene,
) -> None:
    """The first order's portal call hangs; nobody else notices."""
    portal, gate = watched(scene), asyncio.Event()
    portal.faults.next(Slow(gate=gate))
    slow = await scene.place()
    await portal.until(lambda: len(portal.requests) == 1)
    change = scene.st_elm.change_order(slow.number, heavier(slow.person))
    await scene.send("st_elm", change)
    others = [await scene.place() for _ in range(5)]

    for other in others:
        await scene.shows(other.number, status="acknowledged")
    (submit, behind) = await scene.deliveries(slow.number, PORTAL)
    assert [(row["state"], row["attempts"]) for row in (submit, behind)] == [
        *(("leased", 1), ("ready", 0))
    ]
    gate.set()
    await scene.rests(slow.number)

    assert await scene.done(slow.number) == ["submit", "change"]
    assert portal.most_in_flight == 1


async def test_g4_a_dead_hospital_slows_only_its_own_statuses(scene: Scene) -> None:
    scene.hospital("st_elm").receiver.behave_always("silent")
    mute = [await scene.place("st_elm") for _ in range(3)]
    heard, _ = await scene.settled("rheintal")

    for placed in mute:
        await scene.shows(placed.number, status="acknowledged")
    await scene.told("rheintal", heard.number.encode())
    waiting = await scene.rows("deliveries", destination="ehr:st_elm")
    assert [row["state"] for row in waiting].count("delivered") == 0
    scene.hospital("st_elm").receiver.behave_always("close")
    await scene.hospital("st_elm").receiver.stop()
