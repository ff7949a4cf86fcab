"""A manufacturer reports where an order stands."""

from typing import Any

from gateway.core.commands import ReportStatus
from gateway.core.decide.book import Book, Event, Stop
from gateway.core.decide.orders import (
    CANCEL_PENDING,
    CHANGE_REFUSED,
    SUBMISSION_REFUSED,
    cancel_here,
)
from gateway.core.effects import NumberKey, OrderState
from gateway.core.errors import Problem
from gateway.core.identity import compare_patient
from gateway.core.lifecycle import CLOSED_FOR_IDENTITY, ENDED, RANK, Move, judge
from gateway.core.order import Alias, Status, TherapyOrder
from gateway.core.verdict import MessageState

OVERRULABLE = {
    "backward": "order.backward_step",
    "impossible": "order.impossible_step",
}

TOLD = frozenset({"status_advanced", "status_amended", "status_reported"})
"""Kinds of event that the site hears of."""


def report_status(
    command: ReportStatus, book: Book, *, answers: bool = False
) -> MessageState:
    """Advance the order, or record the word of a party that does not own the fact.

    A report on an order that is unknown, or that another manufacturer makes, is
    refused alike: one portal learns nothing about another's orders, and speaks for
    none but itself whatever its message says.

    Args:
        answers: It is the answer to what was sent, not a message of its own.
    """
    state = book.find_id(command.order_id)
    if state is None or not _speaks(command.party, state.order, book):
        raise Stop(Problem("order.unknown", "order_id"))
    before = state.order
    _require_own_coi(command, state, book)
    _require_one_number(command, state, book)
    if not answers and _may_be_stale(command, before):
        _require_released("order.stale_report", before, book)
    move = judge(
        before.status,
        command.status,
        party="manufacturer",
        current_at=before.status_at,
        occurred_at=command.occurred_at,
    )
    facts = _facts(command, before)
    if answers and move.kind == "late" and not facts:
        return MessageState.NO_EFFECT  # to a change: it was taken, as we knew
    if move.kind == "advance":
        facts |= _advanced(command, before, book)
        return _record(state, command, book, "status_advanced", facts, move)
    if move.kind == "late":
        return _record(state, command, book, "status_told_late", facts)
    facts |= _taken_in(command, before)
    if move.kind == "same":
        return _repeated(state, command, book, facts)
    if move.kind in OVERRULABLE:
        _require_released(OVERRULABLE[move.kind], before, book)
    return _reported(state, command, book, facts)


def proves_submission(report: ReportStatus, order: TherapyOrder) -> bool:
    """Tell whether a report shows that the order's last submission arrived.

    A manufacturer knows our reference from a submission only; but a report may come
    long after it happened, when one that was refused has been followed by another.
    """
    last, occurred = order.resubmitted_at, report.occurred_at
    return last is None or (occurred is not None and occurred > last)


def _may_be_stale(report: ReportStatus, order: TherapyOrder) -> bool:
    dated = report.occurred_at is not None
    ends = report.status is Status.REJECTED
    return (dated or ends) and not proves_submission(report, order)


def _require_released(code: str, order: TherapyOrder, book: Book) -> None:
    if code not in book.at.released:
        raise Stop(Problem(code, "status", "hold"), subject=order.id)


def _speaks(party: str, order: TherapyOrder, book: Book) -> bool:
    return party == order.manufacturer == book.at.site


def _require_own_coi(command: ReportStatus, state: OrderState, book: Book) -> None:
    said, bound = command.coi, state.order.coi
    if said is None:
        return
    if bound is not None and (bound.issuer, bound.value) != (said.issuer, said.value):
        problem = Problem("coi.conflict", "coi", "hold")
        raise Stop(problem, in_doubt=(state,), subject=state.order.id)
    key = NumberKey("coi", said.issuer, said.value)
    others = book.others_known_by(key, state.order.id)
    taken = tuple(s for s in others if _may_mix_up(s.order, state.order))
    if taken:
        problem = Problem("coi.in_use", "coi", "hold")
        raise Stop(problem, in_doubt=(state, *taken), subject=state.order.id)


