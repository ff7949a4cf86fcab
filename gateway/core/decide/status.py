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
from gateway.core.effects import OrderState
from gateway.core.errors import Problem
from gateway.core.lifecycle import ENDED, RANK, Move, judge
from gateway.core.order import Alias, Status, TherapyOrder
from gateway.core.verdict import MessageState

OVERRULABLE = {
    "backward": "order.backward_step",
    "impossible": "order.impossible_step",
}


def report_status(command: ReportStatus, book: Book) -> MessageState:
    """Advance the order, or record the word of a party that does not own the fact.

    A report on an order that is unknown, or that another manufacturer makes, is
    refused alike: one portal learns nothing about another's orders, and speaks for
    none but itself whatever its message says.
    """
    state = book.find_id(command.order_id)
    if state is None or not _speaks(command.party, state.order, book):
        raise Stop(Problem("order.unknown", "order_id"))
    _require_own_coi(command, state, book)
    _require_one_number(command, state)
    before = state.order
    move = judge(
        before.status,
        command.status,
        party="manufacturer",
        current_at=before.status_at,
        occurred_at=command.occurred_at,
    )
    facts = _facts(command, before)
    if move.kind == "same" and not facts:
        return MessageState.NO_EFFECT
    if move.kind == "same":
        return _record(state, command, book, "status_repeated", facts)
    if move.kind in OVERRULABLE and OVERRULABLE[move.kind] not in book.at.released:
        problem = Problem(OVERRULABLE[move.kind], "status", "hold")
        raise Stop(problem, subject=before.id)
    if move.kind == "advance":
        facts |= _advanced(command, before, book)
        return _record(state, command, book, "status_advanced", facts, move)
    if move.kind == "reported":
        return _reported(state, command, book, facts)
    return _record(state, command, book, "status_told_late", facts)


def _speaks(party: str, order: TherapyOrder, book: Book) -> bool:
    return party == order.manufacturer == book.at.site


def _require_own_coi(command: ReportStatus, state: OrderState, book: Book) -> None:
    said, bound = command.coi, state.order.coi
    if said is None:
        return
    if bound is not None and (bound.issuer, bound.value) != (said.issuer, said.value):
        problem = Problem("coi.conflict", "coi", "hold")
        raise Stop(problem, in_doubt=(state,), subject=state.order.id)
    other = book.bound_to(said.issuer, said.value)
    if other is not None and other.order.id != state.order.id:
        problem = Problem("coi.in_use", "coi", "hold")
        raise Stop(problem, in_doubt=(state, other), subject=state.order.id)


def _require_one_number(command: ReportStatus, state: OrderState) -> None:
    """Stop at a second number: the portal has the order twice, or took another."""
    said, known = command.manufacturer_number, state.order.manufacturer_number
    if said and known and said != known:
        problem = Problem("order.number_conflict", "manufacturer_number", "hold")
        raise Stop(problem, in_doubt=(state,), subject=state.order.id)


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
        "flags": tuple(flag for flag in before.flags if flag not in dropped),
    }


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
    if kind in ("status_advanced", "status_reported"):
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
