"""The order's life as data: what follows what, and who may say so.

The party that owns a fact moves the status; another party's word is recorded
beside it. Status never moves backwards (``docs/architecture.md``, order status).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from gateway.core.order import Status

Party = Literal["site", "manufacturer", "courier"]

MAIN_LINE: Final = (
    Status.DRAFT,
    Status.READY,
    Status.SUBMITTED,
    Status.ACKNOWLEDGED,
    Status.ACCEPTED,
    Status.SCHEDULED,
    Status.COLLECTION_READY,
    Status.COLLECTED,
    Status.SM_IN_TRANSIT,
    Status.SM_RECEIVED,
    Status.IN_MANUFACTURING,
    Status.IN_RELEASE,
    Status.RELEASED,
    Status.FP_IN_TRANSIT,
    Status.FP_RECEIVED,
    Status.READY_TO_INFUSE,
    Status.INFUSED,
    Status.CLOSED,
)

ENDED: Final = frozenset(
    {
        Status.REJECTED,
        Status.CANCELLED,
        Status.TERMINATED,
        Status.DISCARDED,
        Status.EXPIRED,
        Status.CLOSED,
    }
)
"""States nothing follows."""

CLOSED_FOR_IDENTITY: Final = ENDED | {Status.INFUSED}
"""Orders no identity event can still misdirect: the cells are given or gone."""

RANK: Final[dict[Status, float]] = {
    **{status: float(n) for n, status in enumerate(MAIN_LINE)},
    Status.INFO_REQUESTED: 3.5,
    Status.OOS_DECISION: 11.5,
    Status.MFG_FAILED: 11.6,
    Status.QUARANTINED: 14.5,
    **dict.fromkeys(ENDED, 99.0),
}

BRANCHES: Final[dict[Status, frozenset[Status]]] = {
    Status.INFO_REQUESTED: frozenset({Status.SUBMITTED, Status.ACKNOWLEDGED}),
    Status.OOS_DECISION: frozenset(
        {Status.SM_RECEIVED, Status.IN_MANUFACTURING, Status.IN_RELEASE}
    ),
    Status.MFG_FAILED: frozenset(
        {
            Status.SM_RECEIVED,
            Status.IN_MANUFACTURING,
            Status.IN_RELEASE,
            Status.OOS_DECISION,
        }
    ),
    Status.QUARANTINED: frozenset({Status.FP_IN_TRANSIT, Status.FP_RECEIVED}),
}
"""States off the main line, and the states each may be entered from."""

REJECTED_FROM: Final = frozenset(
    {
        Status.READY,
        Status.SUBMITTED,
        Status.ACKNOWLEDGED,
        Status.INFO_REQUESTED,
        Status.ACCEPTED,
    }
)
RETURNS: Final = {(Status.INFO_REQUESTED, Status.ACKNOWLEDGED)}
"""Steps to a lower rank that are no step back."""

OWNER: Final[dict[Status, Party]] = {
    **dict.fromkeys(Status, "manufacturer"),
    Status.COLLECTED: "site",
    Status.COLLECTION_READY: "site",
    Status.SM_IN_TRANSIT: "courier",
    Status.FP_IN_TRANSIT: "courier",
    Status.FP_RECEIVED: "site",
    Status.READY_TO_INFUSE: "site",
    Status.INFUSED: "site",
    Status.QUARANTINED: "site",
    Status.CLOSED: "site",
}


@dataclass(frozen=True, slots=True)
class Move:
    """What a report of a status comes to.

    Attributes:
        kind: ``advance``: the status moves. ``reported``: another party's word.
            ``late``: an earlier step, told late. ``same``: nothing new.
            ``backward`` and ``impossible``: a person decides.
        inferred: States passed over on the way, in order.
    """

    kind: Literal["advance", "reported", "late", "same", "backward", "impossible"]
    inferred: tuple[Status, ...] = ()


def judge(
    current: Status,
    reported: Status,
    *,
    party: Party,
    current_at: datetime | None,
    occurred_at: datetime | None,
) -> Move:
    """Judge one report against the present status.

    A report of an earlier step is late if it happened no later than the present
    status did, or if it is a step before acceptance, which loses races with
    webhooks as a matter of course.
    """
    if reported is current:
        return Move("same")
    if OWNER[reported] != party:
        return Move("reported")
    told_late = RANK[reported] <= RANK[Status.ACKNOWLEDGED] or (
        occurred_at is not None and current_at is not None and occurred_at <= current_at
    )
    if current in ENDED:
        return Move("late" if told_late else "impossible")
    if (current, reported) in RETURNS:
        return Move("advance")
    if RANK[reported] < RANK[current]:
        return Move("late" if told_late else "backward")
    return _forward(current, reported)


def _forward(current: Status, reported: Status) -> Move:
    if reported in BRANCHES:
        passed = _between(current, reported)
        entered = BRANCHES[reported]
        possible = current in entered or (passed and passed[-1] in entered)
        return Move("advance", passed) if possible else Move("impossible")
    if reported is Status.REJECTED:
        return Move("advance" if current in REJECTED_FROM else "impossible")
    if reported in ENDED and reported is not Status.CLOSED:
        return Move("advance")
    return Move("advance", _between(current, reported))


def _between(current: Status, reported: Status) -> tuple[Status, ...]:
    low, high = RANK[current], RANK[reported]
    return tuple(status for status in MAIN_LINE if low < RANK[status] < high)
