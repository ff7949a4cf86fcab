"""What a delivery to an EHR came to, over real sockets; bytes are written out."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from adapters.hl7v2.client import Garbled, MllpClient, NotConnected, Timeouts
from adapters.hl7v2.sender import MllpSender
from gateway.delivery.outcome import (
    Delivered,
    Evidence,
    NotTaken,
    Outcome,
    Rejected,
    Unknown,
)
from gateway.ports import Claim
from tests.contract.mllp.ehr import Ehr, reset, serving
from tests.contract.mllp.peer import turns

SOON = timedelta(seconds=0.05)
LONG = timedelta(seconds=5)

HEADER = b"MSH|^~\\&|EHR|GH|BATON|BATON|20260302||ACK^R01^ACK|1|P|2.5.1\r"
AA_1 = b"\x0b" + HEADER + b"MSA|AA|D-1\r\x1c\r"
AA_2 = b"\x0b" + HEADER + b"MSA|AA|D-2\r\x1c\r"
CA_1 = b"\x0b" + HEADER + b"MSA|CA|D-1\r\x1c\r"
AE_2 = b"\x0b" + HEADER + b"MSA|AE|D-2\r\x1c\r"


def claim(control_id: str = "D-1", *, text: str = "") -> Claim:
    body = f"MSH|^~\\&|BATON|BATON|EHR|GH|20260302||ORU^R01|{control_id}|P|2.5.1\r"
    return Claim(
        delivery_id=control_id,
        order_id="O-1",
        destination="ehr:gh",
        lane="O-1@ehr:gh",
        key=control_id,
        operation="status",
        body=(body + text).encode(),
        content_type="x-application/hl7-v2+er7",
        attempt=1,
        lease=1,
        deadline=datetime(2026, 3, 3, tzinfo=UTC),
    )


def said(code: bytes, control_id: bytes = b"D-1") -> bytes:
    return b"\x0b" + HEADER + b"MSA|" + code + b"|" + control_id + b"\r\x1c\r"


@asynccontextmanager
async def sending(
    ehr: Ehr,
    codes: Mapping[str, str] | None = None,
    *,
    answer_timeout: timedelta = LONG,
) -> AsyncIterator[MllpSender]:
    async with serving(ehr) as port:
        sender = MllpSender(
            "127.0.0.1", port, codes=codes or {}, answer_timeout=answer_timeout
        )
        yield sender
        await sender.close()


async def attempt(*script: bytes) -> Outcome:
    """Return what one delivery comes to if the EHR answers in these parts."""
    async with sending(Ehr(script)) as sender:
        return await sender.send(claim())


async def test_a_positive_answer_is_a_delivery_and_keeps_the_connection() -> None:
    ehr = Ehr((AA_1,), (AA_2,))
    async with sending(ehr) as sender:
        first = await sender.send(claim("D-1"))
        second = await sender.send(claim("D-2"))

    body = HEADER + b"MSA|AA|D-1\r"
    assert first == Delivered(Evidence("mllp.AA", "AA", body))
    assert isinstance(second, Delivered)
    assert len(ehr.connections) == 1
    assert ehr.messages[0] == (
        b"\x0bMSH|^~\\&|BATON|BATON|EHR|GH|20260302||ORU^R01|D-1|P|2.5.1\r\x1c\r"
    )


async def test_case_22_a_late_answer_is_never_the_next_ones() -> None:
    """After a time-out the connection is closed and another one is used."""
    ehr = Ehr("silence", (AE_2,))
    async with sending(ehr, answer_timeout=SOON) as sender:
        first = await sender.send(claim("D-1"))
        ehr.connections[0].write(AA_1 + AA_2)
        second = await sender.send(claim("D-2"))

    assert first == Unknown(Evidence("mllp.timeout"))
    assert isinstance(second, Rejected)
    assert len(ehr.connections) == 2


async def test_case_22_bytes_nobody_asked_for_end_the_connection() -> None:
    """What lies unread before a message is sent cannot be its answer."""
    ehr = Ehr((AA_1,), (AE_2,))
    async with sending(ehr) as sender:
        await sender.send(claim("D-1"))
        ehr.connections[0].write(AA_2)
        await turns()
        second = await sender.send(claim("D-2"))

    assert isinstance(second, Rejected)
    assert len(ehr.connections) == 2


async def test_two_answers_at_once_end_the_connection() -> None:
    """CA then AA: the first one counts, the second is read for no other message."""
    ehr = Ehr((CA_1 + AA_1,), (AE_2,))
    async with sending(ehr) as sender:
        first = await sender.send(claim("D-1"))
        second = await sender.send(claim("D-2"))

    assert isinstance(first, Delivered)
    assert first.evidence.code == "mllp.CA"
    assert isinstance(second, Rejected)
    assert len(ehr.connections) == 2


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param((AA_1[:1], AA_1[1:]), id="cut after VT"),
        pytest.param((AA_1[:30], AA_1[30:-1], AA_1[-1:]), id="cut in three"),
        pytest.param((b"INFO ack follows\r\n", AA_1), id="after a log line"),
    ],
)
async def test_case_23_an_answer_may_come_in_pieces(parts: tuple[bytes, ...]) -> None:
    assert isinstance(await attempt(*parts), Delivered)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(AA_1[1:], id="without VT"),
        pytest.param(AA_1[:-1], id="without the last CR"),
        pytest.param(AA_1[:-2], id="without FS and CR"),
    ],
)
async def test_case_23_an_unframed_answer_is_shown_and_unknown(sent: bytes) -> None:
    """It is no plain time-out: somebody answered, and a person can see what."""
    ehr = Ehr((sent,))
    async with sending(ehr, answer_timeout=SOON) as sender:
        outcome = await sender.send(claim())

    assert outcome == Unknown(Evidence("mllp.unreadable", "", sent))


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        pytest.param(said(b"AA", b"D-2"), "mllp.wrong_msa2", id="another id"),
        pytest.param(said(b"AA", b""), "mllp.wrong_msa2", id="no id"),
        pytest.param(said(b"AA", b"D-1 "), "mllp.wrong_msa2", id="a space more"),
        pytest.param(said(b"OK"), "mllp.unknown_code", id="unknown code"),
        pytest.param(said(b"AAA"), "mllp.unknown_code", id="known code as a prefix"),
        pytest.param(b"\x0b" + HEADER + b"\x1c\r", "mllp.no_msa", id="no MSA"),
        pytest.param(b"\x0bhello\x1c\r", "mllp.no_msa", id="no HL7"),
    ],
)
async def test_case_24_an_answer_to_something_else_is_unknown(
    answer: bytes, code: str
) -> None:
    ehr = Ehr((answer,), (AA_2,))
    async with sending(ehr) as sender:
        outcome = await sender.send(claim("D-1"))
        again = await sender.send(claim("D-2"))

    assert isinstance(outcome, Unknown)
    assert outcome.evidence.code == code
    assert outcome.evidence.body == answer[1:-2]
    assert isinstance(again, Delivered)
    assert len(ehr.connections) == 2


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (b"AE", Rejected),
        (b"CE", Rejected),
        (b"AR", NotTaken),
        (b"CR", NotTaken),
    ],
)
async def test_case_25_a_negative_answer_is_never_a_delivery(
    code: bytes, kind: type[Outcome]
) -> None:
    outcome = await attempt(said(code))

    assert isinstance(outcome, kind)
    assert outcome.evidence.code == f"mllp.{code.decode()}"
    assert outcome.evidence.status == code.decode()


@pytest.mark.parametrize(
    ("meaning", "kind"),
    [
        ("delivered", Delivered),
        ("rejected", Rejected),
        ("not_taken", NotTaken),
        ("unknown", Unknown),
    ],
)
async def test_case_25_the_site_says_what_its_codes_mean(
    meaning: str, kind: type[Outcome]
) -> None:
    ehr = Ehr((said(b"AR"),))
    async with sending(ehr, {"AR": meaning}) as sender:
        assert isinstance(await sender.send(claim()), kind)


@pytest.mark.parametrize("codes", [{"AA": "rejected"}, {"AE": "fine"}])
def test_a_table_that_means_nothing_is_refused(codes: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"AE, AR|a code means"):
        MllpSender("127.0.0.1", 1, codes=codes)


async def test_case_26_silence_is_unknown_and_sends_nothing_again() -> None:
    ehr = Ehr("silence")
    async with sending(ehr, answer_timeout=SOON) as sender:
        outcome = await sender.send(claim())

    assert outcome == Unknown(Evidence("mllp.timeout"))
    assert len(ehr.messages) == 1


@pytest.mark.parametrize(
    ("act", "code"), [("close", "mllp.closed"), ("reset", "mllp.reset")]
)
async def test_an_end_after_the_message_was_sent_is_unknown(
    act: Literal["close", "reset"], code: str
) -> None:
    ehr = Ehr(act, (AA_2,))
    async with sending(ehr) as sender:
        assert await sender.send(claim("D-1")) == Unknown(Evidence(code))
        assert isinstance(await sender.send(claim("D-2")), Delivered)


@pytest.mark.parametrize("end", [asyncio.StreamWriter.close, reset])
async def test_case_27_a_connection_that_ended_while_idle_costs_nothing(
    end: Callable[[asyncio.StreamWriter], None],
) -> None:
    """The message leaves on a new connection; nothing of it was sent before."""
    ehr = Ehr((AA_1,), (AA_2,))
    async with sending(ehr) as sender:
        await sender.send(claim("D-1"))
        end(ehr.connections[0])
        await turns()

        assert isinstance(await sender.send(claim("D-2")), Delivered)
    assert len(ehr.connections) == 2


async def test_case_27_a_dead_destination_will_be_noticed() -> None:
    async with sending(Ehr((AA_1,))) as sender:
        await sender.send(claim())
        sock = sender._client._socket

        assert sock is not None
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1


async def test_nobody_listening_is_not_taken() -> None:
    async with serving(Ehr()) as port:
        pass
    sender = MllpSender("127.0.0.1", port)

    assert await sender.send(claim()) == NotTaken(Evidence("mllp.refused"))


async def test_a_name_that_is_none_is_not_taken() -> None:
    sender = MllpSender(64 * "a", 2575)

    assert await sender.send(claim()) == NotTaken(Evidence("mllp.unknown_host"))


async def test_a_connection_that_is_never_accepted_is_not_taken() -> None:
    """A full backlog drops what comes, as a firewall does."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        address = server.getsockname()
        with socket.create_connection(address):
            sender = MllpSender(*address, connect_timeout=SOON)

            outcome = await sender.send(claim())

    assert outcome == NotTaken(Evidence("mllp.connect_timeout"))


