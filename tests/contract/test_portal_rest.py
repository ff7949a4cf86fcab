"""What one attempt shows, over real sockets: the line is the first request byte."""

import asyncio
import gzip
import ssl
from dataclasses import replace
from datetime import timedelta

import pytest
import trustme

from adapters.portal_rest.sender import MOST_BYTES
from gateway.delivery.outcome import (
    Delivered,
    DestinationFault,
    NotTaken,
    Outcome,
    Rejected,
    Unknown,
)
from tests.contract.misbehaving import (
    Behave,
    Connection,
    answer,
    closed_port,
    listening,
    refusing_strangers,
)
from tests.contract.sending import CALM, HURRIED, outcome, sending, told
from tests.unit.portal_rest.examples import (
    claim,
)

# ---------------------------------------------------------------- before the first byte


async def test_nobody_listens() -> None:
    async with sending(f"http://127.0.0.1:{await closed_port()}") as sender:
        shown = await sender.send(claim())

    assert isinstance(shown, NotTaken)
    assert shown.evidence.code == "connect.failed"


async def test_a_handshake_that_never_ends() -> None:
    async def mute(connection: Connection) -> None:
        await connection.until_hung_up()

    async with listening(mute) as peer:
        url = f"https{peer.url.removeprefix('http')}"
        async with sending(url, HURRIED) as sender:
            shown = await sender.send(claim())

    assert isinstance(shown, NotTaken)
    assert shown.evidence.code == "connect.timeout"


async def test_a_full_pool_means_nothing_was_sent() -> None:
    """The one that waits for a connection in vain has sent nothing."""
    arrived = asyncio.Event()

    async def busy(connection: Connection) -> None:
        await connection.read_request()
        arrived.set()
        await connection.until_hung_up()

    narrow = replace(HURRIED, concurrency=1, read_timeout=timedelta(seconds=2))
    async with listening(busy) as peer, sending(peer.url, narrow) as sender:
        first = asyncio.create_task(sender.send(claim(key="k-1")))
        await arrived.wait()
        second = await sender.send(claim(key="k-2", order_id="o-2"))
        first.cancel()

    assert isinstance(second, NotTaken)
    assert second.evidence.code == "connect.timeout"
    assert len(peer.requests) == 1


async def test_a_portal_that_cannot_prove_who_it_is() -> None:
    tls = server_tls(trustme.CA())
    async with listening(told(answer()), tls=tls) as peer, sending(peer.url) as sender:
        shown = await sender.send(claim())

    assert isinstance(shown, NotTaken)
    assert shown.evidence.code == "connect.tls"
    assert peer.requests == []


@pytest.mark.parametrize("newest", [True, False], ids=["TLS 1.3", "TLS 1.2"])
async def test_a_portal_that_wants_a_certificate(*, newest: bool) -> None:
    """A portal that refuses who we are refuses every order: the destination rests."""
    ca = trustme.CA()
    strict = server_tls(ca)
    strict.verify_mode = ssl.CERT_REQUIRED
    ca.configure_trust(strict)
    stranger = ssl.create_default_context()
    ca.configure_trust(stranger)
    trustme.CA().issue_cert("stranger.example").configure_cert(stranger)
    if not newest:
        stranger.maximum_version = ssl.TLSVersion.TLSv1_2
    async with refusing_strangers(strict) as url, sending(url, tls=stranger) as sender:
        shown = await sender.send(claim())

    assert isinstance(shown, DestinationFault)
    assert shown.evidence.code == "tls.refused"


