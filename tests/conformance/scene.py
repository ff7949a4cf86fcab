"""A stage with what its tests ask of it, and the one place where they wait.

What the gateway does next it does by itself, and no party outside is told when it
has come to rest. So ``looked`` looks again every few milliseconds, for a
bounded time; nothing else in these tests waits by the clock.
"""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import apsw
import orjson

from conformance.demo.hurry import hurried
from conformance.demo.stage import WEBHOOK_SECRET, Hospital, Stage
from conformance.simulators.ehr_answers import Ack
from conformance.simulators.messages import Person, synthetic
from conformance.simulators.portal_webhooks import Sent, WebhookSender
from conformance.simulators.rheintal import Rheintal
from conformance.simulators.st_elm import StElm
from gateway.app.gateway import Gateway
from gateway.store.sqlite.queries import Queries

LOOK_AGAIN = 0.005
"""Seconds between two looks."""
LONG_ENOUGH = 10.0
"""Seconds after which what was expected is taken not to happen."""
ENDED = frozenset({"delivered", "rejected", "held", "dead", "superseded"})

T = TypeVar("T")
Row = dict[str, Any]


def stopped() -> Callable[[], datetime]:
    """Return a clock that stands, so that what is written twice is the same."""
    now = datetime.now(UTC)
    return lambda: now


@dataclass(frozen=True, slots=True)
class Placed:
    """An order as the hospital knows it, and what it heard."""

    hospital: str
    number: str
    person: Person
    ack: Ack


@dataclass(slots=True)
class Scene:
    """One stage, two hospitals that write messages, and looks at all of it.

    Numbers and people are handed out once, so that tests can share a scene.
    """

    stage: Stage
    st_elm: StElm = field(default_factory=lambda: StElm(now=stopped()))
    rheintal: Rheintal = field(default_factory=lambda: Rheintal(now=stopped()))
    _count: Any = field(default_factory=lambda: itertools.count(1))

    # ------------------------------------------------------------ acting

    @property
    def gateway(self) -> Gateway:
        """The running gateway."""
        return self.stage.server.gateway

    @property
    def queries(self) -> Queries:
        """The gateway's store, to look at."""
        return self.gateway.store.queries

    def number(self) -> str:
        """Return a placer number nobody has used."""
        return f"T{next(self._count):05d}"

    def person(self) -> Person:
        """Return somebody nobody has ordered for."""
        return synthetic(next(self._count))

    def writer(self, hospital: str) -> StElm | Rheintal:
        """Return what writes the messages of ``hospital``."""
        return self.st_elm if hospital == "st_elm" else self.rheintal

    def hospital(self, name: str) -> Hospital:
        """Return one EHR's two ends."""
        return self.stage.hospitals[name]

    async def send(self, hospital: str, message: bytes) -> Ack:
        """Send ``message`` as ``hospital`` does."""
        return await self.hospital(hospital).sender.send(message)

    async def place(
        self, hospital: str = "st_elm", *, person: Person | None = None
    ) -> Placed:
        """Order for somebody new."""
        number, patient = self.number(), person or self.person()
        order = self.writer(hospital).new_order(number, patient)
        return Placed(hospital, number, patient, await self.send(hospital, order))

    async def settled(
        self, hospital: str = "st_elm", *, person: Person | None = None
    ) -> tuple[Placed, Row]:
        """Order for somebody new and wait until nothing of it is on its way."""
        placed = await self.place(hospital, person=person)
        return placed, await self.rests(placed.number)

    async def webhook(
        self,
        order_id: str,
        step: str,
        *,
        secret: str = WEBHOOK_SECRET,
        manufacturer: str = "helix",
        webhook_id: str = "",
        body: bytes = b"",
        **data: str,
    ) -> int:
        """Report once, as a portal would; return the HTTP status that answers it.

        ``body`` stands for an event that is none.

        The simulated portal reports only of orders it has answered, and what it
        reports it repeats.
        """
        about = {"clientReference": order_id, **data}
        now = datetime.now(UTC)
        event = {"type": step, "occurredAt": now.isoformat(), "data": about}
        port = self.stage.server.http_port
        url = f"http://127.0.0.1:{port}/webhooks/{manufacturer}"
        webhook_id = webhook_id or f"msg_{next(self._count):06d}"
        sender = WebhookSender(url, secret, lambda: now)
        sent = Sent(webhook_id, step, body or orjson.dumps(event))
        await sender.repeat(sent)
        await sender.close()
        return sent.statuses[0]

    async def restart(self) -> None:
        """Stop the gateway as an operator does, and start it again."""
        for hospital in self.stage.hospitals.values():
            await hospital.sender.close()
        await self.stage.stop_gateway()
        await self.stage.start_gateway()
        await self.stage.reconnect()

    # ------------------------------------------------------------ looking

    async def sees(self, look: Callable[[], Awaitable[T]]) -> T:
        """Return what ``look`` returns once that is true."""
        return await looked(look)

    async def rows(self, kind: str, **filters: object) -> list[Row]:
        """Return a listing, newest first."""
        return await self.gateway.looks.rows(kind, limit=1000, **filters)

    async def order(self, number: str) -> Row:
        """Return the order with this placer number."""
        (found,) = await self.rows("orders", placer_number=number)
        return found

    async def orders(self, number: str) -> list[Row]:
        """Return the orders with this placer number: one, or none."""
        return await self.rows("orders", placer_number=number)

    async def ledger(self, number: str) -> list[str]:
        """Return the kinds of an order's events."""
        shown = self.queries.order((await self.order(number))["id"])
        assert shown is not None
        return [event["kind"] for event in shown["ledger"]]

    async def deliveries(self, number: str, destination: str = "") -> list[Row]:
        """Return what is sent about an order, oldest first."""
        order = await self.order(number)
        found = await self.rows(
            "deliveries", order_id=order["id"], destination=destination
        )
        return found[::-1]

    def sql(self, statement: str, *values: str | bytes | int) -> list[tuple[Any, ...]]:
        """Run SQL on the gateway's database, as only a test or an intruder does."""
        path = self.gateway.settings.data / "baton.db"
        with closing(apsw.Connection(str(path))) as db:
            db.set_busy_timeout(5000)
            return db.execute(statement, values).fetchall()

    async def rests(self, number: str) -> Row:
        """Return an order once nothing about it is on its way."""

        async def at_rest() -> bool:
            found = await self.deliveries(number) if await self.orders(number) else []
            return bool(found) and all(row["state"] in ENDED for row in found)

        await self.sees(at_rest)
        return await self.order(number)

    async def silent(self, hospital: str) -> None:
        """Return once no order of ``hospital`` has anything on its way."""

        async def at_rest() -> bool:
            orders = await self.rows("orders", site=hospital)
            of_it = {order["id"] for order in orders}
            found = await self.rows("deliveries")
            return all(d["state"] in ENDED for d in found if d["order_id"] in of_it)

        await self.sees(at_rest)

    async def shows(self, number: str, *, flag: str = "", **facts: object) -> Row:
        """Return an order once it shows these facts; ``flag`` is one of its flags."""

        async def showing() -> Row | None:
            for row in await self.orders(number):
                same = all(row[name] == value for name, value in facts.items())
                if same and (not flag or flag in row["flags"]):
                    return row
            return None

        found = await self.sees(showing)
        assert found is not None
        return found

    async def message(self, ack: Ack) -> Row:
        """Return the message that ``ack`` answers: the newest with its control id."""
        control_id = ack.control_id.decode("latin-1")
        return (await self.rows("messages", control_id=control_id))[0]

    async def message_by_id(self, message_id: str) -> Row:
        """Return one message."""
        found = await self.gateway.looks.row("messages", message_id)
        assert found is not None
        return found

    async def told(self, hospital: str, *parts: bytes) -> bytes:
        """Return the first status a hospital heard that has all of ``parts``."""

        async def heard() -> bytes:
            received = self.hospital(hospital).receiver.received
            whole = (m for m in received if all(part in m for part in parts))
            return next(whole, b"")

        return await self.sees(heard)

    async def done(self, number: str) -> list[str]:
        """Return what the portal did about an order."""
        return self.stage.portal.book.effects_of((await self.order(number))["id"])

    async def requests(self, number: str) -> list[str]:
        """Return what the portal was asked about an order, repeats included."""
        order_id = (await self.order(number))["id"]
        seen = self.stage.portal.requests
        return [r.operation for r in seen if r.client_reference == order_id]

    async def alarm(self, code: str, subject: str = "") -> Row:
        """Return an open alarm once it is there."""

        async def raised() -> Row | None:
            for row in await self.rows("alarms", state="open"):
                if row["code"] == code and subject in ("", row["subject"]):
                    return row
            return None

        found = await self.sees(raised)
        assert found is not None
        return found


