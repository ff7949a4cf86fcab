"""One MLLP connection to somebody else's listener: send a frame, read its answer.

It works on the socket itself: only so is it certain whether a first byte left,
which separates "send it again" from "ask before repeating".
"""

import asyncio
import socket
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from adapters.hl7v2.keepalive import keep_alive
from adapters.hl7v2.mllp import Block, MllpFramer, StreamLost, encode
from gateway.core.errors import OutcomeUnknown, Unavailable
from gateway.ports import Check, unchecked

READ_SIZE: Final = 64 * 1024

MOST_ANSWER: Final = 1024 * 1024
"""Bytes of an answer, which is a few lines; memory is bounded."""

SHOWN: Final = 4 * 1024
"""Bytes of an unreadable answer kept for the person who asks why."""


class NotConnected(Unavailable):
    """Nothing was sent, so the same bytes may be sent later.

    ``evidence`` is a stable code: ``mllp.refused``, ``mllp.connect_timeout`` …
    """

    code = "mllp.not_connected"

    def __init__(self, evidence: str) -> None:
        super().__init__()
        self.evidence = evidence


class Objected(Unavailable):
    """Nothing was sent, because the last look found ``objection``."""

    code = "mllp.objected"

    def __init__(self, objection: str) -> None:
        super().__init__()
        self.objection = objection


class NoAnswer(OutcomeUnknown):
    """Sent, then nothing came: ``mllp.timeout``, ``mllp.reset``, ``mllp.closed``."""

    code = "mllp.no_answer"

    def __init__(self, evidence: str) -> None:
        super().__init__()
        self.evidence = evidence


class Garbled(OutcomeUnknown):
    """Sent, and what came is no frame.

    ``received`` has its first 4 KiB; never in ``str`` or ``repr``, may be PHI.
    """

    code = "mllp.unreadable"

    def __init__(self, received: bytes) -> None:
        super().__init__()
        self.received = received


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait for the other side.

    Attributes:
        connect: For the name and the connection together.
        answer: From the first byte sent to the last byte of the answer.
    """

    connect: timedelta = timedelta(seconds=10)
    answer: timedelta = timedelta(seconds=30)


DEFAULT_TIMEOUTS: Final = Timeouts()


class MllpClient:
    """One connection, opened when needed and kept; one exchange at a time.

    After a time-out, garbage, or a byte more than one answer, the connection is
    closed, so that a late answer can never be taken for the next one's.
    """

    def __init__(
        self,
        host: str,
        port: int,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
    ) -> None:
        self._address = (host, port)
        self._timeouts = timeouts
        self._socket: socket.socket | None = None

    async def exchange(self, body: bytes, check: Check = unchecked) -> bytes:
        """Send one HL7 text and return the text that answers it.

        Args:
            check: Asked when all that is left is to write.

        Raises:
            ValueError: ``body`` holds a framing byte; nothing was sent.
            NotConnected: Nothing was sent.
            Objected: Nothing was sent.
            NoAnswer: Sent; no answer came in time.
            Garbled: Sent; what came cannot be read as an answer.
        """
        frame = encode(body)
        try:
            sock = await self._connected()
            await _look(sock, check)
            rest = _begin(sock, frame)
            return await self._answer(sock, rest)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection; the next exchange opens a new one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    async def _connected(self) -> socket.socket:
        if self._socket is not None and not _quiet(self._socket):
            self.close()
        if self._socket is None:
            self._socket = await self._connect()
        return self._socket

    async def _connect(self) -> socket.socket:
        try:
            async with asyncio.timeout(self._timeouts.connect.total_seconds()):
                return await _dial(*self._address)
        except TimeoutError:
            raise NotConnected("mllp.connect_timeout") from None
        except ConnectionRefusedError:
            raise NotConnected("mllp.refused") from None
        except (socket.gaierror, UnicodeError):
            raise NotConnected("mllp.unknown_host") from None
        except OSError:
            raise NotConnected("mllp.unreachable") from None

    async def _answer(self, sock: socket.socket, rest: memoryview) -> bytes:
        reply = _Reply()
        sending = asyncio.ensure_future(_send_rest(sock, rest))
        try:
            async with asyncio.timeout(self._timeouts.answer.total_seconds()):
                body = await reply.read(sock)
        except TimeoutError:
            raise reply.missing("mllp.timeout") from None
        except OSError:
            raise reply.missing("mllp.reset") from None
        finally:
            early = len(rest) > 0 and not sending.done()
            sending.cancel()
            await asyncio.wait([sending])
        if early or reply.overlong:
            self.close()
        return body


async def _look(sock: socket.socket, check: Check) -> None:
    """Ask ``check``; what the peer did or said meanwhile is no answer."""
    objection = await check()
    if objection:
        raise Objected(objection)
    if not _quiet(sock):
        raise NotConnected("mllp.unreachable")


class _Reply:
    """The bytes that come back for one frame."""

    def __init__(self) -> None:
        self._framer = MllpFramer(MOST_ANSWER)
        self._shown = bytearray()
        self.overlong = False

    async def read(self, sock: socket.socket) -> bytes:
        """Return the first block; what stands before it is passed over."""
        loop = asyncio.get_running_loop()
        while True:
            data = await loop.sock_recv(sock, READ_SIZE)
            if not data:
                raise self.missing("mllp.closed")
            self._shown += data[: SHOWN - len(self._shown)]
            self._framer.receive(data)
            body = self._block()
            if body is not None:
                return body

    def missing(self, evidence: str) -> NoAnswer | Garbled:
        """Say what it means that no block came."""
        return Garbled(bytes(self._shown)) if self._shown else NoAnswer(evidence)

    def _block(self) -> bytes | None:
        try:
            while (event := self._framer.next_event()) is not None:
                if isinstance(event, Block):
                    self.overlong = self._more()
                    return event.body
        except StreamLost:
            raise Garbled(bytes(self._shown)) from None
        return None

    def _more(self) -> bool:
        self._framer.receive(b"")
        try:
            return self._framer.next_event() is not None
        except StreamLost:
            return True


async def _dial(host: str, port: int) -> socket.socket:
    """Try the addresses of ``host`` in turn; raise what the last one raised."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failure: OSError = OSError()
    for family, kind, protocol, _, address in found:
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(0)
        try:
            keep_alive(sock)
            await loop.sock_connect(sock, address)
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failure


async def _send_rest(sock: socket.socket, rest: memoryview) -> None:
    """Send while the answer is awaited: who refuses a long frame answers early."""
    with suppress(OSError):  # reading says what became of the connection
        await asyncio.get_running_loop().sock_sendall(sock, rest)


def _quiet(sock: socket.socket) -> bool:
    """Tell whether the kept connection is open and owes us nothing unread."""
    try:
        sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _begin(sock: socket.socket, frame: bytes) -> memoryview:
    """Hand the first bytes to the system and return the rest.

    Raises:
        NotConnected: The system took none.
    """
    try:
        return memoryview(frame)[sock.send(frame) :]
    except BlockingIOError:
        return memoryview(frame)
    except OSError:
        raise NotConnected("mllp.reset_before_sending") from None
