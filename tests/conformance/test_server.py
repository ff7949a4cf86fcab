"""``baton serve`` as a process: it starts, refuses to, drains, and stays beside."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import apsw
import httpx2
import pytest

from conformance.demo.hurry import hurried
from conformance.simulators.messages import ASA, synthetic
from conformance.simulators.st_elm import StElm
from tests.conformance.scene import Scene, changed, looked, staged
from tests.conformance.wire import field, wired
from tests.crash.process import GatewayProcess

slow = pytest.mark.slow


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[GatewayProcess]:
    mappings = hurried(tmp_path / "mappings")
    process = GatewayProcess(tmp_path / "data", mappings, {})
    await process.start()
    yield process
    if process.running:
        assert await process.stop() == 0


async def ordered(gateway: GatewayProcess) -> bytes:
    """Send one order and return its answer."""
    async with wired(gateway.mllp_port) as ehr:
        await ehr.write(StElm().new_order("S1", ASA))
        (answer,) = await ehr.answers(1)
    return answer


@slow
async def test_the_command_line_works_beside_a_server(gateway: GatewayProcess) -> None:
    held = StElm(start=2).new_order("S1", synthetic(7))
    await ordered(gateway)
    async with wired(gateway.mllp_port) as ehr:
        await ehr.write(held)
        await ehr.answers(1)

    status, listing = await gateway.run("messages", "list", "--json", "--state", "held")
    (row,) = map(json.loads, listing.splitlines())
    refused = await gateway.run("messages", "release", row["id"], "--reason", "try")
    closed = await gateway.run("messages", "dismiss", row["id"], "--reason", "phoned")

    assert (status, row["site"]) == (0, "st_elm")
    assert refused[0] == 1
    assert "identity.hold" in refused[1]
    assert closed == (0, f"{row['id']}: no_effect\n")
    assert (await gateway.run("audit"))[0] == 0
    assert field(await ordered(gateway), "MSA", 1) == b"CA"


@slow
async def test_a_second_server_is_kept_off_the_data(gateway: GatewayProcess) -> None:
    status, said = await gateway.run("serve")

    assert status == 2
    assert "store.locked" in said
    assert field(await ordered(gateway), "MSA", 1) == b"CA"


@slow
async def test_the_open_test_site_is_kept_off_real_sites(
    gateway: GatewayProcess,
) -> None:
    await ordered(gateway)
    assert await gateway.stop() == 0

    status, said = await gateway.run("serve", "--open")

    assert status == 2
    assert "settings.open_beside_real_sites" in said


@slow
async def test_what_is_in_flight_is_answered_before_it_stops(
    gateway: GatewayProcess,
) -> None:
    """The database is busy when SIGTERM comes; the sender hears all the same."""
    with closing(apsw.Connection(str(gateway.data / "baton.db"))) as db:
        db.execute("BEGIN IMMEDIATE")
        async with wired(gateway.mllp_port) as ehr:
            await ehr.write(StElm().new_order("S1", ASA))
            stopping = asyncio.create_task(gateway.stop())
            await looked(lambda: refuses(gateway))
            assert await ehr.is_silent()
            db.execute("ROLLBACK")
            (answer,) = await ehr.answers(1)
            assert await ehr.is_closed()
        status = await stopping

    assert (field(answer, "MSA", 1), status) == (b"CA", 0)
    listed = await gateway.run("messages", "list", "--json")
    assert json.loads(listed[1])["state"] == "applied"


async def refuses(gateway: GatewayProcess) -> bool:
    """Tell whether the gateway says that it takes no more messages."""
    async with httpx2.AsyncClient() as client:
        answer = await client.get(gateway.webhooks.replace("webhooks/helix", "readyz"))
    return answer.status_code == httpx2.codes.SERVICE_UNAVAILABLE


@slow
@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"BATON_MLLP": "nonsense"}, "settings.not_an_endpoint"),
        ({"BATON_MLLP": "192.0.2.1:2575"}, "settings.address_unusable"),
        ({"BATON_HTTP": "192.0.2.1:8080"}, "settings.address_unusable"),
        ({"BATON_DATA": "/dev/null/baton"}, "store.folder"),
        ({"BATON_HELIX_CLIENT_SECRET_FILE": "/no/such"}, "settings.unreadable_secret"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_what_an_operator_must_mend_is_status_2(
    tmp_path: Path, settings: dict[str, str], says: str
) -> None:
    helix = {"BATON_HELIX_URL": "http://127.0.0.1:1", "BATON_HELIX_CLIENT_ID": "b"}
    process = GatewayProcess(
        tmp_path / "data", hurried(tmp_path / "mappings"), {**helix, **settings}
    )

    status, said = await process.run("serve")

    assert status == 2
    assert says in said


# ------------------------------------------------------------ the open test site


def from_anyone(processing_id: bytes) -> bytes:
    """An order whose sender no site knows."""
    order = StElm().new_order("A1", ASA, product="HELIX-CART-19")
    order = changed(order, b"|ELMCARE|STELM|", b"|SOMEBODY|SOMEWHERE|")
    return changed(changed(order, b"|AL|NE|", b"|||"), b"|P|", b"|%b|" % processing_id)


async def said_to(scene: Scene, message: bytes) -> bytes:
    async with wired(scene.stage.server.mllp_port) as ehr:
        await ehr.write(message)
        (answer,) = await ehr.answers(1)
    return answer


async def test_anyone_may_send_tests_and_is_told_that_nothing_leaves(
    own_scene: Scene,
) -> None:
    answer = await said_to(own_scene, from_anyone(b"T"))

    assert field(answer, "MSA", 1) == b"AA"
    assert field(answer, "MSA", 3) == b"open test site, not routed"
    (order,) = await own_scene.rows("orders", site="anyone")
    assert order["manufacturer"] == ""
    assert await own_scene.rows("deliveries") == []


async def test_production_traffic_of_anyone_is_a_strangers(own_scene: Scene) -> None:
    """A slip in MSH-3 must not send a hospital's engineer to MSH-11."""
    answer = await said_to(own_scene, from_anyone(b"P"))

    assert field(answer, "MSA", 1) == b"AR"
    assert b"207" in answer[answer.index(b"ERR|") :]
    (row,) = await own_scene.rows("messages", state="rejected")
    assert (row["site"], row["problems"][0]["code"]) == ("", "sender.stranger")
    assert await own_scene.rows("orders") == []


async def test_open_takes_production_traffic_of_anyone(tmp_path: Path) -> None:
    async with staged(tmp_path, settings={"open": True}) as scene:
        answer = await said_to(scene, from_anyone(b"P"))

        assert field(answer, "MSA", 1) == b"AA"
        assert field(answer, "MSA", 3) == b"open test site, not routed"
        assert await scene.rows("deliveries") == []
