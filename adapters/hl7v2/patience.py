"""How long one peer may keep its connection waiting, and for what."""

import asyncio
from collections.abc import Callable
from typing import Final

from adapters.hl7v2.deadline import Deadline
from adapters.hl7v2.limits import Limits

_NEVER: Final = float("inf")


class Patience:
    """The deadlines of one connection; ``spent`` is called with the one that passed.

    What the peer does is noted by the methods below. While frames are being
    decided the wait is ours, and is not held against it.
    """

    def __init__(
        self, limits: Limits, busy: Callable[[], bool], spent: Callable[[str], None]
    ) -> None:
        self._limits = limits
        self._busy = busy
        self._spent = spent
        self._loop = asyncio.get_running_loop()
        self._deadline = Deadline(self._loop, self._due, self._expired)
        self._since = self._loop.time()
        self._open_since: float | None = None
        self._stalled_since: float | None = None
        self._leaving_at = _NEVER
        self._framed_once = False
        self._deadline.nearer(self._since + limits.first_byte)

    @property
    def stalled(self) -> bool:
        """Whether the peer leaves our answers unread."""
        return self._stalled_since is not None

    @property
    def idle_since(self) -> float | None:
        """Loop time since which nothing is under way, ``None`` if something is."""
        if self._busy() or self._open_since is not None or self.stalled:
            return None
        return self._since

    def frame_begun(self) -> None:
        """Note that a frame is open; only its end stops the clock.

        A frame that begins anew every 20 s would otherwise hold its connection
        for ever.
        """
        if self._open_since is None:
            self._open_since = self._loop.time()
            self._deadline.nearer(self._open_since + self._limits.mid_frame)

    def frame_ended(self) -> None:
        """Note a whole frame."""
        self._open_since = None
        self._framed_once = True

    def answered(self) -> None:
        """Note that an answer was due; the idle time runs from here."""
        self._since = self._loop.time()
        self._deadline.nearer(self._since + self._limits.idle)

    def writing_stalled(self) -> None:
        """Note that the peer leaves answers unread."""
        self._stalled_since = self._loop.time()
        self._deadline.nearer(self._stalled_since + self._limits.stalled)

    def writing_flows(self) -> None:
        """Note that the peer reads again."""
        self._stalled_since = None

    def leave_within(self, seconds: float) -> None:
        """Give the connection that long to close by itself."""
        self._leaving_at = self._loop.time() + seconds
        self._deadline.nearer(self._leaving_at)

    def stop(self) -> None:
        """Wait for nothing more."""
        self._deadline.stop()

    def _due(self) -> float:
        return self._next()[0]

    def _expired(self) -> None:
        self._spent(self._next()[1])

    def _next(self) -> tuple[float, str]:
        limits = self._limits
        if self._leaving_at is not _NEVER:
            return self._leaving_at, "mllp.leaving"
        if self._stalled_since is not None:
            return self._stalled_since + limits.stalled, "mllp.stalled"
        if self._open_since is not None:
            return self._open_since + limits.mid_frame, "mllp.mid_frame_timeout"
        if self._busy():
            return self._loop.time() + limits.mid_frame, ""
        if not self._framed_once:
            return self._since + limits.first_byte, "mllp.first_byte_timeout"
        return self._since + limits.idle, "mllp.idle_timeout"
