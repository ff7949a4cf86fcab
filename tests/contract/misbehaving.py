"""A server that does to each connection exactly what a test says, byte by byte."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Behave = Callable[["Connection"], Awaitable[None]]

_LINGER_ZERO = struct.pack("ii", 1, 0)


def answer(status: str = "201 Created", body: bytes = b'{"reference":"HX-1"}') -> bytes:
    """Return one whole answer."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@dataclass
class Connection:
    """One accepted connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    peer: "Peer"

    async def read_request(self) -> bytes:
        """Read one whole request and keep it."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        size = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        request = head + await self.reader.readexactly(size)
        self.peer.requests.append(request)
        return request

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def until_hung_up(self) -> None:
        """Wait, saying nothing, until the client gives up."""
        await self.reader.read()

    def reset(self) -> None:
        """Close so that the client sees a reset."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self.writer.transport.abort()


@dataclass
class Peer:
    """A listening server and what reached it."""

    behave: Behave
    url: str = ""
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    _served: set[asyncio.Task[None]] = field(default_factory=set)

    def accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        connection = Connection(reader, writer, self)
        self._served.add(asyncio.create_task(self._serve(connection)))

    async def close(self) -> None:
        for task in self._served:
            task.cancel()
        await asyncio.gather(*self._served, return_exceptions=True)

    async def _serve(self, connection: Connection) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self.behave(connection)
        finally:
            connection.writer.close()
            with suppress(OSError):
                await connection.writer.wait_closed()


@asynccontextmanager
async def listening(
    behave: Behave, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Peer]:
    """Serve ``behave`` to every connection on a loopback port."""
    peer = Peer(behave)
    server = await asyncio.start_server(peer.accept, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    peer.url = f"{'https' if tls else 'http'}://localhost:{port}"
    try:
        yield peer
    finally:
        server.close()
        await peer.close()


@asynccontextmanager
async def refusing_strangers(tls: ssl.SSLContext) -> AsyncIterator[str]:
    """Shake one hand by ``tls`` and refuse it with an alert, as OpenSSL does.

    On a thread, since asyncio's own server drops the alert when it gives up.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    refusal = asyncio.create_task(asyncio.to_thread(_refuse, listener, tls))
    try:
        yield f"https://localhost:{listener.getsockname()[1]}"
    finally:
        await refusal
        listener.close()


def _refuse(listener: socket.socket, tls: ssl.SSLContext) -> None:
    plain, _ = listener.accept()
    with tls.wrap_socket(plain, server_side=True, do_handshake_on_connect=False) as one:
        with suppress(ssl.SSLError):
            one.do_handshake()
        one.shutdown(socket.SHUT_WR)
        while one.recv(4096):
            pass


async def closed_port() -> int:
    """Return a loopback port where nobody listens."""
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port