def _may_mix_up(one: TherapyOrder, other: TherapyOrder) -> bool:
    """Tell whether one number for both misdirects cells: not after a patient's own."""
    if one.status not in CLOSED_FOR_IDENTITY:
        return True
    return bool(compare_patient(one.patient, other.patient).conflicts)


def _require_one_number(command: ReportStatus, state: OrderState, book: Book) -> None:
    """Stop at a second number, or one of another order.

    The portal has the order twice, or took another for it.
    """
    said, known = command.manufacturer_number, state.order.manufacturer_number
    if not said or said == known:
        return
    key = NumberKey("order", state.order.manufacturer, said)
    others = tuple(book.others_known_by(key, state.order.id))
    if known or others:
        problem = Problem("order.number_conflict", "manufacturer_number", "hold")
        raise Stop(problem, in_doubt=(state, *others), subject=state.order.id)


def reported_numbers(command: ReportStatus) -> tuple[NumberKey, ...]:
    """Return the numbers a report gives, which must be no other order's."""
    coi, number = command.coi, command.manufacturer_number
    return (
        *((NumberKey("coi", coi.issuer, coi.value),) if coi else ()),
        *((NumberKey("order", command.party, number),) if number else ()),
    )


def _facts(command: ReportStatus, before: TherapyOrder) -> dict[str, Any]:
    """Return what the report says that the order does not hold yet."""
    facts: dict[str, Any] = {}
    number = command.manufacturer_number
    if number and number != before.manufacturer_number:
        facts["manufacturer_number"] = number
    if command.coi and before.coi is None:
        facts["coi"] = command.coi
    fresh = tuple(a for a in _aliases(command) if a not in before.aliases)
    if fresh:
        facts["aliases"] = (*before.aliases, *fresh)
    return facts


def _aliases(command: ReportStatus) -> tuple[Alias, ...]:
    coi = (command.coi,) if command.coi else ()
    return tuple(dict.fromkeys((*coi, *command.aliases)))


def _advanced(
    command: ReportStatus, before: TherapyOrder, book: Book
) -> dict[str, Any]:
    dropped = {SUBMISSION_REFUSED}
    if command.status in ENDED:
        dropped |= {CANCEL_PENDING, CHANGE_REFUSED}
    return {
        "status": command.status,
        # A clock that runs fast there must not make later news look late here.
        "status_at": min(command.occurred_at or book.at.now, book.at.now),
        "status_reason": command.reason,
        "scheduled_for": command.scheduled_for,
        "flags": tuple(flag for flag in before.flags if flag not in dropped),
    }


def _taken_in(command: ReportStatus, before: TherapyOrder) -> dict[str, Any]:
    """Drop the flag of a refusal: who speaks of an order's steps has the order."""
    if SUBMISSION_REFUSED not in before.flags or command.status is Status.REJECTED:
        return {}
    kept = tuple(flag for flag in before.flags if flag != SUBMISSION_REFUSED)
    return {"flags": kept}


def _repeated(
    state: OrderState, command: ReportStatus, book: Book, facts: dict[str, Any]
) -> MessageState:
    """Record what a repeated status says anew: another date or another reason."""
    amended = _amended(command, state.order)
    if not amended and not facts:
        return MessageState.NO_EFFECT
    kind = "status_amended" if amended else "status_repeated"
    return _record(state, command, book, kind, facts | amended)


def _amended(command: ReportStatus, before: TherapyOrder) -> dict[str, Any]:
    then, now = before.status_at, command.occurred_at
    if then is not None and now is not None and now < then:
        return {}
    said = {"scheduled_for": command.scheduled_for, "status_reason": command.reason}
    news = {k: v for k, v in said.items() if v not in (None, getattr(before, k))}
    return news | ({"status_at": now} if news and now else {})


