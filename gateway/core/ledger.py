"""The ledger of one order: an append-only chain of hashed events.

What is hashed are stored bytes, never a re-serialised model, so that a chain
verifies with any version of Baton and with none. Of the body only a salted
commitment enters the chain: a body can be encrypted, re-keyed or erased later
without breaking it, and a guessed body cannot be confirmed without its salt.

    commitment = SHA-256(salt ‖ body)
    hash       = SHA-256(previous hash ‖ header ‖ commitment)

The first event's previous hash is 32 zero bytes.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import orjson

from gateway.core.effects import LedgerEntry

GENESIS = bytes(32)
EVENT_SCHEMA = 1

SALT_SIZE = 16
"""Bytes. Fixed, since ``salt ‖ body`` has no mark where the body begins."""


def commit_body(salt: bytes, body: bytes) -> bytes:
    """Bind ``body`` without revealing it."""
    return hashlib.sha256(salt + body).digest()


def chain_hash(previous: bytes, header: bytes, commitment: bytes) -> bytes:
    """Hash one event onto the chain."""
    return hashlib.sha256(previous + header + commitment).digest()


def salt_for(secret: bytes, n: int) -> bytes:
    """Derive the salt of the ``n``-th event one message causes.

    ``secret`` is random, made once per message and not stored.
    """
    return hashlib.sha256(secret + n.to_bytes(4, "big")).digest()[:SALT_SIZE]


def entry(  # noqa: PLR0913 - an event has that many facts, all named at the call
    *,
    order_id: str,
    n: int,
    previous: bytes,
    kind: str,
    asserted_by: str,
    occurred_at: datetime | None,
    recorded_at: datetime,
    origin: str,
    mapping: str,
    body: dict[str, Any] | bytes,
    salt: bytes,
) -> LedgerEntry:
    """Make the next event of an order.

    Args:
        kind: What now holds, e.g. ``order_placed``, ``status_advanced``.
        asserted_by: Who says so: a site's or a manufacturer's name, or ``baton``.
        origin: The message, attempt or action it comes from.
        mapping: Version of the mapping that read it, ``""`` if none did.
        body: What was said; PHI. Bytes are taken as they are.
    """
    header = orjson.dumps(
        {
            "schema": EVENT_SCHEMA,
            "order": order_id,
            "n": n,
            "kind": kind,
            "asserted_by": asserted_by,
            "occurred_at": occurred_at or recorded_at,
            "recorded_at": recorded_at,
            "origin": origin,
            "mapping": mapping,
        }
    )
    stored = body if isinstance(body, bytes) else orjson.dumps(body)
    commitment = commit_body(salt, stored)
    return LedgerEntry(
        order_id,
        n,
        header,
        stored,
        salt,
        commitment,
        chain_hash(previous, header, commitment),
    )


def verify_chain(entries: Iterable[LedgerEntry]) -> int | None:
    """Check one order's events in order; return the first bad ``n``, or ``None``.

    Finds a changed, removed, added or reordered event up to the last one given,
    and an event that was filed under another order. Whether the last one given
    is the last there was, the order's head says.
    """
    previous = GENESIS
    for expected, event in enumerate(entries, start=1):
        if event.n != expected or not _sound(event, previous):
            return expected
        previous = event.hash
    return None


def _sound(event: LedgerEntry, previous: bytes) -> bool:
    return (
        len(event.salt) == SALT_SIZE
        and event.commitment == commit_body(event.salt, event.body)
        and event.hash == chain_hash(previous, event.header, event.commitment)
        and _names(event.header) == (event.order_id, event.n)
    )


def _names(header: bytes) -> tuple[str, int] | None:
    try:
        facts = orjson.loads(header)
        return facts["order"], facts["n"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
