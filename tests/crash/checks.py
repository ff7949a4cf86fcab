"""What must hold after a run, whatever was done to the gateway meanwhile."""

import asyncio
import json

from conformance.simulators.portal import PortalSimulator
from tests.crash.load import Load
from tests.crash.process import GatewayProcess

PATIENCE = 120
"""Seconds without an end of any delivery, after which none will follow."""


async def drained(gateway: GatewayProcess) -> None:
    """Wait until every delivery has an end, as long as they go on ending."""
    left, since = await opened(gateway), asyncio.get_running_loop().time()
    while left:
        now = await opened(gateway)
        if len(now) < len(left):
            since = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - since < PATIENCE, now[:5]
        left = now


async def opened(gateway: GatewayProcess) -> list[str]:
    """Return what is still on its way, newest first."""
    _, listing = await gateway.run("deliveries", "list", "--json", "--open")
    return listing.splitlines()


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
