"""What we decided about a message, and what its sender is told.

The two are separate on purpose: a *state* is ours, an *answer* is a transport's
rendering of it (``docs/acknowledgements.md``).
"""

from dataclasses import dataclass, field
from enum import StrEnum

from gateway.core.errors import Problem


class MessageState(StrEnum):
    """Where a message stands. A positive answer goes with the first four only."""

    APPLIED = "applied"
    NO_EFFECT = "no_effect"
    WAITING = "waiting"
    HELD = "held"
    REJECTED = "rejected"


class Refusal(StrEnum):
    """Why a message was rejected, as far as the answer's code depends on it."""

    CONTENT = "content"
    """The sender must change what it says (AE, CE)."""
    UNSUPPORTED = "unsupported"
    """Type, version or processing id (AR, CR)."""
    STRANGER = "stranger"
    """Recognised by no site (AR, CE)."""
    UNREADABLE = "unreadable"
    """No usable header, or not one message (AR, CE)."""
    UNAVAILABLE = "unavailable"
    """Store down, site paused: the same message may succeed later (AR, CE)."""


class AnswerKind(StrEnum):
    """What the sender heard."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision about one message.

    Attributes:
        state: What holds from now on.
        problems: Why, in the order found; also notes on accepted messages.
        refusal: Set exactly when ``state`` is ``rejected``.
        text: A short remark for the sender (MSA-3); never a value.
    """

    state: MessageState
    problems: tuple[Problem, ...] = ()
    refusal: Refusal | None = None
    text: str = ""

    def __post_init__(self) -> None:
        """A refusal without a rejection would be answered positively."""
        if (self.refusal is not None) != (self.state is MessageState.REJECTED):
            raise ValueError("a rejected verdict, and only that, names its refusal")

    @property
    def accepted(self) -> bool:
        """Whether we own the message now (``acknowledgements.md``, law 2)."""
        return self.state is not MessageState.REJECTED


@dataclass(frozen=True, slots=True)
class Answer:
    """One synchronous answer.

    Attributes:
        kind: Positive, negative or none.
        code: The protocol's code (``AA``, ``CE``, ``202``); ``""`` if none.
        body: The bytes for the transport to frame; ``b""`` if nothing is sent.
        close: Whether the connection ends after it.
    """

    kind: AnswerKind
    code: str = ""
    body: bytes = field(default=b"", repr=False)
    close: bool = False
