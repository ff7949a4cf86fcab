"""One TCP connection to the gateway, byte for byte, and literal reading of answers.

Nothing of the gateway's own framing or reading is used: a fault shared by both
would pass unseen.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

PATIENCE = 10.0
"""Seconds until a test that waits for nothing fails; no test needs them."""
START, END = b"\x0b", b"\x1c\r"


def framed(body: bytes) -> bytes:
    """Put bytes on the wire as they are."""
    return START + body + END


@dataclass(frozen=True, slots=True)
class Said:
    """One acknowledgement.

    Attributes:
        code: MSA-1; ``control_id`` MSA-2, byte for byte.
        conditions: HL7 table 0357 numbers of its ERR segments, in order.
    """

    code: str
    control_id: bytes
    conditions: tuple[str, ...]
    body: bytes = field(repr=False)

    @property
    def errors(self) -> list[bytes]:
        """The ERR segments as they stand."""
        return [line for line in self.body.split(b"\r") if line.startswith(b"ERR")]


class Line:
    """A connection that sends bytes and reads frames."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, *parts: bytes) -> None:
        """Send bytes; whether they arrive is seen from the answers."""
        self._writer.writelines(parts)

    async def answer(self) -> Said | None:
        """Return the next acknowledgement, ``None`` if the peer hangs up instead."""
        async with asyncio.timeout(PATIENCE):
            try:
                found = await self._reader.readuntil(END)
            except asyncio.IncompleteReadError as error:
                found = error.partial
        if not found:
            return None
        assert found.startswith(START)
        assert found.endswith(END)
        return read(found[1:-2])

    async def answers_before(self, control_id: bytes) -> list[Said]:
        """Return what is answered until ``control_id`` is."""
        found: list[Said] = []
        while True:
            said = await self.answer()
            assert said is not None, "the connection was closed"
            if said.control_id == control_id:
                return found
            found.append(said)


@asynccontextmanager
async def calling(port: int) -> AsyncIterator[Line]:
    """Connect for a while."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    try:
        yield Line(reader, writer)
    finally:
        writer.close()


def read(answer: bytes) -> Said:
    """Read an acknowledgement by the delimiters it declares."""
    rows = [line.split(answer[3:4]) for line in answer.split(b"\r") if line]
    ((_, code, control_id, *_),) = [row for row in rows if row[0] == b"MSA"]
    errors = [row for row in rows if row[0] == b"ERR"]
    found = [each for error in errors for each in _conditions(error, answer)]
    return Said(code.decode(), control_id, tuple(map(bytes.decode, found)), answer)


def _conditions(error: list[bytes], answer: bytes) -> list[bytes]:
    """Return the codes of an ERR: ERR-3 from 2.5, ERR-1.4 of each repetition before."""
    component, repetition, subcomponent = answer[4:5], answer[5:6], answer[7:8]
    if not error[1]:
        return [error[3].split(component)[0]]
    each = [part.split(component)[3] for part in error[1].split(repetition)]
    return [condition.split(subcomponent)[0] for condition in each]