async def looked(look: Callable[[], Awaitable[T]]) -> T:
    """Return what ``look`` returns once that is true; look until then.

    Raises:
        AssertionError: It never was; with what was seen last.
    """
    found = await look()
    try:
        async with asyncio.timeout(LONG_ENOUGH):
            while not found:
                await asyncio.sleep(LOOK_AGAIN)
                found = await look()
    except TimeoutError:
        raise AssertionError(f"not seen in time, but {found!r}") from None
    return found


@asynccontextmanager
async def staged(
    folder: Path,
    *,
    edit: Callable[[Path], None] | None = None,
    stage: type[Stage] = Stage,
    settings: Mapping[str, object] | None = None,
) -> AsyncIterator[Scene]:
    """Play on the sample mappings in a hurry, ``edit`` having changed the copy.

    When it is over the books must close (G2).
    """
    mappings = hurried(folder / "mappings")
    if edit is not None:
        edit(mappings)
    prepared = stage(folder / "data", mappings=mappings)
    prepared._settings = prepared._settings.model_copy(update=dict(settings or {}))
    async with prepared as playing:
        scene = Scene(playing)
        yield scene
        audit = await scene.gateway.store.audit()
    assert audit.clean, str(audit)


def heavier(person: Person) -> Person:
    """Return the same person, weighed again."""
    return replace(person, weight_kg="99.5")


def rewrite(path: Path, changes: Mapping[str, str]) -> None:
    """Edit a file of the mappings; every pattern must be found."""
    text = path.read_text(encoding="utf-8")
    for pattern, replacement in changes.items():
        text, found = re.subn(pattern, replacement, text)
        assert found, pattern
    path.write_text(text, encoding="utf-8")


def changed(message: bytes, old: bytes, new: bytes) -> bytes:
    """Return ``message`` with the first ``old`` replaced; it must be there."""
    assert old in message
    return message.replace(old, new, 1)
