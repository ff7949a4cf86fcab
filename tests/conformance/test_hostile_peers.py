"""One peer that means harm, or is broken, and everybody else (G7)."""

import asyncio
import os
import resource
import threading
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from adapters.hl7v2 import charset
from adapters.hl7v2.dialect import dialect
from adapters.hl7v2.header import LONGEST_MSH, peek
from gateway.app import http, http_door, server
from gateway.app.http_door import MOST_OF_ONE
from gateway.app.server import take_descriptors
from gateway.app.telemetry import _Lines
from gateway.flow.intake import STRANGE, Intake
from gateway.flow.understand import Understood, understand_report
from gateway.mapping.profile import Portal
from gateway.ports import LARGE
from tests.conformance.scene import LONG_ENOUGH, Scene, changed, rewrite, staged
from tests.conformance.wire import field, wired
from tests.contract.mllp.peer import longer_than

MIB = 1024 * 1024
Talk = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with staged(tmp_path) as scene:
        yield scene


# ------------------------------------------------------------ what is read


def test_a_header_longer_than_any_is_no_header() -> None:
    whole = b"MSH|^~\\&|A|B|C|D|20260302||ORM^O01|1|P|2.3"
    filling = b"|" * (LONGEST_MSH - len(whole))

    assert peek(whole + filling + b"\rPID|1")[1] is None
    _, objection = peek(whole + filling + b"|\rPID|1")

    assert objection is not None
    assert [p.code for p in objection.problems] == ["message.no_header"]


def test_what_strangers_say_fills_no_memory() -> None:
    """Delimiters and charsets are looked up by what came, before anybody is known."""
    dialect.cache_clear()
    charset.declared.cache_clear()
    tracemalloc.start()
    for n in range(300):
        peek(b"MSH|%d%s|" % (n, 100_000 * b"x"))
        peek(b"MSH|^~\\&" + 16 * b"|" + b"%d%s\r" % (n, 100_000 * b"\xe9"))

    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 4 * MIB


async def test_a_large_message_holds_up_nobody(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read beside the loop; a short one, sent later, is answered before it."""
    short_answered, read = threading.Event(), Intake._read

    def slowly(door: Intake, body: bytes, *more: Any) -> object:  # noqa: ANN401 - passed on
        if len(body) > LARGE:
            assert short_answered.wait(LONG_ENOUGH)
        return read(door, body, *more)

    monkeypatch.setattr(Intake, "_read", slowly)
    large = scene.st_elm.new_order("L1", scene.person()) + b"NTE|2||" + LARGE * b"x"
    short = scene.st_elm.new_order("L2", scene.person())
    port = scene.stage.server.mllp_port
    async with wired(port) as one, wired(port) as other:
        await one.write(large + b"\r")
        await other.write(short)
        assert field((await other.answers(1))[0], "MSA", 1) == b"CA"
        short_answered.set()
        (answer,) = await one.answers(1)

    assert field(answer, "MSA", 1) == b"CE"  # a note may not be that long


async def test_a_large_webhook_holds_up_nobody(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read beside the loop, too."""
    short_answered = threading.Event()
    begun, loop = asyncio.Event(), asyncio.get_running_loop()

    def slowly(portal: Portal, body: bytes) -> Understood:
        loop.call_soon_threadsafe(begun.set)
        assert short_answered.wait(LONG_ENOUGH)
        return understand_report(portal, body)

    _, order = await scene.settled()
    monkeypatch.setattr("gateway.flow.intake.understand_report", slowly)
    large = scene.webhook(order["id"], "order.accepted", notes=LARGE * "x")
    reported = asyncio.create_task(large)
    async with asyncio.timeout(LONG_ENOUGH):
        await begun.wait()

    placed = await scene.place()
    short_answered.set()

    assert placed.ack.code == "CA"
    assert await reported == 202


async def test_what_fails_while_it_is_read_is_kept_and_held(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> Understood:
        raise RuntimeError

    monkeypatch.setattr("gateway.flow.intake.understand", failing)

    placed = await scene.place()

    row = await scene.message(placed.ack)
    assert (placed.ack.code, row["state"]) == ("CA", "held")
    assert row["problems"][0]["code"] == "message.failed"


async def test_more_repetitions_than_any_patient_has_are_refused(scene: Scene) -> None:
    order = scene.st_elm.new_order("R1", scene.person())
    many = changed(order, b"^^^STELM^MR~", b"^^^STELM^MR~" + 1000 * b"1^^^X^Y~")

    ack = await scene.send("st_elm", many)

    problem = (await scene.message(ack))["problems"][0]
    assert (ack.code, problem["code"], problem["where"]) == (
        "CE",
        "field.too_many",
        "PID-3",
    )


async def test_more_orders_than_one_message_may_hold_are_refused_unread(
    scene: Scene,
) -> None:
    order = scene.st_elm.change_order("W1", scene.person())
    head, _, rest = order.partition(b"ORC|")

    ack = await scene.send("st_elm", head + 100 * (b"ORC|" + rest))

    (problem,) = (await scene.message(ack))["problems"]
    assert (ack.code, problem["code"]) == ("CE", "message.too_many_orders")


# ------------------------------------------------------------ what is kept


async def test_of_a_message_from_nowhere_only_the_head_is_kept(tmp_path: Path) -> None:
    """Whoever reaches the port could else fill the disk with what is refused."""

    def elsewhere(mappings: Path) -> None:
        for site in ("st_elm", "rheintal", "anyone"):
            file = mappings / f"sites/{site}/site.yaml"
            rewrite(file, {r"networks:(\n? +.*)+": "networks: [10.9.0.0/16]"})

    async with staged(tmp_path, edit=elsewhere) as scene:
        order = scene.st_elm.new_order("S1", scene.person())
        ack = await scene.send("st_elm", order + b"NTE|1||" + MIB * b"x" + b"\r")
        (row,) = await scene.rows("messages")

        assert ack.code == "CE"
        assert (row["problems"][0]["code"], row["size"]) == ("sender.stranger", STRANGE)


async def test_a_flood_of_damage_is_counted_and_not_all_kept(scene: Scene) -> None:
    async with asyncio.TaskGroup() as all_of_them:
        for _ in range(20):
            all_of_them.create_task(damaging(scene))

    counters = scene.gateway._listener.counters
    await scene.sees(lambda: rested(scene))
    assert counters.damage == 20 * 16
    assert scene.gateway._keeping == set()
    assert 0 < len(await scene.rows("damage")) <= 200


async def damaging(scene: Scene) -> None:
    async with wired(scene.stage.server.mllp_port) as peer:
        peer.writer.write(1000 * b"\x0bMSH")
        assert await peer.is_closed()


async def rested(scene: Scene) -> bool:
    return not scene.gateway._keeping


# ------------------------------------------------------------ HTTP


async def health(scene: Scene) -> int:
    url = f"http://127.0.0.1:{scene.stage.server.http_port}/healthz"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status


@pytest.mark.parametrize(
    "said", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n"], ids=["nothing", "half"]
)
async def test_a_connection_without_a_request_is_closed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(http_door, "HEADER_SECONDS", 0.05)
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", scene.stage.server.http_port
    )
    writer.write(said)

    async with asyncio.timeout(5):
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
    writer.close()


async def test_a_second_request_without_an_end_is_closed_too(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_door, "HEADER_SECONDS", 0.05)
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", scene.stage.server.http_port
    )
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"alive" in await reader.readuntil(b"}")
    writer.write(b"GET /hea")

    async with asyncio.timeout(5):
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
    writer.close()


