"""What a peer may not do to us, or to another peer."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from adapters.hl7v2.limits import Limits
from gateway.core.verdict import Answer
from gateway.ports import LARGE, Peer
from tests.contract.mllp.peer import (
    Desk,
    Talker,
    accept,
    listening,
    longer_than,
    trickle,
    turns,
)

SOON = 0.05
"""Seconds: a deadline short enough to wait for."""
MANY = 1_000_000
"""A limit that is not met."""


async def a_moment() -> None:
    """Let the loop's clock tick once; some count whole milliseconds."""
    loop = asyncio.get_running_loop()
    before = loop.time()
    while loop.time() == before:
        await turns()


async def test_case_04_too_much_junk_closes() -> None:
    desk = Desk()
    async with listening(desk, Limits(junk=16)) as (_, connect):
        talker = await connect()
        await talker.send(b"GET / HTTP/1.1\r\nHost: x\r\n")

        assert await talker.rest() == b""
        talker.close()
        await desk.happened("mllp.junk_too_long")
    assert desk.damage == [("junk", 25, b"GET / HTTP/1.1\r\nHost: x\r\n")]
    assert desk.bodies == []


@pytest.mark.parametrize("end", [b"\x1c", b"\x1c\n", b""])
async def test_case_05_a_frame_without_its_end_meets_the_deadline(end: bytes) -> None:
    """It is never answered, and never waits for the idle time-out."""
    desk = Desk()
    async with listening(desk, Limits(mid_frame=SOON)) as (_, connect):
        talker = await connect()
        await talker.send(b"\x0bMSH|0\x1c\r")
        assert await talker.read(11) == b"\x0bMSA|AA|0\x1c\r"
        await talker.send(b"\x0bMSH|1" + end)

        assert await talker.rest() == b""
        await desk.happened("mllp.mid_frame_timeout")
    assert desk.bodies == [b"MSH|0"]
    assert desk.damage == [("cut_short", 6 + len(end), b"\x0bMSH|1" + end)]


async def test_case_07_two_empty_frames_are_passed_over() -> None:
    desk = Desk()
    async with listening(desk) as (listener, connect):
        talker = await connect()
        await talker.send(b"\x0b\x1c\r\x0b\r\r\x1c\r\x0bMSH|1\x1c\r\x0b\x1c\r")
        await talker.send(b"\x0bMSH|2\x1c\r")

        assert await talker.read(22) == b"\x0bMSA|AA|1\x1c\r\x0bMSA|AA|2\x1c\r"
        assert listener.counters.empty == 3


async def test_case_07_the_third_empty_frame_in_a_row_closes() -> None:
    desk = Desk()
    async with listening(desk) as (_, connect):
        talker = await connect()
        await talker.send(b"\x0bMSH|1\x1c\r" + 3 * b"\x0b\x1c\r" + b"\x0bMSH|2\x1c\r")

        assert await talker.rest() == b"\x0bMSA|AA|1\x1c\r"
        talker.close()
        await desk.happened("mllp.empty_frames")
    assert desk.bodies == [b"MSH|1"]


async def test_case_07_a_message_without_its_frame_is_not_accepted() -> None:
    desk = Desk()
    async with listening(desk, Limits(first_byte=SOON)) as (_, connect):
        talker = await connect()
        await talker.send(b"MSH|1\r")

        assert await talker.rest() == b""
        await desk.happened("mllp.first_byte_timeout")
    assert desk.bodies == []
    assert desk.damage == [("stray", 6, b"MSH|1\r")]


@pytest.mark.parametrize("leave", [Talker.close, Talker.reset])
async def test_case_08_a_frame_cut_by_its_sender_is_no_message(
    leave: Callable[[Talker], None],
) -> None:
    desk = Desk()
    async with listening(desk) as (_, connect):
        talker = await connect()
        await talker.send(b"\x0bMSH|1\x1c\r\x0bMSH|2|hal")
        assert await talker.read(11) == b"\x0bMSA|AA|1\x1c\r"
        leave(talker)
        while not desk.damage:
            await turns()

    assert desk.bodies == [b"MSH|1"]
    assert desk.damage == [("cut_short", 10, b"\x0bMSH|2|hal")]


