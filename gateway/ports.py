"""Floor 2: what the flow needs from the outside, as contracts that can be tested."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from gateway.core.agreements import Conventions
from gateway.core.effects import Effects, Keys, Settlement, View
from gateway.core.envelope import Envelope
from gateway.core.verdict import Answer, Verdict
from gateway.delivery.outcome import Outcome
from gateway.delivery.policy import NextStep

# ---------------------------------------------------------------- reading


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of a connection."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Header:
    """What a reader knows of a message before reading it.

    Attributes:
        application: MSH-3.1 or its like; ``facility`` MSH-4.1.
        sender: The full scope of ``control_id`` (MSH-3 and MSH-4 as sent).
        type: ``OMG^O19``: MSH-9.1 and MSH-9.2 (MSH-9.3 is not trusted).
        sent_at: MSH-7 as UTC, or ``None`` if absent or unreadable.
        digest: SHA-256 of the body without MSH-7, MSH-8 and MSH-13.
        native: The reader's own value, handed back to ``read`` and ``answer``.
    """

    application: str = field(default="", repr=False)
    facility: str = field(default="", repr=False)
    sender: str = field(default="", repr=False)
    type: str = ""
    control_id: str = field(default="", repr=False)
    processing_id: str = field(default="", repr=False)
    version: str = field(default="", repr=False)
    sent_at: datetime | None = None
    digest: bytes = b""
    native: Any = field(default=None, repr=False)


class Reader(Protocol):
    """Reads one format and answers in it. Pure: no I/O, no clock."""

    media_type: str

    def peek(self, body: bytes) -> tuple[Header, Verdict | None]:
        """Read just enough to answer. Never raises.

        The verdict is a rejection if the message cannot even be addressed (no
        usable header, two headers, no control id, a fragment, an unsupported
        version), else ``None``.
        """
        ...

    def read(self, header: Header, body: bytes, conventions: Conventions) -> Any:  # noqa: ANN401 - the reader and its format share the type
        """Read the message as a tree of places.

        Raises:
            Unreadable: With located problems; a problem's consequence says
                whether the message is rejected or held.
        """
        ...

    def answer(
        self,
        header: Header,
        verdict: Verdict,
        conventions: Conventions,
        *,
        message_id: str,
        now: datetime,
    ) -> Answer:
        """Build the one synchronous answer a verdict deserves. Never raises."""
        ...


LARGE = 64 * 1024
"""Bytes above which a message is read on a thread, not to hold up all others."""

Receive = Callable[[bytes, Peer], Awaitable[Answer]]
"""What a listener does with one framed message: it is decided, durable, answered.

