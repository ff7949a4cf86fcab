"""Frames in, answers out, over real sockets; expectations are written out."""

import asyncio
import logging
import socket
from contextlib import suppress

import pytest

from adapters.hl7v2.answers import AnswerQueue
from adapters.hl7v2.connection import Connection
from adapters.hl7v2.limits import Counters
from gateway.core.errors import OutcomeUnknown
from gateway.core.verdict import Answer, AnswerKind
from gateway.ports import Peer
from tests.contract.mllp.peer import PATIENCE, Desk, accept, listening, refuse, turns

FIFTY = b"".join(b"\x0bMSH|%02d\x1c\r" % n for n in range(50))
FIFTY_ANSWERS = b"".join(b"\x0bMSA|AA|%02d\x1c\r" % n for n in range(50))


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([b"\x0b", b"MSH|1|\xc3\xa4\x1c\r"], id="after VT"),
        pytest.param([b"\x0bMS", b"H|1|\xc3\xa4\x1c\r"], id="inside MSH"),
        pytest.param([b"\x0bMSH|1|\xc3", b"\xa4\x1c\r"], id="inside a character"),
        pytest.param([b"\x0bMSH|1|\xc3\xa4", b"\x1c\r"], id="before FS"),
        pytest.param([b"\x0bMSH|1|\xc3\xa4\x1c", b"\r"], id="between FS and CR"),
    ],
)
async def test_case_01_a_split_frame_is_one_message(parts: list[bytes]) -> None:
    """The bytes arrive as they were sent, however the network cut them."""
    desk = Desk()
    async with listening(desk) as (_, connect):
        talker = await connect()
        await talker.send(*parts)

        assert await talker.read(14) == b"\x0bMSA|AA|1|\xc3\xa4\x1c\r"
    assert desk.bodies == [b"MSH|1|\xc3\xa4"]


async def test_case_02_fifty_frames_in_one_write_get_fifty_answers() -> None:
    desk = Desk()
    async with listening(desk) as (_, connect):
        talker = await connect()
        await talker.send(FIFTY)
        talker.shut_down_writing()

        assert await talker.rest() == FIFTY_ANSWERS


async def test_answers_keep_the_order_of_their_frames() -> None:
    """A later message that is decided first waits for the earlier one."""
    desk = Desk()
    async with listening(desk) as (_, connect):
        first = desk.withhold(b"1")
        talker = await connect()
        await talker.send(b"\x0bMSH|1\x1c\r\x0bMSH|2\x1c\r")
        await desk.arrival(b"2").wait()
        await turns()
        first.set_result(accept(b"1"))

        assert await talker.read(22) == b"\x0bMSA|AA|1\x1c\r\x0bMSA|AA|2\x1c\r"


async def test_an_answer_does_not_wait_for_a_later_message() -> None:
    desk = Desk()
    async with listening(desk) as (_, connect):
        desk.withhold(b"2")
        talker = await connect()
        await talker.send(b"\x0bMSH|1\x1c\r\x0bMSH|2\x1c\r")

        assert await talker.read(11) == b"\x0bMSA|AA|1\x1c\r"
        desk.answers[b"2"].set_result(accept(b"2"))
        assert await talker.read(11) == b"\x0bMSA|AA|2\x1c\r"


async def test_answers_that_are_ready_together_leave_together() -> None:
    """One commit decides many messages; their answers cost one write."""
    decisions: dict[bytes, asyncio.Future[Answer]] = {}
    written: list[bytes] = []

    def receive(body: bytes, _: Peer) -> asyncio.Future[Answer]:
        decisions[body] = asyncio.get_running_loop().create_future()
        return decisions[body]

    def ready(frames: bytes, _: str) -> None:
        written.append(frames)

    queue = AnswerQueue(receive, Peer("127.0.0.1", 1), ready, Counters())
    for body in (b"1", b"2", b"3"):
        queue.submit(body)
    for body in (b"2", b"1", b"3"):
        decisions[body].set_result(accept(body))
    await turns()

    assert written == [b"\x0bMSA|AA|1\x1c\r\x0bMSA|AA|2\x1c\r\x0bMSA|AA|3\x1c\r"]