@pytest.mark.parametrize(
    ("start", "more"),
    [
        pytest.param(b"\x0bMSH|1", b"x", id="one byte after another"),
        pytest.param(b"\x0bMSH|1", b"\x0bMSH|", id="a new start again and again"),
    ],
)
async def test_case_09_a_trickling_frame_is_cut(start: bytes, more: bytes) -> None:
    """Progress does not help: the deadline runs from VT to the frame's end."""
    desk = Desk()
    async with listening(desk, Limits(mid_frame=SOON, damage=MANY)) as (_, connect):
        slow, other = await connect(), await connect()
        await slow.send(start)
        trickling = asyncio.create_task(trickle(slow, more))
        await other.send(b"\x0bMSH|2\x1c\r")
        assert await other.read(11) == b"\x0bMSA|AA|2\x1c\r"

        await desk.happened("mllp.mid_frame_timeout")
        await trickling
    assert desk.bodies == [b"MSH|2"]


async def test_the_time_we_take_is_not_held_against_a_peer() -> None:
    """A frame half read when its pipeline fills may end when there is room."""
    desk = Desk()
    limits = Limits(mid_frame=SOON, pipeline=1)
    async with listening(desk, limits) as (_, connect):
        decision = desk.withhold(b"1")
        talker = await connect()
        await talker.send(b"\x0bMSH|1\x1c\r\x0bMSH|2")
        await desk.arrival(b"1").wait()
        await longer_than(SOON)
        decision.set_result(accept(b"1"))
        assert await talker.read(11) == b"\x0bMSA|AA|1\x1c\r"
        await talker.send(b"\x1c\r")

        assert await talker.read(11) == b"\x0bMSA|AA|2\x1c\r"


async def test_a_silent_connection_ends() -> None:
    desk = Desk()
    async with listening(desk, Limits(idle=SOON)) as (_, connect):
        talker = await connect()
        await talker.send(b"\x0bMSH|1\x1c\r")
        assert await talker.read(11) == b"\x0bMSA|AA|1\x1c\r"

        assert await talker.rest() == b""
        await desk.happened("mllp.idle_timeout")


async def test_a_connection_whose_message_is_being_decided_is_not_silent() -> None:
    desk = Desk()
    async with listening(desk, Limits(idle=SOON)) as (_, connect):
        decision = desk.withhold(b"1")
        talker = await connect()
        await talker.send(b"\x0bMSH|0\x1c\r\x0bMSH|1\x1c\r")
        assert await talker.read(11) == b"\x0bMSA|AA|0\x1c\r"
        await longer_than(SOON)
        decision.set_result(accept(b"1"))
        assert await talker.read(11) == b"\x0bMSA|AA|1\x1c\r"
        await talker.send(b"\x0bMSH|2\x1c\r")

        assert await talker.read(11) == b"\x0bMSA|AA|2\x1c\r"


async def test_case_09_one_address_evicts_its_own_oldest_idle_connection() -> None:
    desk = Desk()
    async with listening(desk, Limits(per_address=2)) as (listener, connect):
        first, second, stranger = (
            await connect(),
            await connect(),
            await connect("127.0.0.2"),
        )
        await a_moment()
        await first.send(b"\x0bMSH|1\x1c\r")
        assert await first.read(11) == b"\x0bMSA|AA|1\x1c\r"
        third = await connect()

        assert await second.rest() == b""
        for talker in (first, third, stranger):
            await talker.send(b"\x0bMSH|2\x1c\r")
            assert await talker.read(11) == b"\x0bMSA|AA|2\x1c\r"
        assert listener.counters.ended["mllp.evicted"] == 1


async def test_case_09_a_connection_too_many_is_refused_if_none_is_idle() -> None:
    desk = Desk()
    async with listening(desk, Limits(per_address=2)) as (listener, connect):
        desk.withhold(b"1")
        deciding, sending = await connect(), await connect()
        await deciding.send(b"\x0bMSH|1\x1c\r")
        await sending.send(b"\x0bMSH|2")
        await desk.arrival(b"1").wait()
        late = await connect()

        assert await late.rest() == b""
        await sending.send(b"\x1c\r")
        assert await sending.read(11) == b"\x0bMSA|AA|2\x1c\r"
        assert listener.counters.refused == 1


