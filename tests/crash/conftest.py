"""A gateway in a process of its own, between hospitals and a portal that fails."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from conformance.demo.hurry import hurried
from conformance.demo.stage import WEBHOOK_SECRET
from conformance.simulators.ehr import EhrReceiver
from conformance.simulators.portal import CLIENT, PortalSimulator
from conformance.simulators.portal_faults import Break, Refuse, Reset
from tests.crash.process import GatewayProcess


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
