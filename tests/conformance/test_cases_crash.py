"""Cases 13 and 14 at the gateway: killed on either side of the commit."""

from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import apsw
import httpx2
import pytest

from conformance.demo.hurry import hurried
from conformance.demo.stage import WEBHOOK_SECRET
from conformance.simulators.messages import ASA
from conformance.simulators.portal import CLIENT, PortalSimulator
from conformance.simulators.st_elm import StElm
from gateway.store.sqlite import Beside, open_beside
from tests.conformance.scene import looked
from tests.conformance.wire import field, wired
from tests.crash.process import GatewayProcess

pytestmark = [pytest.mark.crash, pytest.mark.slow]


@pytest.fixture
async def portal() -> AsyncIterator[PortalSimulator]:
    async with PortalSimulator() as portal:
        yield portal


@pytest.fixture
async def gateway(
    tmp_path: Path, portal: PortalSimulator
) -> AsyncIterator[GatewayProcess]:
    """A gateway to kill; whatever a test does, its books close in the end."""
    settings = {
        "BATON_HELIX_URL": portal.url,
        "BATON_HELIX_CLIENT_ID": CLIENT[0],
        "BATON_HELIX_CLIENT_SECRET": CLIENT[1],
        "BATON_HELIX_WEBHOOK_SECRET": WEBHOOK_SECRET,
    }
    mappings = hurried(tmp_path / "mappings")
    process = GatewayProcess(tmp_path / "data", mappings, settings)
    await process.start()
    yield process
    assert await process.stop() == 0
    assert open_beside(process.data).audit().clean


async def ordered_once(desk: Beside, portal: PortalSimulator) -> None:
    """Wait until the one order is at the portal, and see that it is one."""

    async def acknowledged() -> bool:
        return [row["status"] for row in desk.orders()] == ["acknowledged"]

    await looked(acknowledged)
    (order,) = desk.orders()
    assert portal.book.effects_of(order["id"]) == ["submit"]
    assert len(portal.book.effects) == 1


async def test_case_13_a_crash_between_commit_and_answer(
    gateway: GatewayProcess, portal: PortalSimulator
) -> None:
    """The sender never saw its answer; it asks again and gets those very bytes."""
    message = StElm().new_order("C13", ASA)
    desk = open_beside(gateway.data)

    async def stored() -> bool:
        return len(desk.messages()) == 1

    async with wired(gateway.mllp_port) as ehr:
        await ehr.write(message)
        await looked(stored)
        await gateway.kill()
    await gateway.start()
    async with wired(gateway.mllp_port) as ehr:
        await ehr.write(message)
        (answer,) = await ehr.answers(1)

    (row,) = desk.messages()
    with closing(apsw.Connection(str(gateway.data / "baton.db"))) as db:
        kept = db.execute("SELECT answer_body FROM messages").fetchall()
    assert kept == [(answer,)]
    assert (field(answer, "MSA", 1), row["resends"]) == (b"CA", 1)
    await ordered_once(desk, portal)


async def test_case_14_a_crash_between_reading_and_commit(
    gateway: GatewayProcess, portal: PortalSimulator
) -> None:
    """Nothing was stored and nothing answered; the resend is the first there is.

    Another process holds the database while the gateway has the whole frame.
    """
    message = StElm().new_order("C14", ASA)
    desk = open_beside(gateway.data)
    token = (gateway.data / "token").read_text("ascii").strip()

    async def read() -> bool:
        async with httpx2.AsyncClient() as client:
            answer = await client.get(
                gateway.webhooks.replace("/webhooks/helix", "/metrics"),
                headers={"Authorization": f"Bearer {token}"},
            )
        return 'baton_mllp_seen_total{what="frames"} 1.0' in answer.text

    with closing(apsw.Connection(str(gateway.data / "baton.db"))) as db:
        db.execute("BEGIN IMMEDIATE")
        async with wired(gateway.mllp_port) as ehr:
            await ehr.write(message)
            await looked(read)
            assert await ehr.is_silent()
            await gateway.kill()
        db.execute("ROLLBACK")
    assert desk.messages() == []

    await gateway.start()
    async with wired(gateway.mllp_port) as ehr:
        await ehr.write(message)
        (answer,) = await ehr.answers(1)

    (row,) = desk.messages()
    assert (field(answer, "MSA", 1), row["resends"]) == (b"CA", 0)
    await ordered_once(desk, portal)
