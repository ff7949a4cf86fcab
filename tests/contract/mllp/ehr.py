"""An EHR's listener that answers as a test tells it to."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Literal

from tests.contract.mllp.peer import turns

Act = tuple[bytes, ...] | Literal["silence", "close", "reset"]
"""What follows a message: parts to send one by one, or nothing, or the end."""


class Ehr:
    """Takes frames and follows its script, one act for each; then it is silent."""

    def __init__(self, *script: Act) -> None:
        self.script = list(script)
        self.messages: list[bytes] = []
        self.connections: list[asyncio.StreamWriter] = []
        self.asked = asyncio.Event()

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections.append(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                message = await reader.readuntil(b"\x1c\r")
                self.messages.append(message)
                self.asked.set()
                await self._act(writer)
        writer.close()

    async def _act(self, writer: asyncio.StreamWriter) -> None:
        act = self.script.pop(0) if self.script else "silence"
        if act == "close":
            writer.close()
        elif act == "reset":
            reset(writer)
        elif act != "silence":
            for part in act:
                writer.write(part)
                await turns()


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST."""
    linger = struct.pack("ii", 1, 0)
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


@asynccontextmanager
async def serving(ehr: Ehr) -> AsyncIterator[int]:
    """Yield the port ``ehr`` listens on."""
    server = await asyncio.start_server(ehr.serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in ehr.connections:
            writer.transport.abort()
        await turns()