async def test_case_03_a_refused_message_costs_neither_neighbour() -> None:
    desk = Desk()
    async with listening(desk) as (_, connect):
        desk.withhold(b"bad").set_result(refuse(b"bad"))
        talker = await connect()
        await talker.send(b"\x0bMSH|1\x1c\r\x0bMSH|bad\x1c\r\x0bMSH|3\x1c\r")

        assert await talker.read(35) == (
            b"\x0bMSA|AA|1\x1c\r\x0bMSA|AE|bad\x1c\r\x0bMSA|AA|3\x1c\r"
        )
        await talker.send(b"\x0bMSH|4\x1c\r")
        assert await talker.read(11) == b"\x0bMSA|AA|4\x1c\r"


async def test_case_04_junk_between_frames_is_skipped_and_reported() -> None:
    desk = Desk()
    async with listening(desk) as (listener, connect):
        talker = await connect()
        await talker.send(b"hello\r\n\x0bMSH|1\x1c\r\x00\x00\x0bMSH|2\x1c\r")

        assert await talker.read(22) == b"\x0bMSA|AA|1\x1c\r\x0bMSA|AA|2\x1c\r"
        assert listener.counters.damage == 2
    assert desk.damage == [("stray", 7, b"hello\r\n"), ("stray", 2, b"\x00\x00")]


