"""Writing what follows: the one place where effects become rows."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

import orjson

from gateway.core.effects import (
    Alarm,
    Effects,
    LedgerEntry,
    NewDelivery,
    OrderState,
)
from gateway.core.errors import Problem
from gateway.core.identity import identity_digest
from gateway.core.lifecycle import CLOSED_FOR_IDENTITY
from gateway.core.order import TherapyOrder, content_json, standing_json
from gateway.core.verdict import MessageState, Verdict
from gateway.store.sqlite.lanes import settle_by_report
from gateway.store.sqlite.rows import Row
from gateway.store.sqlite.times import micros
from gateway.store.sqlite.transaction import Transaction
from gateway.store.sqlite.view import remember
from gateway.store.statements import statements

_SQL = statements("sqlite", "effects")
_INSERT_ORDER = _SQL["insert_order"]
_UPDATE_ORDER = _SQL["update_order"]
_INSERT_PATIENT = _SQL["insert_patient"]
_INSERT_EVENT = _SQL["insert_event"]
_INSERT_DELIVERY = _SQL["insert_delivery"]
_INSERT_BODY = _SQL["insert_body"]
_LANE_IS_BLOCKED = _SQL["lane_is_blocked"]
_INSERT_WAIT = _SQL["insert_wait"]
_RAISE_ALARM = _SQL["raise_alarm"]
_CLOSE_ALARM = _SQL["close_alarm"]
_MESSAGE_STATE = _SQL["message_state"]
_CHANGE_MESSAGE = _SQL["change_message"]
_FORGET_WAITS = _SQL["forget_waits"]

HOLD: Final = "hold."
"""Flags that begin so keep guarded deliveries back."""


def write_effects(
    tx: Transaction, effects: Effects, *, at: datetime, message: int | None
) -> frozenset[str]:
    """Write everything but the message itself; return destinations with new work.

    ``message`` is the row of the message that caused it, if one did. An event
    that exists already fails the job: two deciders saw the same state.
    """
    now = micros(at)
    _write_orders(tx, effects.orders, now)
    _write_events(tx, effects.events)
    freed = [settle_by_report(tx, proven) for proven in effects.settled]
    for delivery in effects.deliveries:
        _write_delivery(tx, delivery, now, message)
    raise_alarms(tx, _blocked(tx, effects.deliveries), at)
    raise_alarms(tx, effects.alarms, at)
    for message_id, verdict in effects.woken:
        _wake(tx, message_id, verdict)
    return frozenset().union(*freed, [d.destination for d in effects.deliveries])


def _write_orders(tx: Transaction, states: Iterable[OrderState], now: int) -> None:
    for state in states:
        _write_order(tx, state, now)
        remember(state.head, state.order)
        if state.content or state.length == 1:
            tx.executemany(_INSERT_PATIENT, _patient_keys(state.order))


def _write_order(tx: Transaction, state: OrderState, now: int) -> None:
    """Write a projection; one that is there keeps its content unless it is new."""
    row = _projection(state, now)
    if state.length > 1 and tx.change(_UPDATE_ORDER, (*row, state.content or None)):
        return
    tx.execute(_INSERT_ORDER, (*row, state.content or content_json(state.order)))


def _projection(state: OrderState, now: int) -> Row:
    order = state.order
    coi = order.coi
    return (
        order.site,
        order.placer_number.namespace,
        order.placer_number.value,
        order.facility,
        order.manufacturer,
        order.product.code,
        order.status,
        order.status not in CLOSED_FOR_IDENTITY,
        coi and coi.issuer,
        coi and coi.value,
        order.manufacturer_number,
        orjson.dumps(order.flags).decode() if order.flags else "[]",
        any(flag.startswith(HOLD) for flag in order.flags),
        identity_digest(order),
        state.content_digest,
        state.length,
        state.head,
        now,
        standing_json(order),
        order.id,
    )


def _patient_keys(order: TherapyOrder) -> set[Row]:
    patient = order.patient
    identifiers = (patient.mrn, *patient.identifiers)
    return {(order.site, i.authority, i.value, order.id) for i in identifiers}


def _write_events(tx: Transaction, events: Iterable[LedgerEntry]) -> None:
    for event in events:
        tx.execute(
            _INSERT_EVENT,
            (
                event.order_id,
                event.n,
                event.header,
                event.salt,
                event.commitment,
                event.hash,
                event.body,
            ),
        )
        tx.count("events.recorded", "")
        if event.n == 1:
            tx.count("orders.opened", "")


def _blocked(tx: Transaction, deliveries: Iterable[NewDelivery]) -> Iterator[Alarm]:
    """Find cancellations that will not leave until a person acts."""
    for delivery in deliveries:
        lane = (delivery.order_id, delivery.destination)
        if delivery.operation == "cancel" and tx.rows(_LANE_IS_BLOCKED, lane)[0][0]:
            yield Alarm("order.cancel_blocked", delivery.order_id)


def _write_delivery(
    tx: Transaction, delivery: NewDelivery, now: int, message: int | None
) -> None:
    seq = tx.insert(
        _INSERT_DELIVERY,
        (
            delivery.delivery_id,
            delivery.key,
            delivery.order_id,
            delivery.destination,
            delivery.operation,
            micros(delivery.due),
            micros(delivery.deadline),
            delivery.guarded,
            delivery.identity,
            delivery.content_type,
            now,
            message,
        ),
    )
    tx.execute(_INSERT_BODY, (seq, delivery.body))
    tx.count("deliveries.created", delivery.destination)
    tx.count("deliveries.ready", delivery.destination)


def raise_alarms(tx: Transaction, alarms: Iterable[Alarm], at: datetime) -> None:
    """Open alarms, or count them once more."""
    for alarm in alarms:
        arguments = (alarm.condition, alarm.code, alarm.subject, micros(at))
        tx.execute(_RAISE_ALARM, arguments)


def close_alarms(tx: Transaction, alarms: Iterable[Alarm]) -> None:
    """Close what no longer holds; one that is not open stays as it is."""
    for alarm in alarms:
        tx.execute(_CLOSE_ALARM, (alarm.condition,))


def write_waits(tx: Transaction, keys: Iterable[str], message: int) -> None:
    """Remember what a waiting message waits for."""
    tx.executemany(_INSERT_WAIT, [(key, message) for key in keys])


def _wake(tx: Transaction, message_id: str, verdict: Verdict) -> None:
    row = tx.row(_MESSAGE_STATE, (message_id,))
    if row is not None and row[1] == MessageState.WAITING:
        change_message(tx, row, verdict)


def change_message(tx: Transaction, row: Row, verdict: Verdict) -> None:
    """Give an accepted message another state; its answer stays what it was."""
    seq, state, site = row
    tx.execute(_CHANGE_MESSAGE, (verdict.state, problems_json(verdict.problems), seq))
    tx.execute(_FORGET_WAITS, (seq,))
    tx.count("messages." + state, site, -1)
    tx.count("messages." + verdict.state, site)


def problems_json(problems: tuple[Problem, ...]) -> str:
    """Write problems as the database keeps them."""
    if not problems:
        return "[]"
    return orjson.dumps(
        [
            {"code": p.code, "where": p.where, "consequence": p.consequence}
            for p in problems
        ]
    ).decode()