Messages of one connection are decided in the order of the calls; behind one that
is over ``LARGE`` the next call waits for its answer.
"""

# ---------------------------------------------------------------- storing


class Work(Protocol):
    """One message on its way into the store.

    ``decide`` runs inside the transaction, on the writer's thread, over the
    state its ``keys`` name; it is pure. If it or the writing of its effects
    fails, everything it caused is rolled back and ``failed`` says what is
    stored instead: the message, held.
    """

    @property
    def envelope(self) -> Envelope:
        """The message as it arrived."""
        ...

    @property
    def keys(self) -> Keys:
        """What to look up, and what to remember."""
        ...

    def decide(self, view: View) -> Effects:
        """Say what follows from the message, given the present state.

        Raises:
            StateNeeded: The state it names must be read, too, in the same
                transaction; then it is asked again.
        """
        ...

    def failed(self) -> Effects:
        """Say what is stored if ``decide`` failed: held, with an alarm."""
        ...


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a message. ``duplicate``: it was accepted before."""

    message_id: str
    answer: Answer
    duplicate: bool = False
    destinations: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's fenced, time-limited right to one delivery.

    Attributes:
        attempt: Counted from 1.
        uncertain: An earlier attempt ended unknown: the receiver may have acted.
        proven: It acted: it reported what came of an earlier attempt.
        lapsed: The lease before this one ran out without a result, so what the
            receiver did is unknown.
        guard: Why this must not be sent, found in the claim's transaction:
            ``identity.hold``, ``identity.conflict`` or ``""``.
        body: Frozen when the delivery was made, identical in every attempt.
    """

    delivery_id: str
    order_id: str
    destination: str
    lane: str
    key: str
    operation: str
    body: bytes = field(repr=False)
    content_type: str
    attempt: int
    lease: int
    deadline: datetime
    lapsed: bool = False
    uncertain: bool = False
    proven: bool = False
    guard: str = ""


class Store(Protocol):
    """Truth. Everything durable goes through here, in single transactions."""

    async def commit(self, work: Work) -> Receipt:
        """Decide and store one message; return only after it is durable.

        A message whose dedup key and digest were accepted before is not decided
        again: the stored answer comes back. ``View.collision`` tells ``decide``
        that the control id was used within 24 hours for another content. If
        ``decide`` raises ``StateNeeded``, it is called again in the same
        transaction over the state of those keys, as often as it asks for more.

        Raises:
            Unavailable: Nothing was stored.
            OutcomeUnknown: The commit may have happened; answer nothing.
        """
        ...

    async def claim(
        self, destination: str, *, now: datetime, until: datetime, limit: int
    ) -> Sequence[Claim]:
        """Lease up to ``limit`` due lane heads of ``destination``, oldest first.

        A lapsed lease counts as none. Nothing past a lane's open head is
        offered. The guard is evaluated in the same transaction.
        """
        ...

    async def settle(self, settlement: Settlement, step: NextStep) -> frozenset[str]:
        """Record an attempt, what follows it, and the effects it has on its order.

        If the receiver has reported meanwhile what came of it, an attempt without
        a clear answer counts as delivered.

        Promotes the lane's next delivery when this one is done. Returns the
        destinations that have new work.

        Raises:
            LeaseLost: The lease was taken; nothing is changed.
        """
        ...

    async def guard(self, delivery_id: str, lease: int) -> str:
        """Say why a claimed delivery must not be sent now, as ``Claim.guard`` does.

        ``lease.lost`` if the lease is another's.

        Raises:
            Unavailable: The store cannot be read.
        """
        ...

    async def next_due(self, destination: str) -> datetime | None:
        """When the next lane head of ``destination`` becomes due, if any waits."""
        ...


# ---------------------------------------------------------------- sending


Check = Callable[[], Awaitable[str]]
"""Asked right before the first byte: why this must not be sent, ``""`` if it may."""


async def unchecked() -> str:
    """Let it be sent: nothing came up since the claim."""
    return ""


class Sender(Protocol):
    """Sends one frozen delivery to one destination, once."""

    async def send(self, claim: Claim, check: Check = unchecked) -> Outcome:
        """Make one attempt; every ending is an outcome, none an exception.

        Names, connections, handshakes and tokens take time, in which an order may
        come to be held. So ``check`` is asked when all that is left is to write;
        if it objects, nothing is written and the outcome is ``Guarded``.
        """
        ...

    async def close(self) -> None:
        """Release connections."""
        ...


# ---------------------------------------------------------------- the rest


class Clock(Protocol):
    """Time, so that tests own it."""

    def now(self) -> datetime:
        """Return the present, in UTC."""
        ...


class Notifier(Protocol):
    """Hints that there may be work; never the truth (G12)."""

    def notify(self, destinations: frozenset[str]) -> None:
        """Wake whoever waits for one of ``destinations``."""
        ...

    async def wait(self, destination: str, *, seconds: float) -> None:
        """Return at the next hint for ``destination``, or after ``seconds``."""
        ...


class Secrets(Protocol):
    """Settings and secrets a mapping names, from the environment or files."""

    def get(self, name: str) -> str | None:
        """Return the value, or ``None`` if it is not set.

        Raises:
            Misconfigured: It is set but cannot be read.
        """
        ...
