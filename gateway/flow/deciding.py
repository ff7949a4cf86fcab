"""One message in the transaction: what is decided, rendered and answered.

``MessageWork.decide`` runs on the store's writer, over the state read in the
transaction that will write; everything it needs was gathered before.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.core.decide import Circumstances, Decision, decide
from gateway.core.decide.book import Destination
from gateway.core.decide.orders import key_of
from gateway.core.effects import (
    Alarm,
    Effects,
    Keys,
    OrderKey,
    OrderState,
    View,
    WaitingMessage,
)
from gateway.core.envelope import Envelope
from gateway.core.errors import Problem, Unmappable
from gateway.core.order import OrderContent
from gateway.core.verdict import Answer, AnswerKind, MessageState, Verdict
from gateway.flow.outgoing import Outgoing
from gateway.flow.understand import (
    STRANGER,
    Understood,
    understand,
    understand_report,
)
from gateway.mapping.catalog import Catalog
from gateway.mapping.places import Format
from gateway.mapping.site import Site
from gateway.ports import Reader
from gateway.routing import route

FAILED = Verdict(MessageState.HELD, (Problem("message.failed", "", "hold"),))

BuildAnswer = Callable[[Verdict], Answer]


@dataclass(frozen=True, slots=True)
class Rules:
    """What deciding needs of the configuration, one consistent set.

    ``secret`` returns fresh random bytes; salts of ledger events come from it.
    """

    catalog: Catalog
    formats: Mapping[str, Format]
    reader: Reader
    outgoing: Outgoing
    secret: Callable[[], bytes]

    def destination(self, site: Site | None, content: OrderContent) -> Destination:
        """Say where an order of ``site`` goes."""
        if site is None or not site.routed:
            return Destination()
        facility = site.facilities.get(content.facility)
        country = facility.country if facility else ""
        found = route(content.product.code, country, self.catalog.routes)
        if found is None:
            return Destination(problem="product.not_routed")
        return Destination(found.manufacturer, found.version)

    def circumstances(
        self,
        origin: str,
        now: datetime,
        speaker: str,
        mapping: str,
        released: frozenset[str] = frozenset(),
    ) -> Circumstances:
        """Gather what deciding a message of ``speaker`` depends on."""
        site = self.catalog.sites.get(speaker)
        return Circumstances(
            origin=origin,
            now=now,
            site=speaker,
            mapping=mapping,
            secret=self.secret(),
            route=lambda content: self.destination(site, content),
            released=released,
        )


@dataclass(slots=True)
class MessageWork:
    """One understood message on its way into the store (``ports.Work``)."""

    envelope: Envelope
    keys: Keys
    understood: Understood
    rules: Rules
    now: datetime
    answer: BuildAnswer
    remark: str = ""
    released: frozenset[str] = frozenset()

    def decide(self, view: View) -> Effects:
        """Say what follows from the message, given the present state."""
        try:
            return self._follows(view)
        except Unmappable as error:
            return self._ended(Verdict(MessageState.HELD, error.problems))

    def _follows(self, view: View) -> Effects:
        verdict = self._verdict_before_deciding(view)
        if verdict is not None:
            return self._ended(verdict)
        decision = self._decide(
            self.understood, view, self.envelope.message_id, self.envelope.site
        )
        notes = self._notes(view)
        verdict = self._remarked(decision.verdict, notes)
        return self._effects(verdict, decision, view)

    def failed(self) -> Effects:
        """Say what is stored if deciding failed: the message, held."""
        return self._ended(FAILED)

    def _verdict_before_deciding(self, view: View) -> Verdict | None:
        verdict = self.understood.verdict
        if verdict is not None and not verdict.accepted:
            return verdict
        code = "message.control_id_reused"
        if view.collision and code not in self.released:
            reused = Problem(code, "MSH-10", "hold")
            return Verdict(MessageState.HELD, (reused,), text=self.remark)
        return None if self._overruled(verdict) else verdict

    def _overruled(self, verdict: Verdict | None) -> bool:
        """Whether a person has let everything go that the message is held for."""
        return (
            verdict is not None
            and bool(self.understood.commands)
            and all(problem.code in self.released for problem in verdict.problems)
        )

    def _ended(self, verdict: Verdict) -> Effects:
        alarms = [
            Alarm(problem.code, self.envelope.site or self.envelope.endpoint)
            for problem in verdict.problems
            if verdict.state is MessageState.HELD
        ]
        return self._answered(verdict, alarms=alarms)

    def _answered(
        self, verdict: Verdict, *, alarms: list[Alarm], decision: Decision | None = None
    ) -> Effects:
        answer = self.answer(verdict)
        if answer.kind is AnswerKind.NONE and not verdict.accepted:
            alarms.append(Alarm("answer.suppressed", self.envelope.site))
        if decision is None:
            return Effects(verdict, answer, alarms=tuple(alarms))
        deliveries = self.rules.outgoing.freeze(
            decision.tellings, origin=self.envelope.message_id, now=self.now
        )
        return Effects(
            verdict,
            answer,
            decision.orders,
            decision.events,
            deliveries,
            tuple(alarms),
            decision.wait_for,
        )

    def _decide(
        self, understood: Understood, view: View, origin: str, speaker: str
    ) -> Decision:
        circumstances = self.rules.circumstances(
            origin, self.now, speaker, understood.mapping, self.released
        )
        return decide(understood.commands, view, circumstances)

    def _notes(self, view: View) -> tuple[Problem, ...]:
        notes = self.understood.notes
        if view.reused:
            notes = (*notes, Problem("message.control_id_reused", "MSH-10", "note"))
        return notes

    def _remarked(self, verdict: Verdict, notes: tuple[Problem, ...]) -> Verdict:
        if not verdict.accepted or not (notes or self.remark):
            return verdict
        return replace(verdict, problems=(*verdict.problems, *notes), text=self.remark)

    def _effects(self, verdict: Verdict, decision: Decision, view: View) -> Effects:
        effects = self._answered(
            verdict, alarms=list(decision.alarms), decision=decision
        )
        placed = any(event.n == 1 for event in decision.events)
        if placed and view.waiting:
            return self._wake(effects, view.waiting)
        return effects

    def _wake(self, effects: Effects, waiting: Sequence[WaitingMessage]) -> Effects:
        """Decide the messages that waited for the order just placed, oldest first."""
        for message in sorted(waiting, key=lambda m: m.message_id):
            understood = understand_kept(self.rules, message)
            if understood.verdict is not None:
                woken = ((message.message_id, understood.verdict),)
                effects = replace(effects, woken=(*effects.woken, *woken))
                continue
            view = View(orders=_by_key(effects.orders))
            decision = self._decide(understood, view, message.message_id, message.site)
            effects = self._joined(effects, message.message_id, decision)
        return effects

    def _joined(self, effects: Effects, message_id: str, decision: Decision) -> Effects:
        deliveries = self.rules.outgoing.freeze(
            decision.tellings, origin=message_id, now=self.now
        )
        orders = {
            state.order.id: state for state in (*effects.orders, *decision.orders)
        }
        return replace(
            effects,
            orders=tuple(orders.values()),
            events=(*effects.events, *decision.events),
            deliveries=(*effects.deliveries, *deliveries),
            alarms=(*effects.alarms, *decision.alarms),
            woken=(*effects.woken, (message_id, decision.verdict)),
        )


def _by_key(orders: tuple[OrderState, ...]) -> dict[OrderKey, OrderState]:
    return {key_of(s.order.site, s.order.placer_number): s for s in orders}


def understand_kept(rules: Rules, message: WaitingMessage) -> Understood:
    """Understand a stored message again, as its endpoint would have."""
    portal = rules.catalog.portals.get(message.endpoint.removeprefix("webhook:"))
    if message.endpoint.startswith("webhook:") and portal is not None:
        return understand_report(portal, message.body)
    header, unusable = rules.reader.peek(message.body)
    site = rules.catalog.sites.get(message.site)
    if unusable is not None or site is None:
        return Understood(verdict=unusable or STRANGER)
    return understand(rules.reader, header, message.body, site)
