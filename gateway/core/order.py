"""The canonical therapy order, version 1: the published contract.

Its JSON Schema is ``docs/order.schema.json``. Every model is frozen and closed:
what a site sends and a mapping names, but the model lacks, travels in
``extensions`` under a namespaced key (``st_elm:tumour_board``).

Absent means not said. Dates are calendar dates; times carry their offset as the
source sent it. Quantities keep the original beside the normalised value.
"""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
)

SCHEMA_VERSION = 1

Text = Annotated[str, StringConstraints(min_length=1, max_length=4000)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=250)]
Number = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=250)
]
"""What is known by it, without the blanks around it: HL7 lets a sender pad or not
(HL7 v2.5.1 §2.A.75, ST), and two spellings of one number are not two things."""
ExtensionKey = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9_]+:[a-z0-9_.]+$", max_length=100)
]


class Model(BaseModel):
    """Frozen, closed, and silent about values in its errors and its ``repr``."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, ser_json_inf_nan="null"
    )

    def __repr_args__(self) -> tuple[()]:
        """Show no value: what a log or a traceback prints is a ``repr``."""
        return ()


class Status(StrEnum):
    """Where an order stands (``docs/architecture.md``, order status)."""

    DRAFT = "draft"
    READY = "ready"
    SUBMITTED = "submitted"
    ACKNOWLEDGED = "acknowledged"
    INFO_REQUESTED = "info_requested"
    ACCEPTED = "accepted"
    SCHEDULED = "scheduled"
    COLLECTION_READY = "collection_ready"
    COLLECTED = "collected"
    SM_IN_TRANSIT = "sm_in_transit"
    SM_RECEIVED = "sm_received"
    IN_MANUFACTURING = "in_manufacturing"
    IN_RELEASE = "in_release"
    RELEASED = "released"
    FP_IN_TRANSIT = "fp_in_transit"
    FP_RECEIVED = "fp_received"
    READY_TO_INFUSE = "ready_to_infuse"
    INFUSED = "infused"
    CLOSED = "closed"
    OOS_DECISION = "oos_decision"
    MFG_FAILED = "mfg_failed"
    QUARANTINED = "quarantined"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    TERMINATED = "terminated"
    DISCARDED = "discarded"
    EXPIRED = "expired"


class Identifier(Model):
    """A value and who issued it; a bare value identifies nobody."""

    value: Number
    authority: Number
    type: Word | None = None


class Code(Model):
    """A coded concept: ``system`` as the standard names it (LOINC, ICD-10-CM)."""

    code: Word
    system: Word | None = None
    display: Text | None = None


class Quantity(Model):
    """A measured amount in a normalised UCUM unit, with what was sent."""

    value: Decimal
    unit: Word
    original_value: Word | None = None
    original_unit: Word | None = None


class Measure(Quantity):
    """A quantity of a body: more than nothing."""

    value: Annotated[Decimal, Field(gt=0)]


def _between(least: str, most: str, unit: str) -> AfterValidator:
    """Refuse what no body measures: the unit was mistaken, or the patient."""
    smallest, largest = Decimal(least), Decimal(most)

    def check(measure: Measure) -> Measure:
        if measure.unit != unit or not smallest <= measure.value <= largest:
            raise ValueError("implausible")  # and no value: it would be shown
        return measure

    return AfterValidator(check)


Weight = Annotated[Measure, _between("0.3", "700", "kg")]
"""Beyond the lightest newborn that lived and the heaviest adult."""
Height = Annotated[Measure, _between("20", "280", "cm")]


class Name(Model):
    """A person's name, code point by code point as sent."""

    family: Word
    given: Word | None = None
    middle: Word | None = None
    suffix: Word | None = None
    prefix: Word | None = None


class Address(Model):
    """A postal address."""

    street: Text | None = None
    other: Text | None = None
    city: Word | None = None
    state: Word | None = None
    postal_code: Word | None = None
    country: Word | None = None


class Patient(Model):
    """The patient as the site knew them when the order was placed.

    ``mrn`` with its authority, ``birth_date`` and ``sex`` are the identity; they
    are hashed at acceptance and never rewritten.
    """

    mrn: Identifier
    identifiers: tuple[Identifier, ...] = ()
    name: Name
    birth_date: date
    sex: Literal["female", "male", "other", "unknown"]
    address: Address | None = None
    phone: Word | None = None
    deceased: bool | None = None


class Practitioner(Model):
    """A prescriber or contact."""

    id: Word
    authority: Word | None = None
    name: Name | None = None
    phone: Word | None = None


