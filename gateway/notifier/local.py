"""Hints within one process."""

import asyncio
from collections import defaultdict


class LocalNotifier:
    """Implements ``ports.Notifier`` with one event per destination."""

    def __init__(self) -> None:
        """Start with nobody waiting."""
        self._events: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def notify(self, destinations: frozenset[str]) -> None:
        """Wake whoever waits for one of ``destinations``."""
        for destination in destinations:
            self._events[destination].set()

    async def wait(self, destination: str, *, seconds: float) -> None:
        """Return at the next hint for ``destination``, or after ``seconds``."""
        event = self._events[destination]
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return
        event.clear()
