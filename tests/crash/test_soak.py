"""``make soak``: a long run under faults; nothing is lost, and nothing grows."""

import asyncio
import os
import random
import sys
from statistics import median

import pytest

from conformance.simulators.portal import PortalSimulator
from tests.crash.checks import check, drained
from tests.crash.load import Load
from tests.crash.process import GatewayProcess

LOOKS = 50
"""How often memory is looked at in one run."""
MOST_GROWTH = 8 * 1024
"""KiB that may come and go between the second and the last fifth of a run."""
MORE_FILES = 8
"""Connections come and go; a leak of one a fault would be hundreds."""


@pytest.mark.soak
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
async def test_a_long_run_under_faults_loses_nothing_and_does_not_grow(
    gateway: GatewayProcess, portal: PortalSimulator
) -> None:
    """BATON_SOAK_MINUTES minutes (10), the portal failing all the time."""
    minutes = float(os.environ.get("BATON_SOAK_MINUTES", "10"))
    seed = random.randrange(10**6)
    print(f"{minutes:g} minutes, seed {seed}")  # noqa: T201 - to repeat a failure
    load = Load(gateway.mllp_port, connections=8, seed=seed, pause=0.1)
    load.start()
    memory, files = [], []
    for n in range(LOOKS):
        await asyncio.sleep(60 * minutes / LOOKS)  # the run itself
        memory.append(gateway.memory)
        files.append(gateway.open_files)
        print(f"{n + 1:>3}/{LOOKS}  {memory[-1] / 1024:.1f} MiB  {files[-1]} files")  # noqa: T201 - progress
    await load.stop()
    await drained(gateway)

    fifth = LOOKS // 5
    early, late = slice(fifth, 2 * fifth), slice(-fifth, None)
    assert median(memory[late]) - median(memory[early]) < MOST_GROWTH
    assert median(files[late]) - median(files[early]) < MORE_FILES
    await check(gateway, portal, load)
