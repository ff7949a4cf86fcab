"""A deadline that moves with every byte but costs a timer only now and then."""

import asyncio
from collections.abc import Callable
from typing import Final

Due = Callable[[], float]

_GRAIN: Final = 0.001
"""Seconds; loops may call a little early, as their clocks tick in milliseconds."""


class Deadline:
    """Calls ``expired`` once ``due()``, in loop time, has passed.

    Later is the common move and costs nothing: the timer finds out when it
    fires. Only a deadline that comes nearer must be told, by ``nearer``.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, due: Due, expired: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._due = due
        self._expired = expired
        self._timer: asyncio.TimerHandle | None = None
        self._armed_for = float("inf")

    def nearer(self, when: float) -> None:
        """Wake no later than ``when``."""
        if when < self._armed_for:
            self.stop()
            self._armed_for = when
            self._timer = self._loop.call_at(when, self._look)

    def stop(self) -> None:
        """Forget the timer; ``nearer`` starts it again."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._armed_for = float("inf")

    def _look(self) -> None:
        self.stop()
        due = self._due()
        if due - self._loop.time() < _GRAIN:
            self._expired()
        else:
            self.nearer(due)
