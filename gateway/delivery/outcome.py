"""What one attempt showed. Sorted by what may be done next (architecture §5)."""

from dataclasses import dataclass, field
from datetime import timedelta

BY_REPORT = "settled.by_report"
"""Code of a delivery that its receiver's report proved to have arrived."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What came back, kept with the attempt for the person who asks why.

    Attributes:
        code: A stable code such as ``http.503`` or ``mllp.AE``; never a value.
        status: The protocol's own status, ``""`` if nothing was readable.
        body: The answer's bytes, bounded; never in ``repr``.
    """

    code: str
    status: str = ""
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Delivered:
    """Taken: a positive, matched, parsed answer."""

    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Rejected:
    """Refused for its content; the lane goes on."""

    evidence: Evidence


@dataclass(frozen=True, slots=True)
class NotTaken:
    """Not acted on, as far as anybody says: not connected, throttled, a 503.

    Attributes:
        retry_after: The receiver's own wish, a floor for the next attempt.
        reached: The request reached somebody there. It may be repeated, but its
            word is no proof that nothing was done.
    """

    evidence: Evidence
    retry_after: timedelta | None = None
    reached: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """Sent, then silence or nonsense; the receiver may have acted.

    ``retry_after`` as for ``NotTaken``: a receiver may throttle unclearly.
    """

    evidence: Evidence
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class DestinationFault:
    """The destination as a whole refuses us; ``reached`` as for ``NotTaken``."""

    evidence: Evidence
    reached: bool = False


@dataclass(frozen=True, slots=True)
class Guarded:
    """Not sent: what was allowed at the claim is not any more."""

    evidence: Evidence


Outcome = Delivered | Rejected | NotTaken | Unknown | DestinationFault | Guarded


def may_have_acted(outcome: Outcome) -> bool:
    """Tell whether the receiver may have done what was asked, unsaid by its answer."""
    match outcome:
        case Unknown():
            return True
        case NotTaken(reached=reached) | DestinationFault(reached=reached):
            return reached
        case _:
            return False
