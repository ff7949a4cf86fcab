"""What a person decides, or the process keeps for one; each is one job.

Whatever a person does has its entry in the operator log, in the same transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import orjson

from gateway.core.effects import RESOLVED, Resolution, Sequel
from gateway.core.errors import NotAllowed, Problem
from gateway.core.verdict import MessageState, Verdict
from gateway.ports import Work
from gateway.store.sqlite.commit import decided
from gateway.store.sqlite.effects import change_message, write_effects, write_waits
from gateway.store.sqlite.lanes import close, move, promote
from gateway.store.sqlite.rows import Row
from gateway.store.sqlite.times import micros
from gateway.store.sqlite.transaction import Transaction
from gateway.store.sqlite.view import load_view
from gateway.store.statements import statements

_SQL = statements("sqlite", "actions")
_DELIVERIES = statements("sqlite", "deliveries")
_DELIVERY_STATE = _DELIVERIES["delivery_state"]
_SEND_AGAIN = _DELIVERIES["send_again"]
_STEP_BACK = _DELIVERIES["step_back"]
_OVERTAKEN = _DELIVERIES["overtaken"]
_EFFECTS = statements("sqlite", "effects")
_MESSAGE_STATE = _EFFECTS["message_state"]
_CLOSE_ALARM = _EFFECTS["close_alarm"]

MOST_DAMAGE: Final = 200
MOST_SAMPLE: Final = 64 * 1024
"""Bytes of one piece of damage that are kept."""


@dataclass(frozen=True, slots=True)
class Signed:
    """Who does something, when and why."""

    who: str
    reason: str = field(repr=False)
    at: datetime


def write_log(
    tx: Transaction, signed: Signed, action: str, subject: str, **detail: str
) -> None:
    """Enter an action in the operator log; ``detail`` holds no PHI."""
    at, text = micros(signed.at), orjson.dumps(detail).decode()
    tx.execute(_SQL["log"], (at, signed.who, action, subject, signed.reason, text))


def resolve(
    tx: Transaction,
    delivery_id: str,
    resolution: Resolution,
    signed: Signed,
    sequel: Sequel,
) -> None:
    """Give a delivery the state a person found out; its lane goes on."""
    row = tx.row(_DELIVERY_STATE, (delivery_id,))
    if row is None:
        raise NotAllowed(Problem("delivery.unknown", delivery_id))
    seq, state, order_id, destination, is_open, attempts = row
    _require_resolvable(delivery_id, state, resolution)
    if resolution == "delivered" and not attempts:
        raise NotAllowed(Problem("delivery.never_sent", delivery_id))
    if resolution == "ready":
        _send_again(tx, delivery_id, row, signed.at, sequel.deadline)
    else:
        close(tx, seq, destination, before=state, after=resolution, code=RESOLVED)
    promote(tx, order_id, destination)
    if sequel.decide is not None and _is_news(resolution, is_open=bool(is_open)):
        follows = sequel.decide(load_view(tx, sequel.keys))
        write_effects(tx, follows, at=signed.at, message=None)
    detail = {"from": state, "to": resolution}
    write_log(tx, signed, "delivery.resolve", delivery_id, **detail)


def _require_resolvable(delivery_id: str, state: str, resolution: Resolution) -> None:
    if state == "leased":
        raise NotAllowed(Problem("delivery.leased", delivery_id))
    if state not in ("held", "dead", "ready"):
        raise NotAllowed(Problem("delivery.final", delivery_id))
    if resolution == "ready" and state == "ready":
        raise NotAllowed(Problem("delivery.not_held", delivery_id))


def _send_again(
    tx: Transaction,
    delivery_id: str,
    row: Row,
    at: datetime,
    deadline: datetime | None,
) -> None:
    """Make a delivery ready; one that was closed comes back to its lane's front."""
    seq, state, order_id, destination, is_open, _ = row
    if not is_open:
        if tx.rows(_OVERTAKEN, (order_id, destination, seq))[0][0]:
            raise NotAllowed(Problem("delivery.overtaken", delivery_id))
        tx.execute(_STEP_BACK, (order_id, destination))
    until = None if deadline is None else micros(deadline)
    tx.execute(_SEND_AGAIN, (seq, micros(at), RESOLVED, until))
    move(tx, destination, state, "ready")


def _is_news(resolution: Resolution, *, is_open: bool) -> bool:
    """Tell whether the order has to hear of it.

    It was told that a closed (dead) delivery came to nothing; of an open one it
    knows nothing yet, and waits for it already.
    """
    if resolution == "delivered":
        return True
    return is_open is (resolution != "ready")


def redecide(
    tx: Transaction, message_id: str, work: Work, action: str, signed: Signed
) -> Verdict:
    """Decide a held message again; its answer and its dedup entry stay."""
    row = _pending(tx, message_id)
    effects = decided(tx, work)
    verdict = effects.verdict
    if not verdict.accepted:
        # Its sender was told that we own it: it cannot be refused any more.
        refused = Problem("message.refused_again", message_id)
        raise NotAllowed(refused, *verdict.problems)
    change_message(tx, row, verdict)
    if verdict.state is MessageState.WAITING:
        write_waits(tx, effects.wait_for, row[0])
    write_effects(tx, effects, at=signed.at, message=row[0])
    detail = {"from": row[1], "to": str(verdict.state)}
    write_log(tx, signed, f"message.{action}", message_id, **detail)
    return verdict


def _pending(tx: Transaction, message_id: str) -> Row:
    row = tx.row(_MESSAGE_STATE, (message_id,))
    if row is None:
        raise NotAllowed(Problem("message.unknown", message_id))
    if row[1] not in (MessageState.HELD, MessageState.WAITING):
        raise NotAllowed(Problem("message.not_held", message_id))
    return row


def note_look(tx: Transaction, action: str, subject: str, signed: Signed) -> None:
    """Enter that somebody saw what is kept under an id."""
    write_log(tx, signed, action, subject)


def close_alarm(tx: Transaction, condition: str, signed: Signed) -> None:
    """Close an alarm; it opens again when its condition comes again."""
    if not tx.change(_CLOSE_ALARM, (condition,)):
        raise NotAllowed(Problem("alarm.not_open", condition))
    write_log(tx, signed, "alarm.close", condition)


def keep_mappings(tx: Transaction, texts: Mapping[str, str]) -> None:
    """Keep mapping texts by version; a version is kept once."""
    tx.executemany(_SQL["keep_mapping"], list(texts.items()))


def keep_damage(
    tx: Transaction, endpoint: str, peer: str, kind: str, size: int, sample: bytes
) -> None:
    """Keep bytes that never became a message, and drop the oldest such."""
    row = (endpoint, peer, kind, size, sample[:MOST_SAMPLE])
    newest = tx.insert(_SQL["keep_damage"], row)
    tx.execute(_SQL["forget_old_damage"], (newest - MOST_DAMAGE,))
