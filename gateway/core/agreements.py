"""What was agreed with a destination, as values that several floors share."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal


@dataclass(frozen=True, slots=True)
class Patience:
    """How patient to be with one destination. From its profile.

    Attributes:
        waits: Before attempts 2, 3, …; the last repeats until the deadline. If
            none is named, each is ``fault_wait``.
        repeats_safely: Whether a second identical request with the same key has
            no second effect there.
        fault_wait: How long a destination that refuses us as a whole rests.
    """

    waits: tuple[timedelta, ...]
    repeats_safely: Literal["key", "no"] = "no"
    fault_wait: timedelta = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Route:
    """Product and country to a manufacturer's portal, versioned."""

    product: str
    countries: frozenset[str]
    manufacturer: str
    version: str
