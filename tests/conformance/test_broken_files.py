"""A site's or a manufacturer's files are broken: nothing is lost, and all is said."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conformance.demo.stage import environment
from tests.conformance.scene import Scene, rewrite, staged

PORTAL = "portal:helix"


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with staged(tmp_path, settings={"overdue_seconds": 0.1}) as scene:
        yield scene


@contextmanager
def broken(scene: Scene, path: str, pattern: str) -> Iterator[None]:
    """Break a file of the mappings for a while."""
    file = scene.gateway.settings.mappings / path
    text = file.read_text(encoding="utf-8")
    rewrite(file, {pattern: "x_\\\\g<0>"})
    yield
    file.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "pattern"), [("portal.yaml", "token_path"), ("routes.yaml", "products")]
)
async def test_an_order_for_a_closed_manufacturer_is_to_be_sent_again_later(
    scene: Scene, file: str, pattern: str
) -> None:
    """The product is right, so the hospital has nothing to correct."""
    with broken(scene, f"manufacturers/helix/{file}", pattern):
        await scene.restart()
        refused = await scene.place()
        await scene.alarm("manufacturer.paused", "helix")
    await scene.restart()
    again = await scene.place()

    row = await scene.message(refused.ack)
    assert (refused.ack.code, row["problems"][0]["code"]) == (
        "CE",
        "manufacturer.paused",
    )
    assert again.ack.code == "CA"
    open_now = await scene.rows("alarms", state="open")
    assert "manufacturer.paused" not in {alarm["code"] for alarm in open_now}


async def test_a_site_with_a_broken_file_is_paused_until_it_is_mended(
    scene: Scene,
) -> None:
    with broken(scene, "sites/st_elm/order.yaml", "tree:"):
        await scene.restart()
        refused, other = await scene.place(), await scene.place("rheintal")
        await scene.alarm("site.paused", "st_elm")
    await scene.restart()
    again = await scene.place()

    row = await scene.message(refused.ack)
    assert (refused.ack.code, row["problems"][0]["code"]) == ("CE", "site.paused")
    assert (other.ack.code, again.ack.code) == ("AA", "CA")
    open_now = await scene.rows("alarms", state="open")
    assert "site.paused" not in {alarm["code"] for alarm in open_now}


async def test_a_closed_manufacturer_is_asked_to_report_again_later(
    scene: Scene,
) -> None:
    placed, order = await scene.settled()
    with broken(scene, "manufacturers/helix/portal.yaml", "token_path"):
        await scene.restart()
        assert await scene.webhook(order["id"], "order.accepted") == 503
    await scene.restart()

    assert await scene.webhook(order["id"], "order.accepted") == 202
    await scene.shows(placed.number, status="accepted")


async def test_a_site_that_cannot_be_told_is_an_alarm_for_each_order(
    scene: Scene,
) -> None:
    placed, order = await scene.settled("rheintal")
    with broken(scene, "sites/rheintal/status.yaml", "tree"):
        await scene.restart()
        assert await scene.webhook(order["id"], "order.accepted") == 202
        await scene.shows(placed.number, status="accepted")

        await scene.alarm("destination.not_configured", order["id"])


async def test_what_waits_for_a_setting_is_said_again_when_it_waits_long(
    scene: Scene,
) -> None:
    with environment({"BATON_HELIX_URL": ""}):
        await scene.restart()
        placed = await scene.place()
        await scene.alarm("destination.not_configured", PORTAL)
        await scene.restart()
        await scene.alarm("destination.behind", PORTAL)
    await scene.restart()
    await scene.rests(placed.number)

    open_now = await scene.rows("alarms", state="open")
    assert "destination.not_configured" not in {alarm["code"] for alarm in open_now}