class Product(Model):
    """What is ordered: Baton's own product code, and the code the site used."""

    code: Word
    display: Text | None = None
    local: Code | None = None


class Observation(Model):
    """A clinical fact the manufacturer needs, e.g. weight or an HIV result."""

    code: Word
    name: Word | None = None
    value: Quantity | None = None
    result: Text | None = None
    status: Literal["preliminary", "final", "corrected", "retracted"] = "final"
    observed_at: AwareDatetime | date | None = None
    specimen_at: AwareDatetime | date | None = None
    method: Word | None = None
    local: Code | None = None


class Consent(Model):
    """A consent: which, and whether it was given."""

    type: Word
    given: bool
    at: AwareDatetime | date | None = None


class Coverage(Model):
    """Who pays, as far as the order says."""

    payer: Word | None = None
    plan: Word | None = None
    member_id: Word | None = None
    group: Word | None = None
    authorization: Word | None = None


class Alias(Model):
    """A number somebody uses for this therapy: COI, JOIN id, lot or DIN."""

    type: Word
    issuer: Number
    value: Number


class PlacerNumber(Model):
    """The site's own number of the order (ORC-2) within its namespace."""

    value: Number
    namespace: Number


class OrderContent(Model):
    """What a site says when it places or changes an order."""

    placer_number: PlacerNumber
    placer_group: Word | None = None
    facility: Word
    patient: Patient
    product: Product
    prescriber: Practitioner | None = None
    entered_by: Practitioner | None = None
    indication: Code | None = None
    diagnoses: tuple[Code, ...] = ()
    priority: Literal["routine", "urgent", "stat"] | None = None
    ordered_at: AwareDatetime | None = None
    collection_at: AwareDatetime | date | None = None
    infusion_at: AwareDatetime | date | None = None
    weight: Weight | None = None
    weight_at: AwareDatetime | date | None = None
    height: Height | None = None
    observations: tuple[Observation, ...] = ()
    allergies: tuple[Code, ...] = ()
    consents: tuple[Consent, ...] = ()
    coverages: tuple[Coverage, ...] = ()
    notes: tuple[Text, ...] = ()
    extensions: dict[ExtensionKey, Text] = Field(default_factory=dict)


class Standing(Model):
    """Where an order stands, and what it is known by; changes with every event.

    Attributes:
        id: Ours, and what a manufacturer knows as our reference.
        manufacturer: ``""`` while the order is routed nowhere.
        route_version: The route table's version, pinned when the order was placed.
        coi: Chain-of-identity identifier, always with its issuer.
        flags: Holds (``hold.identity``), ``cancel_pending``, and what the
            manufacturer refused (``submission_refused``, ``change_refused``):
            beside the status, never instead of it.
        reported: Steps another party than their owner has reported; shown, and
            not the status.
        scheduled_for: What the status is planned for, as last reported.
        changed_at: When the newest message that changed the content was received.
        resubmitted_at: When it was submitted anew after a refusal; a report from
            before is about what was refused.
    """

    schema_version: Literal[1] = 1
    id: Word
    site: Word
    status: Status
    manufacturer: str = ""
    route_version: str = ""
    manufacturer_number: Number | None = None
    coi: Alias | None = None
    aliases: tuple[Alias, ...] = ()
    flags: tuple[Word, ...] = ()
    reported: tuple[Status, ...] = ()
    status_at: AwareDatetime | None = None
    status_reason: Text | None = None
    scheduled_for: AwareDatetime | date | None = None
    changed_at: AwareDatetime | None = None
    resubmitted_at: AwareDatetime | None = None


class TherapyOrder(Standing, OrderContent):
    """An order: what the site says, and where it stands."""


_CONTENT = TypeAdapter(OrderContent)
_STANDING = TypeAdapter(Standing)


def content_json(content: OrderContent) -> bytes:
    """Write content as JSON: the same bytes for the same content."""
    if len(content.extensions) > 1:
        ordered = dict(sorted(content.extensions.items()))
        content = content.model_copy(update={"extensions": ordered})
    return _CONTENT.dump_json(content, exclude_none=True)


def standing_json(standing: Standing) -> bytes:
    """Write a standing as JSON."""
    return _STANDING.dump_json(standing, exclude_none=True)


def order_json(content: bytes, standing: bytes) -> bytes:
    """Join the two halves of an order; they share no field."""
    return content[:-1] + b"," + standing[1:]
