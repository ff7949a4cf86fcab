"""A submission whose time is over: what its order hears, and what it does not."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from conformance.simulators.portal_faults import Reset
from tests.conformance.scene import Placed, Scene, heavier, rewrite, staged

PORTAL = "portal:helix"


def in_haste(mappings: Path) -> None:
    """Leave the portal's deliveries no time for a second attempt."""
    portal = mappings / "manufacturers" / "helix" / "portal.yaml"
    rewrite(portal, {r"deadline: \w+": "deadline: 4s", r"waits: \[1s\]": "waits: [5s]"})


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with staged(tmp_path, edit=in_haste) as scene:
        yield scene


async def corrected(scene: Scene, placed: Placed) -> list[str]:
    """Correct the order; return what is sent about it, oldest first."""
    change = scene.st_elm.change_order(placed.number, heavier(placed.person))
    await scene.send("st_elm", change)
    sent = await scene.deliveries(placed.number, PORTAL)
    return [delivery["operation"] for delivery in sent]


async def last_event(scene: Scene, order_id: str) -> dict[str, Any]:
    shown = await scene.gateway.looks.row("orders", order_id)
    assert shown is not None
    event: dict[str, Any] = shown["ledger"][-1]
    return event


async def test_what_may_have_been_taken_is_not_told_as_refused_and_not_sent_anew(
    scene: Scene,
) -> None:
    scene.stage.portal.faults.next(Reset("unanswered"))
    placed, order = await scene.settled()

    (submit,) = await scene.deliveries(placed.number, PORTAL)
    assert (submit["state"], order["flags"]) == ("dead", [])
    assert await corrected(scene, placed) == ["submit", "change"]
    assert await scene.done(placed.number) == ["submit"]


async def test_what_reached_nobody_is_told_as_refused_by_us_and_sent_anew(
    scene: Scene,
) -> None:
    await scene.stage.portal.stop()
    placed, order = await scene.settled()

    (submit,) = await scene.deliveries(placed.number, PORTAL)
    assert (submit["state"], order["flags"]) == ("dead", ["submission_refused"])
    event = await last_event(scene, order["id"])
    assert (event["kind"], event["asserted_by"]) == ("submit_refused", "baton")
    await scene.stage.portal.start()
    assert await corrected(scene, placed) == ["submit", "submit"]
    await scene.rests(placed.number)
    assert await scene.done(placed.number) == ["submit"]
