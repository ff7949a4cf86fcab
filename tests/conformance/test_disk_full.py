"""The disk is full: refused and told so, never lost, and taken again without restart.

``docs/acknowledgements.md``: AR 207, close, stop accepting.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from conformance.simulators.ehr import Late
from conformance.simulators.messages import synthetic
from conformance.simulators.portal_faults import Refuse
from conformance.simulators.rheintal import Rheintal
from gateway.app import door
from tests.conformance.filling import FillingDisk
from tests.conformance.line import Said, calling, framed
from tests.conformance.scene import Scene, staged
from tests.conformance.small_disk import SmallDisk, namespaces

pytestmark = pytest.mark.slow  # opening the door again takes a look at the clock

REFUSED = {"st_elm": ("CE", ("207",)), "rheintal": ("AR", ("207",))}
ACCEPTED = {"st_elm": "CA", "rheintal": "AA"}
UNSAID = Said("", b"", (), b"")


@pytest.fixture
def disk() -> Iterator[FillingDisk]:
    disk = FillingDisk()
    yield disk
    disk.unregister()


@pytest.fixture
async def scene(
    disk: FillingDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    """A stage on a disk that can fill up; its books must close at the end."""
    monkeypatch.setattr(door, "LOOK_EVERY", 0.05)
    async with staged(tmp_path) as scene:
        yield scene
        disk.full = disk.unsure = False


def order(scene: Scene, hospital: str) -> tuple[bytes, str]:
    """Return a new order and its number."""
    number = scene.number()
    return scene.writer(hospital).new_order(number, scene.person()), number


async def refused(scene: Scene, message: bytes) -> Said:
    """Send on a connection of its own, which is closed after the one answer."""
    async with calling(scene.stage.server.mllp_port) as line:
        line.send(framed(message))
        answer = await line.answer()
        assert answer is not None
        assert await line.answer() is None
    return answer


async def code_for(scene: Scene, message: bytes) -> str:
    """Return the code a message is answered with, ``""`` if it is not."""
    try:
        async with calling(scene.stage.server.mllp_port) as line:
            line.send(framed(message))
            answer = await line.answer()
    except ConnectionError:
        return ""
    return answer.code if answer else ""


async def readiness(scene: Scene) -> tuple[int, list[str]]:
    url = f"http://127.0.0.1:{scene.stage.server.http_port}/readyz"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, (await answer.json())["reasons"]


async def ready(scene: Scene) -> bool:
    return (await readiness(scene))[0] == 200


@pytest.mark.parametrize("hospital", ["st_elm", "rheintal"])
async def test_a_message_is_refused_and_the_connection_closed(
    scene: Scene, disk: FillingDisk, hospital: str
) -> None:
    message, number = order(scene, hospital)
    disk.full = True

    refusal = await refused(scene, message)

    assert (refusal.code, refusal.conditions) == REFUSED[hospital]
    assert refusal.control_id == message.split(b"|")[9]
    assert await scene.orders(number) == []


@pytest.mark.parametrize("hospital", ["st_elm", "rheintal"])
async def test_where_nobody_knows_whether_it_was_stored_nothing_is_said(
    scene: Scene, disk: FillingDisk, hospital: str
) -> None:
    """The hospital asks again, and hears then what became of it."""
    message, number = order(scene, hospital)
    disk.unsure = True
    async with calling(scene.stage.server.mllp_port) as line:
        line.send(framed(message))
        assert await line.answer() is None
    disk.unsure = False

    await scene.sees(lambda: ready(scene))

    assert await code_for(scene, message) == ACCEPTED[hospital]
    await scene.rests(number)
    assert await scene.done(number) == ["submit"]


async def test_nobody_new_is_let_in_while_it_is_full(
    scene: Scene, disk: FillingDisk
) -> None:
    """What is open already is told when it sends; who comes finds the door closed."""
    port = scene.stage.server.mllp_port
    message, _ = order(scene, "rheintal")
    async with calling(port) as open_before:
        open_before.send(framed(scene.rheintal.update_person(scene.person())))
        assert await open_before.answer() is not None
        disk.full = True
        await refused(scene, message)

        with pytest.raises(ConnectionRefusedError):
            await refused(scene, message)
        assert await readiness(scene) == (
            503,
            ["not listening", "the store does not take writes"],
        )
        open_before.send(framed(message))
        refusal = await open_before.answer()

        assert refusal is not None
        assert (refusal.code, refusal.conditions) == REFUSED["rheintal"]
        assert await open_before.answer() is None


@pytest.mark.parametrize("hospital", ["st_elm", "rheintal"])
async def test_it_goes_on_without_a_restart_when_there_is_space_again(
    scene: Scene, disk: FillingDisk, hospital: str
) -> None:
    """The refused message is taken when it comes again, and so is the next."""
    message, number = order(scene, hospital)
    disk.full = True
    await refused(scene, message)
    disk.full = False

    await scene.sees(lambda: ready(scene))

    assert await code_for(scene, message) == ACCEPTED[hospital]
    assert await scene.rests(number)
    assert await scene.done(number) == ["submit"]
    alarm = await scene.alarm("store.unavailable")
    assert alarm["subject"] == "store"


async def test_it_stays_closed_until_a_write_is_really_stored(
    scene: Scene, disk: FillingDisk
) -> None:
    message, _ = order(scene, "st_elm")
    disk.full = True
    await refused(scene, message)
    tried = disk.refused

    await scene.sees(lambda: tried_again(disk, tried + 3))

    with pytest.raises(ConnectionRefusedError):
        await refused(scene, message)


async def tried_again(disk: FillingDisk, times: int) -> bool:
    return disk.refused >= times


async def test_a_webhook_is_to_be_sent_again_later(
    scene: Scene, disk: FillingDisk
) -> None:
    placed, row = await scene.settled()
    disk.full = True

    assert await scene.webhook(row["id"], "order.accepted") == 503

    disk.full = False
    assert placed.ack.positive


async def test_an_attempt_that_ended_meanwhile_is_reported_afterwards(
    scene: Scene, disk: FillingDisk
) -> None:
    """Forgotten, it would count as unknown, and a person would have to ask the EHR."""
    ehr, gate = scene.hospital("rheintal").receiver, asyncio.Event()
    ehr.behave(Late(gate))
    placed = await scene.place("rheintal")
    await ehr.wait_for(1)
    disk.full = True

    gate.set()
    await scene.sees(lambda: tried_again(disk, 1))
    disk.full = False

    await scene.rests(placed.number)
    states = {row["state"] for row in await scene.deliveries(placed.number)}
    assert states == {"delivered"}


async def test_a_delivery_that_falls_due_meanwhile_is_made_afterwards(
    scene: Scene, disk: FillingDisk
) -> None:
    """Who delivers cannot even note that it begins, and goes on when it can."""
    scene.stage.portal.faults.next(Refuse(503, "portal.maintenance", "1"))
    placed = await scene.place("st_elm")

    async def only_a_second_attempt_is_left() -> bool:
        found = await scene.deliveries(placed.number)
        states = {(row["destination"], row["state"], row["attempts"]) for row in found}
        return states == {("portal:helix", "ready", 1), ("ehr:st_elm", "delivered", 1)}

    await scene.sees(only_a_second_attempt_is_left)
    disk.full = True
    await scene.sees(lambda: tried_again(disk, 1))
    disk.full = False

    await scene.rests(placed.number)
    states = {row["state"] for row in await scene.deliveries(placed.number)}
    assert states == {"delivered"}


async def test_what_was_accepted_while_it_filled_is_there(
    scene: Scene, disk: FillingDisk
) -> None:
    """Many hospitals at once: each hears yes and is believed, or no, or nothing."""
    sent = {
        number: message
        for message, number in (order(scene, "st_elm") for _ in range(120))
    }
    heard: dict[str, str] = {}

    async def ward(numbers: list[str]) -> None:
        for number in numbers:
            disk.full = len(heard) >= 60
            heard[number] = await code_for(scene, sent[number])

    numbers = list(sent)
    await asyncio.gather(*(ward(numbers[n::8]) for n in range(8)))
    disk.full = False
    await scene.sees(lambda: ready(scene))

    assert set(heard.values()) <= {"CA", "CE", ""}
    accepted = {number for number, code in heard.items() if code == "CA"}
    assert 0 < len(accepted) < len(sent)
    assert {row["placer_number"] for row in await scene.rows("orders")} == accepted


@pytest.mark.skipif(not namespaces(), reason="no user namespaces to mount a disk in")
async def test_the_same_with_a_server_on_a_real_disk(tmp_path: Path) -> None:
    """A disk of 8 MiB, full to the last byte; the server's own log lies on it, too."""
    async with SmallDisk(tmp_path) as small, AsyncExitStack() as stack:
        writer = Rheintal()
        first, second, third = (
            writer.new_order(f"D{n}", synthetic(n)) for n in range(3)
        )
        lines = [
            await stack.enter_async_context(calling(small.mllp_port)) for _ in range(40)
        ]
        for line in lines:
            line.send(framed(writer.update_person(synthetic(9))))
            assert (await line.answer() or UNSAID).code == "AA"
        lines[0].send(framed(first))
        assert (await lines[0].answer() or UNSAID).code == "AA"
        small.fill()
        for line in lines:
            line.send(framed(second))
            refusal = await line.answer() or UNSAID
            assert (refusal.code, refusal.conditions) == REFUSED["rheintal"]
        assert await small.status() == 503

        small.empty()
        await small.becomes(200)
        async with calling(small.mllp_port) as line:
            line.send(framed(second), framed(third))
            codes = [(await line.answer() or UNSAID).code for _ in range(2)]

        assert codes == ["AA", "AA"]
        status, said = await small.run("audit")
        assert status == 0, said
        _, listing = await small.run("orders", "list", "--json")
        assert len(listing.splitlines()) == 3
