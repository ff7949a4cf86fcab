"""A gateway in a process of its own, to be killed."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import httpx2

LONG_ENOUGH = 120.0
"""Seconds after which a command is taken to hang."""
BATON = (sys.executable, "-m", "gateway.app.cli")


def free_port() -> int:
    """Return a loopback port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class GatewayProcess:
    """``baton serve`` on one data folder and the same ports, again and again."""

    def __init__(self, data: Path, mappings: Path, settings: dict[str, str]) -> None:
        self.data = data
        self.mllp_port, self.http_port = free_port(), free_port()
        self._environment = {
            **os.environ,
            "BATON_DATA": str(data),
            "BATON_MAPPINGS": str(mappings),
            "BATON_MLLP": f"127.0.0.1:{self.mllp_port}",
            "BATON_HTTP": f"127.0.0.1:{self.http_port}",
            **settings,
        }
        self._process: asyncio.subprocess.Process | None = None

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.returncode is None

    @property
    def memory(self) -> int:
        """Resident memory in KiB, as Linux counts it."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text("ascii")
        return int(status.partition("VmRSS:")[2].split()[0])

    @property
    def open_files(self) -> int:
        """Open file descriptors, as Linux counts them."""
        assert self._process is not None
        return len(list(Path(f"/proc/{self._process.pid}/fd").iterdir()))

    @property
    def webhooks(self) -> str:
        return f"http://127.0.0.1:{self.http_port}/webhooks/helix"

    async def start(self) -> None:
        """Start and wait until it takes messages."""
        log = (self.data.parent / "gateway.log").open("ab")
        self._process = await asyncio.create_subprocess_exec(
            *BATON, "serve", env=self._environment, stdout=log, stderr=log
        )
        log.close()
        async with asyncio.timeout(30), httpx2.AsyncClient() as client:
            while not await self._ready(client):
                assert self._process.returncode is None, "the gateway did not start"

    async def _ready(self, client: httpx2.AsyncClient) -> bool:
        try:
            answer = await client.get(f"http://127.0.0.1:{self.http_port}/readyz")
        except httpx2.TransportError:
            await asyncio.sleep(0)
            return False
        return answer.status_code == httpx2.codes.OK

    async def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        await self._process.wait()

    async def stop(self) -> int:
        """Ask it to drain and end; return its exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            return await self._process.wait()

    async def run(self, *arguments: str) -> tuple[int, str]:
        """Run another command on the same data; return exit status and output.

        Raises:
            TimeoutError: It went on and on, and was killed.
        """
        process = await asyncio.create_subprocess_exec(
            *BATON,
            *arguments,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(LONG_ENOUGH):
                output, _ = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise
        assert process.returncode is not None
        return process.returncode, output.decode()
