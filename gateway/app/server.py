"""One embedded server: MLLP listener, HTTP API and dispatchers in one process."""

import asyncio
import contextlib
import gc
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from typing import Any

import uvicorn

from gateway.app.gateway import Gateway, unusable
from gateway.app.http import Discreet, create_app
from gateway.app.http_door import GuardedProtocol
from gateway.app.settings import Settings, endpoint
from gateway.core.errors import whereabouts

SWITCH_SECONDS = 0.0005
"""How long a thread may hold the interpreter while the store's writer waits.

Python's default of 5 ms is longer than a whole group commit takes.
"""


COLLECT_AT = (20_000, 20, 100)
"""Allocations between garbage collections. Messages leave no cycles behind, so
looking for them as often as Python does is time taken from intake."""


MOST_REQUESTS = 128
"""HTTP requests served at a time; one more is answered 503."""


class _Uvicorn(uvicorn.Server):
    """Uvicorn without its own signal handlers: the server drains as a whole."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the server."""
        yield


class Server:
    """Everything ``baton serve`` runs, startable from tests and the demo."""

    def __init__(self, settings: Settings) -> None:
        """Prepare; nothing is opened yet."""
        self.settings = settings
        self.gateway = Gateway(settings)
        self._http: _Uvicorn | None = None
        self._serving: asyncio.Task[None] | None = None
        self._door: socket.socket | None = None

    @property
    def http_port(self) -> int:
        """The HTTP port bound."""
        if self._door is None:
            raise RuntimeError("not started")
        port: int = self._door.getsockname()[1]
        return port

    @property
    def mllp_port(self) -> int:
        """The MLLP port bound."""
        return self.gateway.mllp_port

    async def start(self) -> None:
        """Open the store, recover, take messages, and only then begin to deliver.

        Raises:
            Misconfigured: Something an operator must mend first.
        """
        sys.setswitchinterval(SWITCH_SECONDS)
        asyncio.get_running_loop().set_exception_handler(self._failed)
        try:
            await self.gateway.open()
            self._door = bound(*endpoint(self.settings.http, "BATON_HTTP"))
            await self._start_http(self._door)
            await self.gateway.listen()
        except BaseException:
            await self.stop()
            raise
        self.gateway.deliver()
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECT_AT)

    def _failed(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log where a callback failed; the loop's own words may quote a patient."""
        error = context.get("exception")
        where = whereabouts(error) if error else "event loop"
        self.gateway.failed(where)

    async def _start_http(self, door: socket.socket) -> None:
        app = Discreet(
            create_app(self.gateway, self.gateway.token), self.gateway.failed
        )
        config = uvicorn.Config(
            app,
            http=GuardedProtocol,
            limit_concurrency=MOST_REQUESTS,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=5,
        )
        self._http = _Uvicorn(config)
        self._serving = asyncio.create_task(self._http.serve(sockets=[door]))
        while not self._http.started and not self._serving.done():  # noqa: ASYNC110
            await asyncio.sleep(0.005)  # uvicorn has no event for it

    async def stop(self) -> None:
        """Drain: answer what is in flight, finish attempts, close the store."""
        await self.gateway.stop_listening()
        if self._http is not None and self._serving is not None:
            self._http.should_exit = True
            await self._serving
        if self._door is not None:
            self._door.close()
        await self.gateway.close()


def bound(host: str, port: int) -> socket.socket:
    """Take an address.

    Raises:
        Misconfigured: It is in use, or not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    door = socket.socket(family)
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind((host, port))
    except OSError:
        door.close()
        raise unusable(f"{host}:{port}") from None
    return door


def take_descriptors() -> None:
    """Use all the file descriptors this process may have: a connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def serve(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT, then drain."""
    take_descriptors()
    server = Server(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    await server.start()
    server.gateway.telemetry.event(
        "server.started", http_port=server.http_port, mllp_port=server.mllp_port
    )
    await stop.wait()
    server.gateway.telemetry.event("server.draining")
    await server.stop()
    server.gateway.telemetry.event("server.stopped")