async def test_one_message_is_in_flight_at_a_time() -> None:
    ehr = Ehr("silence", (AA_2,))
    async with sending(ehr) as sender:
        first = asyncio.create_task(sender.send(claim("D-1")))
        second = asyncio.create_task(sender.send(claim("D-2")))
        await ehr.asked.wait()
        await turns()
        assert len(ehr.messages) == 1
        ehr.connections[0].write(AA_1)

        assert isinstance(await first, Delivered)
        assert isinstance(await second, Delivered)
    assert len(ehr.connections) == 1


async def test_an_abandoned_attempt_leaves_no_answer_behind() -> None:
    ehr = Ehr("silence", (AE_2,))
    async with sending(ehr) as sender:
        first = asyncio.create_task(sender.send(claim("D-1")))
        await ehr.asked.wait()
        first.cancel()
        await asyncio.wait([first])

        assert isinstance(await sender.send(claim("D-2")), Rejected)
    assert len(ehr.connections) == 2


async def test_what_cannot_be_framed_is_not_sent() -> None:
    ehr = Ehr((AA_1,))
    async with sending(ehr) as sender:
        outcome = await sender.send(claim(text="OBX|1|TX|||\x0b\r"))

    assert outcome == Rejected(Evidence("mllp.unframeable"))
    assert ehr.messages == []


