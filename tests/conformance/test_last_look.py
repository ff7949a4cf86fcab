"""The last look before the first byte, at its wiring (G10, ADR 0013).

Between the claim of a delivery and its request lies the token; here it takes as
long as a test needs.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from gateway.flow import dispatch
from tests.conformance.scene import Placed, Scene, staged
from tests.conformance.watched import PORTAL, Watched, WatchedStage, watched


class Hesitant(Watched):
    """A portal whose token desk hands out nothing until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.begged = asyncio.Event()
        self.gate = asyncio.Event()

    async def _token(self, request: web.Request) -> web.Response:
        self.begged.set()
        await self.gate.wait()
        return await super()._token(request)


class HesitantStage(WatchedStage):
    def __init__(self, data: Path, *, mappings: Path | None = None) -> None:
        super().__init__(data, mappings=mappings)
        self.portal = Hesitant()


def hesitant(scene: Scene) -> Hesitant:
    portal = watched(scene)
    assert isinstance(portal, Hesitant)
    return portal


@pytest.fixture
async def scene(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    monkeypatch.setattr(dispatch, "FRESH", timedelta())
    async with staged(tmp_path, stage=HesitantStage) as scene:
        yield scene


async def under_way(scene: Scene) -> Placed:
    """Place an order, and return when its submission waits for a token."""
    placed = await scene.place()
    await hesitant(scene).begged.wait()
    return placed


async def test_a_hold_put_on_while_a_token_is_fetched_stops_the_submission(
    scene: Scene,
) -> None:
    placed = await under_way(scene)
    merge = scene.st_elm.merge(scene.person(), placed.person.mrn)
    await scene.send("st_elm", merge)
    await scene.shows(placed.number, flag="hold.identity")

    hesitant(scene).gate.set()
    await scene.rests(placed.number)

    (submit,) = await scene.deliveries(placed.number, PORTAL)
    assert (submit["state"], submit["code"]) == ("held", "identity.hold")
    assert watched(scene).asked == []


async def test_while_nobody_can_look_nothing_is_sent_and_it_is_tried_again(
    scene: Scene,
) -> None:
    placed = await under_way(scene)
    (submit,) = await scene.deliveries(placed.number, PORTAL)
    data = scene.gateway.settings.data
    away = data.rename(data.with_name("away"))

    hesitant(scene).gate.set()
    await scene.sees(lambda: nothing_under_way(scene))
    away.rename(data)
    asked = list(watched(scene).asked)
    await scene.rests(placed.number)

    shown = await scene.gateway.looks.row("deliveries", submit["id"])
    assert shown is not None
    first, second = shown["attempts_made"]
    assert asked == []
    assert (first["outcome"], first["code"]) == ("guarded", "store.unavailable")
    assert second["outcome"] == "delivered"


async def nothing_under_way(scene: Scene) -> bool:
    return not any(each._busy for each in scene.gateway._dispatchers)
