"""The HTTP API of a running gateway: who may see what."""

import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from conformance.simulators.ehr import Answer
from tests.conformance.scene import Scene

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPEN = ("/healthz", "/readyz")
CLOSED = (
    *("/metrics", "/openapi.json", "/v1/messages", "/v1/orders", "/v1/deliveries"),
    *("/v1/alarms", "/v1/orders/none", "/v1/nothing/none"),
)


@dataclass
class Caller:
    """Somebody with a token, or without."""

    session: aiohttp.ClientSession
    port: int
    token: str = ""

    async def get(self, path: str, *, authorization: str = "") -> tuple[int, Any]:
        """Return status and body."""
        shown = authorization or (self.token and f"Bearer {self.token}")
        headers = {"Authorization": shown} if shown else {}
        url = f"http://127.0.0.1:{self.port}{path}"
        async with self.session.get(url, headers=headers) as answer:
            if answer.content_type == "application/json":
                return answer.status, await answer.json()
            return answer.status, await answer.text()


@pytest_asyncio.fixture(loop_scope="module")
async def stranger(scene: Scene) -> AsyncIterator[Caller]:
    async with aiohttp.ClientSession() as session:
        yield Caller(session, scene.stage.server.http_port)


@pytest_asyncio.fixture(loop_scope="module")
async def operator(scene: Scene, stranger: Caller) -> Caller:
    token = (scene.gateway.settings.data / "token").read_text("ascii").strip()
    return Caller(stranger.session, stranger.port, token)


@pytest.mark.parametrize("path", CLOSED)
async def test_nothing_is_shown_without_the_token(stranger: Caller, path: str) -> None:
    token = stranger.token
    for shown in ("", "Bearer", "Bearer wrong", f"Basic {token}", "Bearer é"):
        status, body = await stranger.get(path, authorization=shown)

        assert status == 401, shown
        assert body == {"detail": "Send the token: Authorization: Bearer <token>"}


@pytest.mark.parametrize("path", OPEN)
async def test_health_is_open_to_all(stranger: Caller, path: str) -> None:
    status, body = await stranger.get(path)

    assert (status, body) in [
        (200, {"status": "alive"}),
        (200, {"ready": True, "reasons": []}),
    ]


async def test_not_listening_is_not_ready(scene: Scene, stranger: Caller) -> None:
    listener = scene.gateway._listener
    listener.stop_accepting()
    try:
        status, body = await stranger.get("/readyz")
    finally:
        await listener.accept()

    assert (status, body) == (503, {"ready": False, "reasons": ["not listening"]})
    assert (await stranger.get("/healthz"))[0] == 200
    assert (await stranger.get("/readyz"))[0] == 200


async def test_the_token_is_the_operators_alone(scene: Scene) -> None:
    data = scene.gateway.settings.data

    for path, mode in (
        (data, 0o700),
        (data / "token", 0o600),
        (data / "baton.db", 0o600),
        (data / "baton.mappings", 0o600),
    ):
        assert stat.S_IMODE(path.stat().st_mode) == mode, path.name


@pytest.mark.parametrize("kind", ["messages", "orders", "deliveries", "alarms"])
async def test_listings_are_those_of_the_command_line(
    scene: Scene, operator: Caller, kind: str
) -> None:
    await scene.settled()

    status, rows = await operator.get(f"/v1/{kind}?limit=1000")

    assert (status, rows) == (200, await scene.rows(kind))


async def test_listings_are_filtered_and_paged(scene: Scene, operator: Caller) -> None:
    for _ in range(2):
        await scene.settled("rheintal")

    _, first = await operator.get("/v1/orders?site=rheintal&limit=1")
    _, rest = await operator.get(f"/v1/orders?site=rheintal&after={first[0]['id']}")

    assert len(first) == 1
    assert first[0]["id"] not in {row["id"] for row in rest}
    assert {row["site"] for row in rest} == {"rheintal"}


@pytest.mark.parametrize("limit", ["0", "1001", "x"])
async def test_a_page_has_its_limits(operator: Caller, limit: str) -> None:
    assert (await operator.get(f"/v1/messages?limit={limit}"))[0] == 422


