"""After an attempt: outcome, patience and chance in, next step out. Pure.

The waits are a list, not a formula, so that a hospital can read them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from gateway.core.agreements import Patience
from gateway.delivery.outcome import (
    Delivered,
    DestinationFault,
    Guarded,
    NotTaken,
    Outcome,
    Rejected,
    Unknown,
    may_have_acted,
)

IDENTITY = "identity."
"""Reasons of a guard that only a person takes away begin so."""


@dataclass(frozen=True, slots=True)
class Done:
    """Delivered: the lane goes on. ``code`` says how, if not by its answer."""

    code: str = ""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Rejected: the lane goes on, the sender is told."""

    code: str


@dataclass(frozen=True, slots=True)
class RetryAt:
    """Try again, not before ``due``.

    ``pause_until``: until then the whole destination rests. It is the receiver's
    own wish or a fault's rest, and never this one delivery's back-off.
    """

    due: datetime
    code: str
    pause_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """Wait for a person; the lane waits too."""

    code: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The next attempt would come after the deadline.

    ``certain`` if it is known that nothing was taken.
    """

    code: str
    certain: bool


NextStep = Done | Refuse | RetryAt | Hold | GiveUp


def next_step(
    outcome: Outcome,
    *,
    attempt: int,
    now: datetime,
    deadline: datetime,
    patience: Patience,
    jitter: float,
) -> NextStep:
    """Decide what follows attempt number ``attempt``, counted from 1.

    Args:
        jitter: In [0, 1); stretches the wait by up to a fifth, so that rows
            held back by one outage do not all return in the same instant.

    The deadline binds a destination's fault too: behind it the receiver may have
    forgotten the key, and a repeat could be a second order.
    """
    match outcome:
        case Delivered():
            return Done()
        case Rejected(evidence):
            return Refuse(evidence.code)
        case Guarded(evidence) if evidence.code.startswith(IDENTITY):
            return Hold(evidence.code)
        case Guarded(evidence):
            due = now + patience.fault_wait
            pause_until: datetime | None = None
        case DestinationFault(evidence):
            due = pause_until = now + patience.fault_wait
        case Unknown(evidence) if patience.repeats_safely == "no":
            return Hold("delivery.outcome_unknown")
        case Unknown(evidence, retry_after) | NotTaken(evidence, retry_after):
            waits = patience.waits or (patience.fault_wait,)
            planned = waits[min(attempt, len(waits)) - 1] * (1 + jitter / 5)
            due = now + max(planned, retry_after or timedelta())
            pause_until = None if retry_after is None else now + retry_after
        case _:
            assert_never(outcome)
    if due > deadline:
        return GiveUp(evidence.code, certain=not may_have_acted(outcome))
    return RetryAt(due, evidence.code, pause_until)
