"""From rows of the database to what people and machines are shown."""

import base64
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from gateway.core.effects import WaitingMessage
from gateway.core.errors import Problem
from gateway.core.verdict import MessageState
from gateway.store.sqlite.times import iso, moment

Shown = dict[str, Any]
"""A row as JSON can have it."""

_MESSAGE_KEYS: Final = (
    "id",
    "received_at",
    "site",
    "endpoint",
    "type",
    "control_id",
    "sha256",
    "size",
    "state",
    "answer",
    "ack_code",
    "problems",
    "resends",
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A stored message as it arrived, and where it stands."""

    message: WaitingMessage
    state: MessageState
    problems: tuple[Problem, ...] = field(default=())


def message(row: Shown) -> Shown:
    """Show a message."""
    shown = {key: row[key] for key in _MESSAGE_KEYS}
    shown["received_at"] = iso(row["received_at"])
    shown["sha256"] = row["sha256"].hex()
    shown["problems"] = orjson.loads(row["problems"])
    return shown


def kept(row: Shown) -> Kept:
    """Read a message to be decided again."""
    message = WaitingMessage(
        row["id"],
        row["endpoint"],
        row["site"],
        row["media_type"],
        moment(row["received_at"]),
        row["body"],
        orjson.loads(row["headers"]),
    )
    problems = tuple(Problem(**problem) for problem in orjson.loads(row["problems"]))
    return Kept(message, MessageState(row["state"]), problems)


def order(row: Shown) -> Shown:
    """Show an order."""
    bound = row["coi_value"] is not None
    coi = {"issuer": row["coi_issuer"], "value": row["coi_value"]} if bound else None
    return {
        "id": row["id"],
        "site": row["site"],
        "facility": row["facility"],
        "placer_number": row["placer"],
        "namespace": row["namespace"],
        "manufacturer": row["manufacturer"],
        "manufacturer_number": row["manufacturer_number"],
        "product": row["product"],
        "status": row["status"],
        "coi": coi,
        "flags": orjson.loads(row["flags"]),
        "updated_at": iso(row["updated_at"]),
    }


def event(row: Shown) -> Shown:
    """Show a ledger event."""
    header = orjson.loads(row["header"])
    return {**header, "hash": row["hash"].hex(), **_bytes("body", row["body"])}


def delivery(row: Shown) -> Shown:
    """Show a delivery."""
    return {
        "id": row["id"],
        "order_id": row["order_id"],
        "destination": row["destination"],
        "lane": f"{row['order_id']}@{row['destination']}",
        "operation": row["operation"],
        "key": row["key"],
        "state": row["state"],
        "attempts": row["attempts"],
        "due_at": iso(row["due"]),
        "code": row["code"],
        "created_at": iso(row["created_at"]),
    }


def attempt(row: Shown) -> Shown:
    """Show an attempt and what came back."""
    times = {key: iso(row[key]) for key in ("started_at", "ended_at")}
    facts = {key: row[key] for key in ("n", "outcome", "code", "status")}
    return {**facts, **times, **_bytes("answer", row["body"])}


def alarm(row: Shown) -> Shown:
    """Show an alarm."""
    return {**row, "first_at": iso(row["first_at"]), "last_at": iso(row["last_at"])}


def log_entry(row: Shown) -> Shown:
    """Show an entry of the operator log."""
    return {**dated(row), "detail": orjson.loads(row["detail"])}


def dated(row: Shown) -> Shown:
    """Show a row whose only time is ``at``."""
    return {**row, "at": iso(row["at"])}


def _bytes(name: str, value: bytes) -> Shown:
    """Show bytes as JSON can: parsed, as text, or as base64; ``encoding`` says."""
    try:
        return {name: orjson.loads(value), "encoding": "json"}
    except orjson.JSONDecodeError:
        pass
    try:
        return {name: value.decode(), "encoding": "text"}
    except UnicodeDecodeError:
        return {name: base64.b64encode(value).decode(), "encoding": "base64"}


def when(at: int | None) -> str | None:
    """Show a time that may be absent."""
    return None if at is None else iso(at)
