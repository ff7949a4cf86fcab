"""From a due delivery to its next step: one dispatcher per destination.

claim → check identity and holds again → send → classify → next step → settle.
The schedule lives in the store: a dispatcher that dies loses nothing but its
lease, and whoever claims next is told that the outcome is unknown.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from gateway.core.agreements import Patience
from gateway.core.decide import Ending
from gateway.core.effects import Alarm, Sequel, Settlement
from gateway.core.errors import LeaseLost, OutcomeUnknown, Unavailable
from gateway.delivery.outcome import (
    BY_REPORT,
    Delivered,
    DestinationFault,
    Evidence,
    Guarded,
    NotTaken,
    Outcome,
    Rejected,
    Unknown,
    may_have_acted,
)
from gateway.delivery.policy import Done, GiveUp, Hold, NextStep, Refuse, next_step
from gateway.flow.concluding import (
    OF_ANOTHER,
    Grounds,
    Said,
    read_answer,
    sequel,
)
from gateway.flow.rules import Rules
from gateway.mapping.compiled import Compiled
from gateway.ports import Check, Claim, Clock, Notifier, Sender, Store

LOOK_EVERY = 1.0
"""Seconds between looks when nothing was heard; hints may be lost (G12)."""

NAMES = {
    Delivered: "delivered",
    Rejected: "rejected",
    NotTaken: "not_taken",
    Unknown: "unknown",
    DestinationFault: "fault",
    Guarded: "guarded",
}
FRESH = timedelta(milliseconds=50)
"""So long after a claim, what it found about the order need not be asked again."""
LAPSED = Unknown(Evidence("lease.lapsed"))
EXPIRED = Evidence("deadline.passed")
PROVEN = Evidence(BY_REPORT)
DRAIN_SECONDS = 10.0
"""How long a stopping dispatcher waits for its attempts."""


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
            failed: Told the kind of an error nobody expected. One that ended an
                attempt left it unreported; its lease lapses and the next claim
                treats it as unknown.
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
        self._ended = asyncio.Event()
        self._ended.set()

    async def run(self) -> None:
        """Send until ``stop``; a store that is down is asked again later."""
        self._ended.clear()
        try:
            while not self._stopping:
                idle = await self._turn()
                if idle:
                    await self._notifier.wait(self._target.destination, seconds=idle)
        finally:
            self._ended.set()

    async def stop(self, *, within: float = DRAIN_SECONDS) -> None:
        """Claim nothing more, finish what is on its way, and hang up.

        An attempt that is not over ``within`` these seconds is cut off unreported:
        its lease lapses, and the next claim treats it as unknown.
        """
        self._stopping = True
        self._notifier.notify(frozenset({self._target.destination}))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._ended.wait()  # a claim may be on its way to us
                if self._busy:
                    await asyncio.wait(self._busy)
        cut = tuple(self._busy)
        for attempt in cut:
            attempt.cancel()
        await asyncio.gather(*cut, return_exceptions=True)
        await self._target.sender.close()

    async def _turn(self) -> float:
        """Begin what is due; return for how many seconds nothing else will be."""
        try:
            return 0 if await self._take_due() else await self._patience()
        except (Unavailable, OutcomeUnknown):
            return LOOK_EVERY  # a lease nobody heard of lapses
        except Exception as error:  # noqa: BLE001 - what failed may work at the next look; a dispatcher that ended would send nothing until a restart
            self._failed(type(error).__name__)
            return LOOK_EVERY

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
        sequel = self._means(ended, claim, now)
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
            uncertain=ended.uncertain,
            decide=sequel.decide,
            keys=sequel.keys,
            alarms=(Alarm(OF_ANOTHER, claim.delivery_id),) * ended.said.of_another,
        )
        await self._settle(settlement, ended.step)
        seconds = (now - started).total_seconds()
        self._watch(claim, ended.name, ended.evidence.code, seconds)

    async def _end(self, claim: Claim) -> "_Ended":
        if claim.proven:
            return _Ended("proven", PROVEN, Done(BY_REPORT))
        if claim.guard:
            return _Ended("guarded", Evidence(claim.guard), Hold(claim.guard))
        if self._clock.now() > claim.deadline:
            # The receiver may have forgotten the key: a repeat could be a second one.
            certain = not (claim.uncertain or claim.lapsed)
            return _Ended("expired", EXPIRED, GiveUp(EXPIRED.code, certain))
        outcome = await self._send(claim)
        said = self._said(outcome, claim)
        if said.of_another:
            outcome = Unknown(replace(outcome.evidence, code=OF_ANOTHER))
        step, uncertain = self._next(outcome, claim), may_have_acted(outcome)
        return _Ended(NAMES[type(outcome)], outcome.evidence, step, uncertain, said)

    def _said(self, outcome: Outcome, claim: Claim) -> Said:
        """Read what a manufacturer answered, if it took what we sent."""
        if not self._target.manufacturer or not isinstance(outcome, Delivered):
            return Said()
        body = outcome.evidence.body
        return read_answer(self._target.answer, claim.order_id, claim.operation, body)

    async def _send(self, claim: Claim) -> Outcome:
        if claim.lapsed and self._target.patience.repeats_safely == "no":
            return LAPSED
        return await self._target.sender.send(claim, self._check(claim))

    def _check(self, claim: Claim) -> Check:
        """Ask the ledger again if getting ready to send took its time (G10)."""
        claimed = self._clock.now()

        async def check() -> str:
            if timedelta() <= self._clock.now() - claimed < FRESH:
                return ""  # a clock that was set back tells nothing
            try:
                return await self._store.guard(claim.delivery_id, claim.lease)
            except Unavailable:
                return "store.unavailable"

        return check

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
        if isinstance(step, Refuse) and claim.uncertain and claim.operation == "submit":
            return Hold("delivery.outcome_unknown")  # it may have been taken before
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

    def _means(self, ended: "_Ended", claim: Claim, now: datetime) -> Sequel:
        """Say what an end at a manufacturer means for the order, if anything."""
        word = _concluded(ended)
        if not self._target.manufacturer or word is None:
            return Sequel()
        mapping = self._target.answer
        grounds = Grounds(
            self._rules(),
            self._mint(now),
            now,
            self._target.manufacturer,
            mapping.version if mapping else "",
        )
        given_up = isinstance(ended.step, GiveUp)
        ending = Ending(
            outcome=word,
            delivery_id=claim.delivery_id,
            order_id=claim.order_id,
            operation=claim.operation,
            code="delivery.retries_spent" if given_up else ended.evidence.code,
            reports=ended.said.reports,
            problems=ended.said.problems,
            asserted_by="baton" if given_up else "",
        )
        return sequel(ending, grounds)


@dataclass(frozen=True, slots=True)
class _Ended:
    name: str
    evidence: Evidence
    step: NextStep
    uncertain: bool = False
    said: Said = field(default_factory=Said)


def _concluded(ended: _Ended) -> Literal["delivered", "rejected"] | None:
    """Say how a delivery ended; what may still arrive, or have arrived, has not."""
    match ended.step:
        case Done():
            return "delivered"
        case Refuse() | GiveUp(certain=True):
            return "rejected"
        case _:
            return None