def server_tls(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("localhost").configure_cert(context)
    return context


# ---------------------------------------------------------------- after it


async def reset_at_once(connection: Connection) -> None:
    connection.reset()


async def reset_while_reading(connection: Connection) -> None:
    await connection.reader.readexactly(20)
    connection.reset()


async def reset_after_reading(connection: Connection) -> None:
    await connection.read_request()
    connection.reset()


async def close_after_reading(connection: Connection) -> None:
    await connection.read_request()


async def never_answer(connection: Connection) -> None:
    await connection.read_request()
    await connection.until_hung_up()


async def drip(connection: Connection) -> None:
    await connection.read_request()
    await connection.send(b"HTTP/1.1 201 Created\r\nContent-Length: 1000\r\n\r\n")
    while not connection.reader.at_eof():
        try:
            async with asyncio.timeout(0.05):
                await connection.until_hung_up()
        except TimeoutError:
            await connection.send(b" ")


@pytest.mark.parametrize("operation", ["submit", "change"])
@pytest.mark.parametrize(
    ("behave", "code"),
    [
        pytest.param(reset_at_once, "http.disconnected", id="reset at once"),
        pytest.param(reset_while_reading, "http.disconnected", id="reset meanwhile"),
        pytest.param(reset_after_reading, "http.disconnected", id="reset unanswered"),
        pytest.param(close_after_reading, "http.disconnected", id="closed unanswered"),
        pytest.param(never_answer, "http.timeout", id="never answered"),
        pytest.param(
            drip, "http.timeout", id="answered too slowly", marks=pytest.mark.slow
        ),
        pytest.param(told(b"SSH-2.0-x\r\n\r\n"), "http.not_http", id="not HTTP"),
        pytest.param(told(b"HTTP/1.1 2"), "http.disconnected", id="half a status"),
        pytest.param(told(answer()[:-1]), "http.cut_short", id="half a body"),
        pytest.param(told(answer(body=b"{]")), "http.unreadable", id="not JSON"),
        pytest.param(told(answer(body=b"")), "http.unreadable", id="nothing in it"),
        pytest.param(told(answer(body=b"{}")), "http.no_reference", id="no reference"),
        pytest.param(told(answer("500 Oops")), "http.500", id="server error"),
    ],
)
async def test_the_portal_may_have_acted(
    behave: Behave, code: str, operation: str
) -> None:
    """Once a byte may have left, no failure proves that nothing was done."""
    profile = HURRIED if code == "http.timeout" else CALM

    shown = await outcome(behave, operation, profile=profile)

    assert isinstance(shown, Unknown)
    assert shown.evidence.code == code


@pytest.mark.parametrize("operation", ["submit", "change"])
async def test_a_stale_connection_is_not_retried_here(operation: str) -> None:
    """One attempt is one request, even where HTTP calls the method idempotent."""

    async def answer_then_drop(connection: Connection) -> None:
        await connection.read_request()
        await connection.send(answer())
        await connection.read_request()

    async with listening(answer_then_drop) as peer, sending(peer.url) as sender:
        first = await sender.send(claim(operation, key="k-1"))
        second = await sender.send(claim(operation, key="k-2"))

    assert isinstance(first, Delivered)
    assert isinstance(second, Unknown)
    assert (peer.connections, len(peer.requests)) == (1, 2)


# ---------------------------------------------------------------- whole answers


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("201 Created", Delivered),
        ("202 Accepted", Delivered),
        ("301 Moved", DestinationFault),
        ("401 Unauthorized", DestinationFault),
        ("403 Forbidden", DestinationFault),
        ("404 Not Found", Rejected),
        ("422 Unprocessable", Rejected),
        ("429 Slow Down", NotTaken),
        ("503 Unavailable", NotTaken),
        ("504 Gateway Timeout", Unknown),
    ],
)
async def test_a_status_decides(status: str, kind: type[Outcome]) -> None:
    assert isinstance(await outcome(told(answer(status))), kind)


async def test_a_redirect_is_not_followed() -> None:
    async with listening(told(answer())) as elsewhere:
        moved = answer().replace(
            b"201 Created\r\n", f"307 Moved\r\nLocation: {elsewhere.url}/\r\n".encode()
        )
        shown = await outcome(told(moved))

    assert isinstance(shown, DestinationFault)
    assert shown.evidence.code == "http.redirect"
    assert elsewhere.connections == 0


async def test_a_bomb_stays_folded() -> None:
    """A compressed answer is kept as it came and proves nothing."""
    bomb = gzip.compress(bytes(20_000_000))
    packed = answer(body=bomb).replace(
        b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n", 1
    )

    shown = await outcome(told(packed))

    assert isinstance(shown, Unknown)
    assert shown.evidence.body == bomb


async def test_an_endless_answer_is_left() -> None:
    async def flood(connection: Connection) -> None:
        await connection.read_request()
        await connection.send(b"HTTP/1.1 201 Created\r\n\r\n")
        while True:
            await connection.send(b" " * 65536)

    shown = await outcome(flood)

    assert isinstance(shown, Unknown)
    assert shown.evidence.code == "http.answer_too_large"
    assert len(shown.evidence.body) == MOST_BYTES
