"""Starts Baton as an operator would: ``baton serve`` with a folder of its own."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.store.sqlite import open_beside
from tests.bench.processes import CACHE, Failed, Running, free_port, running

HERE = Path(__file__).parent
MAPPINGS = HERE / "mappings"
NAME = "Baton"


@contextmanager
def data_folder() -> Iterator[Path]:
    """Make a data folder on the cache's disk, and remove it after use."""
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="data-", dir=CACHE))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def command(folder: Path, port: int) -> list[str]:
    """Return the command line that serves ``folder`` with MLLP on ``port``."""
    return [
        str(Path(sys.executable).with_name("baton")),
        "serve",
        f"--data={folder}",
        f"--mappings={MAPPINGS}",
        f"--http=127.0.0.1:{free_port()}",
        f"--mllp=127.0.0.1:{port}",
    ]


@contextmanager
def baton(folder: Path, portal: str = "") -> Iterator[Running]:
    """Serve ``folder``; without ``portal`` orders are stored and not delivered.

    Raises:
        Failed: It does not start.
    """
    port = free_port()
    env = {"BATON_BENCH_URL": portal}
    with running(NAME.lower(), command(folder, port), port, env) as server:
        yield server


@contextmanager
def fresh_baton(portal: str = "") -> Iterator[Running]:
    """Serve an empty folder.

    Raises:
        Failed: It does not start, or did not do with every message what was asked:
            a message that is held costs less, and is answered as well.
    """
    with data_folder() as folder:
        with baton(folder, portal) as server:
            yield server
        store = open_beside(folder)
        for state in ("held", "waiting", "rejected"):
            if store.messages(state=state, limit=1):
                raise Failed(f"messages are {state}: its figures are void")
