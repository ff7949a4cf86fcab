"""The performance harness beside the repository: peers, their servers, their tools.

``BATON_PERF`` names its folder. Nothing is ever written there: it is copied to the
cache, where its C programs are built and its peers' packages installed.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.processes import CACHE, Failed
from tests.bench.report import Report

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Peer:
    """A server to measure beside ours. ``stored``: what it does before its ACK."""

    name: str
    command: str
    stored: str
    takes_connections: bool = True


@dataclass(frozen=True, slots=True)
class Harness:
    """A built copy of the harness."""

    folder: Path
    scratch: Path

    @property
    def python(self) -> Path:
        """The peers' own Python if it was prepared, else ours."""
        own = self.scratch / "venv" / "bin" / "python"
        return own if own.exists() else Path(sys.executable)

    @property
    def env(self) -> dict[str, str]:
        """What the harness's programs read from the environment."""
        return {
            "PERF_TMP": str(self.scratch),
            "PERF_PY": str(self.python),
            "PERF_NODE_DIR": str(self.scratch / "node"),
        }

    def peers(self, file: str) -> dict[str, Peer]:
        """Read ``peers.json`` or ``e2e.json``."""
        entries: list[dict[str, Any]] = json.loads((self.folder / file).read_text())
        return {
            entry["name"]: Peer(
                entry["name"],
                entry["cmd"],
                entry.get("durable", "nothing"),
                not entry.get("reconnect", False),
            )
            for entry in entries
        }

    def lacks(self, peer: Peer) -> str:
        """Say what keeps ``peer`` from running, ``""`` if nothing does."""
        if not peer.takes_connections:
            return "it closes the connection after each answer"
        if "{node}" in peer.command:
            if shutil.which("node") is None:
                return "Node.js is not installed"
            if not (self.scratch / "node" / "node_modules").is_dir():
                return "its packages are not installed; run: make bench ARGS=prepare"
        if "httpx" in peer.name and self.python == Path(sys.executable):
            return "its packages are not installed; run: make bench ARGS=prepare"
        return ""

    def command(self, peer: Peer, port: int) -> list[str]:
        """Return the command line that serves ``peer`` on ``port``."""
        known = {
            "py": str(self.python),
            "node": "node",
            "peers": str(self.folder / "peers"),
            "bin": str(self.folder / "bin"),
            "tmp": str(self.scratch),
            "port": str(port),
        }
        return [part.format(**known) for part in peer.command.split()]


def source() -> Path:
    """Return where the harness should be."""
    named = os.environ.get("BATON_PERF")
    return Path(named).expanduser() if named else ROOT.parent / "shared" / "perf"


def open_harness() -> Harness:
    """Copy and build the harness.

    Raises:
        Failed: It is not there, or does not build.
    """
    origin = source().resolve()
    if not (origin / "peers.json").is_file():
        raise Failed(
            f"no performance harness in {origin}: set BATON_PERF to its folder "
            "to measure peers"
        )
    folder, scratch = CACHE / "perf", CACHE / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    _copy(origin, folder)
    done = subprocess.run(
        ["make", "-s", "-C", str(folder)],  # noqa: S607 - the user's own make
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failed(f"the harness does not build: {done.stderr[-500:]}")
    return Harness(folder, scratch)


def usable(
    file: str, names: Iterable[str], what: str, report: Report
) -> tuple[Harness | None, list[Peer]]:
    """Return the harness and those of its peers that can run; report the others."""
    try:
        harness = open_harness()
    except Failed as error:
        report.lacks(f"{what} of the peers", str(error))
        return None, []
    known = harness.peers(file)
    found: list[Peer] = []
    for name in names:
        peer = known.get(name)
        lacks = harness.lacks(peer) if peer else "the harness has no such peer"
        if peer and not lacks:
            found.append(peer)
        else:
            report.lacks(f"{what} of {name}", lacks)
    return harness, found


def _copy(origin: Path, folder: Path) -> None:
    """Copy what changed; modes are not copied, since the origin is read-only."""
    for file in origin.rglob("*"):
        target = folder / file.relative_to(origin)
        if file.is_dir() or {"bin", "results"} & set(target.parts):
            continue
        text = file.read_bytes()
        if not target.exists() or target.read_bytes() != text:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text)


def prepare() -> None:
    """Install the peers' packages from the registries, as the harness's own set-up.

    Raises:
        Failed: The harness is not there, or its set-up fails.
    """
    harness = open_harness()
    done = subprocess.run(
        ["bash", str(harness.folder / "setup.sh")],  # noqa: S607 - as above
        env={**os.environ, **harness.env},
        check=False,
    )
    if done.returncode:
        raise Failed("the harness's setup.sh failed; its output says why")
