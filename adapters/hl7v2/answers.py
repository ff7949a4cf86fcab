"""The answers of one connection: decided side by side, written in frame order."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Final

from adapters.hl7v2.limits import Counters
from adapters.hl7v2.mllp import encode
from gateway.core.errors import BatonError
from gateway.core.verdict import Answer, AnswerKind
from gateway.ports import LARGE, Peer, Receive

_LOG: Final = logging.getLogger(__name__)

Ready = Callable[[bytes, str], None]
"""Takes the bytes now ready to be written, and why the connection ends, or ``""``."""


class AnswerQueue:
    """Frames on their way to an answer.

    ``receive`` is called for each frame at once and in order, so that one commit
    of the store can serve many. It may return a future: that saves a task. While
    ``large`` a frame is being decided that is read off the loop (``ports.LARGE``):
    a later one must wait, or it would overtake it.

    Answers are written in the order of the frames, and all that became ready in one
    turn of the loop in one write.

    A frame whose decision fails gets no answer, and neither do those after it:
    a gap would shift every later answer by one.
    """

    def __init__(
        self, receive: Receive, peer: Peer, ready: Ready, counters: Counters
    ) -> None:
        self._receive = receive
        self._peer = peer
        self._ready = ready
        self._counters = counters
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[asyncio.Future[Answer], int]] = deque()
        self.open = True
        self.large = False
        self.held = 0

    def __len__(self) -> int:
        """Return how many frames wait for their answer."""
        return len(self._waiting)

    def submit(self, body: bytes) -> None:
        """Have one frame decided."""
        self._counters.frames += 1
        self._decide(self._receive, body, len(body))

    def submit_oversize(self, receive: Receive, head: bytes) -> None:
        """Have a frame refused of which only ``head`` is known."""
        self._decide(receive, head, 0)

    def _decide(self, receive: Receive, body: bytes, size: int) -> None:
        future: asyncio.Future[Answer]
        try:
            future = asyncio.ensure_future(receive(body, self._peer))
        except Exception as error:  # noqa: BLE001 - reported when its turn comes
            future = self._loop.create_future()
            future.set_exception(error)
        self._enqueue(future, size)

    def _enqueue(self, future: asyncio.Future[Answer], size: int) -> None:
        self.held += size
        self.large = size > LARGE
        self._waiting.append((future, size))
        future.add_done_callback(self._decided)

    def _decided(self, future: asyncio.Future[Answer]) -> None:
        """Send what is ready if the first in line is; else it waits for that one.

        The loop calls back one turn after a decision, so all of one turn's
        decisions are seen here.
        """
        if not self._waiting or self._waiting[0][0] is not future:
            return
        frames: list[bytes] = []
        ending = ""
        while self._waiting and self._waiting[0][0].done():
            future, size = self._waiting.popleft()
            self.held -= size
            self.large = self.large and size <= LARGE
            ending = self._append(frames, future) or ending
        self._ready(b"".join(frames), ending)

    def _append(self, frames: list[bytes], future: asyncio.Future[Answer]) -> str:
        """Add one answer's frame; return why the connection ends, if it does."""
        try:
            answer = future.result()
            frame = b"" if answer.kind is AnswerKind.NONE else encode(answer.body)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001
            return self._fail(error)
        if not self.open:
            self._counters.undelivered += bool(frame)
            return ""
        if frame:
            self._counters.answers += 1
            frames.append(frame)
        self.open = not answer.close
        return "mllp.answered_and_closed" if answer.close else ""

    def _fail(self, error: BaseException) -> str:
        # Only names: the text of an unexpected error may hold a field value.
        code = error.code if isinstance(error, BatonError) else type(error).__name__
        _LOG.error("mllp.receive_failed: %s", code)
        self._counters.failed += 1
        self.open = False
        return "mllp.receive_failed"
