"""The gateway is killed at random instants, again and again, under load.

Guarantees G1, G3, G4, G6 and cases 13 and 14: whatever was acknowledged is there,
nothing is ordered twice, every order's requests keep their order, and the books
close after each kill. The portal fails meanwhile.
"""

import asyncio
import os
import random

import pytest

from conformance.simulators.portal import PortalSimulator
from tests.crash.checks import check, drained
from tests.crash.load import Load
from tests.crash.process import GatewayProcess

KILLS_IN_TEST = 30


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
