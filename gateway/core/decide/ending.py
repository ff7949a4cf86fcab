"""What the end of a delivery to a manufacturer means for its order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gateway.core.commands import ReportStatus
from gateway.core.decide.book import Book, Circumstances, Decision, Stop
from gateway.core.decide.status import (
    change_taken,
    refuse,
    report_status,
    submitted,
)
from gateway.core.effects import View
from gateway.core.errors import Problem
from gateway.core.verdict import MessageState


@dataclass(frozen=True, slots=True)
class Ending:
    """How one delivery to a manufacturer ended.

    Attributes:
        code: Why it came to nothing.
        reports: What the portal's answer says, as its mapping reads it.
        problems: Why that cannot be read.
        asserted_by: Who says that it was refused, if not the manufacturer.
    """

    outcome: Literal["delivered", "rejected"]
    delivery_id: str
    order_id: str
    operation: str
    code: str
    reports: Sequence[ReportStatus] = ()
    problems: Sequence[Problem] = ()
    asserted_by: str = ""


def conclude(ending: Ending, view: View, circumstances: Circumstances) -> Decision:
    """Decide what the end of a delivery to a manufacturer means for its order."""
    book = Book(view, circumstances)
    try:
        if ending.outcome == "rejected":
            refuse(
                ending.order_id,
                ending.operation,
                ending.code,
                book,
                asserted_by=ending.asserted_by,
            )
        else:
            _delivered(ending, book)
    except Stop as stop:
        return Book(view, circumstances).stopped(stop)
    return book.closed(MessageState.APPLIED)


def _delivered(ending: Ending, book: Book) -> None:
    if ending.operation == "change":
        change_taken(ending.order_id, book)
    for report in ending.reports:
        report_status(report, book, answers=True)
    if ending.operation == "submit" and not ending.reports:
        submitted(ending.order_id, book)
