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
    """Certainly not acted on: not connected, throttled, an explicit 503.

    ``retry_after`` is the receiver's own wish, a floor for the next attempt.
    """

    evidence: Evidence
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Sent, then silence or nonsense; the receiver may have acted.

    ``retry_after`` as for ``NotTaken``: a receiver may throttle unclearly.
    """

    evidence: Evidence
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class DestinationFault:
    """The destination as a whole refuses us; the delivery itself is untouched."""

    evidence: Evidence


Outcome = Delivered | Rejected | NotTaken | Unknown | DestinationFault
