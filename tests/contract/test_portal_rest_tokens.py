"""Tokens, against a real token desk: fetched once, renewed once, never shown."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import trustme

from adapters.portal_rest.sender import RestSender
from conformance.simulators.portal import PortalSimulator
from conformance.simulators.portal_faults import Refuse
from gateway.delivery.outcome import (
    Delivered,
    DestinationFault,
    Evidence,
    Guarded,
    NotTaken,
    Outcome,
    Rejected,
)
from gateway.mapping.profile import ResponseRules
from tests.contract.misbehaving import Connection, answer, listening
from tests.contract.sending import told
from tests.unit.portal_rest.examples import Settings, StoppedClock, claim, portal


@asynccontextmanager
async def sending(
    url: str, *, settings: Settings | None = None, clock: StoppedClock | None = None
) -> AsyncIterator[RestSender]:
    sender = RestSender(
        portal(),
        url,
        secrets=settings or Settings(),
        clock=clock or StoppedClock(),
    )
    try:
        yield sender
    finally:
        await sender.close()


async def send_many(sender: RestSender, count: int = 16) -> list[str]:
    claims = [claim(order_id=f"o-{n}", key=f"k-{n}") for n in range(count)]
    outcomes = await asyncio.gather(*map(sender.send, claims))
    return [type(outcome).__name__ for outcome in outcomes]


async def test_requests_that_need_a_token_share_one_renewal() -> None:
    async with PortalSimulator() as helix, sending(helix.url) as sender:
        outcomes = await send_many(sender)

    assert set(outcomes) == {"Delivered"}
    assert helix.tokens.granted == 1


async def test_a_token_is_used_until_half_a_minute_before_its_end() -> None:
    clock = StoppedClock()
    async with (
        PortalSimulator(token_lifetime=600) as helix,
        sending(helix.url, clock=clock) as sender,
    ):
        await sender.send(claim(key="k-1"))
        clock.time += timedelta(seconds=569)
        await sender.send(claim(key="k-2", order_id="o-2"))
        before = helix.tokens.granted
        clock.time += timedelta(seconds=1)
        await sender.send(claim(key="k-3", order_id="o-3"))

    assert (before, helix.tokens.granted) == (1, 2)


async def test_a_revoked_token_is_renewed_and_the_order_sent_again() -> None:
    """A 401 shows that nothing was done, so the same key may go out again."""
    async with PortalSimulator() as helix, sending(helix.url) as sender:
        await sender.send(claim(key="k-1"))
        helix.tokens.revoke()
        shown = await sender.send(claim(key="k-2", order_id="o-2"))

    assert isinstance(shown, Delivered)
    assert helix.tokens.granted == 2
    assert helix.book.effects_of("o-2") == ["submit"]


async def test_with_a_new_token_the_ledger_is_asked_again() -> None:
    answers = iter(["", "identity.hold"])

    async def check() -> str:
        return next(answers)

    async with PortalSimulator() as helix, sending(helix.url) as sender:
        await sender.send(claim(key="k-1"))
        helix.tokens.revoke()
        shown = await sender.send(claim(key="k-2", order_id="o-2"), check)

    assert shown == Guarded(Evidence("identity.hold"))
    assert [seen.key for seen in helix.requests] == ["k-1", "k-2"]
    assert helix.book.effects_of("o-2") == []


async def test_many_refusals_cost_one_renewal() -> None:
    async with PortalSimulator() as helix, sending(helix.url) as sender:
        await sender.send(claim())
        helix.tokens.revoke()
        outcomes = await send_many(sender)

    assert set(outcomes) == {"Delivered"}
    assert helix.tokens.granted == 2


@pytest.mark.parametrize("status", [401, 403])
async def test_a_second_refusal_is_the_destinations_fault(status: int) -> None:
    async with PortalSimulator() as helix, sending(helix.url) as sender:
        helix.faults.next(Refuse(status), times=2)
        shown = await sender.send(claim())

    assert isinstance(shown, DestinationFault)
    assert shown.evidence.code == f"http.{status}"
    assert (len(helix.requests), helix.tokens.granted) == (2, 2)


async def test_a_refusal_the_profile_explains_needs_no_new_token() -> None:
    rules = ResponseRules(
        body_code="code", body_codes={(403, "patient.excluded"): "rejected"}
    )
    async with PortalSimulator() as helix:
        sender = RestSender(
            portal(responses=rules),
            helix.url,
            secrets=Settings(),
            clock=StoppedClock(),
        )
        helix.faults.next(Refuse(403, "patient.excluded"))
        shown = await sender.send(claim())
        await sender.close()

    assert isinstance(shown, Rejected)
    assert helix.tokens.granted == 1


async def test_a_wrong_secret_is_the_destinations_fault() -> None:
    wrong = Settings({"HELIX_CLIENT_ID": "baton", "HELIX_CLIENT_SECRET": "wrong"})
    async with (
        PortalSimulator() as helix,
        sending(helix.url, settings=wrong) as sender,
    ):
        shown = await sender.send(claim())

    assert isinstance(shown, DestinationFault)
    assert shown.evidence.code == "token.refused"
    assert helix.requests == []


@pytest.mark.parametrize("secret", ["a b:c%d+e", "pässwörd", "&=/?#"])
async def test_a_secret_may_hold_any_character(secret: str) -> None:
    settings = Settings({"HELIX_CLIENT_ID": "a:b", "HELIX_CLIENT_SECRET": secret})
    async with (
        PortalSimulator(client=("a:b", secret)) as helix,
        sending(helix.url, settings=settings) as sender,
    ):
        shown = await sender.send(claim())

    assert isinstance(shown, Delivered)


@pytest.mark.slow
async def test_a_broken_desk_is_asked_three_times_by_all_together() -> None:
    """One outage costs one renewal with its tries, not one for each order."""

    async def broken(connection: Connection) -> None:
        await connection.read_request()
        await connection.send(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")

    async with listening(broken) as desk, sending(desk.url) as sender:
        outcomes = await send_many(sender)

    assert set(outcomes) == {"NotTaken"}
    assert len(desk.requests) == 3


async def test_a_desk_that_throttles_is_asked_once() -> None:
    async def throttle(connection: Connection) -> None:
        await connection.read_request()
        head = b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"
        await connection.send(head)

    async with listening(throttle) as desk, sending(desk.url) as sender:
        shown = await sender.send(claim())

    assert isinstance(shown, NotTaken)
    assert shown.retry_after == timedelta(seconds=7)
    assert len(desk.requests) == 1


async def test_a_desk_elsewhere_is_not_followed() -> None:
    async def move(connection: Connection) -> None:
        await connection.read_request()
        head = (
            b"HTTP/1.1 307 Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
        )
        await connection.send(head)

    async with listening(move) as desk, sending(desk.url) as sender:
        shown = await sender.send(claim())

    assert isinstance(shown, DestinationFault)
    assert len(desk.requests) == 1


async def test_the_environment_names_no_proxy_for_the_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with listening(told(answer())) as proxy, PortalSimulator() as helix:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        async with sending(helix.url) as sender:
            shown = await sender.send(claim())

    assert isinstance(shown, Delivered)
    assert proxy.connections == 0


async def test_one_who_gives_up_does_not_take_the_token_from_the_others() -> None:
    arrived, go = asyncio.Event(), asyncio.Event()

    async def slow_desk(connection: Connection) -> None:
        request = await connection.read_request()
        body = b'{"reference":"HX-1"}'
        if b"grant_type" in request:
            arrived.set()
            await go.wait()
            body = b'{"access_token":"t","token_type":"bearer","expires_in":60}'
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
        await connection.send(head + body)

    async with listening(slow_desk) as desk, sending(desk.url) as sender:
        first = asyncio.create_task(sender.send(claim(key="k-1")))
        await arrived.wait()
        second = asyncio.create_task(sender.send(claim(key="k-2", order_id="o-2")))
        first.cancel()
        go.set()
        shown = await second

    assert isinstance(shown, Delivered)
    assert len(desk.requests) == 2


@pytest.mark.parametrize(("more", "kind"), [(0, Delivered), (1, DestinationFault)])
async def test_a_grant_may_have_64_kib_and_no_more(
    more: int, kind: type[Outcome]
) -> None:
    grant = b'{"access_token":"t","token_type":"bearer"}'.ljust(64 * 1024 + more)

    async def desk(connection: Connection) -> None:
        asked_for_token = b"grant_type" in await connection.read_request()
        body = grant if asked_for_token else b'{"reference":"HX-1"}'
        await connection.send(answer("200 OK", body))

    async with listening(desk) as peer, sending(peer.url) as sender:
        assert isinstance(await sender.send(claim()), kind)


async def test_neither_token_nor_secret_is_ever_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with PortalSimulator() as helix, sending(helix.url) as sender:
        delivered = await sender.send(claim())
        helix.faults.next(Refuse(401), times=2)
        refused = await sender.send(claim(key="k-2"))
        held = repr(sender._tokens and sender._tokens._grant)

    said = caplog.text + repr(delivered) + repr(refused) + held
    tokens = helix.tokens._good
    assert len(tokens) == 2
    assert not [word for word in (*tokens, "a-secret-for") if word in said]


async def test_a_desk_that_cannot_prove_who_it_is_hears_no_secret() -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("localhost").configure_cert(tls)
    desk = told(answer("200 OK", b'{"access_token":"t","token_type":"Bearer"}'))
    async with listening(desk, tls=tls) as peer, sending(peer.url) as sender:
        shown = await sender.send(claim())

    assert shown == NotTaken(Evidence("token.unavailable"))
    assert peer.requests == []
