"""Who takes new connections while the store takes no writes: nobody.

``docs/acknowledgements.md``: store down, disk full: AR 207, close, stop accepting.
An EHR that finds the door closed keeps its message and tries again later; an open
connection gets its refusal when it sends.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from gateway.core.effects import Alarm
from gateway.core.errors import OutcomeUnknown, Unavailable
from gateway.ports import Clock
from gateway.store.sqlite import SqliteStore

LOOK_EVERY = 1.0
"""Seconds between two looks at the store."""

CONDITION = Alarm("store.unavailable", "store")


class Listener(Protocol):
    """The part of a listener that a door needs."""

    @property
    def accepting(self) -> bool:
        """Whether new connections are taken."""
        ...

    async def accept(self) -> None:
        """Take new connections again; ``OSError`` if the address is gone."""
        ...

    def stop_accepting(self) -> None:
        """Take no new connections; open ones stay."""
        ...


class Door:
    """Opens and closes one listener as the store can take messages or not."""

    def __init__(
        self,
        listener: Listener,
        store: SqliteStore,
        clock: Clock,
        say: Callable[[str], None],
    ) -> None:
        """Stand at ``listener``; ``say`` is told when it closes and opens."""
        self._listener = listener
        self._store = store
        self._clock = clock
        self._say = say

    def look(self) -> None:
        """Close if the last writes were not stored."""
        if self._listener.accepting and not self._store.writable:
            self._listener.stop_accepting()
            self._say("listener.closed")

    async def watch(self) -> None:
        """Look from time to time, and open again once a write is stored."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            self.look()
            if not self._listener.accepting and await self._stores():
                await self._open()

    async def _stores(self) -> bool:
        """Try a real write: the alarm, which could not be raised before."""
        try:
            await self._store.raise_alarms([CONDITION], self._clock.now())
        except (Unavailable, OutcomeUnknown):
            return False
        return True

    async def _open(self) -> None:
        try:
            await self._listener.accept()
        except OSError:
            self._say("listener.address_taken")
        else:
            self._say("listener.opened")
