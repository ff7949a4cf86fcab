"""A simulated portal and somebody with a token for it."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from conformance.simulators.portal import PortalSimulator
from tests.conformance.callers import Caller


@pytest.fixture
async def helix() -> AsyncIterator[PortalSimulator]:
    async with PortalSimulator() as portal:
        yield portal


@pytest.fixture
async def caller(helix: PortalSimulator) -> AsyncIterator[Caller]:
    async with aiohttp.ClientSession() as session:
        caller = Caller(helix, session)
        await caller.authorise()
        yield caller
