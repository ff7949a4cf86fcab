"""Starts what is measured, and reads what it costs from ``/proc`` (Linux)."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(os.environ.get("BATON_BENCH_CACHE", "~/.cache/baton-bench")).expanduser()
"""Where programs are built and measured stores lie: on a real disk, not in memory."""

TICKS = os.sysconf("SC_CLK_TCK")
STEAL = 7


class Failed(Exception):
    """Something that was to be measured did not run; the text says what and why."""


@dataclass(frozen=True, slots=True)
class Running:
    """A started server."""

    name: str
    process: "subprocess.Popen[bytes]"
    port: int

    def cpu_seconds(self) -> float:
        """Return the processor time used so far, in user and system mode."""
        text = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii")
        fields = text.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def rss_mb(self) -> float:
        """Return the resident memory in MiB."""
        text = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        line = next(each for each in text.splitlines() if each.startswith("VmRSS"))
        return int(line.split()[1]) / 1024


def free_port() -> int:
    """Return a port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(
    name: str,
    command: Sequence[str],
    port: int,
    env: Mapping[str, str] | None = None,
    seconds: float = 60,
) -> Iterator[Running]:
    """Start a server, wait until it listens on ``port``, and end it after use.

    Its output goes to ``<cache>/log/<name>.log``.

    Raises:
        Failed: It ended, or did not listen within ``seconds``.
    """
    log = CACHE / "log" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, env={**os.environ, **(env or {})}
        )
    try:
        _wait_for(name, process, port, time.monotonic() + seconds, log)
        yield Running(name, process, port)
    finally:
        end(process)


def _wait_for(
    name: str,
    process: "subprocess.Popen[bytes]",
    port: int,
    until: float,
    log: Path,
) -> None:
    while not listens(port):
        if process.poll() is not None:
            raise Failed(f"{name} ended with status {process.returncode}; see {log}")
        if time.monotonic() > until:
            raise Failed(f"{name} does not listen on port {port}; see {log}")
        time.sleep(0.01)


def listens(port: int) -> bool:
    """Tell whether something takes connections on ``port``."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a process politely, then not."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@dataclass(frozen=True, slots=True)
class Load:
    """How busy the whole machine was while something was measured."""

    busy: float
    stolen: float

    def __str__(self) -> str:
        return f"processors {self.busy:.0%} busy, {self.stolen:.0%} stolen"


class Watch:
    """Reads how busy the machine is, from one moment to the next."""

    def __init__(self) -> None:
        self._before = _processor_times()

    def load(self) -> Load:
        """Return the machine's load since this watch was made."""
        after = _processor_times()
        spent = [b - a for a, b in zip(self._before, after, strict=True)]
        total = sum(spent) or 1
        idle = spent[3] + spent[4]
        return Load(1 - idle / total, spent[STEAL] / total)


def _processor_times() -> list[int]:
    line = Path("/proc/stat").read_text(encoding="ascii").partition("\n")[0]
    return [int(each) for each in line.split()[1:9]]