async def test_half_a_request_sent_along_with_a_whole_one_is_closed_too(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the server's own patience with a silent connection, 5 s, is over."""
    monkeypatch.setattr(http_door, "HEADER_SECONDS", 0.05)
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", scene.stage.server.http_port
    )
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /hea")
    assert b"alive" in await reader.readuntil(b"}")

    async with asyncio.timeout(3):
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
    writer.close()


@asynccontextmanager
async def reporting(scene: Scene, size: int = 4) -> AsyncIterator[Talk]:
    """Send the head of a webhook that promises a body of ``size`` bytes."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", scene.stage.server.http_port
    )
    writer.write(
        b"POST /webhooks/helix HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % size
        + b"webhook-id: 1\r\nwebhook-timestamp: 1\r\nwebhook-signature: v1,x\r\n\r\n"
    )
    yield reader, writer
    writer.close()


async def test_a_body_may_take_longer_than_a_head(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_door, "HEADER_SECONDS", 0.05)
    async with reporting(scene) as (reader, writer):
        await longer_than(0.05)
        writer.write(b"none")

        async with asyncio.timeout(5):
            assert b" 401 " in await reader.readline()


async def test_a_webhook_over_the_limit_is_not_read(
    scene: Scene,
) -> None:
    async with reporting(scene, MIB + 1) as (reader, writer), asyncio.timeout(5):
        writer.write((MIB + 1) * b"x")

        assert b" 413 " in await reader.readline()


async def test_a_body_that_does_not_come_is_waited_for_no_longer(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "BODY_SECONDS", 0.05)
    async with reporting(scene) as (reader, _), asyncio.timeout(5):
        assert b" 413 " in await reader.readline()


async def test_more_connections_than_are_served_at_a_time_are_asked_to_come_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_REQUESTS", 2)
    async with staged(tmp_path) as scene:
        port = scene.stage.server.http_port
        crowd = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]

        assert await health(scene) == 503
        for _, each in crowd:
            each.close()


async def test_one_address_cannot_take_all_places(scene: Scene) -> None:
    port = scene.stage.server.http_port
    crowd = [await asyncio.open_connection("127.0.0.1", port) for _ in range(200)]
    loop = asyncio.get_running_loop()
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, local_addr=("127.0.0.2", 0)
    )
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")

    async with asyncio.timeout(5):
        assert b" 200 " in await reader.readline()
    served = scene.stage.server._http
    assert served is not None
    assert len(served.server_state.connections) <= MOST_OF_ONE + 1
    for _, each in (*crowd, (reader, writer)):
        each.close()
    assert loop.is_running()


# ------------------------------------------------------------ the log


def test_a_log_nobody_reads_stops_nothing() -> None:
    read, write = os.pipe()
    with os.fdopen(write, "wb", buffering=0) as pipe:
        lines = _Lines(pipe)
        for _ in range(1000):
            lines.msg(200 * b"x")
        taken = os.read(read, MIB)
        lines.msg(b"again")
        more = os.read(read, MIB)
    os.close(read)

    assert len(taken) < 1000 * 201
    assert more.startswith(b'{"event":"log.dropped","lines":')
    assert more.endswith(b"again\n")


def test_the_server_may_have_as_many_connections_as_the_system_lets_it() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))

    take_descriptors()

    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
