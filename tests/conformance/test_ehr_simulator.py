"""The simulated EHR believes no answer that it cannot match."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from adapters.hl7v2.mllp import encode
from conformance.simulators.ehr import (
    Answer,
    Behaviour,
    EhrReceiver,
    EhrSender,
    Late,
    NoAnswer,
    Raw,
    WrongAnswer,
)
from conformance.simulators.ehr_answers import (
    control_id,
    read_ack,
    segments,
    with_time,
    write_ack,
)

ONE = b"MSH|^~\\&|A|B|C|D|20260302||ADT^A08|ID-1|P|2.5.1\rPID|1||77^^^B\r"
TWO = ONE.replace(b"ID-1", b"ID-2")

Reply = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def between() -> AsyncIterator[tuple[EhrSender, EhrReceiver]]:
    """Let one end of the simulator talk to the other."""
    async with (
        EhrReceiver() as receiver,
        EhrSender("127.0.0.1", receiver.port) as sender,
    ):
        yield sender, receiver


async def test_a_message_is_kept_and_acknowledged() -> None:
    async with between() as (sender, receiver):
        ack = await sender.send(ONE)

    assert (ack.code, ack.control_id, ack.positive) == ("AA", b"ID-1", True)
    assert receiver.received == [ONE]
    assert sender.acks == [ack]


async def test_one_connection_carries_all_in_order() -> None:
    """One message is in flight at a time, however many wait to be sent."""
    many = [ONE.replace(b"ID-1", b"ID-%d" % n) for n in range(20)]
    async with between() as (sender, receiver):
        acks = await asyncio.gather(*map(sender.send, many))

    assert [ack.control_id for ack in acks] == [control_id(one) for one in many]
    assert receiver.received == many
    assert receiver.connections == 1


@pytest.mark.parametrize("code", ["AE", "AR", "CE", "CR", "OK"])
async def test_a_refusal_is_an_answer(code: str) -> None:
    async with between() as (sender, receiver):
        receiver.behave(Answer(code))
        refused = await sender.send(ONE)
        taken = await sender.send(TWO)

    assert (refused.code, refused.positive, taken.code) == (code, False, "AA")
    assert receiver.connections == 1


@pytest.mark.parametrize(
    "behaviour",
    [
        Answer(answering=b"ID-9"),
        Answer(answering=b""),
        Answer(answering=b"id-1"),
        Raw(encode(b"MSH|^~\\&|A\r")),
        Raw(encode(ONE)),
    ],
    ids=["another id", "no id", "other case", "no MSA", "our own message"],
)
async def test_an_answer_that_does_not_match_closes_the_connection(
    behaviour: Behaviour,
) -> None:
    async with between() as (sender, receiver):
        receiver.behave(behaviour)
        with pytest.raises(WrongAnswer):
            await sender.send(ONE)
        ack = await sender.send(TWO)

    assert ack.control_id == b"ID-2"
    assert receiver.connections == 2


@pytest.mark.parametrize("behaviour", ["silent", Raw(b"\x0bMSH|half"), Raw(b"AA\r\n")])
async def test_silence_ends_the_wait_and_the_connection(behaviour: Behaviour) -> None:
    async with between() as (sender, receiver):
        receiver.behave(behaviour)
        with pytest.raises(NoAnswer):
            await sender.send(ONE, within=0.05)
        await sender.send(TWO)

    assert receiver.received == [ONE, TWO]
    assert receiver.connections == 2


async def test_a_peer_that_hangs_up_has_not_answered() -> None:
    async with between() as (sender, receiver):
        receiver.behave("close")
        with pytest.raises(NoAnswer):
            await sender.send(ONE)
        await sender.send(TWO)

    assert receiver.received == [ONE, TWO]


async def test_a_late_answer_is_never_the_next_ones() -> None:
    gate = asyncio.Event()
    async with between() as (sender, receiver):
        receiver.behave(Late(gate))
        with pytest.raises(NoAnswer):
            await sender.send(ONE, within=0.05)
        gate.set()
        ack = await sender.send(TWO)

    assert ack.control_id == b"ID-2"


async def test_told_behaviour_ends_and_the_usual_one_stays() -> None:
    async with between() as (sender, receiver):
        receiver.behave_always(Answer("CA"))
        receiver.behave(Answer("AE"), times=2)
        codes = [(await sender.send(ONE)).code for _ in range(4)]

    assert codes == ["AE", "AE", "CA", "CA"]


async def test_one_can_wait_for_messages_and_not_for_ever() -> None:
    async with between() as (sender, receiver):
        waiting = asyncio.create_task(receiver.wait_for(2))
        await sender.send(ONE)
        await sender.send(TWO)

        assert await waiting == [ONE, TWO]
        with pytest.raises(TimeoutError):
            await receiver.wait_for(3, within=0.01)


async def test_a_resend_differs_in_its_time_alone() -> None:
    async with between() as (sender, receiver):
        await sender.send(ONE)
        await sender.resend(ONE, "20260303")

    assert receiver.received[1] == ONE.replace(b"20260302", b"20260303")


async def test_a_receiver_can_go_and_come_back() -> None:
    receiver = EhrReceiver()
    await receiver.start()
    sender = EhrSender("127.0.0.1", receiver.port)
    await sender.send(ONE)
    await receiver.stop()

    with pytest.raises((NoAnswer, OSError)):
        await sender.send(TWO)
    with pytest.raises(ConnectionRefusedError):
        await sender.send(TWO)
    await receiver.start()
    await sender.send(TWO)
    await sender.close()
    await receiver.stop()

    assert receiver.received == [ONE, TWO]


async def test_bytes_may_come_in_any_pieces() -> None:
    wire = encode(write_ack(ONE, "AA"))

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await reader.readuntil(b"\x1c\r")
            for n in range(len(wire)):
                writer.write(wire[n : n + 1])
                await writer.drain()
            await reader.read()
        writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with EhrSender("127.0.0.1", port) as sender:
        ack = await sender.send(ONE)
    server.close()

    assert ack.code == "AA"


# ---------------------------------------------------------------- literal HL7


def test_answers_use_the_senders_delimiters_and_version() -> None:
    odd = b"MSH:;~\\&:A:B:C:D:20260302::ADT;A08:ID^1:T:2.3\r"

    ack = write_ack(odd, "AE")

    header, verdict = segments(ack)
    assert verdict == [b"MSA", b"AE", b"ID^1"]
    assert header[1:6] == [b";~\\&", b"C", b"D", b"A", b"B"]
    assert header[10:12] == [b"T", b"2.3"]
    assert ack.startswith(b"MSH:")


def test_a_message_without_msa_is_no_acknowledgement() -> None:
    assert read_ack(ONE) is None


def test_an_acknowledgement_is_read_whole() -> None:
    ack = read_ack(b"MSH|^~\\&|X\rMSA|AE|ID-1|why not\rERR|1\r")

    assert ack is not None
    assert (ack.code, ack.control_id, ack.text) == ("AE", b"ID-1", "why not")


def test_another_time_touches_nothing_else() -> None:
    assert with_time(ONE, "X") == ONE.replace(b"20260302", b"X", 1)
