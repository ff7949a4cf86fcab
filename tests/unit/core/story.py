"""A sequence of messages, each decided over what the ones before it left.

Not a store: it folds decisions, and after every step checks what must hold after
any step whatever. Ledgers verify and end where the order says; an order reads
back from JSON as it was written; no two open orders share a chain of identity.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

from gateway.core.commands import (
    Command,
    CorrectIdentity,
    PatientFacts,
    PlaceOrder,
    ReportStatus,
    UpdatePatient,
)
from gateway.core.decide import Circumstances, Decision, Ending, conclude, decide
from gateway.core.decide.again import send_again
from gateway.core.decide.book import Destination
from gateway.core.decide.orders import key_of
from gateway.core.effects import LedgerEntry, OrderState, View
from gateway.core.identity import record_numbers
from gateway.core.ids import encode
from gateway.core.ledger import verify_chain
from gateway.core.lifecycle import CLOSED_FOR_IDENTITY
from gateway.core.order import Identifier, Status, TherapyOrder
from gateway.core.verdict import MessageState
from tests.unit.core import builders
from tests.unit.core.builders import MAKER, NOON, SITE, TO_MAKER, again


class Story:
    """What has happened so far."""

    def __init__(self, destination: Destination = TO_MAKER) -> None:
        self.now: datetime = NOON
        self.destination = destination
        self.orders: dict[str, OrderState] = {}
        self.ledgers: dict[str, list[LedgerEntry]] = defaultdict(list)
        self._told = 0

    def order(self, placer: str = "A-1") -> TherapyOrder:
        """Return an order as it stands."""
        [found] = [
            state.order
            for state in self.orders.values()
            if state.order.placer_number.value == placer
        ]
        return found

    def placed(
        self, placer: str = "A-1", *, status: Status = Status.READY, **said: object
    ) -> str:
        """Place an order, let it be reported up to ``status``, and return its id."""
        decision = self.hear(builders.place(placer, **said))
        [state] = decision.orders
        if status is not Status.READY:
            self.report(builders.report(state.order.id, status))
        return state.order.id

    def hear(
        self,
        *commands: Command,
        site: str = SITE,
        released: Iterable[str] = (),
        received_at: datetime | None = None,
    ) -> Decision:
        """Decide one message of the site."""
        view = self.view(_identifiers(commands))
        speaking = self._speaking(site, released, received_at)
        return self._keep(decide(commands, view, speaking))

    def report(self, *reports: ReportStatus, released: Iterable[str] = ()) -> Decision:
        """Decide one message of the manufacturer."""
        return self.hear(*reports, site=MAKER, released=released)

    def end_delivery(
        self,
        outcome: Literal["delivered", "rejected"],
        operation: str,
        order_id: str,
        *reports: ReportStatus,
        code: str = "http.422",
    ) -> Decision:
        """Decide what the end of a delivery to the manufacturer means."""
        where = self._speaking(MAKER, ())
        return self._keep(
            conclude(
                Ending(outcome, "d", order_id, operation, code, reports),
                self.view(),
                where,
            )
        )

    def send_again(self, operation: str, order_id: str) -> Decision:
        """Decide that a person has a delivery sent again that was given up."""
        where = self._speaking("baton", ())
        return self._keep(
            send_again(operation, order_id, "by hand", self.view(), where)
        )

    def view(self, identifiers: frozenset[Identifier] = frozenset()) -> View:
        """Return the state as a store would read it."""
        states = self.orders.values()
        open_ = [s for s in states if s.order.status not in CLOSED_FOR_IDENTITY]
        return View(
            orders={key_of(s.order.site, s.order.placer_number): s for s in states},
            by_id=self.orders,
            patients=[
                s
                for s in open_
                if identifiers & {s.order.patient.mrn, *s.order.patient.identifiers}
            ],
            numbered=[*states],
        )

    def kinds(self, order_id: str) -> list[str]:
        """List the kinds of an order's events, oldest first."""
        headers = (entry.header.decode() for entry in self.ledgers[order_id])
        return [header.split('"kind":"')[1].split('"')[0] for header in headers]

    def _speaking(
        self,
        site: str,
        released: Iterable[str],
        received_at: datetime | None = None,
    ) -> Circumstances:
        self._told += 1
        return builders.circumstances(
            origin=encode(1, self._told),
            now=self.now,
            site=site,
            secret=self._told.to_bytes(16, "big"),
            route=lambda _: self.destination,
            released=frozenset(released),
            received_at=received_at,
        )

    def _keep(self, decision: Decision) -> Decision:
        for entry in decision.events:
            self.ledgers[entry.order_id].append(entry)
        for state in decision.orders:
            ledger = self.ledgers[state.order.id]
            assert verify_chain(ledger) is None
            assert (state.length, state.head) == (len(ledger), ledger[-1].hash)
            stored = again(state.order)
            assert stored == state.order
            self.orders[stored.id] = OrderState(
                stored, state.length, state.head, state.content_digest
            )
        self._check(decision)
        return decision

    def _check(self, decision: Decision) -> None:
        bound = Counter(
            (coi.issuer, coi.value)
            for state in self.orders.values()
            if (coi := state.order.coi)
            and state.order.status not in CLOSED_FOR_IDENTITY
        )
        assert max(bound.values(), default=0) <= 1
        if decision.verdict.state is MessageState.WAITING:
            assert not decision.events
        if decision.verdict.state is MessageState.NO_EFFECT:
            assert not decision.events
            assert not decision.tellings


def _identifiers(commands: Sequence[Command]) -> frozenset[Identifier]:
    patients: list[PatientFacts] = []
    prior: list[Identifier] = []
    for command in commands:
        if isinstance(command, UpdatePatient):
            patients.append(command.patient)
        elif isinstance(command, CorrectIdentity):
            patients.extend(command.patients)
            prior.extend(command.prior)
        elif isinstance(command, PlaceOrder):
            prior.extend(record_numbers(command.order.patient))
    return frozenset([*prior, *(i for p in patients for i in p.identifiers)])
