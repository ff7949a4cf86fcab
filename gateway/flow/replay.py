"""Deciding a kept message again, because a person said so."""

from datetime import datetime

from gateway.core.effects import WaitingMessage
from gateway.core.envelope import Envelope
from gateway.core.errors import NotAllowed, Problem
from gateway.core.ids import MessageId
from gateway.core.verdict import Answer, AnswerKind, MessageState, Verdict
from gateway.flow.deciding import MessageWork
from gateway.flow.rules import Rules, understand_kept
from gateway.flow.understand import Understood, keys_for

TWO_PEOPLE = frozenset(
    {"identity.conflict", "identity.hold", "coi.conflict", "coi.in_use"}
)
"""Holds that one person cannot release (``docs/architecture.md`` §7)."""


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
    or mapped still cannot, until the site's files are mended.

    Raises:
        NotAllowed: It is not held, or takes two people.
    """
    if state is not MessageState.HELD:
        raise NotAllowed(Problem("message.not_held", message.message_id))
    codes = frozenset(problem.code for problem in problems)
    if codes & TWO_PEOPLE:
        raise NotAllowed(Problem("identity.hold", message.message_id))
    return _work(message, understand_kept(rules, message), rules, now, codes)


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
    return _work(message, nothing, rules, now, frozenset())


def _work(
    message: WaitingMessage,
    understood: Understood,
    rules: Rules,
    now: datetime,
    released: frozenset[str],
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
    return MessageWork(
        envelope=envelope,
        keys=keys_for(understood.commands, message.site, mapping=understood.mapping),
        understood=understood,
        rules=rules,
        now=now,
        answer=_answered_long_ago,
        released=released,
    )


def _answered_long_ago(_: Verdict) -> Answer:
    return Answer(AnswerKind.POSITIVE)
