"""An EHR's two ends: one sends orders over MLLP, the other takes statuses.

async with EhrSender("127.0.0.1", port) as ehr:
    ack = await ehr.send(message)

async with EhrReceiver() as listener:
    listener.behave(Answer("AE"))
    statuses = await listener.wait_for(3)
"""

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Literal, Self

from adapters.hl7v2.mllp import Block, MllpFramer, encode
from conformance.simulators.ehr_answers import (
    Ack,
    control_id,
    read_ack,
    with_time,
    write_ack,
)

READ_SIZE: Final = 65536


class NoAnswer(Exception):
    """No acknowledgement that matches came in time; the connection is closed."""


class WrongAnswer(Exception):
    """What came is no acknowledgement of what was sent; the connection is closed."""


class EhrSender:
    """Sends messages one at a time over one connection, as most engines do.

    After any doubt the connection is closed, and the next message opens a new
    one: a late answer can never be read as the answer to something else.

    Attributes:
        acks: Every acknowledgement received, in order.
    """

    def __init__(self, host: str, port: int) -> None:
        """Prepare to send to ``host``:``port``; connect with the first message."""
        self.acks: list[Ack] = []
        self._address = (host, port)
        self._turn = asyncio.Lock()
        self._stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._framer = MllpFramer()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def send(self, message: bytes, *, within: float = 5.0) -> Ack:
        """Send one message and return its acknowledgement.

        Raises:
            NoAnswer: None came within ``within`` seconds, or the peer hung up.
            WrongAnswer: MSA is missing, or MSA-2 is not our MSH-10.
            OSError: Nobody listens.
        """
        async with self._turn:
            try:
                async with asyncio.timeout(within):
                    ack = await self._exchange(message)
            except TimeoutError:
                await self.close()
                raise NoAnswer from None
            except (OSError, NoAnswer, WrongAnswer):
                await self.close()
                raise
        self.acks.append(ack)
        return ack

    async def resend(self, message: bytes, stamp: str, *, within: float = 5.0) -> Ack:
        """Send ``message`` again with ``stamp`` as its MSH-7 (YYYYMMDDHHMMSS)."""
        return await self.send(with_time(message, stamp), within=within)

    def go_to(self, host: str, port: int) -> None:
        """Send to another address from now on; the connection must be closed."""
        self._address = (host, port)

    async def close(self) -> None:
        """Hang up."""
        if self._stream is not None:
            _, writer = self._stream
            self._stream = None
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _exchange(self, message: bytes) -> Ack:
        reader, writer = await self._connected()
        writer.write(encode(message))
        await writer.drain()
        answer = await next_block(reader, self._framer)
        if answer is None:
            raise NoAnswer
        ack = read_ack(answer)
        if ack is None or ack.control_id != control_id(message):
            raise WrongAnswer
        return ack

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._stream is None:
            self._stream = await asyncio.open_connection(*self._address)
            self._framer = MllpFramer()
        return self._stream


async def next_block(reader: asyncio.StreamReader, framer: MllpFramer) -> bytes | None:
    """Return the next complete block, or ``None`` once the peer has hung up."""
    while True:
        while (event := framer.next_event()) is not None:
            if isinstance(event, Block):
                return event.body
        data = await reader.read(READ_SIZE)
        if not data:
            return None
        framer.receive(data)


@dataclass(frozen=True, slots=True)
class Answer:
    """Acknowledge with ``code``; ``answering`` puts another id in MSA-2."""

    code: str = "AA"
    answering: bytes | None = None


@dataclass(frozen=True, slots=True)
class Late:
    """Acknowledge positively once ``gate`` is set."""

    gate: asyncio.Event = field(repr=False)


@dataclass(frozen=True, slots=True)
class Raw:
    """Send these bytes instead of an acknowledgement."""

    data: bytes


Behaviour = Answer | Late | Raw | Literal["silent", "close"]


class EhrReceiver:
    """Takes statuses on a loopback port and acknowledges as told.

    Attributes:
        received: Every message, in the order it came, kept whatever was answered.
        connections: How many were accepted.
        port: Known once it is started.
    """

    def __init__(self, port: int = 0) -> None:
        """Prepare to listen; port 0 lets the system choose one."""
        self.received: list[bytes] = []
        self.connections = 0
        self.port = port
        self._told: deque[Behaviour] = deque()
        self._usual: Behaviour = Answer()
        self._arrival = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def address(self) -> str:
        """``host:port``, as a setting of the gateway wants it."""
        return f"127.0.0.1:{self.port}"

    def behave(self, behaviour: Behaviour, *, times: int = 1) -> None:
        """Meet the next ``times`` messages with ``behaviour``."""
        self._told.extend([behaviour] * times)

    def behave_always(self, behaviour: Behaviour) -> None:
        """Meet every message that nothing else was told for with ``behaviour``."""
        self._usual = behaviour

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and hang up on everybody; what was received stays."""
        if self._server is not None:
            self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def wait_for(self, count: int, *, within: float = 5.0) -> list[bytes]:
        """Return the messages once there are ``count`` of them.

        Raises:
            TimeoutError: There were fewer after ``within`` seconds.
        """
        async with asyncio.timeout(within), self._arrival:
            await self._arrival.wait_for(lambda: len(self.received) >= count)
        return list(self.received)

    def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            with suppress(OSError):
                await self._converse(reader, writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        framer = MllpFramer()
        while (message := await next_block(reader, framer)) is not None:
            await self._keep(message)
            if not await self._react(message, writer):
                return

    async def _keep(self, message: bytes) -> None:
        async with self._arrival:
            self.received.append(message)
            self._arrival.notify_all()

    async def _react(self, message: bytes, writer: asyncio.StreamWriter) -> bool:
        behaviour = self._told.popleft() if self._told else self._usual
        match behaviour:
            case "silent":
                return True
            case "close":
                return False
            case Raw(data):
                writer.write(data)
            case Late(gate):
                await gate.wait()
                writer.write(encode(write_ack(message, "AA")))
            case Answer(code, answering):
                ack = write_ack(message, code, answering=answering)
                writer.write(encode(ack))
        await writer.drain()
        return True
