"""What a source asks for, canonical. A mapping writes these; ``decide`` judges them."""

from datetime import date
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from gateway.core.order import (
    Alias,
    Identifier,
    Model,
    Name,
    Number,
    OrderContent,
    PlacerNumber,
    Status,
    Text,
    Word,
)


class PlaceOrder(Model):
    """A new order (ORC-1 NW)."""

    command: Literal["place"]
    order: OrderContent


class ChangeOrder(Model):
    """A change (ORC-1 XO): the facts that are present replace the old ones."""

    command: Literal["change"]
    order: OrderContent


class PatientFacts(Model):
    """As much of a patient as a message that is no order says.

    Every identifier counts when orders are looked up; a fact not said is not
    compared.
    """

    identifiers: tuple[Identifier, ...] = Field(min_length=1)
    name: Name | None = None
    birth_date: date | None = None
    sex: Literal["female", "male", "other", "unknown"] | None = None


class CancelOrder(Model):
    """A cancellation (ORC-1 CA). The patient is checked, not changed."""

    command: Literal["cancel"]
    placer_number: PlacerNumber
    patient: PatientFacts
    reason: Text | None = None


class UpdatePatient(Model):
    """Patient data changed (ADT^A08): compared with every open order's ledger."""

    command: Literal["update_patient"]
    patient: PatientFacts


class CorrectIdentity(Model):
    """A merge, move, link or renumbering: never applied by us to an open order."""

    command: Literal["correct_identity"]
    event: Word
    patients: tuple[PatientFacts, ...] = Field(min_length=1)
    prior: tuple[Identifier, ...] = ()


class ReportStatus(Model):
    """A manufacturer says where an order stands.

    Attributes:
        order_id: Our reference, as we gave it to the portal.
        status: In canonical terms; whether it moves the order is decided by who
            owns the fact (``lifecycle.OWNER``).
        party: Who says so: the manufacturer's name.
    """

    command: Literal["report_status"]
    order_id: Word
    status: Status
    party: Word
    occurred_at: AwareDatetime | None = None
    manufacturer_number: Number | None = None
    coi: Alias | None = None
    aliases: tuple[Alias, ...] = ()
    reason: Text | None = None
    scheduled_for: AwareDatetime | date | None = None


Command = Annotated[
    PlaceOrder
    | ChangeOrder
    | CancelOrder
    | UpdatePatient
    | CorrectIdentity
    | ReportStatus,
    Field(discriminator="command"),
]
