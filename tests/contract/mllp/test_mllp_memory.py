"""What a peer may make us hold, and how it is made to wait."""

import asyncio
import tracemalloc

import pytest

from adapters.hl7v2.admission import Admission
from adapters.hl7v2.connection import Connection
from adapters.hl7v2.deadline import Deadline
from adapters.hl7v2.limits import MIB, Limits
from tests.contract.mllp.peer import (
    Desk,
    Nobody,
    accept,
    listening,
    trickle,
    turns,
)

SOON = 0.05
"""Seconds: a deadline short enough to wait for."""


async def test_case_10_a_frame_over_the_limit_is_answered_and_closes() -> None:
    desk = Desk()
    async with listening(desk, Limits(frame=64)) as (_, connect):
        talker = await connect()
        await talker.send(b"\x0bMSH|1\x1c\r\x0bMSH|2|" + 64 * b"x" + b"\x1c\r")

        assert await talker.rest() == b"\x0bMSA|AA|1\x1c\r\x0bMSA|AR|big\x1c\r"
        talker.close()
        await desk.happened("mllp.block_too_large")
    assert desk.bodies == [b"MSH|1"]
    assert desk.oversize[0][:6] == b"MSH|2|"


async def test_case_10_an_endless_frame_is_answered_while_it_is_sent() -> None:
    """The answer is not lost in what still comes, and nothing of that is kept."""
    desk = Desk()
    async with listening(desk, Limits(frame=4096)) as (_, connect):
        talker = await connect()
        tracemalloc.start()
        await talker.send(b"\x0bMSH|1|", *(64 * (128 * 1024 * b"x",)))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert most < 2 * 1024 * 1024
        assert await talker.read(13) == b"\x0bMSA|AR|big\x1c\r"


async def test_an_endless_frame_ends_even_if_its_sender_does_not() -> None:
    desk = Desk()
    async with listening(desk, Limits(frame=64, linger=SOON)) as (listener, connect):
        talker = await connect()
        await talker.send(b"\x0bMSH|1|")
        await trickle(talker, 4096 * b"x")

        await desk.happened("mllp.block_too_large")
        assert listener.counters.connections == 0


async def test_frames_wait_when_the_pipeline_is_full() -> None:
    """What is not answered is bounded; the rest waits in its sender's socket."""
    desk = Desk()
    async with listening(desk, Limits(pipeline=2)) as (_, connect):
        decision = desk.withhold(b"1")
        talker = await connect()
        await talker.send(b"".join(b"\x0bMSH|%d\x1c\r" % n for n in range(1, 6)))
        await desk.arrival(b"2").wait()
        await turns()
        assert desk.bodies == [b"MSH|1", b"MSH|2"]
        decision.set_result(accept(b"1"))

        assert await talker.read(55) == (
            b"\x0bMSA|AA|1\x1c\r\x0bMSA|AA|2\x1c\r\x0bMSA|AA|3\x1c\r"
            b"\x0bMSA|AA|4\x1c\r\x0bMSA|AA|5\x1c\r"
        )


async def test_a_full_pipeline_slows_its_sender_down() -> None:
    """It is TCP that waits, not our memory."""
    desk = Desk()
    async with listening(desk, Limits(pipeline=1)) as (_, connect):
        desk.withhold(b"1")
        talker = await connect()
        await talker.send(b"\x0bMSH|1\x1c\r")
        await desk.arrival(b"1").wait()

        assert await talker.flood(64 * 1024 * 1024) < 32 * 1024 * 1024


async def test_one_frame_may_wait_however_large() -> None:
    desk = Desk()
    async with listening(desk, Limits(pipeline_bytes=4)) as (_, connect):
        decision = desk.withhold(b"1")
        talker = await connect()
        await talker.send(b"\x0bMSH|1\x1c\r\x0bMSH|2\x1c\r")
        await desk.arrival(b"1").wait()
        await turns()
        assert desk.bodies == [b"MSH|1"]
        decision.set_result(accept(b"1"))

        assert await talker.read(22) == b"\x0bMSA|AA|1\x1c\r\x0bMSA|AA|2\x1c\r"


async def test_an_address_that_hoards_memory_is_cut_and_no_other() -> None:
    """What counts is what all its connections hold, framed or not."""
    desk = Desk()
    async with listening(desk, Limits(address_bytes=1000)) as (_, connect):
        one, two, other = (
            await connect(),
            await connect(),
            await connect("127.0.0.2"),
        )
        await one.send(b"\x0bMSH|" + 600 * b"x")
        await other.send(b"\x0bMSH|" + 600 * b"x")
        await two.send(b"\x0bMSH|" + 600 * b"x")

        assert await two.rest() == b""
        two.close()
        await desk.happened("mllp.memory")
        await one.send(b"|1\x1c\r")
        await other.send(b"|2\x1c\r")
        assert (await one.read(4), await other.read(4)) == (b"\x0bMSA", b"\x0bMSA")
        again = await connect()
        await again.send(b"\x0bMSH|" + 600 * b"x", b"|3\x1c\r")
        assert await again.read(4) == b"\x0bMSA"


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(b"|\x1c\r\x0bMSH|" + 100 * b"x", id="frames"),
        pytest.param(b"\x0bMSH|" + 100 * b"x", id="frames cut short"),
        pytest.param(b"\x1c\r\x0b" + 100 * b"\r" + b"\x1c\r\x0bMSH|", id="empty ones"),
    ],
)
async def test_what_was_dealt_with_is_no_longer_held(part: bytes) -> None:
    """A long conversation costs no more than a short one."""
    desk = Desk()
    limits = Limits(address_bytes=1000, damage=100)
    async with listening(desk, limits) as (listener, connect):
        talker = await connect()
        await talker.send(b"\x0bMSH|", *(50 * (part,)))

        assert listener.counters.connections == 1
        await talker.send(b"|1\x1c\r\x0bMSH|2\x1c\r")
        talker.shut_down_writing()
        assert (await talker.rest())[-11:] == b"\x0bMSA|AA|2\x1c\r"


