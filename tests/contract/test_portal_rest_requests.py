"""What leaves for a portal, on which connections, and what stops the start."""

import asyncio
from dataclasses import replace

import pytest

from adapters.portal_rest.sender import RestSender, check
from gateway.core.errors import Misconfigured, Problem
from gateway.delivery.outcome import (
    Delivered,
    DestinationFault,
    Evidence,
    Guarded,
)
from tests.contract.misbehaving import (
    Connection,
    answer,
    listening,
)
from tests.contract.sending import CALM, sending, told
from tests.unit.portal_rest.examples import (
    NO_KEYS,
    Settings,
    StoppedClock,
    claim,
    portal,
)


async def test_the_frozen_body_and_its_key_leave_unchanged() -> None:
    body = b'{ "clientReference" : "o-1", "name": "\xc3\x85" }\n'

    async with listening(told(answer())) as peer, sending(peer.url) as sender:
        await sender.send(claim(body=body, key="k-1"))

    (request,) = peer.requests
    head, _, sent = request.partition(b"\r\n\r\n")
    assert sent == body
    assert head.startswith(b"POST /v1/orders HTTP/1.1\r\n")
    assert b'\r\nIdempotency-Key: "k-1"\r\n' in head + b"\r\n"
    assert b"\r\nContent-Type: application/json\r\n" in head + b"\r\n"
    assert b"\r\nUser-Agent: baton/" in head


async def test_a_portal_with_keys_is_called_on_one_connection() -> None:
    twice = told(answer(), answer())
    async with listening(twice) as peer, sending(peer.url) as sender:
        await sender.send(claim(key="k-1"))
        await sender.send(claim(key="k-2"))

    assert (peer.connections, len(peer.requests)) == (1, 2)


async def test_a_portal_without_keys_gets_fresh_connections() -> None:
    """A stale connection looks like an order that may have been taken."""
    keyless = replace(CALM, idempotency=NO_KEYS)
    twice = told(answer(), answer())
    async with listening(twice) as peer, sending(peer.url, keyless) as sender:
        await sender.send(claim(key="k-1"))
        await sender.send(claim(key="k-2"))

    assert (peer.connections, len(peer.requests)) == (2, 2)
    assert all(b"dempotency" not in request for request in peer.requests)


async def test_cookies_are_not_kept() -> None:
    baked = answer().replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b\r\n\r\n", 1)
    twice = told(baked, baked)
    async with listening(twice) as peer, sending(peer.url) as sender:
        await sender.send(claim(key="k-1"))
        await sender.send(claim(key="k-2"))

    assert len(peer.requests) == 2
    assert all(b"\r\nCookie:" not in request for request in peer.requests)


async def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable somebody exported must not lead patients' data elsewhere."""
    async with listening(told(answer())) as proxy, listening(told(answer())) as peer:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        async with sending(peer.url) as sender:
            shown = await sender.send(claim())

    assert isinstance(shown, Delivered)
    assert proxy.connections == 0


async def test_an_attempt_that_is_given_up_leaves_nothing_behind() -> None:
    arrived = asyncio.Event()

    async def mute(connection: Connection) -> None:
        await connection.read_request()
        arrived.set()
        await connection.until_hung_up()

    async with listening(mute) as peer, sending(peer.url) as sender:
        attempt = asyncio.create_task(sender.send(claim()))
        await arrived.wait()
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
        peer.behave = told(answer())
        shown = await sender.send(claim())

    assert isinstance(shown, Delivered)


async def test_an_operation_the_profile_lost_is_not_sent() -> None:
    async with listening(told(answer())) as peer, sending(peer.url) as sender:
        shown = await sender.send(claim("resume"))

    assert shown == DestinationFault(Evidence("request.unsendable"))
    assert peer.connections == 0


# ---------------------------------------------------------------- the last check


async def objecting() -> str:
    return "identity.hold"


async def test_an_objection_is_heard_when_all_that_is_left_is_to_write() -> None:
    """The connection stands by then; not a byte goes over it."""
    heard: list[bytes] = []

    async def listen(connection: Connection) -> None:
        heard.append(await connection.reader.read())

    async with listening(listen) as peer, sending(peer.url) as sender:
        shown = await sender.send(claim(), objecting)

    assert shown == Guarded(Evidence("identity.hold"))
    assert peer.connections == 1
    assert b"".join(heard) == b""


# ---------------------------------------------------------------- configuration


@pytest.mark.parametrize(
    "url",
    [
        "ftp://portal.example",
        "http://portal.example",
        "http://10.0.0.1",
        "http://localhost.example",
        "https://",
        "https://user:secret@portal.example",
        "https://portal.example/?a=b",
        "portal.example",
        "https://portal.example:0",
        "https://portal.example:99999",
        "https://portal.example:x",
        "https://portal..example",
        "https://" + "x" * 64 + ".example",
        "https://[::1",
        "https://[::g]",
    ],
)
def test_an_address_that_cannot_be_trusted_stops_the_start(url: str) -> None:
    """Whatever a profile says of itself: the usual one here is a simulator's."""
    with pytest.raises(Misconfigured) as stop:
        RestSender(portal(), url, secrets=Settings(), clock=StoppedClock())

    assert stop.value.problems == (Problem("settings.not_a_portal", "HELIX_URL"),)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.0.1", "[::1]"])
def test_only_a_simulator_is_sent_to_in_clear_and_only_here(host: str) -> None:
    check(portal(simulator=True), f"http://{host}:8080")
    check(portal(simulator=False), f"https://{host}:8443")

    with pytest.raises(Misconfigured):
        check(portal(simulator=False), f"http://{host}:8080")


def test_a_missing_secret_stops_the_start() -> None:
    empty = Settings({"HELIX_CLIENT_ID": "baton"})

    with pytest.raises(Misconfigured) as stop:
        RestSender(portal(), "https://h.example", secrets=empty, clock=StoppedClock())

    missing = Problem("settings.missing", "HELIX_CLIENT_SECRET")
    assert stop.value.problems == (missing,)
