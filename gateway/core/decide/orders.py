"""Placing, changing and cancelling an order."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

import orjson

from gateway.core.commands import CancelOrder, ChangeOrder, PlaceOrder
from gateway.core.decide.book import Book, Circumstances, Event, Operation, Stop
from gateway.core.effects import OrderKey, OrderState
from gateway.core.errors import Problem
from gateway.core.identity import Comparison, compare_facts, compare_patient
from gateway.core.ids import order_id
from gateway.core.lifecycle import ENDED
from gateway.core.order import (
    OrderContent,
    Patient,
    PlacerNumber,
    Status,
    TherapyOrder,
    content_json,
)
from gateway.core.verdict import MessageState

CANCEL_PENDING = "cancel_pending"
SUBMISSION_REFUSED = "submission_refused"
CHANGE_REFUSED = "change_refused"
REPLACES = "order.possible_replacement"
REFUSED = frozenset({SUBMISSION_REFUSED, CHANGE_REFUSED})
"""While one is set, the manufacturer lacks what the ledger has."""
MOST_PLACED = 49
"""Orders one message may place: each may cause two of 99 deliveries (ADR 0009)."""
ONE_DAY = timedelta(days=1)
LONGEST_LIFE = timedelta(days=130 * 366)
IDENTITY_FIELDS = frozenset({"mrn", "name", "birth_date", "sex"})


def place(command: PlaceOrder, book: Book) -> MessageState:
    """Open an order, or find that it is open already."""
    content = command.order
    said = content_json(content)
    digest = hashlib.sha256(said).digest()
    key = key_of(book.at.site, content.placer_number)
    existing = book.find(key)
    if existing is not None:
        return _placed_before(existing, content, digest, book)
    _require_born(content.patient, book.at.now)
    _require_only(content, book)
    destination = book.at.route(content)
    if destination.problem:
        problem = Problem(destination.problem, "order.product")
        raise Stop(problem, refusal=destination.refusal)
    if book.placed == MOST_PLACED:
        raise Stop(Problem("message.too_many_orders", "order"))
    standing = {
        "id": order_id(book.at.origin, book.placed + 1),
        "site": book.at.site,
        "status": Status.READY,
        "manufacturer": destination.manufacturer,
        "route_version": destination.version,
        "status_at": book.at.now,
    }
    order = TherapyOrder.model_validate({**content.__dict__, **standing})
    book.begin(key, order, digest, said)
    event = Event("order_placed", Status.READY, book.at.now)
    if order.manufacturer:
        book.tell("manufacturer", "submit", order, event)
    book.tell("site", "status", order, event)
    return MessageState.APPLIED


def _require_only(content: OrderContent, book: Book) -> None:
    """Stop at a second open order of a patient for the same product.

    An EHR that orders anew under another number may mean the order it gave before:
    nobody's cells are made twice by mistake.
    """
    if REPLACES in book.at.released:
        return
    for other in book.open_orders_of(content.patient):
        if other.product.code == content.product.code:
            problem = Problem(REPLACES, "order.placer_number", "hold")
            raise Stop(problem, subject=other.id)


def _require_born(patient: Patient, now: datetime) -> None:
    """Stop at a birth date nobody alive has: a slip, or what stands for unknown."""
    tomorrow = now.date() + ONE_DAY  # it may be so already where the patient is
    if not tomorrow - LONGEST_LIFE <= patient.birth_date <= tomorrow:
        raise Stop(Problem("field.not_valid", "order.patient.birth_date"))


def _placed_before(
    existing: OrderState, content: OrderContent, digest: bytes, book: Book
) -> MessageState:
    order = existing.order
    _require_same_patient(existing, compare_patient(order.patient, content.patient))
    _require_open(order)
    # A new order right after its cancellation may mean that it is wanted again.
    equal = existing.content_digest == digest and CANCEL_PENDING not in order.flags
    if equal and REFUSED.isdisjoint(order.flags):
        return MessageState.NO_EFFECT
    if equal or "order.second_new" in book.at.released:
        return _amend(existing, content, book)
    problem = Problem("order.second_new", "order.placer_number", "hold")
    raise Stop(problem, subject=order.id)


def change(command: ChangeOrder, book: Book) -> MessageState:
    """Amend an order, or wait for it."""
    content = command.order
    key = key_of(book.at.site, content.placer_number)
    existing = book.find(key)
    if existing is None:
        book.wait(key)
        return MessageState.WAITING
    _require_same_patient(
        existing, compare_patient(existing.order.patient, content.patient)
    )
    return _amend(existing, content, book)


def _amend(existing: OrderState, content: OrderContent, book: Book) -> MessageState:
    before = existing.order
    _require_open(before)
    if content.product.code != before.product.code:
        problem = Problem("order.other_product", "order.product", "hold")
        raise Stop(problem, subject=before.id)
    update = _update(before, content)
    after = before.model_copy(update=update)
    changed = sorted(
        name for name in update if getattr(after, name) != getattr(before, name)
    )
    if not changed:
        return MessageState.NO_EFFECT
    _require_newest(before, book.at)
    if after.facility != before.facility:
        _require_same_route(after, book.at)
    resubmit = SUBMISSION_REFUSED in before.flags
    times = {"changed_at": _changed_at(before, book.at)}
    if resubmit:
        times["resubmitted_at"] = book.at.now
    after = after.model_copy(update=times)
    now_said = content_json(after)
    book.record(
        existing,
        "order_changed",
        after,
        body=b'{"changed":%b,"content":%b}' % (orjson.dumps(changed), now_said),
        digest=hashlib.sha256(now_said).digest(),
        content=now_said,
    )
    event = Event("order_changed", after.status, book.at.now)
    if after.manufacturer:
        operation: Operation = "submit" if resubmit else "change"
        book.tell("manufacturer", operation, after, event)
    return MessageState.APPLIED


def _update(before: TherapyOrder, content: OrderContent) -> dict[str, Any]:
    said = content.model_fields_set - {"patient", "placer_number"}
    update: dict[str, Any] = {name: getattr(content, name) for name in said}
    update["patient"] = _amended_patient(before.patient, content.patient)
    update["flags"] = tuple(flag for flag in before.flags if flag not in REFUSED)
    return update


def _require_same_route(order: TherapyOrder, at: Circumstances) -> None:
    """Stop a change that would go elsewhere: another facility, another country."""
    destination = at.route(order)
    if destination.problem or destination.manufacturer != order.manufacturer:
        problem = Problem("order.other_route", "order.facility", "hold")
        raise Stop(problem, subject=order.id)


def _require_newest(order: TherapyOrder, at: Circumstances) -> None:
    """Stop a released message that a newer change has overtaken.

    Only a release comes so late: messages that wait are decided oldest first.
    """
    known, received = order.changed_at, at.received_at
    if not at.released or "order.newer_change" in at.released:
        return
    if known is not None and received is not None and received < known:
        problem = Problem("order.newer_change", "order.placer_number", "hold")
        raise Stop(problem, subject=order.id)


def _changed_at(order: TherapyOrder, at: Circumstances) -> datetime:
    """Return when the newest change was received, even if an older one follows."""
    received = at.received_at or at.now
    return max(received, order.changed_at or received)


def _amended_patient(ledger: Patient, said: Patient) -> Patient:
    fresh = {
        name: getattr(said, name) for name in said.model_fields_set - IDENTITY_FIELDS
    }
    return ledger.model_copy(update=fresh)


def cancel(command: CancelOrder, book: Book) -> MessageState:
    """Ask the manufacturer to cancel, or cancel what never left."""
    key = key_of(book.at.site, command.placer_number)
    existing = book.find(key)
    if existing is None:
        book.wait(key)
        return MessageState.WAITING
    order = existing.order
    _require_same_patient(existing, compare_facts(order.patient, command.patient))
    if order.status is Status.CANCELLED:
        return MessageState.NO_EFFECT
    if CANCEL_PENDING in order.flags:
        book.alarm("order.cancel_unanswered", order.id)
        return MessageState.NO_EFFECT
    _require_open(order)
    if not order.manufacturer:
        cancel_here(existing, command.reason, book)
        return MessageState.APPLIED
    pending = order.model_copy(update={"flags": (*order.flags, CANCEL_PENDING)})
    book.record(existing, "cancel_requested", pending, body={"reason": command.reason})
    event = Event("cancel_requested", order.status, book.at.now, reason=command.reason)
    book.tell("manufacturer", "cancel", pending, event)
    return MessageState.APPLIED


def cancel_here(existing: OrderState, reason: str | None, book: Book) -> None:
    """Cancel an order that no manufacturer has."""
    settled = {CANCEL_PENDING, *REFUSED}
    cancelled = existing.order.model_copy(
        update={
            "status": Status.CANCELLED,
            "status_at": book.at.now,
            "status_reason": reason,
            "flags": tuple(f for f in existing.order.flags if f not in settled),
        }
    )
    book.record(existing, "order_cancelled", cancelled, body={"reason": reason})
    event = Event("order_cancelled", Status.CANCELLED, book.at.now, reason=reason)
    book.tell("site", "status", cancelled, event)


def _require_same_patient(existing: OrderState, found: Comparison) -> None:
    if found.same:
        return
    places = found.conflicts or found.renamed
    problems = (Problem("identity.conflict", place, "hold") for place in places)
    raise Stop(*problems, in_doubt=(existing,), subject=existing.order.id)


def _require_open(order: TherapyOrder) -> None:
    if order.status in ENDED:
        raise Stop(Problem("order.closed", "order.status", "hold"), subject=order.id)


def key_of(site: str, number: PlacerNumber) -> OrderKey:
    """Return the business key of an order."""
    return OrderKey(site, number.namespace, number.value)
