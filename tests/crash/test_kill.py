"""The gateway is killed at random instants, again and again, under load.

Guarantees G1, G3, G4, G6 and cases 13 and 14: whatever was acknowledged is there,
nothing is ordered twice, every order's requests keep their order, and the books
close after each kill. The portal fails meanwhile.
"""

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from conformance.demo.hurry import hurried
from conformance.demo.stage import WEBHOOK_SECRET
from conformance.simulators.ehr import EhrReceiver
from conformance.simulators.portal import CLIENT, PortalSimulator
from conformance.simulators.portal_faults import Break, Refuse, Reset
from tests.crash.load import Load
from tests.crash.process import GatewayProcess

KILLS_IN_TEST = 30


@pytest.fixture
async def portal() -> AsyncIterator[PortalSimulator]:
    """A portal that fails on purpose, in ways that leave its outcome unknown."""
    async with PortalSimulator() as simulator:
        simulator.faults.every(7, Break(500))
        simulator.faults.every(11, Reset("answering"))
        simulator.faults.every(13, Reset("unread"))
        simulator.faults.every(17, Refuse(503, "portal.busy"))
        simulator.faults.every(701, Refuse(503, "portal.maintenance", "1"))
        yield simulator


@pytest.fixture
async def gateway(
    tmp_path: Path, portal: PortalSimulator
) -> AsyncIterator[GatewayProcess]:
    async with EhrReceiver() as ehr:
        settings = {
            "BATON_HELIX_URL": portal.url,
            "BATON_HELIX_CLIENT_ID": CLIENT[0],
            "BATON_HELIX_CLIENT_SECRET": CLIENT[1],
            "BATON_HELIX_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "BATON_ST_ELM_EHR": ehr.address,
        }
        mappings = hurried(tmp_path / "mappings")
        process = GatewayProcess(tmp_path / "data", mappings, settings)
        await process.start()
        portal.call_back(process.webhooks, WEBHOOK_SECRET, waits=(0.2, 0.5, 1.0))
        yield process
        await process.stop()


async def kill_and_check(
    gateway: GatewayProcess, portal: PortalSimulator, *, kills: int, seed: int
) -> None:
    chance = random.Random(seed)
    load = Load(gateway.mllp_port, connections=4, seed=seed)
    load.start()
    for _ in range(kills):
        await asyncio.sleep(chance.uniform(0.05, 0.6))  # the instant is the test
        await gateway.kill()
        status, said = await gateway.run("audit")
        assert status == 0, said
        await gateway.start()
    await load.stop()
    await drained(gateway)
    await check(gateway, portal, load)


async def drained(gateway: GatewayProcess) -> None:
    """Wait until every delivery has an end."""
    async with asyncio.timeout(120):
        while True:
            _, listing = await gateway.run(
                "deliveries", "list", "--json", "--limit", "1", "--open"
            )
            if not listing.strip():
                return


async def check(gateway: GatewayProcess, portal: PortalSimulator, load: Load) -> None:
    acknowledged = load.acknowledged
    status, said = await gateway.run("audit")
    assert status == 0, said
    kept = await rows(gateway, "messages")
    accepted = {row["control_id"] for row in kept if row["answer"] == "positive"}
    assert set(acknowledged.control_ids) <= accepted

    orders = {row["placer_number"]: row["id"] for row in await rows(gateway, "orders")}
    assert set(acknowledged.operations) == set(orders)
    done = {number: portal.book.effects_of(orders[number]) for number in orders}
    assert done == acknowledged.operations
    keys = [effect.key for effect in portal.book.effects]
    assert len(keys) == len(set(keys))


async def rows(gateway: GatewayProcess, kind: str) -> list[dict[str, str]]:
    status, listing = await gateway.run(kind, "list", "--json", "--limit", "1000000")
    assert status == 0, listing
    return [json.loads(line) for line in listing.splitlines()]


@pytest.mark.crash
@pytest.mark.slow
async def test_nothing_acknowledged_is_lost_or_doubled_by_kills(
    gateway: GatewayProcess, portal: PortalSimulator
) -> None:
    """Thirty kills at random instants under load."""
    await kill_and_check(gateway, portal, kills=KILLS_IN_TEST, seed=20260301)


@pytest.mark.campaign
async def test_the_same_for_as_many_kills_as_asked_for(
    gateway: GatewayProcess, portal: PortalSimulator
) -> None:
    """``make crash``: BATON_KILLS kills, another seed each time."""
    kills, seed = int(os.environ.get("BATON_KILLS", "200")), random.randrange(10**6)
    print(f"{kills} kills, seed {seed}")  # noqa: T201 - to repeat a failure
    await kill_and_check(gateway, portal, kills=kills, seed=seed)