async def test_a_receiver_that_fails_closes_without_an_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What it says of the failure is a name; the text may hold a field value."""
    desk = Desk()
    caplog.set_level(logging.DEBUG)
    async with listening(desk) as (listener, connect):
        desk.withhold(b"2").set_exception(ValueError("CANARY"))
        talker = await connect()
        await talker.send(b"\x0bMSH|1\x1c\r\x0bMSH|2\x1c\r\x0bMSH|3\x1c\r")

        assert await talker.rest() == b"\x0bMSA|AA|1\x1c\r"
        talker.close()
        await desk.happened("mllp.receive_failed")
        assert listener.counters.failed == 1
        assert listener.counters.undelivered == 1
    assert "mllp.receive_failed: ValueError" in caplog.messages
    assert "CANARY" not in caplog.text


async def test_an_expected_failure_is_logged_by_its_code(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = Desk()
    async with listening(desk) as (_, connect):
        desk.withhold(b"1").set_exception(OutcomeUnknown())
        talker = await connect()
        await talker.send(b"\x0bMSH|1\x1c\r")

        assert await talker.rest() == b""
    assert caplog.messages == ["mllp.receive_failed: outcome_unknown"]


async def test_an_answer_that_cannot_be_framed_closes() -> None:
    """A framing byte inside it would make two answers of one."""
    desk = Desk()
    async with listening(desk) as (_, connect):
        desk.withhold(b"1").set_result(accept(b"\x0b1\x1c\r"))
        talker = await connect()
        await talker.send(b"\x0bMSH|1\x1c\r\x0bMSH|2\x1c\r")

        assert await talker.rest() == b""


async def test_no_answer_sends_nothing_and_the_next_one_follows() -> None:
    desk = Desk()
    async with listening(desk) as (_, connect):
        desk.withhold(b"1").set_result(Answer(AnswerKind.NONE))
        talker = await connect()
        await talker.send(b"\x0bMSH|1\x1c\r\x0bMSH|2\x1c\r")

        assert await talker.read(11) == b"\x0bMSA|AA|2\x1c\r"


async def test_an_answer_that_closes_is_the_last() -> None:
    """What is decided after it stays decided, and its sender asks again."""
    desk = Desk()
    async with listening(desk) as (listener, connect):
        last = Answer(AnswerKind.NEGATIVE, "AR", b"MSA|AR|1", close=True)
        desk.withhold(b"1").set_result(last)
        talker = await connect()
        await talker.send(b"\x0bMSH|1\x1c\r\x0bMSH|2\x1c\r")

        assert await talker.rest() == b"\x0bMSA|AR|1\x1c\r"
        talker.close()
        await desk.happened("mllp.answered_and_closed")
        assert listener.counters.undelivered == 1
    assert desk.bodies == [b"MSH|1", b"MSH|2"]


async def test_an_unknown_outcome_closes_without_an_answer() -> None:
    desk = Desk()
    async with listening(desk) as (_, connect):
        desk.withhold(b"1").set_result(Answer(AnswerKind.NONE, close=True))
        talker = await connect()
        await talker.send(b"\x0bMSH|1\x1c\r")

        assert await talker.rest() == b""


async def test_case_21_a_half_closed_peer_still_gets_its_answers() -> None:
    desk = Desk()
    async with listening(desk) as (_, connect):
        decision = desk.withhold(b"1")
        talker = await connect()
        await talker.send(b"\x0bMSH|1\x1c\r\x0bMSH|2\x1c\r")
        talker.shut_down_writing()
        await desk.arrival(b"2").wait()
        await turns()
        decision.set_result(accept(b"1"))

        assert await talker.rest() == b"\x0bMSA|AA|1\x1c\r\x0bMSA|AA|2\x1c\r"
        await desk.happened("mllp.peer_closed")


async def test_case_21_an_answer_for_a_peer_that_is_gone_is_counted() -> None:
    desk = Desk()
    async with listening(desk) as (listener, connect):
        decision = desk.withhold(b"1")
        talker = await connect()
        await talker.send(b"\x0bMSH|1\x1c\r")
        await desk.arrival(b"1").wait()
        talker.reset()
        await desk.happened("mllp.connection_lost")
        decision.set_result(accept(b"1"))
        await turns()

        assert listener.counters.undelivered == 1
        assert listener.counters.answers == 0


async def test_an_undecided_message_delays_no_other_peer() -> None:
    desk = Desk()
    async with listening(desk) as (_, connect):
        desk.withhold(b"slow")
        slow, quick = await connect(), await connect()
        await slow.send(b"\x0bMSH|slow\x1c\r")
        await desk.arrival(b"slow").wait()
        await quick.send(b"\x0bMSH|1\x1c\r")

        assert await quick.read(11) == b"\x0bMSA|AA|1\x1c\r"


async def test_closing_answers_what_is_in_flight() -> None:
    desk = Desk()
    async with listening(desk) as (listener, connect):
        decision = desk.withhold(b"1")
        busy, idle = await connect(), await connect()
        await busy.send(b"\x0bMSH|1\x1c\r\x0bMSH|cut")
        await desk.arrival(b"1").wait()
        closing = asyncio.create_task(listener.close(drain_seconds=5))
        assert await idle.rest() == b""
        idle.close()
        decision.set_result(accept(b"1"))

        assert await busy.rest() == b"\x0bMSA|AA|1\x1c\r"
        busy.close()
        await closing
        assert listener.counters.connections == 0
    assert desk.bodies == [b"MSH|1"]
    assert desk.damage == [("cut_short", 8, b"\x0bMSH|cut")]


async def test_closing_does_not_wait_longer_than_it_may() -> None:
    desk = Desk()
    async with listening(desk) as (listener, connect):
        desk.withhold(b"1")
        talker = await connect()
        await talker.send(b"\x0bMSH|1\x1c\r")
        await desk.arrival(b"1").wait()
        await listener.close(drain_seconds=0.01)

        assert await talker.rest() == b""
        assert listener.counters.ended == {"mllp.stopping": 1}


async def test_a_closed_door_serves_those_inside_and_opens_again() -> None:
    desk = Desk()
    async with listening(desk) as (listener, connect):
        inside = await connect()
        await desk.happened("mllp.opened")
        listener.stop_accepting()
        await turns()
        with pytest.raises(ConnectionRefusedError):
            await connect()
        await inside.send(b"\x0bMSH|1\x1c\r")
        assert await inside.read(11) == b"\x0bMSA|AA|1\x1c\r"
        assert not listener.accepting

        await listener.accept()
        later = await connect()
        await later.send(b"\x0bMSH|2\x1c\r")
        assert await later.read(11) == b"\x0bMSA|AA|2\x1c\r"


async def test_a_dead_peer_will_be_noticed() -> None:
    """Firewalls drop idle connections without a word (case 27)."""
    desk = Desk()
    async with listening(desk) as (listener, connect):
        await connect()
        await desk.happened("mllp.opened")
        (connection,) = listener._house.admission.guests
        assert isinstance(connection, Connection)
        sock = connection._transport.get_extra_info("socket")

        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


@pytest.mark.parametrize("turns_of_the_loop", range(4))
async def test_whoever_was_let_in_before_the_door_closed_is_served(
    turns_of_the_loop: int,
) -> None:
    """The system has accepted; asyncio may not have made a connection of it yet."""
    desk, loop = Desk(), asyncio.get_running_loop()
    async with listening(desk) as (listener, _):
        address = ("127.0.0.1", listener.port)
        with socket.create_connection(address) as peer:
            peer.settimeout(0)
            for _ in range(turns_of_the_loop):
                await asyncio.sleep(0)
            listener.stop_accepting()

            async with asyncio.timeout(PATIENCE):
                with suppress(ConnectionError):  # it was not let in, and hears so
                    await loop.sock_sendall(peer, b"\x0bMSH|1\x1c\r")
                    assert await loop.sock_recv(peer, 64) == b"\x0bMSA|AA|1\x1c\r"
