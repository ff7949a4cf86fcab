"""One message in the transaction: what is decided, rendered and answered.

``MessageWork.decide`` runs on the store's writer, over the state read in the
transaction that will write; everything it needs was gathered before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.core.commands import Command, ReportStatus
from gateway.core.decide import Decision, decide
from gateway.core.decide.status import proves_submission
from gateway.core.effects import Alarm, Effects, Keys, View
from gateway.core.envelope import Envelope
from gateway.core.errors import Problem, Unmappable
from gateway.core.verdict import Answer, AnswerKind, MessageState, Verdict
from gateway.flow.rules import Rules
from gateway.flow.understand import FAILED, Understood
from gateway.flow.waking import wake
from gateway.mapping.profile import Portal

BuildAnswer = Callable[[Verdict], Answer]


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
        decision = self._decide(view)
        verdict = self._remarked(decision.verdict, self._notes(view))
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
        frozen = self.rules.outgoing.freeze(
            decision.tellings, origin=self.envelope.message_id, now=self.now
        )
        return Effects(
            verdict,
            answer,
            decision.orders,
            decision.events,
            frozen.deliveries,
            (*alarms, *frozen.alarms),
            decision.wait_for,
        )

    def _decide(self, view: View) -> Decision:
        circumstances = self.rules.circumstances(
            self.envelope.message_id,
            self.now,
            self.envelope.site,
            self.understood.mapping,
            self.released,
            self.envelope.received_at,
        )
        return decide(self.understood.commands, view, circumstances)

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
        portal = self.rules.catalog.portals.get(self.envelope.site)
        if portal is not None and verdict.accepted:
            arrived = _arrived(self.understood.commands, view, portal)
            return replace(effects, settled=arrived)
        placed = any(event.n == 1 for event in decision.events)
        if placed and view.waiting:
            return wake(effects, view, self.rules, self.now)
        return effects


def _arrived(
    commands: Sequence[Command], view: View, portal: Portal
) -> tuple[str, ...]:
    """Name the submissions a manufacturer's reports prove to have arrived."""
    reports = (c for c in commands if isinstance(c, ReportStatus))
    of = {r.order_id: r for r in reports}
    return tuple(
        f"{order_id}@{portal.destination}:submit"
        for order_id, report in of.items()
        if proves_submission(report, view.by_id[order_id].order)
    )
