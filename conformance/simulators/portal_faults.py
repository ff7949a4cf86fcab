"""What a simulated portal can be told to do wrong, and to which requests."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer ``status`` and do nothing; ``code`` stands in the answer's body."""

    status: int
    code: str = "portal.refused"
    retry_after: str = ""


@dataclass(frozen=True, slots=True)
class Reset:
    """Reset the connection.

    ``unread``: before the body is read, so that nothing is done. ``unanswered``:
    after all is done. ``answering``: in the middle of the answer's body.
    """

    when: Literal["unread", "unanswered", "answering"]


@dataclass(frozen=True, slots=True)
class Vanish:
    """Do as asked, then never answer; over when the client gives up."""


@dataclass(frozen=True, slots=True)
class Break:
    """Do as asked, then answer ``status`` as if it had failed."""

    status: int = 500


@dataclass(frozen=True, slots=True)
class Slow:
    """Do as asked, but answer only after ``seconds``, or once ``gate`` is set."""

    seconds: float = 0
    gate: asyncio.Event | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Garble:
    """Do as asked, then answer 200 with ``body``."""

    body: bytes = b'{"refer'


@dataclass(frozen=True, slots=True)
class Misdirect:
    """Do nothing, and answer 200 with how another order stands."""

    client_reference: str


Fault = Refuse | Misdirect | Reset | Vanish | Break | Slow | Garble


class FaultPlan:
    """Which of the coming requests meet which fault.

    A fault told for the next requests comes first, in the order told; then the
    schedule, which counts every request from 1.
    """

    def __init__(self) -> None:
        self._next: deque[Fault] = deque()
        self._every: list[tuple[int, Fault]] = []
        self._count = 0

    def next(self, fault: Fault, *, times: int = 1) -> None:
        """Let the next ``times`` requests meet ``fault``."""
        self._next.extend([fault] * times)

    def every(self, n: int, fault: Fault) -> None:
        """Let each ``n``-th request meet ``fault``."""
        self._every.append((n, fault))

    def clear(self) -> None:
        """Go back to flawless."""
        self._next.clear()
        self._every.clear()

    def take(self) -> Fault | None:
        """Count one request and return what it meets."""
        self._count += 1
        if self._next:
            return self._next.popleft()
        due = (fault for n, fault in self._every if self._count % n == 0)
        return next(due, None)
