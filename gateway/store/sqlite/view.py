"""Reading what a message needs, in the transaction that will write."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import orjson

from gateway.core.effects import (
    Keys,
    NumberKey,
    OrderKey,
    OrderState,
    PatientKey,
    View,
    WaitingMessage,
    waits_for,
)
from gateway.core.order import TherapyOrder, order_json
from gateway.core.verdict import Answer, AnswerKind
from gateway.store.sqlite.rows import Row
from gateway.store.sqlite.times import micros, moment
from gateway.store.sqlite.transaction import Transaction
from gateway.store.statements import statements

_SQL = statements("sqlite", "view")
_SEEN = _SQL["seen"]
_STORED_ANSWER = _SQL["stored_answer"]
_ORDER_BY_KEY = _SQL["order_by_key"]
_ORDER_BY_ID = _SQL["order_by_id"]
_ORDER_BODY = _SQL["order_body"]
_OPEN_ORDERS_OF_PATIENT = _SQL["open_orders_of_patient"]
_ORDERS_OF_NUMBER = {"coi": _SQL["orders_of_coi"], "order": _SQL["orders_of_number"]}
_WAITING = _SQL["waiting"]

COLLISION_WINDOW: Final = timedelta(hours=24)
"""A control id used again for other content is an accident within this time, and
a counter that began anew after it (``docs/acknowledgements.md``)."""

_WINDOW: Final = COLLISION_WINDOW // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the dedup index knows of a control id.

    Attributes:
        message: The stored message this one repeats, if it does.
    """

    message: int | None = None
    collision: bool = False
    reused: bool = False


NEVER_SEEN: Final = Seen()


def look_up(tx: Transaction, keys: Keys) -> Seen:
    """Ask the dedup index about a message."""
    if not keys.dedup:
        return NEVER_SEEN
    rows = tx.rows(_SEEN, (keys.dedup,))
    if not rows:
        return NEVER_SEEN
    for digest, _, message in rows:
        if digest == keys.digest:
            return Seen(message=message)
    sent_at = None if keys.sent_at is None else micros(keys.sent_at)
    collision = any(_near(sent_at, other) for _, other, _ in rows)
    return Seen(collision=collision, reused=not collision)


def _near(one: int | None, other: int | None) -> bool:
    return one is None or other is None or abs(one - other) <= _WINDOW


def stored_answer(tx: Transaction, seq: int) -> tuple[str, Answer]:
    """Return a stored message's id, and the bytes its sender was answered."""
    found = tx.rows(_STORED_ANSWER, (seq,))
    message_id, kind, code, body, closes = found[0]
    return message_id, Answer(AnswerKind(kind), code, body, bool(closes))


def load_view(tx: Transaction, keys: Keys, seen: Seen = NEVER_SEEN) -> View:
    """Read the state ``keys`` name."""
    orders = _orders(tx, keys.orders) if keys.orders else {}
    return View(
        orders=orders,
        by_id=_orders_by_id(tx, keys.order_ids) if keys.order_ids else {},
        patients=_open_orders(tx, keys.patients) if keys.patients else (),
        numbered=_numbered(tx, keys.numbers) if keys.numbers else (),
        waiting=_waiting(tx, [key for key in keys.orders if key not in orders]),
        collision=seen.collision,
        reused=seen.reused,
        asked=keys,
    )


def _orders(tx: Transaction, keys: Iterable[OrderKey]) -> Mapping[OrderKey, OrderState]:
    found = {}
    for key in keys:
        for row in tx.rows(_ORDER_BY_KEY, (key.site, key.namespace, key.value)):
            found[key] = order_state(tx, row)
    return found


def _orders_by_id(tx: Transaction, ids: Iterable[str]) -> Mapping[str, OrderState]:
    found = {}
    for order_id in ids:
        for row in tx.rows(_ORDER_BY_ID, (order_id,)):
            found[order_id] = order_state(tx, row)
    return found


def _open_orders(tx: Transaction, keys: Iterable[PatientKey]) -> tuple[OrderState, ...]:
    found: dict[str, OrderState] = {}
    for key in keys:
        rows = tx.rows(_OPEN_ORDERS_OF_PATIENT, (key.site, key.authority, key.value))
        found |= {row[0]: order_state(tx, row) for row in rows if row[0] not in found}
    return tuple(found.values())


def _numbered(tx: Transaction, keys: Iterable[NumberKey]) -> tuple[OrderState, ...]:
    found: dict[str, OrderState] = {}
    for key in keys:
        rows = tx.rows(_ORDERS_OF_NUMBER[key.kind], (key.issuer, key.value))
        found |= {row[0]: order_state(tx, row) for row in rows if row[0] not in found}
    return tuple(found.values())


def _waiting(
    tx: Transaction, awaited: Iterable[OrderKey]
) -> tuple[WaitingMessage, ...]:
    """Read who waits for orders that do not exist: nobody waits for one that does."""
    rows = {
        row[0]: row for key in awaited for row in tx.rows(_WAITING, (waits_for(key),))
    }
    return tuple(waiting_message(rows[seq][1:]) for seq in sorted(rows))


_recent: OrderedDict[bytes, TherapyOrder] = OrderedDict()
_MOST_RECENT: Final = 512
"""Orders kept, some 10 KiB each: messages about one order come together."""


def order_state(tx: Transaction, row: Row) -> OrderState:
    """Read an order from its projection.

    A ledger's head is a hash of all that made the order, so an order once read
    or written under it need not be read again.
    """
    order_id, length, head, content_digest = row
    order = _recent.get(head)
    if order is None:
        content, standing = tx.rows(_ORDER_BODY, (order_id,))[0]
        order = TherapyOrder.model_validate_json(order_json(content, standing))
        remember(head, order)
    return OrderState(order, length, head, content_digest)


def remember(head: bytes, order: TherapyOrder) -> None:
    """Keep an order as it stands under a ledger's head, for who asks soon."""
    _recent[head] = order
    if len(_recent) > _MOST_RECENT:
        _recent.popitem(last=False)


def waiting_message(row: Row) -> WaitingMessage:
    """Read a stored message as it arrived."""
    message_id, endpoint, site, media_type, received_at, body, headers = row
    return WaitingMessage(
        message_id,
        endpoint,
        site,
        media_type,
        moment(received_at),
        body,
        orjson.loads(headers),
    )
