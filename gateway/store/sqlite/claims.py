"""Claiming due deliveries, and settling what became of them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final, assert_never

import apsw

from gateway.core.effects import Alarm, Effects, Settlement, View
from gateway.core.errors import LeaseLost
from gateway.delivery.outcome import BY_REPORT
from gateway.delivery.policy import Done, GiveUp, Hold, NextStep, Refuse, RetryAt
from gateway.ports import Claim
from gateway.store.sqlite.effects import close_alarms, raise_alarms, write_effects
from gateway.store.sqlite.lanes import move, promote
from gateway.store.sqlite.rows import Row, fetch
from gateway.store.sqlite.times import micros, moment
from gateway.store.sqlite.transaction import Transaction, blames_the_store
from gateway.store.sqlite.view import load_view
from gateway.store.statements import statements

_SQL = statements("sqlite", "deliveries")
_CLAIM = _SQL["claim"]
_LAPSE_LEASES = _SQL["lapse_leases"]
_NEXT_DUE = _SQL["next_due"]
_SETTLE = _SQL["settle"]
_INSERT_ATTEMPT = _SQL["insert_attempt"]
_PAUSE = _SQL["pause"]
_PROVEN = _SQL["proven"]
_GUARD = _SQL["guard"]

FAULT: Final = "fault"
"""The outcome after which somebody must look at the destination; one that only
asks for a pause is well."""

MOST_EVIDENCE: Final = 64 * 1024
"""Bytes of an answer kept with an attempt."""


def claim(
    tx: Transaction, destination: str, *, now: datetime, until: datetime, limit: int
) -> list[Claim]:
    """Lease due lane heads; see ``gateway.ports.Store.claim``."""
    rows = tx.rows(_CLAIM, (destination, micros(now), micros(until), limit))
    for row in rows:
        move(tx, destination, "leased" if row[10] else "ready", "leased")
    return [_claim(destination, row) for row in sorted(rows, key=_oldest_first)]


def _oldest_first(row: Row) -> tuple[int, int]:
    return row[0], row[1]


def _claim(destination: str, row: Row) -> Claim:
    (
        _due,
        _seq,
        delivery_id,
        order_id,
        key,
        operation,
        content_type,
        attempt,
        lease,
        deadline,
        lapsed,
        uncertain,
        proven,
        guarded,
        identity,
        ledger_identity,
        identity_hold,
        body,
    ) = row
    return Claim(
        delivery_id=delivery_id,
        order_id=order_id,
        destination=destination,
        lane=f"{order_id}@{destination}",
        key=key,
        operation=operation,
        body=body,
        content_type=content_type,
        attempt=attempt,
        lease=lease,
        deadline=moment(deadline),
        lapsed=bool(lapsed),
        uncertain=bool(uncertain),
        proven=bool(proven),
        guard=_guard(bool(guarded and identity_hold), identity, ledger_identity or b""),
    )


def _guard(held: bool, made_from: bytes, ledger: bytes) -> str:  # noqa: FBT001 - a fact, not a mode
    """Say why a delivery must not leave. One for no order was made from nothing."""
    if held:
        return "identity.hold"
    return "" if made_from == ledger else "identity.conflict"


def guard(db: apsw.Connection, delivery_id: str, lease: int) -> str:
    """Say why a claimed delivery must not be sent now; see ``ports.Store.guard``."""
    found = fetch(db, _GUARD, (delivery_id, lease))
    if not found:
        return "lease.lost"
    guarded, identity, ledger_identity, held = found[0]
    return _guard(bool(guarded and held), identity, ledger_identity or b"")


def lapse_leases(tx: Transaction) -> int:
    """End every lease; returns how many there were."""
    return tx.change(_LAPSE_LEASES, ())


def next_due(tx: Transaction, destination: str) -> datetime | None:
    """Tell when something of ``destination`` becomes due; a pause counts."""
    ((due, lease_until, paused_until),) = tx.rows(_NEXT_DUE, (destination,))
    waiting = [at for at in (due, lease_until) if at is not None]
    if not waiting:
        return None
    return moment(max(min(waiting), paused_until or 0))


def settle(tx: Transaction, settlement: Settlement, step: NextStep) -> frozenset[str]:
    """Record an attempt and what follows; see ``gateway.ports.Store.settle``."""
    if not isinstance(step, Done) and _proven(tx, settlement):
        # Whatever the answer was, the receiver has reported what it did.
        step, settlement = Done(BY_REPORT), replace(settlement, decide=None)
    woken = _settle_delivery(tx, settlement, step)
    raise_alarms(tx, _alarms(settlement, step), settlement.reported_at)
    if isinstance(step, Done):
        close_alarms(tx, [Alarm("destination.fault", settlement.destination)])
    if settlement.decide is None:
        return woken
    try:
        return woken | tx.attempt(partial(_effects, settlement, settlement.decide))
    except Exception as error:
        # Whatever failed in deciding, the attempt itself was made.
        if blames_the_store(error):
            raise
        failed = Alarm("message.failed", settlement.order_id)
        raise_alarms(tx, [failed], settlement.reported_at)
        return woken


def _proven(tx: Transaction, settlement: Settlement) -> bool:
    row = tx.row(_PROVEN, (settlement.delivery_id, settlement.lease))
    return row is not None and bool(row[0])


def _settle_delivery(
    tx: Transaction, settlement: Settlement, step: NextStep
) -> frozenset[str]:
    state, stays_open, due, code = _standing(step)
    row = tx.row(
        _SETTLE,
        (
            settlement.delivery_id,
            settlement.lease,
            state,
            stays_open,
            due,
            code,
            settlement.uncertain,
        ),
    )
    if row is None:
        raise LeaseLost
    seq, order_id, destination, attempt = row
    _write_attempt(tx, settlement, seq, attempt)
    move(tx, destination, "leased", state)
    if isinstance(step, RetryAt) and step.pause_until is not None:
        tx.execute(_PAUSE, (destination, micros(step.pause_until), code))
    if stays_open or not promote(tx, order_id, destination):
        return frozenset()
    return frozenset([destination])


def _standing(step: NextStep) -> tuple[str, bool, int | None, str]:
    """Return what a step makes of a delivery: state, whether open, due, code."""
    match step:
        case Done(code):
            return "delivered", False, None, code
        case Refuse(code):
            return "rejected", False, None, code
        case RetryAt(due, code):
            return "ready", True, micros(due), code
        case Hold(code):
            return "held", True, None, code
        case GiveUp(code, certain):
            return "dead", not certain, None, code
        case _:
            assert_never(step)


def _alarms(settlement: Settlement, step: NextStep) -> tuple[Alarm, ...]:
    """Return what the attempt and its step call for, each condition once."""
    called_for = _called_for(settlement, step)
    return tuple(dict.fromkeys((*settlement.alarms, *called_for)))


def _called_for(settlement: Settlement, step: NextStep) -> tuple[Alarm, ...]:
    match step:
        case Hold(code):
            return (Alarm(code, settlement.delivery_id),)
        case GiveUp():
            return (Alarm("delivery.retries_spent", settlement.delivery_id),)
        case Refuse():
            return (Alarm("delivery.rejected", settlement.delivery_id),)
        case RetryAt() if settlement.outcome == FAULT:
            return (Alarm("destination.fault", settlement.destination),)
        case _:
            return ()


def _write_attempt(
    tx: Transaction, settlement: Settlement, seq: int, attempt: int
) -> None:
    tx.execute(
        _INSERT_ATTEMPT,
        (
            seq,
            attempt,
            micros(settlement.started_at),
            micros(settlement.reported_at),
            settlement.outcome,
            settlement.code,
            settlement.status,
            settlement.body[:MOST_EVIDENCE],
        ),
    )


def _effects(
    settlement: Settlement, decide: Callable[[View], Effects], tx: Transaction
) -> frozenset[str]:
    effects = decide(load_view(tx, settlement.keys))
    return write_effects(tx, effects, at=settlement.reported_at, message=None)
