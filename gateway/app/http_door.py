"""HTTP connections that say nothing are closed in time, and few at one address.

The web server counts a connection as a request, and waits for ever for its first
header: without this a handful of silent ones would shut out all others, health
checks and webhooks included.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

MOST_OF_ONE: Final = 32
"""Connections from one address."""
HEADER_SECONDS: Final = 10.0
"""From connecting, or from the answer before, until a request's head is there."""


class GuardedProtocol(H11Protocol):
    """One connection, as uvicorn serves it."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Let the peer in, unless it is in too often."""
        super().connection_made(transport)
        if sum(self._is_neighbour(other) for other in self.connections) > MOST_OF_ONE:
            transport.abort()
        else:
            self._watch()

    def data_received(self, data: bytes) -> None:
        """Take what came; with a whole head the wait is over."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._forget_deadline()
        super().connection_lost(exc)

    def _is_neighbour(self, other: Any) -> bool:  # noqa: ANN401 - one of several protocols
        here, there = self.client, other.client
        return here is not None and there is not None and here[0] == there[0]

    def _watch(self) -> None:
        busy: RequestResponseCycle | None = self.cycle  # none before the first request
        if busy is not None and not busy.response_complete:
            self._forget_deadline()
        elif self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(HEADER_SECONDS, self._silent)

    def _silent(self) -> None:
        self.transport.abort()

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
