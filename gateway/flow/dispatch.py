"""From a due delivery to its next step: one dispatcher per destination.

claim → check identity and holds again → send → classify → next step → settle.
The schedule lives in the store: a dispatcher that dies loses nothing but its
lease, and whoever claims next is told that the outcome is unknown.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

from gateway.core.agreements import Patience
from gateway.core.commands import ReportStatus
from gateway.core.decide import Decision, conclude
from gateway.core.effects import Alarm, Effects, Keys, Settlement, View
from gateway.core.errors import LeaseLost, OutcomeUnknown, Unavailable
from gateway.core.verdict import Answer, AnswerKind
from gateway.delivery.outcome import (
    Delivered,
    DestinationFault,
    Evidence,
    NotTaken,
    Outcome,
    Rejected,
    Unknown,
)
from gateway.delivery.policy import GiveUp, Hold, NextStep, RetryAt, next_step
from gateway.flow.rules import Rules
from gateway.mapping.compiled import Compiled
from gateway.ports import Claim, Clock, Notifier, Sender, Store

LOOK_EVERY = 1.0
"""Seconds between looks when nothing was heard; hints may be lost (G12)."""

NAMES = {
    Delivered: "delivered",
    Rejected: "rejected",
    NotTaken: "not_taken",
    Unknown: "unknown",
    DestinationFault: "fault",
}
LAPSED = Unknown(Evidence("lease.lapsed"))
NO_ANSWER = Answer(AnswerKind.NONE)


@dataclass(frozen=True, slots=True)
class Target:
    """One destination, ready to be sent to.

    Attributes:
        lease: Longer than all time limits of one attempt together, or a second
            worker would send what the first is still sending.
        manufacturer: Its name, ``""`` for an EHR.
        answer: How a portal's positive answer becomes commands.
    """

    destination: str
    sender: Sender
    patience: Patience
    concurrency: int
    lease: timedelta
    manufacturer: str = ""
    answer: Compiled | None = None


Watch = Callable[[Claim, str, str, float], None]
"""Told of every attempt: claim, outcome's name, code, seconds."""


