"""What was agreed with a site or a destination, as values several floors share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class Conventions:
    """How one site's interface speaks, where the format leaves it open.

    Attributes:
        charset: What a blank MSH-18 means, as an HL7 table 0211 name.
        line_ends: ``cr`` as MLLP has it, or ``any`` (CR, LF, CRLF).
        structured_answers: Original mode: answer ORM with ORR^O02 and so on
            instead of a general ACK.
        codes: Replacement acknowledgement codes (``{"AR": "AE"}``), for an EHR
            that reads one otherwise.
        zone: IANA name of the zone of times without an offset, ``""`` if none.
        application_answers: The EHR waits for a separate application answer,
            which is not sent yet.
    """

    charset: str = ""
    line_ends: Literal["cr", "any"] = "cr"
    structured_answers: bool = False
    codes: Mapping[str, str] = field(default_factory=dict)
    zone: str = ""
    application_answers: bool = False
