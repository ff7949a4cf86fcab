"""What every test runs under: loopback only, no settings, and no silent gaps."""

import ipaddress
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

NO_CORPUS = "not in the corpus"
"""How a test says why it was skipped for want of a file of the corpus."""

OF_TESTS = (
    *("BATON_CORPUS", "BATON_REQUIRE_CORPUS", "BATON_PERF", "BATON_KILLS"),
    *("BATON_SOAK_MINUTES", "BATON_BENCH_CACHE"),
)
"""Variables that steer tests; every other BATON_ one is a setting of a gateway."""

LOCAL = (socket.AF_INET, socket.AF_INET6)


@pytest.fixture(autouse=True, scope="session")
def only_loopback() -> Iterator[None]:
    """Refuse to connect to another machine, whatever the code under test tries."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _guarded(name))
        yield


@pytest.fixture(autouse=True, scope="session")
def only_own_settings() -> Iterator[None]:
    """Forget the gateway that is set up in the shell the tests run in."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("BATON_") and name not in OF_TESTS:
                patch.delenv(name)
        yield


def _guarded(name: str) -> Any:  # noqa: ANN401 - a method of socket
    real = getattr(socket.socket, name)

    def connect(self: socket.socket, address: Any) -> Any:  # noqa: ANN401 - as socket
        if self.family in LOCAL and not _is_loopback(address[0]):
            raise AssertionError(f"a test tried to reach {address[0]}")
        return real(self, address)

    return connect


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many corpus files were not there: their tests did not run."""
    skipped = terminalreporter.stats.get("skipped", [])
    missing = sum(NO_CORPUS in str(report.longrepr) for report in skipped)
    if missing:
        terminalreporter.section("corpus")
        terminalreporter.write_line(
            f"{missing} tests skipped: their files are not in BATON_CORPUS. "
            "With BATON_REQUIRE_CORPUS=1 they fail instead."
        )
