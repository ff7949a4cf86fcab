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

CUT_SHORT: Final = ENDED - {Status.CLOSED}
"""Ends off the main line: what lay ahead did not happen, so nothing is inferred."""

ONLY_FOLLOWED_BY: Final[dict[Status, frozenset[Status]]] = {
    Status.MFG_FAILED: CUT_SHORT,
    Status.INFUSED: frozenset({Status.CLOSED}),
}
"""States that these alone may follow; any other, whatever ranks higher."""

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
"""Steps to a lower rank that are no step back, if they happened later."""

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
    webhooks as a matter of course. An answered question returns an order only if
    the answer is known to be the later of the two, for the same reason.
    """
    if reported is current:
        return Move("same")
    if OWNER[reported] != party:
        return Move("reported")
    later = _later(occurred_at, current_at)
    told_late = RANK[reported] <= RANK[Status.ACKNOWLEDGED] or later is False
    if current in ENDED:
        return Move("late" if told_late else "impossible")
    if (current, reported) in RETURNS and later:
        return Move("advance")
    if RANK[reported] < RANK[current]:
        return Move("late" if told_late else "backward")
    return _forward(current, reported)


def _later(occurred_at: datetime | None, current_at: datetime | None) -> bool | None:
    if occurred_at is None or current_at is None:
        return None
    return occurred_at > current_at


def _forward(current: Status, reported: Status) -> Move:
    followers = ONLY_FOLLOWED_BY.get(current)
    if followers is not None and reported not in followers:
        return Move("impossible")
    if reported is Status.REJECTED and current not in REJECTED_FROM:
        return Move("impossible")
    passed = () if reported in CUT_SHORT else _between(current, reported)
    return Move("advance", passed)


def _between(current: Status, reported: Status) -> tuple[Status, ...]:
    low, high = RANK[current], RANK[reported]
    return tuple(status for status in MAIN_LINE if low < RANK[status] < high)
