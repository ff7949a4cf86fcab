"""What can go wrong, arranged by what the caller does next.

    BatonError
    ├── Refused          the sender must change the message; repeating is useless
    │   ├── Unreadable       the bytes are not the format they claim to be
    │   └── Unmappable       readable, but a required fact is absent or unknown
    ├── Unavailable      nothing took effect; the same call may succeed later
    ├── OutcomeUnknown   it may have taken effect; ask before repeating
    ├── LeaseLost        another worker holds the delivery; drop the result
    ├── NotAllowed       a person asked for something the rules forbid
    └── Misconfigured    an operator must act; raised at start-up, not per message

No error holds a field value, because errors are logged and field values are
PHI. They hold places (``PID-7``) and codes (``field.missing``). To see the
value, follow the message id.
"""

import traceback
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: a stable code, where it was found, and what it leads to.

    Attributes:
        code: A key of ``problems.CATALOGUE``.
        where: A place (``PID-3[1].1``, ``file.yaml:9``), never a value.
        consequence: ``reject``: the sender must act. ``hold``: a person must
            act here. ``note``: recorded, nothing stops.
    """

    code: str
    where: str = ""
    consequence: str = "reject"

    def __str__(self) -> str:
        """Render as ``code at where``, safe for logs."""
        return f"{self.code} at {self.where}" if self.where else self.code


class BatonError(Exception):
    """Base of everything Baton raises on purpose.

    ``code`` is part of the public contract: it reaches acknowledgements,
    metrics and the operator's runbook, and is never reused.
    """

    code: ClassVar[str] = "baton"

    def __init__(self, *problems: Problem) -> None:
        """Keep ``problems``; they say what and where, never which value."""
        self.problems = problems
        found = ", ".join(map(str, problems))
        super().__init__(f"{self.code}: {found}" if found else self.code)


class Refused(BatonError):
    """The sender must change the message; repeating it is useless."""

    code = "refused"


class Unreadable(Refused):
    """The bytes are not the format they claim to be."""

    code = "unreadable"


class Unmappable(Refused):
    """Readable, but a required fact is absent, unknown or contradictory."""

    code = "unmappable"


class Unavailable(BatonError):
    """Nothing took effect; the same call may succeed later."""

    code = "unavailable"


class OutcomeUnknown(BatonError):
    """It may have taken effect; find out before repeating it."""

    code = "outcome_unknown"


class LeaseLost(BatonError):
    """Another worker holds the delivery now; drop the result and move on."""

    code = "lease_lost"


class NotAllowed(BatonError):
    """A person asked for something the rules forbid; the problem says which rule."""

    code = "not_allowed"


class Misconfigured(BatonError):
    """An operator must act before this part can run."""

    code = "misconfigured"


def whereabouts(error: BaseException) -> str:
    """Say what failed and where, without the values that made it fail."""
    frames = traceback.extract_tb(error.__traceback__)
    line = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "nowhere"
    return f"{type(error).__name__} at {line}"
