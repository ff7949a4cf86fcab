"""``baton serve`` on a disk of its own that really fills up (Linux only).

The disk is a tmpfs in a mount namespace that an ordinary user may make, so that
nothing else on this machine can fill it or be filled by it.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

import httpx2

from tests.crash.process import free_port

UNSHARE = ("unshare", "--user", "--map-root-user", "--mount")
MOUNT_AND_SERVE = """
mount -t tmpfs -o size=8m tmpfs "$DISK" || exit 1
exec "$PYTHON" -m gateway.app.cli serve > "$DISK/log" 2>&1
"""
LONG_ENOUGH = 30.0
LOOK_AGAIN = 0.02


def namespaces() -> bool:
    """Tell whether this user may mount a disk for a process of its own."""
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run([*UNSHARE, "true"], capture_output=True, check=False)
    return tried.returncode == 0


class SmallDisk:
    """A server, and the disk its data and its log are on."""

    def __init__(self, folder: Path) -> None:
        self.mllp_port, self.http_port = free_port(), free_port()
        self._disk = folder / "disk"
        self._environment = os.environ | {
            "DISK": str(self._disk),
            "PYTHON": sys.executable,
            "BATON_DATA": str(self._disk / "data"),
            "BATON_MLLP": f"127.0.0.1:{self.mllp_port}",
            "BATON_HTTP": f"127.0.0.1:{self.http_port}",
        }
        self._server: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> Self:
        self._disk.mkdir()
        command = [*UNSHARE, "sh", "-c", MOUNT_AND_SERVE]
        self._server = subprocess.Popen(command, env=self._environment)  # noqa: ASYNC220 - returns at once
        await self.becomes(200)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(self._server.wait, LONG_ENOUGH) == 0

    @property
    def _mounted(self) -> Path:
        """The disk as seen from outside its namespace."""
        assert self._server is not None
        return Path(f"/proc/{self._server.pid}/root{self._disk}")

    def fill(self) -> None:
        """Leave not one byte."""
        with (self._mounted / "ballast").open("wb", buffering=0) as ballast:
            try:
                while ballast.write(bytes(4096)):
                    pass
            except OSError:
                return

    def empty(self) -> None:
        """Give the space back."""
        (self._mounted / "ballast").unlink()

    async def status(self) -> int:
        """Return what ``/readyz`` answers, 0 if nobody does."""
        async with httpx2.AsyncClient() as client:
            try:
                answer = await client.get(f"http://127.0.0.1:{self.http_port}/readyz")
            except httpx2.TransportError:
                return 0
        return answer.status_code

    async def becomes(self, status: int) -> None:
        """Wait until ``/readyz`` answers so."""
        async with asyncio.timeout(LONG_ENOUGH):
            while await self.status() != status:
                assert self._server is not None
                assert self._server.poll() is None, "the server has ended"
                await asyncio.sleep(LOOK_AGAIN)

    async def run(self, *arguments: str) -> tuple[int, str]:
        """Run a command on a copy of the data of a server at rest.

        SQLite follows links, so it would not find its way into the namespace.
        Returns exit status and output.
        """
        data = self._disk.with_name("copy")
        shutil.copytree(self._mounted / "data", data, dirs_exist_ok=True)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway.app.cli", *arguments, "--data", str(data)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, output.decode()
