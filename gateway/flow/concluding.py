"""What the end of a delivery to a manufacturer means for its order, as effects."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import orjson

from gateway.core.commands import ReportStatus
from gateway.core.decide import Circumstances, Decision, Ending, conclude
from gateway.core.effects import Alarm, Effects, Sequel, View
from gateway.core.errors import Problem, Unmappable
from gateway.core.verdict import Answer, AnswerKind, MessageState
from gateway.flow.outgoing import Frozen
from gateway.flow.rules import Rules
from gateway.flow.understand import keys_for
from gateway.mapping.compiled import Compiled

NO_ANSWER = Answer(AnswerKind.NONE)
OF_ANOTHER = "order.reference_mismatch"
"""Code of an answer that names another order than it answers."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """Under what an end of a delivery is concluded.

    Attributes:
        origin: Names what it causes.
        speaker: Who ended it: a manufacturer, or ``baton``.
        mapping: Version of the mapping that read the answer, ``""`` if none.
    """

    rules: Rules
    origin: str
    now: datetime
    speaker: str
    mapping: str = ""

    def circumstances(self) -> Circumstances:
        """Gather what deciding depends on."""
        return self.rules.circumstances(
            self.origin, self.now, self.speaker, self.mapping
        )


def sequel(ending: Ending, grounds: Grounds) -> Sequel:
    """Say what ``ending`` means for the order."""
    circumstances = grounds.circumstances()

    def decide(view: View) -> Effects:
        decision = conclude(ending, view, circumstances)
        return effects(decision, grounds, ending.order_id, _unread(decision, ending))

    known = keys_for(ending.reports, grounds.speaker)
    return Sequel(decide, replace(known, order_ids=(ending.order_id,)))


def _unread(decision: Decision, ending: Ending) -> tuple[Alarm, ...]:
    if decision.verdict.state is MessageState.APPLIED and not ending.problems:
        return ()
    return (Alarm("delivery.answer_unreadable", ending.delivery_id),)


def effects(
    decision: Decision,
    grounds: Grounds,
    order_id: str,
    alarms: tuple[Alarm, ...] = (),
) -> Effects:
    """Render what a decision tells.

    How the order stands is kept even if its site cannot be told of it.
    """
    try:
        frozen = grounds.rules.outgoing.freeze(
            decision.tellings, origin=grounds.origin, now=grounds.now
        )
    except Unmappable as error:
        frozen = Frozen(alarms=tuple(Alarm(p.code, order_id) for p in error.problems))
    return Effects(
        decision.verdict,
        NO_ANSWER,
        decision.orders,
        decision.events,
        frozen.deliveries,
        (*decision.alarms, *alarms, *frozen.alarms),
    )


@dataclass(frozen=True, slots=True)
class Said:
    """What a positive answer says.

    Attributes:
        reports: Nothing if the portal says nothing or nobody maps it.
        problems: Why it cannot be read, or believed.
    """

    reports: Sequence[ReportStatus] = ()
    problems: Sequence[Problem] = ()

    @property
    def of_another(self) -> bool:
        """Whether it answers another order: of this one it says nothing."""
        return any(problem.code == OF_ANOTHER for problem in self.problems)


def read_answer(
    mapping: Compiled | None, order_id: str, operation: str, body: bytes
) -> Said:
    """Map a positive answer, beside what it answers."""
    if mapping is None or not body.strip():
        return Said()
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Said(problems=(Problem("body.not_json", "answer"),))
    commands, problems = mapping.run(
        {"order_id": order_id, "operation": operation, "answer": answer}
    )
    return Said(() if problems else commands, problems)