async def test_a_peer_that_sends_nothing_but_damage_is_cut() -> None:
    """Four bytes would else cost a line of the log and a row of the store."""
    desk = Desk()
    async with listening(desk, Limits(damage=3)) as (listener, connect):
        talker = await connect()
        await talker.send(b"\x0bMSH|1\x1c\r" + 1000 * b"\x0bMSH")

        assert await talker.rest() == b"\x0bMSA|AA|1\x1c\r"
        await desk.happened("mllp.damage")
    assert [kind for kind, _, _ in desk.damage] == 3 * ["cut_short"]
    assert listener.counters.damage == 3


async def test_a_frame_between_forgives_the_damage_before() -> None:
    desk = Desk()
    async with listening(desk, Limits(damage=3)) as (_, connect):
        talker = await connect()
        for n in (b"1", b"2"):
            await talker.send(2 * b"\x0bMSH" + b"\x0bMSH|" + n + b"\x1c\r")

        assert await talker.read(22) == b"\x0bMSA|AA|1\x1c\r\x0bMSA|AA|2\x1c\r"


async def test_what_a_peer_leaves_behind_is_counted_with_its_damage() -> None:
    """Hanging up in the middle is no way to have more of it kept."""
    desk = Desk()
    limits = Limits(damage=3, pipeline=1)
    async with listening(desk, limits) as (listener, connect):
        decision = desk.withhold(b"1")
        talker = await connect()
        await talker.send(b"\x0bMSH|1\x1c\r" + 1000 * b"\x0bMSH")
        await desk.arrival(b"1").wait()
        talker.reset()
        decision.set_result(accept(b"1"))
        while listener.counters.connections:
            await turns()

    assert len(desk.damage) == 3


async def test_where_all_places_are_taken_the_largest_party_gives_one_up() -> None:
    desk = Desk()
    async with listening(desk, Limits(total_connections=3)) as (_, connect):
        crowd = [await connect(), await connect()]
        alone = await connect("127.0.0.2")
        late = await connect("127.0.0.3")

        assert await crowd[0].rest() == b""
        for talker, n in ((crowd[1], b"1"), (alone, b"2"), (late, b"3")):
            await talker.send(b"\x0bMSH|" + n + b"\x1c\r")
            assert await talker.read(11) == b"\x0bMSA|AA|" + n + b"\x1c\r"


async def test_where_all_are_busy_the_newest_is_turned_away() -> None:
    desk = Desk()
    async with listening(desk, Limits(total_connections=1)) as (_, connect):
        decision = desk.withhold(b"1")
        busy = await connect()
        await busy.send(b"\x0bMSH|1\x1c\r")
        await desk.arrival(b"1").wait()

        assert await (await connect("127.0.0.2")).rest() == b""
        decision.set_result(accept(b"1"))
        assert await busy.read(11) == b"\x0bMSA|AA|1\x1c\r"


async def test_behind_a_large_message_the_next_one_waits() -> None:
    """It is read on a thread, where a short one would overtake it."""
    desk = Desk()
    async with listening(desk) as (_, connect):
        large = b"1" + LARGE * b"x"
        decision = desk.withhold(large)
        talker = await connect()
        await talker.send(b"\x0bMSH|" + large + b"\x1c\r\x0bMSH|2\x1c\r")
        await desk.arrival(large).wait()
        await turns()
        assert not desk.arrival(b"2").is_set()

        decision.set_result(accept(b"1"))
        assert await talker.read(22) == b"\x0bMSA|AA|1\x1c\r\x0bMSA|AA|2\x1c\r"


class Lenient(Desk):
    """Answers what is too large as if the connection could go on."""

    async def receive_oversize(self, head: bytes, peer: Peer) -> Answer:
        return replace(await super().receive_oversize(head, peer), close=False)


async def test_a_frame_too_large_ends_the_connection_whatever_its_answer_says() -> None:
    """Nobody knows where the next frame begins."""
    desk = Lenient()
    async with listening(desk, Limits(frame=10)) as (_, connect):
        talker = await connect()
        await talker.send(b"\x0bMSH|" + 10 * b"1" + b"\x1c\r\x0bMSH|2\x1c\r")

        assert await talker.rest() == b"\x0bMSA|AR|big\x1c\r"
        await desk.happened("mllp.block_too_large")
    assert desk.bodies == []
