"""Which OBX holds a result, by its status (OBX-11, HL7 table 0085).

What was posted in error, is deleted, or was never measured is no weight and no HIV
result, whatever stands in OBX-5. So OBX-5 is read with its status, in every mapping.
"""

from typing import Final

from adapters.hl7v2.nodes import Segment
from gateway.core.errors import Problem, Unmappable
from gateway.mapping.places import NULL, Null

OBSERVATION: Final = "OBX"
VALUE: Final = 5
STATUS: Final = 11

GIVEN: Final = frozenset({"", '""', *"ABCFPRSUV"})
"""Final (a blank is), corrected and preliminary results."""
_WITHDRAWN: Final = frozenset({"D", "W"})
"""Deleted; posted as wrong, for another patient for instance."""
_NEVERGIVEN: Final = frozenset({"I", "N", "O", "X"})
"""Pending; not asked; an order's detail; cannot be obtained."""

UNKNOWN: Final = Problem("code.unknown", f"{OBSERVATION}-{STATUS}")


def instead(segment: Segment) -> Null | None:
    """Return what OBX-5 means in an OBX that holds no result: deleted, or absent.

    Raises:
        Unmappable: The status is none of the table's (``code.unknown``).
    """
    status = segment.raw(STATUS).strip()
    if status in _WITHDRAWN:
        return NULL
    if status in _NEVERGIVEN:
        return None
    raise Unmappable(UNKNOWN)


def counts(segment: Segment) -> bool:
    """Tell whether a segment holds a result, or may: its status is not known."""
    status = segment.raw(STATUS).strip() if segment.id == OBSERVATION else ""
    return status not in _WITHDRAWN and status not in _NEVERGIVEN
