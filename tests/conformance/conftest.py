"""A simulated portal with somebody to call it, and stages to play on."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from conformance.simulators.portal import PortalSimulator
from tests.conformance.callers import Caller
from tests.conformance.scene import Scene, staged


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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """A stage for all tests of a module; each uses orders and people of its own.

    Such a module's tests run on one loop: ``asyncio(loop_scope="module")``.
    """
    async with staged(tmp_path_factory.mktemp("scene")) as scene:
        yield scene


@pytest.fixture
async def own_scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """A stage for one test alone, which may restart it or break it."""
    async with staged(tmp_path) as scene:
        yield scene
