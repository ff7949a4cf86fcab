"""Closing the books: counters against rows, and every ledger against its hashes."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import Final

import apsw

from gateway.core.effects import LedgerEntry
from gateway.core.ledger import GENESIS, verify_chain
from gateway.store.audit import (
    Audit,
    BrokenLedger,
    Counts,
    Difference,
    compare,
    totals,
)
from gateway.store.sqlite.rows import each, fetch
from gateway.store.statements import statements

_SQL = statements("sqlite", "audit")

_NEVER: Final = (
    "rejected_but_remembered",
    "accepted_but_refused",
    "lanes_without_their_head",
    "heads_of_no_lane",
    "waits_of_no_waiting_message",
    "orders_shown_otherwise",
)
"""Queries that count what must not exist."""

_ONLY_COUNTED: Final = "messages.resent"
"""What leaves no row of its own."""


def audit(db: apsw.Connection) -> Audit:
    """Check the state that the transaction open on ``db`` sees."""
    books = {(row[0], row[1]): row[2] for row in fetch(db, _SQL["books"])}
    counted = _counted(db)
    kept = {key: value for key, value in books.items() if key[0] != _ONLY_COUNTED}
    return Audit(
        messages=totals(books, "messages"),
        deliveries=totals(books, "deliveries"),
        orders=counted["orders.opened", ""],
        events=counted["events.recorded", ""],
        differences=(*compare(kept, counted), *_never(db), *_changed(db)),
        broken=tuple(_broken(db)),
    )


def _counted(db: apsw.Connection) -> Counts:
    counts: Counter[tuple[str, str]] = Counter()
    for site, state, answer, n in each(db, _SQL["count_messages"]):
        accepted = [] if state == "rejected" else ["messages.accepted"]
        for name in ("messages.received", f"messages.{state}", *accepted):
            counts[name, site] += n
        counts[f"answers.{answer}", site] += n
    for destination, state, n in each(db, _SQL["count_deliveries"]):
        counts["deliveries.created", destination] += n
        counts[f"deliveries.{state}", destination] += n
    counts["orders.opened", ""] = _number(db, "count_orders")
    counts["events.recorded", ""] = _number(db, "count_events")
    return counts


def _number(db: apsw.Connection, name: str) -> int:
    number: int = fetch(db, _SQL[name])[0][0]
    return number


def _never(db: apsw.Connection) -> Iterator[Difference]:
    for name in _NEVER:
        number = _number(db, name)
        if number:
            yield Difference(name, 0, number)


def _changed(db: apsw.Connection) -> Iterator[Difference]:
    """Count messages whose bytes are not those that came."""
    number = sum(
        hashlib.sha256(body).digest() != digest
        for digest, body in each(db, _SQL["bodies"])
    )
    if number:
        yield Difference("messages_changed", 0, number)


def _broken(db: apsw.Connection) -> Iterator[BrokenLedger]:
    for order_id, length, head in each(db, _SQL["orders"]):
        ledger = [LedgerEntry(*row) for row in each(db, _SQL["ledger"], (order_id,))]
        bad = verify_chain(ledger)
        if bad is None and (length, head) != _end(ledger):
            bad = len(ledger) + 1
        if bad is not None:
            yield BrokenLedger(order_id, bad)


def _end(ledger: list[LedgerEntry]) -> tuple[int, bytes]:
    """Return what the order must say: how long its ledger is, and its last hash."""
    return len(ledger), ledger[-1].hash if ledger else GENESIS
