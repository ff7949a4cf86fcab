"""The simulated portal reports back as Standard Webhooks has it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web

from adapters.portal_rest.webhook import WebhookVerifier
from conformance.simulators.portal import PortalSimulator
from conformance.simulators.portal_book import HELIX, JOURNEY, Maker
from tests.conformance.callers import Caller

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass
class Receiver:
    """Takes webhooks, answering each with the next of ``statuses`` (then 204)."""

    statuses: list[int] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        found = WebhookVerifier(SECRET).verify(request.headers, body, datetime.now(UTC))
        self.ids.append(found)
        self.taken.append(orjson.loads(body))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 204)


@pytest.fixture
async def receiver(helix: PortalSimulator) -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/webhooks/helix", receiver.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    url = f"http://127.0.0.1:{port}/webhooks/helix"
    helix.call_back(url, SECRET, waits=(0, 0))
    yield receiver
    await runner.cleanup()


async def test_a_good_order_is_reported_step_by_step(
    caller: Caller, helix: PortalSimulator, receiver: Receiver
) -> None:
    await caller.submit()

    while await helix.advance_all():
        pass

    assert [event["type"] for event in receiver.taken] == list(JOURNEY)
    assert len(set(receiver.ids)) == len(JOURNEY)
    by_type = {event["type"]: event["data"] for event in receiver.taken}
    assert by_type["order.acknowledged"] == {
        "clientReference": "o-1",
        "reference": "HX-000001",
    }
    assert by_type["order.accepted"]["coi"] == "HELIX-COI-000001"
    assert by_type["product.released"]["lot"] == "HX-LOT-000001"
    assert datetime.fromisoformat(by_type["order.scheduled"]["scheduledFor"]).tzinfo


async def test_a_webhook_not_taken_is_repeated_with_its_id(
    caller: Caller, helix: PortalSimulator, receiver: Receiver
) -> None:
    await caller.submit()
    receiver.statuses = [503, 302]

    await helix.advance("o-1")

    assert len(receiver.ids) == 3
    assert len(set(receiver.ids)) == 1
    assert helix.webhooks is not None
    assert helix.webhooks.sent[0].statuses == [503, 302, 204]
    assert helix.webhooks.sent[0].taken


async def test_repetition_is_bounded(
    caller: Caller, helix: PortalSimulator, receiver: Receiver
) -> None:
    await caller.submit()
    receiver.statuses = [500] * 9

    await helix.advance("o-1")

    assert len(receiver.ids) == 3


async def test_a_webhook_can_be_doubled(
    caller: Caller, helix: PortalSimulator, receiver: Receiver
) -> None:
    await caller.submit()
    await helix.tell("o-1", "order.info_requested", reason="which consent?")
    assert helix.webhooks is not None

    await helix.webhooks.repeat(helix.webhooks.sent[0])

    assert receiver.ids == ["msg_00000001"] * 2
    assert receiver.taken[0]["data"]["reason"] == "which consent?"


async def test_another_maker_has_other_numbers() -> None:
    aster = Maker("Aster", issuer="ASTER", prefix="AS")
    async with PortalSimulator(aster) as portal, aiohttp.ClientSession() as session:
        caller = Caller(portal, session)
        await caller.authorise()
        _, tree = await caller.submit()

    assert tree["reference"] == "AS-000001"
    assert HELIX.prefix == "HX"