async def test_one_row_has_all_that_belongs_to_it(
    scene: Scene, operator: Caller
) -> None:
    placed, order = await scene.settled()
    message = await scene.message(placed.ack)
    (delivery, *_) = await scene.deliveries(placed.number)

    _, full = await operator.get(f"/v1/orders/{order['id']}")
    _, sent = await operator.get(f"/v1/deliveries/{delivery['id']}")
    _, kept = await operator.get(f"/v1/messages/{message['id']}")

    assert [event["kind"] for event in full["ledger"]] == [
        *("order_placed", "status_advanced")
    ]
    assert sent["attempts_made"][0]["outcome"] == "delivered"
    assert kept["orders"] == [order["id"]]


async def test_the_mapping_that_read_a_message_is_shown_as_it_was(
    scene: Scene, operator: Caller
) -> None:
    placed, _ = await scene.settled()
    message = await scene.message(placed.ack)
    _, shown = await operator.get(f"/v1/messages/{message['id']}")

    status, mapping = await operator.get(f"/v1/mappings/{shown['mapping']}")

    assert (status, mapping["version"]) == (200, shown["mapping"])
    assert "order.yaml" in mapping["text"]


async def test_the_scheme_of_the_token_is_written_in_any_case(
    operator: Caller,
) -> None:
    shown = f"bearer {operator.token}"

    assert (await operator.get("/v1/orders", authorization=shown))[0] == 200


async def test_a_path_that_is_none_leads_nowhere(stranger: Caller) -> None:
    assert (await stranger.get("/v1/orders/"))[0] == 404


@pytest.mark.parametrize("path", ["/v1/orders/none", "/v1/nothing/none", "/nowhere"])
async def test_what_is_not_there_is_404(operator: Caller, path: str) -> None:
    assert (await operator.get(path))[0] == 404


async def test_the_api_describes_itself(operator: Caller) -> None:
    status, described = await operator.get("/openapi.json")

    assert status == 200
    assert {"/metrics", "/v1/messages", "/v1/{kind}/{row_id}"} <= set(
        described["paths"]
    )


# ------------------------------------------------------------ metrics


async def figures(operator: Caller) -> dict[tuple[str, ...], float]:
    """Return every sample by its name and labels."""
    status, text = await operator.get("/metrics")
    assert status == 200
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_metrics_are_the_books_of_this_moment(
    scene: Scene, operator: Caller
) -> None:
    before = await figures(operator)
    await scene.settled()
    stranger = scene.st_elm.new_order(scene.number(), scene.person(), product="NONE")
    await scene.send("st_elm", stranger)

    after = await figures(operator)

    def grown(*name: str) -> float:
        return after[name] - before.get(name, 0)

    assert grown("baton_messages_now", "st_elm", "applied") == 1
    assert grown("baton_messages_now", "st_elm", "rejected") == 1
    assert grown("baton_deliveries_now", "portal:helix", "delivered") == 1
    assert grown("baton_orders_now", "acknowledged") == 1
    assert grown("baton_mllp_seen_total", "frames") == 2
    assert grown("baton_mllp_seen_total", "answers") == 2
    assert after["baton_mllp_connections",] >= 1
    assert after["baton_oldest_open_delivery_seconds", "portal:helix"] == 0


async def test_metrics_show_what_waits_for_a_person(
    scene: Scene, operator: Caller
) -> None:
    scene.hospital("rheintal").receiver.behave(Answer("AA", b"ANOTHER"))
    before = await figures(operator)
    await scene.settled("rheintal")

    after = await figures(operator)

    held = ("baton_deliveries_now", "ehr:rheintal", "held")
    assert after[held] == before.get(held, 0) + 1
    assert after["baton_oldest_open_delivery_seconds", "ehr:rheintal"] > 0
    assert after["baton_alarms_open",] == before["baton_alarms_open",] + 1


async def test_metrics_show_a_destination_at_rest(
    scene: Scene, operator: Caller
) -> None:
    tokens = scene.stage.portal.tokens

    async def resting() -> float:
        name = ("baton_destination_pause_seconds", "portal:helix")
        return (await figures(operator)).get(name, 0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokens, "good", lambda _: False)
        placed = await scene.place()
        assert 0 < await scene.sees(resting) <= 1.2
    await scene.rests(placed.number)