async def test_nothing_is_left_of_a_connection_that_ended() -> None:
    """Neither bytes on its account nor a timer that keeps it in memory."""
    desk = Desk()
    async with listening(desk) as (listener, connect):
        decision = desk.withhold(b"1")
        talker = await connect()
        await desk.happened("mllp.opened")
        (connection,) = listener._house.admission.guests
        assert isinstance(connection, Connection)
        assert connection._account is not None
        await talker.send(b"\x0b\r\r\x1c\r")
        assert listener.counters.empty == 1
        assert connection._account.used == 0
        await talker.send(b"\x0bMSH|1\x1c\r\x0bMSH|2")
        await desk.arrival(b"1").wait()
        assert connection._account.used == 11
        talker.reset()
        await desk.happened("mllp.connection_lost")
        assert connection._account.used == 5
        decision.set_result(accept(b"1"))
        await turns()

        assert connection._account.used == 0
        assert connection._patience._deadline._timer is None
        assert listener._house.admission.guests == []


async def test_a_deadline_that_moves_away_costs_no_timer() -> None:
    loop = asyncio.get_running_loop()
    deadline = Deadline(loop, lambda: loop.time() + 60, pytest.fail)
    deadline.nearer(loop.time() + 10)
    timer = deadline._timer
    deadline.nearer(loop.time() + 20)

    assert deadline._timer is timer
    deadline.stop()


def test_an_account_lasts_as_long_as_something_is_held() -> None:
    """Coming back under the same address does not begin a new one."""
    admission = Admission(Limits())
    account = admission.admit(Nobody(), "10.0.0.1")
    assert account is not None
    account.charge(600)
    admission.leave(Nobody(), "10.0.0.1")
    admission.admit(Nobody(), "10.0.0.2")
    assert admission.admit(Nobody(), "10.0.0.1") is account

    account.charge(-600)
    admission.leave(Nobody(), "10.0.0.1")
    admission.admit(Nobody(), "10.0.0.3")
    assert admission.admit(Nobody(), "10.0.0.1") is not account


async def test_the_whole_listener_has_a_ceiling() -> None:
    desk = Desk()
    async with listening(desk, Limits(total_bytes=1000)) as (_, connect):
        one, two = await connect(), await connect("127.0.0.2")
        await one.send(b"\x0bMSH|" + 600 * b"x")
        await two.send(b"\x0bMSH|" + 600 * b"x")

        assert await two.rest() == b""
        await one.send(b"|1\x1c\r")
        assert await one.read(4) == b"\x0bMSA"


async def test_a_peer_that_reads_no_answers_is_cut_and_delays_no_other() -> None:
    desk = Desk()
    async with listening(desk, Limits(stalled=SOON)) as (_, connect):
        desk.withhold(b"x").set_result(accept(MIB * b"x"))
        deaf, other = await connect(), await connect()
        shouting = asyncio.create_task(trickle(deaf, b"\x0bMSH|x\x1c\r"))
        await other.send(b"\x0bMSH|1\x1c\r")
        assert await other.read(11) == b"\x0bMSA|AA|1\x1c\r"

        await desk.happened("mllp.stalled")
        await shouting
        await other.send(b"\x0bMSH|2\x1c\r")
        assert await other.read(11) == b"\x0bMSA|AA|2\x1c\r"


def stalled(connection: Connection) -> bool:
    return connection._patience.stalled


async def test_a_peer_that_reads_late_is_served_on() -> None:
    """While it does not read, nothing more is taken from it."""
    desk = Desk()
    async with listening(desk) as (listener, connect):
        desk.withhold(b"x").set_result(accept(MIB * b"x"))
        talker = await connect()
        await talker.send(*(24 * (b"\x0bMSH|x\x1c\r",)))
        (connection,) = listener._house.admission.guests
        assert isinstance(connection, Connection)
        assert stalled(connection)
        assert len(desk.bodies) < 16

        await talker.read(24 * (MIB + 10))
        assert not stalled(connection)
        await talker.send(b"\x0bMSH|1\x1c\r")
        assert await talker.read(11) == b"\x0bMSA|AA|1\x1c\r"