class Dispatcher:
    """Sends what is due at one destination."""

    def __init__(
        self,
        target: Target,
        *,
        store: Store,
        clock: Clock,
        notifier: Notifier,
        rules: Callable[[], Rules],
        mint: Callable[[datetime], str],
        watch: Watch,
        failed: Callable[[str], None],
    ) -> None:
        """Serve ``target``.

        Args:
            mint: Names what a settlement causes.
            failed: Told the kind of error that ended an attempt unreported; its
                lease lapses and the next claim treats it as unknown.
        """
        self._target = target
        self._store = store
        self._clock = clock
        self._notifier = notifier
        self._rules = rules
        self._mint = mint
        self._watch = watch
        self._failed = failed
        self._busy: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def run(self) -> None:
        """Send until ``stop``; a store that is down is asked again later."""
        while not self._stopping:
            idle = await self._turn()
            if idle:
                await self._notifier.wait(self._target.destination, seconds=idle)

    async def stop(self) -> None:
        """Claim nothing more and finish what is on its way."""
        self._stopping = True
        self._notifier.notify(frozenset({self._target.destination}))
        if self._busy:
            await asyncio.wait(self._busy)
        await self._target.sender.close()

    async def _turn(self) -> float:
        """Begin what is due; return for how many seconds nothing else will be."""
        try:
            return 0 if await self._take_due() else await self._patience()
        except (Unavailable, OutcomeUnknown):
            return LOOK_EVERY  # a lease nobody heard of lapses

    async def _take_due(self) -> int:
        free = self._target.concurrency - len(self._busy)
        if free <= 0:
            return 0
        target, now = self._target, self._clock.now()
        claims = await self._store.claim(
            target.destination, now=now, until=now + target.lease, limit=free
        )
        for claim in claims:
            task = asyncio.create_task(self._attempt(claim))
            self._busy.add(task)
            task.add_done_callback(self._finished)
        return len(claims)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._busy.discard(task)
        self._notifier.notify(frozenset({self._target.destination}))
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(type(error).__name__)

    async def _patience(self) -> float:
        if len(self._busy) >= self._target.concurrency:
            return LOOK_EVERY
        due = await self._store.next_due(self._target.destination)
        if due is None:
            return LOOK_EVERY
        wait = (due - self._clock.now()).total_seconds()
        return min(max(wait, 0.001), LOOK_EVERY)

    async def _attempt(self, claim: Claim) -> None:
        started = self._clock.now()
        ended = await self._end(claim)
        now = self._clock.now()
        decide, keys = self._consequences(ended.outcome, claim, now)
        settlement = Settlement(
            delivery_id=claim.delivery_id,
            order_id=claim.order_id,
            destination=claim.destination,
            lease=claim.lease,
            attempt=claim.attempt,
            started_at=started,
            reported_at=now,
            outcome=ended.name,
            code=ended.evidence.code,
            status=ended.evidence.status,
            body=ended.evidence.body,
            decide=decide,
            keys=keys,
            alarms=_alarms(ended.step, claim),
        )
        await self._settle(settlement, ended.step)
        seconds = (now - started).total_seconds()
        self._watch(claim, ended.name, ended.evidence.code, seconds)

    async def _end(self, claim: Claim) -> "_Ended":
        if claim.guard:
            return _Ended("guarded", Evidence(claim.guard), Hold(claim.guard))
        outcome = await self._send(claim)
        step = self._next(outcome, claim)
        return _Ended(NAMES[type(outcome)], outcome.evidence, step, outcome)

    async def _send(self, claim: Claim) -> Outcome:
        if claim.lapsed and self._target.patience.repeats_safely == "no":
            return LAPSED
        return await self._target.sender.send(claim)

    def _next(self, outcome: Outcome, claim: Claim) -> NextStep:
        step = next_step(
            outcome,
            attempt=claim.attempt,
            now=self._clock.now(),
            deadline=claim.deadline,
            patience=self._target.patience,
            jitter=random.random(),  # noqa: S311 - spreads load, hides nothing
        )
        if isinstance(step, GiveUp) and claim.uncertain:
            return GiveUp(step.code, certain=False)
        return step

    async def _settle(self, settlement: Settlement, step: NextStep) -> None:
        """Report an attempt; while the store is down, again and again.

        What nobody could report is not known to have been sent: where repeats are
        not safe, a person would have to ask the receiver.
        """
        while True:
            try:
                woken = await self._store.settle(settlement, step)
            except (LeaseLost, OutcomeUnknown):
                return  # the next claim treats the attempt as unknown
            except Unavailable:
                if self._stopping:
                    return
                await asyncio.sleep(LOOK_EVERY)
            else:
                self._notifier.notify(woken)
                return

    def _consequences(
        self, outcome: Outcome | None, claim: Claim, now: datetime
    ) -> tuple[Callable[[View], Effects] | None, Keys]:
        """Say what an outcome at a manufacturer means for the order, if anything."""
        if not self._target.manufacturer or not isinstance(
            outcome, Delivered | Rejected
        ):
            return None, Keys()
        reports = self._reports(outcome, claim)
        cois = tuple((r.coi.issuer, r.coi.value) for r in reports if r.coi)
        origin = self._mint(now)
        rules = self._rules()
        circumstances = rules.circumstances(
            origin, now, self._target.manufacturer, _version(self._target.answer)
        )

        def decide(view: View) -> Effects:
            decision = conclude(
                "delivered" if isinstance(outcome, Delivered) else "rejected",
                claim.operation,
                claim.order_id,
                outcome.evidence.code,
                reports,
                view,
                circumstances,
            )
            return _effects(decision, rules, origin, now)

        return decide, Keys(order_ids=(claim.order_id,), cois=cois)

    def _reports(self, outcome: Outcome, claim: Claim) -> Sequence[ReportStatus]:
        """Map a positive answer, beside what it answers."""
        mapping = self._target.answer
        if mapping is None or not isinstance(outcome, Delivered):
            return ()
        try:
            answer = orjson.loads(outcome.evidence.body)
        except orjson.JSONDecodeError:
            return ()
        commands, problems = mapping.run(
            {
                "order_id": claim.order_id,
                "operation": claim.operation,
                "answer": answer,
            }
        )
        return () if problems else commands


@dataclass(frozen=True, slots=True)
class _Ended:
    name: str
    evidence: Evidence
    step: NextStep
    outcome: Outcome | None = None


def _version(mapping: Compiled | None) -> str:
    return mapping.version if mapping else ""


def _effects(decision: Decision, rules: Rules, origin: str, now: datetime) -> Effects:
    return Effects(
        decision.verdict,
        NO_ANSWER,
        decision.orders,
        decision.events,
        rules.outgoing.freeze(decision.tellings, origin=origin, now=now),
        decision.alarms,
    )


def _alarms(step: NextStep, claim: Claim) -> tuple[Alarm, ...]:
    match step:
        case Hold(code):
            return (Alarm(code, claim.delivery_id),)
        case GiveUp():
            return (Alarm("delivery.retries_spent", claim.delivery_id),)
        case RetryAt(pause=True):
            return (Alarm("destination.fault", claim.destination),)
        case _:
            return ()
