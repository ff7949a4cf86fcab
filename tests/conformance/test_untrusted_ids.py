"""A site whose control ids say nothing: only the very bytes tell a resend."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conformance.scene import Scene, changed, heavier, rewrite, staged


def untrusted(mappings: Path) -> None:
    site = mappings / "sites/st_elm/site.yaml"
    rewrite(site, {r"\Z": "control_id: untrusted\n"})


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with staged(tmp_path, edit=untrusted) as scene:
        yield scene


def at(message: bytes, minute: str) -> bytes:
    """The same message with control id ``1``, sent at another minute."""
    header = message.split(b"|", 10)
    header[6], header[9] = b"202603021200" + minute.encode(), b"1"
    return b"|".join(header)


async def test_one_control_id_for_all_messages_loses_none(scene: Scene) -> None:
    numbers = (scene.number(), scene.number())
    for number in numbers:
        order = scene.st_elm.new_order(number, scene.person())
        await scene.send("st_elm", at(order, "00"))

    for number in numbers:
        await scene.rests(number)
        assert await scene.done(number) == ["submit"]


async def test_the_same_bytes_again_get_the_same_answer(scene: Scene) -> None:
    number = scene.number()
    order = at(scene.st_elm.new_order(number, scene.person()), "00")

    first, second = [await scene.send("st_elm", order) for _ in range(2)]

    assert first.body == second.body
    assert len(await scene.rows("messages")) == 1


async def test_a_change_back_and_forth_is_three_changes(scene: Scene) -> None:
    """Without MSH-7 the third would be taken for the first, resent."""
    placed, _ = await scene.settled()
    heavy = scene.st_elm.change_order(placed.number, heavier(placed.person))
    light = changed(heavy, b"99.5", b"88.5")

    for message in (at(heavy, "01"), at(light, "02"), at(heavy, "03")):
        await scene.send("st_elm", message)

    await scene.rests(placed.number)
    assert await scene.done(placed.number) == ["submit", "change", "change", "change"]