async def test_evidence_is_bounded() -> None:
    outcome = await attempt(said(b"AE|D-1|" + 70_000 * b"x"))

    assert len(outcome.evidence.body) == 16 * 1024


async def test_an_answer_may_have_1_mib_and_one_that_has_more_is_garbled() -> None:
    longest = 1024 * 1024 * b"x"
    ehr = Ehr((b"\x0b" + longest + b"\x1c\r",), (b"\x0bx" + longest + b"\x1c\r",))
    async with serving(ehr) as port:
        client = MllpClient("127.0.0.1", port, Timeouts(LONG, LONG))

        assert await client.exchange(b"MSH|1") == longest
        with pytest.raises(Garbled) as garbled:
            await client.exchange(b"MSH|2")

    assert garbled.value.received == b"\x0b" + 4095 * b"x"
    assert "xxx" not in str(garbled.value) + repr(garbled.value)


async def test_a_refusal_is_read_while_a_long_message_is_still_sent() -> None:
    """A listener that finds it too long answers and reads no further."""

    async def refuse(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readexactly(1000)
        writer.write(b"\x0bMSH|^~\\&\rMSA|AR|big\r\x1c\r")
        await closed.wait()
        writer.close()

    closed = asyncio.Event()
    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        client = MllpClient("127.0.0.1", port, Timeouts(LONG, LONG))

        body = await client.exchange(32 * 1024 * 1024 * b"x")

        closed.set()
        await turns()
    assert body == b"MSH|^~\\&\rMSA|AR|big\r"


async def test_not_connected_says_why_and_nothing_else() -> None:
    async with serving(Ehr()) as port:
        pass
    client = MllpClient("127.0.0.1", port)

    with pytest.raises(NotConnected, match=r"\Amllp\.not_connected\Z") as failure:
        await client.exchange(b"MSH|1")
    assert failure.value.evidence == "mllp.refused"
