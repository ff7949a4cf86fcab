"""The two sides of a socket test: a desk that decides, and a peer that talks."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

from adapters.hl7v2.limits import Limits
from adapters.hl7v2.listener import MllpListener
from gateway.core.verdict import Answer, AnswerKind
from gateway.ports import Peer

PATIENCE = 5.0
"""Seconds until a test that waits for nothing fails; no test needs them."""


def accept(control_id: bytes) -> Answer:
    return Answer(AnswerKind.POSITIVE, "AA", b"MSA|AA|" + control_id)


def refuse(control_id: bytes) -> Answer:
    return Answer(AnswerKind.NEGATIVE, "AE", b"MSA|AE|" + control_id)


class Desk:
    """Decides messages and remembers what the listener told it.

    A message is ``MSH|id``; its answer says AA to its id. What ``answers`` holds
    for an id is said instead, once it is there.
    """

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.damage: list[tuple[str, int, bytes]] = []
        self.oversize: list[bytes] = []
        self.connections: asyncio.Queue[str] = asyncio.Queue()
        self.answers: dict[bytes, asyncio.Future[Answer]] = {}
        self.came: dict[bytes, asyncio.Event] = {}

    async def receive(self, body: bytes, peer: Peer) -> Answer:
        assert peer.port > 0
        self.bodies.append(body)
        control_id = body.partition(b"|")[2]
        self.arrival(control_id).set()
        if control_id in self.answers:
            return await self.answers[control_id]
        return accept(control_id)

    async def receive_oversize(self, head: bytes, _: Peer) -> Answer:
        self.oversize.append(head)
        return Answer(AnswerKind.NEGATIVE, "AR", b"MSA|AR|big", close=True)

    def on_damage(self, kind: str, size: int, sample: bytes, _: Peer) -> None:
        self.damage.append((kind, size, sample))

    def on_connection(self, _: Peer, what: str) -> None:
        self.connections.put_nowait(what)

    def arrival(self, control_id: bytes) -> asyncio.Event:
        """Return what is set when the message ``control_id`` is handed over."""
        return self.came.setdefault(control_id, asyncio.Event())

    def withhold(self, control_id: bytes) -> asyncio.Future[Answer]:
        """Make the message ``control_id`` wait for the answer set here."""
        loop = asyncio.get_running_loop()
        self.answers[control_id] = loop.create_future()
        return self.answers[control_id]

    async def happened(self, what: str) -> None:
        """Wait until the listener says ``what`` of a connection."""
        async with asyncio.timeout(PATIENCE):
            while await self.connections.get() != what:
                pass


class Nobody:
    """A guest that only counts as one; all of them are equal."""

    lost: asyncio.Future[None]
    idle_since = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Nobody)

    def __hash__(self) -> int:
        return 0

    def end(self, _: str) -> None:
        raise AssertionError

    drop = abort = end


class Talker:
    """One TCP connection, driven byte by byte."""

    def __init__(self, source: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._sock = socket.socket()
        self._sock.settimeout(0)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Small, so that whoever does not read is noticed after little.
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self._sock.bind((source, 0))

    async def connect(self, port: int) -> None:
        await self._loop.sock_connect(self._sock, ("127.0.0.1", port))

    async def send(self, *parts: bytes) -> None:
        """Send each part so that it is read by itself."""
        async with asyncio.timeout(PATIENCE):
            for part in parts:
                await self._loop.sock_sendall(self._sock, part)
                await turns()

    async def read(self, size: int) -> bytes:
        """Return the next ``size`` bytes, fewer if the connection ends."""
        got = bytearray()
        async with asyncio.timeout(PATIENCE):
            while len(got) < size:
                data = await self._loop.sock_recv(self._sock, size - len(got))
                if not data:
                    break
                got += data
        return bytes(got)

    async def rest(self) -> bytes:
        """Return all that comes until the connection ends, even by a reset."""
        got = b""
        async with asyncio.timeout(PATIENCE):
            with suppress(ConnectionResetError):
                while data := await self._loop.sock_recv(self._sock, 65536):
                    got += data
        return got

    async def flood(self, most: int) -> int:
        """Send without being read until no more is taken; return the bytes taken."""
        taken = refused = 0
        while taken < most and refused < 20:
            try:
                taken += self._sock.send(65536 * b"x")
                refused = 0
            except BlockingIOError:
                refused += 1
            await turns()
        return taken

    def shut_down_writing(self) -> None:
        self._sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._sock.close()

    def reset(self) -> None:
        """Close with RST, as a crashed machine's successor would."""
        linger = struct.pack("ii", 1, 0)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._sock.close()


Connect = Callable[..., Coroutine[Any, Any, Talker]]


@asynccontextmanager
async def listening(
    desk: Desk, limits: Limits | None = None
) -> AsyncIterator[tuple[MllpListener, Connect]]:
    """Yield a listener and what connects to it; all is closed afterwards."""
    talkers: list[Talker] = []
    listener = await MllpListener.start(
        "127.0.0.1",
        0,
        desk.receive,
        receive_oversize=desk.receive_oversize,
        limits=limits or Limits(),
        on_damage=desk.on_damage,
        on_connection=desk.on_connection,
    )

    async def connect(source: str = "127.0.0.1") -> Talker:
        talkers.append(Talker(source))
        await talkers[-1].connect(listener.port)
        return talkers[-1]

    try:
        yield listener, connect
    finally:
        for talker in talkers:
            talker.close()
        await listener.close(0)


async def longer_than(seconds: float) -> None:
    """Let a deadline of ``seconds`` pass, on the clock that measures it."""
    passed = asyncio.Event()
    asyncio.get_running_loop().call_later(2 * seconds, passed.set)
    await passed.wait()


async def trickle(talker: Talker, part: bytes) -> None:
    """Send ``part`` for ever; the connection's end ends it."""
    with suppress(ConnectionError):
        while True:
            await talker.send(part)


async def turns(count: int = 5) -> None:
    """Let the loop look at its sockets, and run what follows, ``count`` times."""
    for _ in range(count):
        await asyncio.sleep(0)
