"""What must hold after a run, whatever was done to the gateway meanwhile."""

import asyncio
import json

from conformance.simulators.portal import PortalSimulator
from tests.crash.load import Load
from tests.crash.process import GatewayProcess


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
