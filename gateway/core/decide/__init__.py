"""What follows from a command, given the present state. Pure.

``decide`` is the one door: it takes the commands of one message in order, lets
each see what the earlier ones did, and either everything they ask happens or the
whole message waits for a person.
"""

from collections.abc import Sequence
from typing import assert_never

from gateway.core.commands import (
    CancelOrder,
    ChangeOrder,
    Command,
    CorrectIdentity,
    PlaceOrder,
    ReportStatus,
    UpdatePatient,
)
from gateway.core.decide.book import Book, Circumstances, Decision, Stop, Telling
from gateway.core.decide.ending import Ending, conclude
from gateway.core.decide.identity import correct_identity, update_patient
from gateway.core.decide.orders import cancel, change, place
from gateway.core.decide.status import report_status
from gateway.core.effects import View
from gateway.core.verdict import MessageState

__all__ = ["Circumstances", "Decision", "Ending", "Telling", "conclude", "decide"]


def decide(
    commands: Sequence[Command], view: View, circumstances: Circumstances
) -> Decision:
    """Decide one message's commands together.

    A command that must stop the message discards what the others would have
    done; only holds on orders whose identity is in doubt, and alarms, remain. If
    one waits for its order, all wait with it, since a message that is decided
    again must not do again what it did before.
    """
    book = Book(view, circumstances)
    try:
        states = [_decide_one(command, book) for command in commands]
    except Stop as stop:
        return Book(view, circumstances).stopped(stop)
    if MessageState.WAITING in states:
        return book.waiting()
    applied = MessageState.APPLIED in states
    return book.closed(MessageState.APPLIED if applied else MessageState.NO_EFFECT)


def _decide_one(command: Command, book: Book) -> MessageState:
    match command:
        case PlaceOrder():
            return place(command, book)
        case ChangeOrder():
            return change(command, book)
        case CancelOrder():
            return cancel(command, book)
        case ReportStatus():
            return report_status(command, book)
        case UpdatePatient():
            return update_patient(command, book)
        case CorrectIdentity():
            return correct_identity(command, book)
        case _:
            assert_never(command)
