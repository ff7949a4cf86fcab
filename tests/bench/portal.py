"""Runs the stub portal, and asks it what arrived."""

import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import orjson

from tests.bench.lanes import Arrival, arrivals_from
from tests.bench.processes import free_port, running


@dataclass(frozen=True, slots=True)
class Portal:
    """A running stub."""

    url: str

    def stats(self) -> dict[str, int]:
        """Return its counters."""
        counters: dict[str, int] = orjson.loads(self._ask("/stats"))
        return counters

    def arrivals(self) -> list[Arrival]:
        """Return the first arrival of each key."""
        return arrivals_from(self._ask("/trace").decode())

    def reset(self) -> None:
        """Let it forget what arrived so far."""
        self._ask("/reset", method="POST")

    def _ask(self, path: str, method: str = "GET") -> bytes:
        request = urllib.request.Request(self.url + path, method=method)  # noqa: S310 - our own stub
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
            body: bytes = answer.read()
            return body


@contextmanager
def portal(fail_every: int = 0, drop_every: int = 0) -> Iterator[Portal]:
    """Run a stub portal.

    Raises:
        Failed: It does not start.
    """
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.stub", f"--port={port}"]
    faults = [f"--fail-every={fail_every}", f"--drop-every={drop_every}"]
    with running("portal", [*command, *faults], port):
        yield Portal(f"http://127.0.0.1:{port}")
