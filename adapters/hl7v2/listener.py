"""The MLLP listener: accepts EHR connections and hands their frames on."""

import asyncio
from typing import Final, Self

from adapters.hl7v2.admission import Admission
from adapters.hl7v2.connection import Connection
from adapters.hl7v2.house import House, OnConnection, OnDamage
from adapters.hl7v2.limits import Counters, Limits
from gateway.ports import Receive

_BACKLOG: Final = 512

DEFAULT_LIMITS: Final = Limits()


def _unheard(*_: object) -> None:
    """Tell nobody."""


class MllpListener:
    """Listens on one address; make it with ``start``.

    Frames of one connection are handed to ``receive`` in order and without
    waiting for earlier answers; the answers go out in the same order, one for
    each frame. Connections do not wait for each other.
    """

    def __init__(self, host: str | None, port: int, house: House) -> None:
        self._host = host
        self._port = port
        self._house = house
        self._server: asyncio.Server | None = None

    @classmethod
    async def start(
        cls,
        host: str | None,
        port: int,
        receive: Receive,
        *,
        receive_oversize: Receive,
        limits: Limits = DEFAULT_LIMITS,
        on_damage: OnDamage = _unheard,
        on_connection: OnConnection = _unheard,
    ) -> Self:
        """Bind and begin to accept.

        Args:
            host: An address, a name, or ``None`` for all interfaces.
            port: 0 lets the system choose; see ``port``.
            receive: Decides one message. It handles its own errors; if it raises
                all the same, the connection is closed without an answer.
            receive_oversize: Answers a frame over the limit, given its head; the
                connection is closed afterwards.
            limits: What one peer may cost.
            on_damage: Told of bytes that formed no frame.
            on_connection: Told when a connection opens and why it ends.

        Raises:
            OSError: The address cannot be bound.
        """
        house = House(
            receive,
            receive_oversize,
            on_damage,
            on_connection,
            limits,
            Admission(limits),
        )
        listener = cls(host, port, house)
        await listener.accept()
        return listener

    @property
    def port(self) -> int:
        """The port bound."""
        return self._port

    @property
    def counters(self) -> Counters:
        """What was seen since the start."""
        return self._house.counters

    @property
    def accepting(self) -> bool:
        """Whether new connections are taken."""
        return self._server is not None

    async def accept(self) -> None:
        """Take new connections, again after ``stop_accepting``.

        Raises:
            OSError: The address cannot be bound.
        """
        await asyncio.sleep(0)  # what ``stop_accepting`` closes is closed by then
        if self._server is not None:
            return
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self._house), self._host, self._port, backlog=_BACKLOG
        )
        self._port = self._server.sockets[0].getsockname()[1]

    def stop_accepting(self) -> None:
        """Close the door; open connections stay and are served.

        Who was let in during this turn of the loop becomes a connection in the
        next: closed before that, asyncio would forget the socket without closing
        it, and its peer would wait for an answer in vain.
        """
        if self._server is None:
            return
        loop = asyncio.get_running_loop()
        for sock in self._server.sockets:
            loop.remove_reader(sock.fileno())
        loop.call_soon(self._server.close)
        self._server = None

    async def close(self, drain_seconds: float) -> None:
        """Stop accepting and reading, answer what is in flight, then close.

        After ``drain_seconds`` the rest is cut. A message being decided then is
        decided all the same; its sender asks again and gets the stored answer.
        """
        self.stop_accepting()
        await asyncio.sleep(0)  # the last to be let in are guests by then
        present = self._house.admission.guests
        if not present:
            return
        for guest in present:
            guest.end("mllp.stopping")
        ends = [guest.lost for guest in present]
        await asyncio.wait(ends, timeout=drain_seconds)
        for guest in present:
            guest.abort("mllp.stopping")
        await asyncio.wait(ends)
