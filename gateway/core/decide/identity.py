"""Identity events: what an ADT message means for the orders it touches.

A merge is never applied to an open order and its direction is never inferred:
the order is held, and people decide (``docs/architecture.md`` §7).
"""

from gateway.core.commands import CorrectIdentity, UpdatePatient
from gateway.core.decide.book import Book, Stop
from gateway.core.effects import OrderState
from gateway.core.errors import Problem
from gateway.core.identity import compare_facts
from gateway.core.order import Identifier
from gateway.core.verdict import MessageState

NAME_CHANGED = "name_changed"


def update_patient(command: UpdatePatient, book: Book) -> MessageState:
    """Compare new patient data with the ledger of every open order."""
    touched = False
    in_doubt: list[OrderState] = []
    places: dict[str, None] = {}
    for found in book.view.patients:
        state = book.current(found)
        comparison = compare_facts(state.order.patient, command.patient)
        if comparison.conflicts:
            in_doubt.append(state)
            places.update(dict.fromkeys(comparison.conflicts))
        elif comparison.renamed:
            touched |= _note_name(state, comparison.renamed[0], book)
    if in_doubt:
        problems = (Problem("identity.conflict", place, "hold") for place in places)
        raise Stop(*problems, in_doubt=tuple(in_doubt), subject=in_doubt[0].order.id)
    return MessageState.APPLIED if touched else MessageState.NO_EFFECT


def _note_name(state: OrderState, place: str, book: Book) -> bool:
    order = state.order
    if NAME_CHANGED in order.flags:
        return False
    flagged = order.model_copy(update={"flags": (*order.flags, NAME_CHANGED)})
    book.record(state, "name_changed", flagged, body={"place": place})
    return True


def correct_identity(command: CorrectIdentity, book: Book) -> MessageState:
    """Hold every open order of the patients a merge, move or link names."""
    if _names_one_patient_twice(command):
        raise Stop(Problem("patient.merge_into_itself", "MRG-1"), alarm=True)
    for found in book.view.patients:
        book.hold_identity(book.current(found), "identity.merge", command.event)
    return MessageState.APPLIED if book.view.patients else MessageState.NO_EFFECT


def _names_one_patient_twice(command: CorrectIdentity) -> bool:
    """Tell whether the prior numbers are all that the survivor has of their kind.

    Numbers in common are no such thing: a national number is shared by the two
    records that a merge joins, and a survivor may be sent with what it took over.
    """
    survivors = (i for patient in command.patients for i in patient.identifiers)
    of_kind = (s for s in survivors if any(_of_kind(s, p) for p in command.prior))
    return bool(command.prior) and set(map(_key, command.prior)) == set(
        map(_key, of_kind)
    )


def _of_kind(number: Identifier, prior: Identifier) -> bool:
    return number.authority == prior.authority and prior.type in (None, number.type)


def _key(identifier: Identifier) -> tuple[str, str]:
    return (identifier.authority, identifier.value)
