"""What one message writes, collected while its commands are decided."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from gateway.core import ledger
from gateway.core.effects import (
    Alarm,
    LedgerEntry,
    NumberKey,
    OrderKey,
    OrderState,
    View,
    numbers_of,
    waits_for,
)
from gateway.core.errors import Problem
from gateway.core.identity import may_be_one
from gateway.core.lifecycle import CLOSED_FOR_IDENTITY
from gateway.core.order import (
    OrderContent,
    Patient,
    Status,
    TherapyOrder,
    order_json,
    standing_json,
)
from gateway.core.verdict import MessageState, Refusal, Verdict

Operation = Literal["submit", "change", "cancel", "status"]


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an order of this content would go; ``problem`` if it cannot now.

    ``refusal`` says whether the sender can mend that.
    """

    manufacturer: str = ""
    version: str = ""
    problem: str = ""
    refusal: Refusal = Refusal.CONTENT


@dataclass(frozen=True, slots=True)
class Circumstances:
    """All that deciding depends on besides the commands and the state.

    Attributes:
        origin: The message id (or the id of an attempt or action).
        now: When we decide, UTC.
        site: The site or manufacturer that speaks.
        mapping: Version of the mapping that read the message.
        secret: Random bytes, the source of this message's salts.
        route: Where an order of a given content goes.
        released: Problem codes a person has overruled with a reason.
        received_at: When the message was received, UTC; ``None`` if just now.
    """

    origin: str
    now: datetime
    site: str
    mapping: str
    secret: bytes = field(repr=False)
    route: Callable[[OrderContent], Destination]
    released: frozenset[str] = frozenset()
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that now holds, as a status message to the site sees it.

    Attributes:
        kind: The ledger event's kind.
        status: The status it speaks of.
        reported: Whether it is a non-owner's word.
        code: A problem or refusal code, ``""`` if none.
    """

    kind: str
    status: Status
    occurred_at: datetime
    reported: bool = False
    code: str = ""
    reason: str | None = field(default=None, repr=False)
    scheduled_for: Any = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Telling:
    """Something another party must hear, before it is rendered and frozen."""

    audience: Literal["manufacturer", "site"]
    operation: Operation
    order: TherapyOrder = field(repr=False)
    event: Event


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from one message, before rendering."""

    verdict: Verdict
    orders: tuple[OrderState, ...] = ()
    events: tuple[LedgerEntry, ...] = ()
    tellings: tuple[Telling, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    wait_for: tuple[str, ...] = field(default=(), repr=False)


class Stop(Exception):
    """The message stops here; nothing it asks happens.

    Attributes:
        in_doubt: Orders whose identity the message puts in doubt; each gets an
            identity hold although the message has no other effect.
        subject: The order that alarms are raised about.
        alarm: Whether somebody here must see it although the sender must act.
        refusal: What kind of refusal it is, if it is one.
    """

    def __init__(
        self,
        *problems: Problem,
        in_doubt: tuple[OrderState, ...] = (),
        subject: str = "",
        alarm: bool = False,
        refusal: Refusal = Refusal.CONTENT,
    ) -> None:
        """Stop for ``problems``."""
        super().__init__()
        self.problems = problems
        self.in_doubt = in_doubt
        self.subject = subject
        self.alarm = alarm
        self.refusal = refusal


class Book:
    """The state as seen by this message, and what it adds to it."""

    def __init__(self, view: View, circumstances: Circumstances) -> None:
        """Open a book over ``view``."""
        self.view = view
        self.at = circumstances
        self._touched: dict[str, OrderState] = {}
        self._events: list[LedgerEntry] = []
        self._tellings: list[Telling] = []
        self._alarms: list[Alarm] = []
        self._waits: list[str] = []
        self._new: dict[OrderKey, str] = {}

    # ------------------------------------------------------------ seeing

    def find(self, key: OrderKey) -> OrderState | None:
        """Return the order with this business key, as it stands now."""
        if key in self._new:
            return self._touched[self._new[key]]
        stored = self.view.orders.get(key)
        return self.current(stored) if stored else None

    def find_id(self, order_id: str) -> OrderState | None:
        """Return the order with this id, as it stands now."""
        return self._touched.get(order_id) or self.view.by_id.get(order_id)

    def current(self, state: OrderState) -> OrderState:
        """Return ``state`` with what this message has done to it."""
        return self._touched.get(state.order.id, state)

    def others_known_by(self, key: NumberKey, order_id: str) -> list[OrderState]:
        """Return the orders but ``order_id`` that are known by a number now."""
        known = {state.order.id: state for state in self.view.numbered}
        return [
            state
            for state in (known | self._touched).values()
            if state.order.id != order_id and key in numbers_of(state.order)
        ]

    def open_orders_of(self, patient: Patient) -> list[TherapyOrder]:
        """Return a patient's orders that cells may still be made for.

        Under any record number: a merge leaves a patient with several.
        """
        known = {state.order.id: state for state in self.view.patients}
        return [
            state.order
            for state in (known | self._touched).values()
            if state.order.status not in CLOSED_FOR_IDENTITY
            and may_be_one(state.order.patient, patient)
        ]

    @property
    def placed(self) -> int:
        """How many orders this message has placed so far."""
        return len(self._new)

    # ------------------------------------------------------------ writing

    def begin(
        self, key: OrderKey, order: TherapyOrder, digest: bytes, content: bytes
    ) -> OrderState:
        """Open the ledger of a new order; its first event is the whole order."""
        self._new[key] = order.id
        fresh = OrderState(order, 0, ledger.GENESIS, digest, content)
        whole = order_json(content, standing_json(order))
        return self.record(fresh, "order_placed", order, body=whole)

    def record(
        self,
        state: OrderState,
        kind: str,
        order: TherapyOrder,
        *,
        body: dict[str, Any] | bytes,
        asserted_by: str = "",
        occurred_at: datetime | None = None,
        digest: bytes | None = None,
        content: bytes = b"",
    ) -> OrderState:
        """Append one event; ``order`` is how the order stands after it.

        Args:
            digest: Of the content, if the event changes it; then ``content`` has
                it as JSON.
        """
        at = self.at
        event = ledger.entry(
            order_id=order.id,
            n=state.length + 1,
            previous=state.head,
            kind=kind,
            asserted_by=asserted_by or at.site,
            occurred_at=occurred_at,
            recorded_at=at.now,
            origin=at.origin,
            mapping=at.mapping,
            body=body,
            salt=ledger.salt_for(at.secret, len(self._events)),
        )
        self._events.append(event)
        digest = state.content_digest if digest is None else digest
        content = content or state.content
        after = OrderState(order, event.n, event.hash, digest, content)
        self._touched[order.id] = after
        return after

    def tell(
        self,
        audience: Literal["manufacturer", "site"],
        operation: Operation,
        order: TherapyOrder,
        event: Event,
    ) -> None:
        """Let another party hear of ``event``."""
        self._tellings.append(Telling(audience, operation, order, event))

    def alarm(self, code: str, subject: str) -> None:
        """Raise an alarm about ``subject``."""
        self._alarms.append(Alarm(code, subject))

    def wait(self, key: OrderKey) -> None:
        """Keep the message until the order ``key`` comes."""
        self._waits.append(waits_for(key))

    def hold_identity(self, state: OrderState, code: str, where: str = "") -> None:
        """Put an identity hold on an order, once, and tell the site (OH)."""
        order = state.order
        self.alarm(code, order.id)
        if "hold.identity" in order.flags:
            return
        held = order.model_copy(update={"flags": (*order.flags, "hold.identity")})
        self.record(state, "identity_held", held, body={"code": code, "where": where})
        event = Event("identity_held", order.status, self.at.now, code=code)
        self.tell("site", "status", held, event)

    # ------------------------------------------------------------ closing

    def stopped(self, stop: Stop) -> Decision:
        """Close a fresh book on a message that must stop.

        Orders are held as they are stored: what the message did to them before
        it stopped is discarded, and orders it placed do not exist.
        """
        stored = self._stored()
        for order_id in dict.fromkeys(state.order.id for state in stop.in_doubt):
            if order_id in stored:
                first = stop.problems[0]
                self.hold_identity(stored[order_id], first.code, first.where)
        rejected = any(p.consequence == "reject" for p in stop.problems)
        if stop.alarm or not rejected:
            subject = stop.subject if stop.subject in stored else self.at.site
            for problem in stop.problems:
                self.alarm(problem.code, subject)
        if rejected:
            verdict = Verdict(MessageState.REJECTED, stop.problems, stop.refusal)
        else:
            verdict = Verdict(MessageState.HELD, stop.problems)
        return self._decision(verdict)

    def _stored(self) -> dict[str, OrderState]:
        view = self.view
        seen = (*view.orders.values(), *view.by_id.values(), *view.numbered)
        return {state.order.id: state for state in (*seen, *view.patients)}

    def waiting(self) -> Decision:
        """Close the book on a message that waits: nothing it asks happens yet.

        A new order in it waits, too, and nobody would look for that.
        """
        waits = tuple(dict.fromkeys(self._waits))
        alarm = Alarm("message.new_order_waits", self.at.origin)
        alarms = (alarm,) if self._new else ()
        return Decision(Verdict(MessageState.WAITING), alarms=alarms, wait_for=waits)

    def closed(self, state: MessageState) -> Decision:
        """Close the book on a message that did what it asked."""
        return self._decision(Verdict(state))

    def _decision(self, verdict: Verdict) -> Decision:
        return Decision(
            verdict,
            tuple(self._touched.values()),
            tuple(self._events),
            tuple(self._tellings),
            tuple(dict.fromkeys(self._alarms)),
        )
