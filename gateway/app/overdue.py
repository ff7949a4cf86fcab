"""Looks for what has waited too long: nobody is told of it otherwise.

A message may wait for an order that never comes, and a destination that is down is
tried again for days. Each is one alarm, which closes when the waiting ends.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from gateway.core.errors import OutcomeUnknown, Unavailable
from gateway.ports import Clock
from gateway.store.sqlite import SqliteStore

LOOK_EVERY = timedelta(seconds=30)
"""Between two looks, or the patience itself if that is shorter."""


class Overdue:
    """Keeps the alarms about waiting as they should be."""

    def __init__(
        self,
        store: SqliteStore,
        clock: Clock,
        patience: timedelta,
        failed: Callable[[str], None],
    ) -> None:
        """Find what waits longer than ``patience``."""
        self._store = store
        self._clock = clock
        self._patience = patience
        self._failed = failed

    async def watch(self) -> None:
        """Look from time to time."""
        every = min(LOOK_EVERY, self._patience).total_seconds()
        while True:
            await asyncio.sleep(every)  # first: what waited for us gets its chance
            await self.look()

    async def look(self) -> None:
        """Look once; a store that is down is looked at again later."""
        now = self._clock.now()
        try:
            await self._store.note_overdue(now - self._patience, now)
        except (Unavailable, OutcomeUnknown):
            self._failed("overdue")
