"""What the store is given to look up, and what it is given to write."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from gateway.core.order import TherapyOrder
from gateway.core.verdict import Answer, Verdict


@dataclass(frozen=True, slots=True)
class OrderKey:
    """The business key of an order: its placer number at one site."""

    site: str
    namespace: str = field(repr=False)
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PatientKey:
    """One identifier of a patient at one site."""

    site: str
    authority: str = field(repr=False)
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NumberKey:
    """A number that must lead to one order: a COI, or a manufacturer's order number.

    ``issuer`` is who gives it, or the manufacturer.
    """

    kind: Literal["coi", "order"]
    issuer: str = field(repr=False)
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Keys:
    """What a message needs looked up before it can be decided.

    Attributes:
        dedup: Scope of the control id (site, MSH-3, MSH-4, MSH-10); ``""`` for a
            message that never enters the dedup index.
        digest: SHA-256 of the body without the parts a resend may change.
        sent_at: The sender's own time, for the 24-hour collision rule.
        mapping: Hash of the mapping text that will decide it, ``""`` if none.
    """

    dedup: str = field(default="", repr=False)
    digest: bytes = b""
    sent_at: datetime | None = None
    orders: tuple[OrderKey, ...] = ()
    order_ids: tuple[str, ...] = ()
    patients: tuple[PatientKey, ...] = ()
    numbers: tuple[NumberKey, ...] = ()
    mapping: str = ""


@dataclass(frozen=True, slots=True)
class OrderState:
    """One order as the ledger has it.

    Attributes:
        length: Number of events; the next one is ``length + 1``.
        head: Hash of the last event.
        content_digest: SHA-256 of the content last accepted from the site.
        content: The order's content as JSON (``order.content_json``), if it is
            new; ``b""`` while it is what the store has.
    """

    order: TherapyOrder = field(repr=False)
    length: int
    head: bytes
    content_digest: bytes
    content: bytes = field(default=b"", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class WaitingMessage:
    """A stored message that came before its order."""

    message_id: str
    endpoint: str
    site: str
    media_type: str
    received_at: datetime
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class View:
    """The present state, read in the transaction that will write.

    Attributes:
        orders: By business key, for those that exist.
        by_id: By order id, for those asked for.
        patients: Open orders whose patient has one of the asked identifiers.
        numbered: Orders, open or closed, known by one of the asked numbers.
        waiting: Messages that wait for one of the asked business keys that has no
            order yet, in the order they came.
        collision: The control id was used within 24 hours for another content.
        reused: It was used longer ago for another content.
        asked: What was looked up; what is asked for and not here does not exist.
    """

    orders: Mapping[OrderKey, OrderState] = field(default_factory=dict)
    by_id: Mapping[str, OrderState] = field(default_factory=dict)
    patients: Sequence[OrderState] = ()
    numbered: Sequence[OrderState] = ()
    waiting: Sequence[WaitingMessage] = ()
    collision: bool = False
    reused: bool = False
    asked: Keys = field(default_factory=Keys)


class StateNeeded(Exception):
    """Deciding needs more state: look up ``keys`` and decide again.

    Not an error. Raised by ``ports.Work.decide`` for messages that waited: what
    they are about is known only when they are read.
    """

    def __init__(self, keys: Keys) -> None:
        """Ask for ``keys``: all that was looked up before, and more."""
        super().__init__()
        self.keys = keys


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One event as it is stored: the bytes that were hashed.

    ``hash = SHA-256(previous hash ‖ header ‖ commitment)`` and
    ``commitment = SHA-256(salt ‖ body)``, see ``core.ledger``.
    """

    order_id: str
    n: int
    header: bytes
    body: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    commitment: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """One frozen thing to send.

    Attributes:
        key: The idempotency key, one per logical operation.
        operation: ``submit``, ``change``, ``cancel`` or ``status``.
        guarded: Whether a hold on the order's identity keeps it back.
        identity: Digest of the identity it was made from; compared with the
            ledger again when it is sent.
        deadline: After it the delivery is dead.
    """

    delivery_id: str
    order_id: str
    destination: str
    key: str
    operation: str
    body: bytes = field(repr=False)
    content_type: str
    guarded: bool
    identity: bytes
    due: datetime
    deadline: datetime

    @property
    def lane(self) -> str:
        """What stays in order: one order at one destination."""
        return f"{self.order_id}@{self.destination}"


@dataclass(frozen=True, slots=True)
class Alarm:
    """A condition somebody must see: one per condition, with a count."""

    code: str
    subject: str
    """What it is about: a site, an order id, a destination. Never PHI."""

    @property
    def condition(self) -> str:
        """The key alarms are counted under."""
        return f"{self.code}:{self.subject}"


@dataclass(frozen=True, slots=True)
class Effects:
    """Everything that follows from one message, written in one transaction.

    Attributes:
        orders: New standing of every order touched; the store derives its
            projections and look-up keys from it.
        wait_for: Business keys a waiting message waits for.
        woken: Verdicts of waiting messages that were decided along with this one;
            one that goes on waiting is not among them.
        settled: Deliveries that a report proves to have arrived, each written
            ``order_id@destination:operation``. One that was never attempted stays;
            one under way is settled by its worker.
    """

    verdict: Verdict
    answer: Answer
    orders: tuple[OrderState, ...] = ()
    events: tuple[LedgerEntry, ...] = ()
    deliveries: tuple[NewDelivery, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    wait_for: tuple[str, ...] = field(default=(), repr=False)
    woken: tuple[tuple[str, Verdict], ...] = ()
    settled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a worker reports about one attempt.

    Attributes:
        reported_at: When the attempt ended, UTC.
        uncertain: The receiver may have acted, whatever follows.
        outcome: ``delivered``, ``rejected``, ``not_taken``, ``unknown``, ``fault``;
            ``guarded``, ``expired`` or ``proven`` if nothing was sent.
        decide: Says what the outcome means for the order, over the order's state
            read in the same transaction; ``None`` if nothing.
    """

    delivery_id: str
    order_id: str
    destination: str
    lease: int
    attempt: int
    started_at: datetime
    reported_at: datetime
    outcome: str
    code: str
    status: str
    body: bytes = field(repr=False)
    uncertain: bool = False
    decide: Callable[[View], Effects] | None = None
    keys: Keys = field(default_factory=Keys)
    alarms: tuple[Alarm, ...] = ()


Resolution = Literal["delivered", "rejected", "superseded", "ready"]
"""What a person found out about a delivery; ``ready`` sends it again."""

RESOLVED: Final = "resolved.by_operator"
"""Code of a delivery that a person gave its state."""


@dataclass(frozen=True, slots=True)
class Sequel:
    """What the end of a delivery, or a person's finding, means for its order.

    Attributes:
        decide: As ``Settlement.decide``.
        deadline: Of a delivery that is sent again; ``None`` leaves what it has.
    """

    decide: Callable[[View], Effects] | None = None
    keys: Keys = field(default_factory=Keys)
    deadline: datetime | None = None


def numbers_of(order: TherapyOrder) -> tuple[NumberKey, ...]:
    """Return the numbers an order is known by."""
    coi, number = order.coi, order.manufacturer_number
    return (
        *((NumberKey("coi", coi.issuer, coi.value),) if coi else ()),
        *((NumberKey("order", order.manufacturer, number),) if number else ()),
    )


def waits_for(key: OrderKey) -> str:
    """Write a business key as ``wait_for`` holds it."""
    return f"{key.site}|{key.namespace}|{key.value}"
