"""One fixture knows the backends, no test does."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.store.backends import (
    BACKENDS,
    AnyBeside,
    AnyStore,
    beside,
    locate,
    opened,
)


@pytest.fixture(params=BACKENDS)
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty store will be."""
    return locate(request.param, tmp_path)


@pytest.fixture
async def store(location: str) -> AsyncIterator[AnyStore]:
    """An empty store; when the test is over its books must close."""
    store = opened(location)
    yield store
    audit = await store.audit()
    await store.close()
    assert audit.clean, str(audit)


@pytest.fixture
def desk(location: str, store: AnyStore) -> AnyBeside:
    """The same store as the command line has it, beside the server."""
    return beside(location)
