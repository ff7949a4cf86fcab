"""Deciding a kept message again, because a person said so."""

from dataclasses import dataclass, replace
from datetime import datetime

from gateway.core.effects import Effects, View, WaitingMessage
from gateway.core.envelope import Envelope
from gateway.core.errors import NotAllowed, Problem
from gateway.core.ids import MessageId
from gateway.core.verdict import Answer, AnswerKind, MessageState, Verdict
from gateway.flow.deciding import MessageWork
from gateway.flow.rules import Rules, understand_kept
from gateway.flow.understand import Understood, keys_for

TWO_PEOPLE = frozenset(
    {
        "identity.conflict",
        "identity.hold",
        "coi.conflict",
        "coi.in_use",
        "order.number_conflict",
    }
)
"""Holds that one person cannot release (``docs/architecture.md`` §7)."""

JUDGEMENTS = frozenset(
    {
        "message.control_id_reused",
        "order.second_new",
        "order.possible_replacement",
        "order.newer_change",
        "order.stale_report",
        "order.backward_step",
        "order.impossible_step",
    }
)
"""Holds that the message itself never cures: a person's word lets them go."""


@dataclass
class Again(MessageWork):
    """A held message decided once more.

    If it stays held, what was overruled stays on record beside what stops it now:
    else two such problems would stop it by turns, whatever a person says.
    """

    overruled: tuple[Problem, ...] = ()

    def decide(self, view: View) -> Effects:
        """Say what follows from the message, given the present state."""
        effects = super().decide(view)
        verdict = effects.verdict
        if verdict.state is not MessageState.HELD:
            return effects
        known = {problem.code for problem in verdict.problems}
        more = (p for p in self.overruled if p.code not in known and self._recurs(p))
        problems = (*verdict.problems, *more)
        return replace(effects, verdict=replace(verdict, problems=problems))

    def _recurs(self, problem: Problem) -> bool:
        read = self.understood.verdict
        found = read.problems if read is not None else ()
        return problem.code in JUDGEMENTS.union(p.code for p in found)


def release(
    message: WaitingMessage,
    state: MessageState,
    problems: tuple[Problem, ...],
    *,
    rules: Rules,
    now: datetime,
) -> MessageWork:
    """Decide a held message again, overruling what a person may overrule.

    The problems it was held for no longer stop it where they are judgements (a
    reused control id, a second new order, a backward step). What cannot be read
    or mapped still cannot, until the site's files are mended. One that a newer
    change has overtaken is held for that, and a second release overrules it.

    Raises:
        NotAllowed: It is not held, or takes two people.
    """
    if state is not MessageState.HELD:
        raise NotAllowed(Problem("message.not_held", message.message_id))
    codes = frozenset(problem.code for problem in problems)
    if codes & TWO_PEOPLE:
        raise NotAllowed(Problem("identity.hold", message.message_id))
    return _work(message, understand_kept(rules, message), rules, now, problems)


def dismiss(
    message: WaitingMessage, state: MessageState, *, rules: Rules, now: datetime
) -> MessageWork:
    """Close a held or waiting message without effect: the person dealt with it.

    Raises:
        NotAllowed: It is neither held nor waiting.
    """
    if state not in (MessageState.HELD, MessageState.WAITING):
        raise NotAllowed(Problem("message.not_held", message.message_id))
    nothing = Understood(verdict=Verdict(MessageState.NO_EFFECT))
    return _work(message, nothing, rules, now, ())


def _work(
    message: WaitingMessage,
    understood: Understood,
    rules: Rules,
    now: datetime,
    overruled: tuple[Problem, ...],
) -> MessageWork:
    envelope = Envelope(
        message_id=MessageId(message.message_id),
        endpoint=message.endpoint,
        site=message.site,
        media_type=message.media_type,
        received_at=message.received_at,
        body=message.body,
        headers=message.headers,
    )
    return Again(
        envelope=envelope,
        keys=keys_for(understood.commands, message.site, mapping=understood.mapping),
        understood=understood,
        rules=rules,
        now=now,
        answer=_answered_long_ago,
        released=frozenset(problem.code for problem in overruled),
        overruled=overruled,
    )


def _answered_long_ago(_: Verdict) -> Answer:
    return Answer(AnswerKind.POSITIVE)
