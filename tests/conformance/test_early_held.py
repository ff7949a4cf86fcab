"""An early message that cannot be applied when its order comes holds up no order."""

from pathlib import Path

import pytest

from gateway.flow import waking
from tests.conformance.desk import operate
from tests.conformance.scene import Placed, Row, Scene, heavier, rewrite, staged


async def waiting(scene: Scene) -> tuple[Placed, Row]:
    """Change an order that has not come yet."""
    number, person = scene.number(), scene.person()
    change = scene.st_elm.change_order(number, heavier(person))
    ack = await scene.send("st_elm", change)
    early = await scene.message(ack)
    assert early["state"] == "waiting"
    return Placed("st_elm", number, person, ack), early


async def arrives(scene: Scene, placed: Placed) -> None:
    """Let the order come, and the portal have it."""
    order = scene.st_elm.new_order(placed.number, placed.person)
    ack = await scene.send("st_elm", order)
    assert ack.code == "CA"
    await scene.rests(placed.number)


async def held(scene: Scene, early: Row) -> str:
    """Return what an early message is held for."""
    row = await scene.message_by_id(early["id"])
    assert row["state"] == "held"
    return str(row["problems"][0]["code"])


def _failing(*_: object, **__: object) -> object:
    raise RuntimeError


@pytest.mark.parametrize("step", ["understand_kept", "decide"])
async def test_an_early_message_that_fails_here_is_held_alone(
    own_scene: Scene, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    scene = own_scene
    placed, early = await waiting(scene)
    monkeypatch.setattr(waking, step, _failing)

    await arrives(scene, placed)

    assert await scene.done(placed.number) == ["submit"]
    assert await held(scene, early) == "message.failed"
    await scene.alarm("message.failed", "st_elm")


async def test_an_early_message_that_its_maker_cannot_be_told_is_held_alone(
    tmp_path: Path,
) -> None:
    def without_changes(mappings: Path) -> None:
        portal = mappings / "manufacturers" / "helix" / "portal.yaml"
        rewrite(portal, {r"  change: .*\n": ""})

    async with staged(tmp_path, edit=without_changes) as scene:
        placed, early = await waiting(scene)

        await arrives(scene, placed)

        assert await scene.done(placed.number) == ["submit"]
        assert await held(scene, early) == "render.unrepresentable"


async def test_an_early_change_counts_from_when_it_came_and_not_from_its_order(
    own_scene: Scene,
) -> None:
    """A later one, held meanwhile, is the newer of the two."""
    scene = own_scene
    placed, _ = await waiting(scene)
    later = scene.st_elm.change_order(placed.number, placed.person)
    fields = later.split(b"|", 10)
    clash = later.replace(fields[9], placed.ack.control_id, 1)
    row = await scene.message(await scene.send("st_elm", clash))
    assert row["problems"][0]["code"] == "message.control_id_reused"
    await arrives(scene, placed)

    said = operate(scene, "messages", "release", row["id"], "--reason", "it is newer")

    assert (said.status, said.out) == (0, f"{row['id']}: applied\n")
    await scene.rests(placed.number)
    assert await scene.done(placed.number) == ["submit", "change", "change"]