def _reported(
    state: OrderState, command: ReportStatus, book: Book, facts: dict[str, Any]
) -> MessageState:
    before = state.order
    if command.status in before.reported and not facts:
        return MessageState.NO_EFFECT
    facts["reported"] = tuple(dict.fromkeys((*before.reported, command.status)))
    return _record(state, command, book, "status_reported", facts)


def _record(
    state: OrderState,
    command: ReportStatus,
    book: Book,
    kind: str,
    facts: dict[str, Any],
    move: Move | None = None,
) -> MessageState:
    after = state.order.model_copy(update=facts)
    body = command.model_dump(exclude_none=True, exclude={"command", "order_id"})
    if move and move.inferred:
        body["inferred"] = list(move.inferred)
    book.record(
        state,
        kind,
        after,
        body=body,
        asserted_by=command.party,
        occurred_at=command.occurred_at,
    )
    event = Event(
        kind,
        command.status,
        command.occurred_at or book.at.now,
        reported=kind == "status_reported",
        reason=command.reason,
        scheduled_for=command.scheduled_for,
    )
    if kind in TOLD:
        book.tell("site", "status", after, event)
    return MessageState.APPLIED


def refuse(
    order_id: str, operation: str, code: str, book: Book, *, asserted_by: str = ""
) -> None:
    """Record that what was sent came to nothing, and tell the site.

    The manufacturer refused it, unless ``asserted_by`` names somebody else. The
    order is not ended by it: a correction or a cancellation can follow. A
    manufacturer that refused the order and then its cancellation never had it.
    """
    state = book.find_id(order_id)
    if state is None:
        raise Stop(Problem("order.unknown", "order_id"))
    order = state.order
    after = order.model_copy(update={"flags": _flags_after_refusal(operation, order)})
    kind = f"{operation}_refused"
    refused = book.record(
        state,
        kind,
        after,
        body={"code": code},
        asserted_by=asserted_by or order.manufacturer,
    )
    if operation == "cancel" and SUBMISSION_REFUSED in order.flags:
        cancel_here(refused, None, book)
        return
    if order.status not in ENDED:
        event = Event(kind, order.status, book.at.now, code=code)
        book.tell("site", "status", after, event)


def _flags_after_refusal(operation: str, order: TherapyOrder) -> tuple[str, ...]:
    if operation == "cancel":
        return tuple(flag for flag in order.flags if flag != CANCEL_PENDING)
    # Once the manufacturer has spoken of the order it has it, whatever this is.
    if operation == "submit" and RANK[order.status] <= RANK[Status.SUBMITTED]:
        return tuple(dict.fromkeys((*order.flags, SUBMISSION_REFUSED)))
    if operation == "change" and order.status not in ENDED:
        return tuple(dict.fromkeys((*order.flags, CHANGE_REFUSED)))
    return order.flags


def change_taken(order_id: str, book: Book) -> None:
    """Record that a change was taken after an earlier one had been refused."""
    state = book.find_id(order_id)
    if state is None or CHANGE_REFUSED not in state.order.flags:
        return
    flags = tuple(flag for flag in state.order.flags if flag != CHANGE_REFUSED)
    after = state.order.model_copy(update={"flags": flags})
    book.record(state, "change_taken", after, body={}, asserted_by="baton")


def submitted(order_id: str, book: Book) -> None:
    """Record that a submission was taken by a portal that says no more about it."""
    state = book.find_id(order_id)
    if state is None or state.order.status is not Status.READY:
        return
    update = {"status": Status.SUBMITTED, "status_at": book.at.now}
    flags = tuple(f for f in state.order.flags if f != SUBMISSION_REFUSED)
    after = state.order.model_copy(update={**update, "flags": flags})
    book.record(state, "status_advanced", after, body=update, asserted_by="baton")
    event = Event("status_advanced", Status.SUBMITTED, book.at.now)
    book.tell("site", "status", after, event)
