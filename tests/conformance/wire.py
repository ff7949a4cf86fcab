"""A bare MLLP connection: frames as bytes, so that nothing is made up for them."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from adapters.hl7v2.mllp import Block, MllpFramer, encode
from conformance.simulators.ehr import READ_SIZE, next_block

WHILE = 0.1
"""Seconds of silence that count as silence."""


class Wire:
    """One connection to a gateway."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.reader = reader
        self.writer = writer
        self._framer = MllpFramer()

    async def write(self, *messages: bytes) -> None:
        """Send the messages, framed, in one go."""
        self.writer.write(b"".join(map(encode, messages)))
        await self.writer.drain()

    async def answers(self, count: int) -> list[bytes]:
        """Return the next ``count`` answers."""
        found = []
        async with asyncio.timeout(5):
            for _ in range(count):
                block = await next_block(self.reader, self._framer)
                assert block is not None, "hung up"
                found.append(block)
        return found

    async def finish(self) -> list[bytes]:
        """Shut our side and return every frame that still comes, and only frames."""
        self.writer.write_eof()
        async with asyncio.timeout(5):
            self._framer.receive(await self.reader.read(-1))
        found = []
        while (event := self._framer.next_event()) is not None:
            assert isinstance(event, Block)
            found.append(event.body)
        return found

    def reset(self) -> None:
        """Be gone, without an orderly end."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def is_silent(self) -> bool:
        """Tell whether not one byte comes for a while."""
        try:
            async with asyncio.timeout(WHILE):
                await self.reader.read(READ_SIZE)
        except TimeoutError:
            return True
        return False

    async def is_closed(self) -> bool:
        """Tell whether the gateway hangs up, whatever it says before."""
        async with asyncio.timeout(5):
            with suppress(ConnectionError):
                await self.reader.read(-1)
        return True


@asynccontextmanager
async def wired(port: int) -> AsyncIterator[Wire]:
    """Connect to the gateway on this machine."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def field(message: bytes, segment: str, n: int) -> bytes:
    """Return a field of a message in ``|``; MSH-1 counts."""
    for line in message.split(b"\r"):
        fields = line.split(b"|")
        if fields[0] == segment.encode():
            at = n - 1 if segment == "MSH" else n
            return fields[at] if at < len(fields) else b""
    return b""
