"""Looking: listings and single rows, over connections that cannot write.

Keys of the rows are a public contract (``--json``, ``/v1``). Only ``body``,
``order``, ``delivery`` and ``kept`` return what a message said; nothing of it is
in a listing. Times are ISO 8601 in UTC.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Final

import apsw
import orjson

from gateway.core.effects import Alarm
from gateway.core.errors import Misconfigured, Problem, Unavailable
from gateway.core.order import order_json
from gateway.store.audit import Audit
from gateway.store.sqlite import shapes
from gateway.store.sqlite.books import audit
from gateway.store.sqlite.claims import guard
from gateway.store.sqlite.connect import Connect
from gateway.store.sqlite.rows import Row, fetch, fetch_named
from gateway.store.sqlite.shapes import Kept, Shown
from gateway.store.sqlite.times import iso, micros
from gateway.store.statements import statements

_SQL = statements("sqlite", "queries")


PAGE: Final = 100
"""Rows of a listing unless asked otherwise."""

_MESSAGES: Final = {
    "state": "state = :state",
    "site": "site = :site",
    "control_id": "control_id = :control_id",
    "after": "seq < (SELECT seq FROM messages WHERE id = :after)",
}
_ORDERS: Final = {
    "status": "status = :status",
    "site": "site = :site",
    "placer_number": "placer = :placer_number",
    "after": "seq < (SELECT seq FROM orders WHERE id = :after)",
}
_DELIVERIES: Final = {
    "state": "state = :state",
    "site": "order_id IN (SELECT id FROM orders WHERE site = :site)",
    "destination": "destination = :destination",
    "order_id": "order_id = :order_id",
    "after": "seq < (SELECT seq FROM deliveries WHERE id = :after)",
}

_ALARMS: Final = {"state": "state = :state"}
_OVERDUE: Final = {"waits_long": "message.waits_long", "behind": "destination.behind"}

# Said beside the filter so that the index over the few such rows serves it.
_PENDING: Final = "(state = 'waiting' OR state = 'held')"
_OPEN: Final = "open = 1"


class Queries:
    """Read-only access from any thread or process; blocking.

    Listings are newest first; an empty filter matches everything; ``after`` is
    the last id of the page before. Every method raises ``Unavailable`` if the
    database cannot be read.
    """

    def __init__(self, connect: Connect) -> None:
        """Read over connections that ``connect`` opens, one for each call."""
        self._connect = connect

    def messages(
        self,
        *,
        state: str = "",
        site: str = "",
        control_id: str = "",
        after: str = "",
        limit: int = PAGE,
    ) -> list[Shown]:
        """List messages."""
        also = _PENDING if state in ("waiting", "held") else ""
        given = {
            "state": state,
            "site": site,
            "control_id": control_id,
            "after": after,
        }
        return self._list("messages", shapes.message, _MESSAGES, given, limit, also)

    def message(self, message_id: str) -> Shown | None:
        """Return one message, without its bytes."""
        with self._reading() as read:
            for row in read("message", id=message_id):
                waits = read("waits_of_message", seq=row["seq"])
                orders = read("orders_of_message", id=message_id)
                return {
                    **shapes.message(row),
                    "media_type": row["media_type"],
                    "mapping": row["mapping"],
                    "refusal": row["refusal"],
                    "last_resend_at": shapes.when(row["last_resend_at"]),
                    "waits_for": [wait["key"] for wait in waits],
                    "orders": [order["order_id"] for order in orders],
                }
        return None

    def body(self, message_id: str) -> bytes | None:
        """Return the exact bytes of a message. PHI."""
        found = self._one("message_body", id=message_id)
        return None if found is None else found["body"]

    def kept(self, message_id: str) -> Kept | None:
        """Return a message to be decided again. PHI."""
        row = self._one("kept_message", id=message_id)
        return None if row is None else shapes.kept(row)

    def orders(
        self,
        *,
        status: str = "",
        site: str = "",
        placer_number: str = "",
        after: str = "",
        limit: int = PAGE,
    ) -> list[Shown]:
        """List orders."""
        given = {
            "status": status,
            "site": site,
            "placer_number": placer_number,
            "after": after,
        }
        return self._list("orders", shapes.order, _ORDERS, given, limit)

    def order(self, order_id: str) -> Shown | None:
        """Return one order with its content and its ledger. PHI."""
        with self._reading() as read:
            for row in read("order", id=order_id):
                ledger = [shapes.event(event) for event in read("events", id=order_id)]
                content = orjson.loads(order_json(row["content"], row["standing"]))
                return {**shapes.order(row), "order": content, "ledger": ledger}
        return None

    def deliveries(
        self,
        *,
        state: str = "",
        site: str = "",
        destination: str = "",
        order_id: str = "",
        open_only: bool = False,
        after: str = "",
        limit: int = PAGE,
    ) -> list[Shown]:
        """List deliveries; ``site`` is that of their order."""
        also = _OPEN if open_only or state in ("ready", "leased", "held") else ""
        given = {
            "state": state,
            "site": site,
            "destination": destination,
            "order_id": order_id,
            "after": after,
        }
        return self._list(
            "deliveries", shapes.delivery, _DELIVERIES, given, limit, also
        )

    def delivery(self, delivery_id: str) -> Shown | None:
        """Return one delivery with every attempt and what came back. PHI."""
        with self._reading() as read:
            for row in read("delivery", id=delivery_id):
                attempts = read("attempts", seq=row["seq"])
                return {
                    **shapes.delivery(row),
                    "head": bool(row["head"]),
                    "guarded": bool(row["guarded"]),
                    "deadline": iso(row["deadline"]),
                    "content_type": row["content_type"],
                    "attempts_made": [shapes.attempt(attempt) for attempt in attempts],
                }
        return None

    def alarms(self, *, state: str = "", limit: int = PAGE) -> list[Shown]:
        """List alarms, open ones first."""
        return self._list("alarms", shapes.alarm, _ALARMS, {"state": state}, limit)

    def operator_log(self, *, limit: int = PAGE) -> list[Shown]:
        """List what people did."""
        return self._list("operator_log", shapes.log_entry, {}, {}, limit)

    def damage(self, *, limit: int = PAGE) -> list[Shown]:
        """List bytes that never became a message; ``sample`` is bytes, PHI."""
        return self._list("damage", shapes.dated, {}, {}, limit)

    def mapping(self, version: str) -> Shown | None:
        """Return a mapping by its version, with all texts it was compiled from."""
        return self._one("mapping", version=version)

    def guard(self, delivery_id: str, lease: int) -> str:
        """Say why a claimed delivery must not be sent now, ``""`` if it may."""
        with self._connected() as db:
            return guard(db, delivery_id, lease)

    def moving(self) -> bool:
        """Tell whether any delivery will go on without a person."""
        found = self._one("moving")
        return found is not None and bool(found["found"])

    def sites(self) -> frozenset[str]:
        """Return every site or manufacturer a message was ever recognised as."""
        books = self.counts()["books"]
        return frozenset(s for name, s, _ in books if name == "messages.received")

    def counts(self) -> dict[str, list[Row]]:
        """Return the figures behind the metrics; cheap, whatever is stored.

        ``books``: (name, scope, value), by site for messages and by destination
        and state for deliveries. ``oldest_open``: (destination, ISO time or
        ``None``). ``paused``: (destination, ISO time). ``orders_by_status``:
        (status, count). ``open_alarms``: one (count,).
        """
        names = ("books", "orders_by_status", "oldest_open", "paused", "open_alarms")
        with self._connected() as db:
            found = {name: fetch(db, _SQL[name]) for name in names}
        for name in ("oldest_open", "paused"):
            found[name] = [(who, shapes.when(at)) for who, at in found[name]]
        return found

    def overdue(self, before: datetime) -> tuple[set[Alarm], set[Alarm]]:
        """Return the alarms due for what waits since ``before``, and those open."""
        due: set[Alarm] = set()
        known: set[Alarm] = set()
        with self._connected() as db:
            for name, code in _OVERDUE.items():
                found = fetch(db, _SQL[name], {"before": micros(before)})
                due |= {Alarm(code, subject) for (subject,) in found}
                found = fetch(db, _SQL["open_alarms_of"], {"code": code})
                known |= {Alarm(code, subject) for (subject,) in found}
        return due, known

    def audit(self) -> Audit:
        """Close the books and verify every ledger; takes as long as it takes."""
        with self._connected() as db:
            return audit(db)

    # ------------------------------------------------------------ reading

    def _list(
        self,
        name: str,
        shape: Callable[[Shown], Shown],
        conditions: Mapping[str, str],
        given: Mapping[str, str],
        limit: int,
        also: str = "",
    ) -> list[Shown]:
        asked = {key: value for key, value in given.items() if value}
        terms = [*(conditions[key] for key in asked), *([also] if also else [])]
        where = f"WHERE {' AND '.join(terms)}" if terms else ""
        sql = _SQL[name].replace("/*where*/", where)
        with self._connected() as db:
            return [
                shape(row) for row in fetch_named(db, sql, {**asked, "limit": limit})
            ]

    def _one(self, name: str, **arguments: object) -> Shown | None:
        with self._reading() as read:
            return next(iter(read(name, **arguments)), None)

    @contextmanager
    def _reading(self) -> Iterator[Callable[..., list[Shown]]]:
        with self._connected() as db:
            yield lambda name, **arguments: fetch_named(db, _SQL[name], arguments)

    @contextmanager
    def _connected(self) -> Iterator[apsw.Connection]:
        """Open one consistent state of the database for reading."""
        db = self._opened()
        try:
            db.pragma("query_only", True)  # noqa: FBT003 - the pragma's value
            db.execute("BEGIN")
            yield db
        except apsw.Error as error:
            problem = Problem("store.unavailable", type(error).__name__)
            raise Unavailable(problem) from None
        finally:
            db.close(force=True)

    def _opened(self) -> apsw.Connection:
        """Open the database; what stops a start is here a failure that may pass."""
        try:
            return self._connect()
        except Misconfigured as error:
            raise Unavailable(*error.problems) from None
