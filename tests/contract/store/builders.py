"""Small values for the contract of stores: orders, messages, deliveries."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from gateway.core import ledger
from gateway.core.effects import (
    Alarm,
    Effects,
    Keys,
    LedgerEntry,
    NewDelivery,
    OrderKey,
    OrderState,
    Settlement,
    View,
)
from gateway.core.envelope import Envelope
from gateway.core.errors import NotAllowed, Problem
from gateway.core.identity import identity_digest
from gateway.core.ids import MessageId
from gateway.core.order import (
    Alias,
    Identifier,
    Name,
    Patient,
    PlacerNumber,
    Product,
    Status,
    TherapyOrder,
)
from gateway.core.verdict import Answer, AnswerKind, MessageState, Refusal, Verdict
from gateway.ports import Claim
from tests.contract.store.backends import AnyStore

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

SITE = "st_elm"
PORTAL = "portal:helix"
EHR = "ehr:st_elm"

ACCEPTED = Answer(AnswerKind.POSITIVE, "AA", b"MSH|AA")
REFUSED = Answer(AnswerKind.NEGATIVE, "AE", b"MSH|AE")
APPLIED = Verdict(MessageState.APPLIED)
HELD = Verdict(MessageState.HELD, (Problem("message.failed", "", "hold"),))
WAITING = Verdict(MessageState.WAITING)
REJECTED = Verdict(
    MessageState.REJECTED, (Problem("field.missing", "PID-7"),), Refusal.CONTENT
)
NOTHING = Effects(APPLIED, ACCEPTED)

_numbers = count(1)

# ------------------------------------------------------------ orders


def therapy_order(order_id: str = "ORDER-o1", **facts: Any) -> TherapyOrder:  # noqa: ANN401 - as the model has them
    """An order as complete as the store cares about."""
    mrn = facts.pop("mrn", "1001")
    patient = Patient(
        mrn=Identifier(value=mrn, authority="ELM"),
        identifiers=(Identifier(value=f"N{mrn}", authority="NHS"),),
        name=Name(family="Exemplar", given="Avery"),
        birth_date=date(1970, 2, 3),
        sex="female",
    )
    standing: dict[str, Any] = {
        "id": order_id,
        "site": SITE,
        "status": Status.READY,
        "manufacturer": "helix",
        "facility": "ELMHURST",
        "product": Product(code="axi-cel"),
        "placer_number": PlacerNumber(value=f"P-{order_id}", namespace="ELM"),
        "patient": patient,
        "status_at": NOON,
    }
    return TherapyOrder(**{**standing, **facts})


def coi(value: str = "HX-1") -> Alias:
    """A chain-of-identity number."""
    return Alias(type="coi", issuer="helix", value=value)


def key_of(order: TherapyOrder) -> OrderKey:
    """Where an order is found by its placer number."""
    number = order.placer_number
    return OrderKey(order.site, number.namespace, number.value)


def event_after(state: OrderState, order: TherapyOrder) -> LedgerEntry:
    """The next event of an order's ledger."""
    return ledger.entry(
        order_id=order.id,
        n=state.length + 1,
        previous=state.head,
        kind="something_held",
        asserted_by=SITE,
        occurred_at=None,
        recorded_at=NOON,
        origin="test",
        mapping="",
        body=order.model_dump_json(exclude_none=True).encode(),
        salt=b"salt of a test..",
    )


def follows(
    state: OrderState, order: TherapyOrder | None = None
) -> tuple[OrderState, LedgerEntry]:
    """Append an event after which ``order`` holds."""
    after = order or state.order
    event = event_after(state, after)
    return OrderState(after, event.n, event.hash, state.content_digest), event


def opens(order: TherapyOrder) -> tuple[OrderState, LedgerEntry]:
    """Open an order's ledger."""
    digest = hashlib.sha256(order.id.encode()).digest()
    return follows(OrderState(order, 0, ledger.GENESIS, digest))


def placing(*orders: TherapyOrder, **more: Any) -> Effects:  # noqa: ANN401 - as Effects has them
    """What follows when orders are placed."""
    opened = [opens(order) for order in orders]
    return Effects(
        APPLIED,
        ACCEPTED,
        orders=tuple(state for state, _ in opened),
        events=tuple(event for _, event in opened),
        **more,
    )


def amending(state: OrderState, order: TherapyOrder, **more: Any) -> Effects:  # noqa: ANN401 - as above
    """What follows when an order changes."""
    after, event = follows(state, order)
    return Effects(APPLIED, ACCEPTED, orders=(after,), events=(event,), **more)


# ------------------------------------------------------------ deliveries


def delivery(
    order: TherapyOrder,
    operation: str = "submit",
    *,
    destination: str = PORTAL,
    due: datetime = NOON,
    **facts: Any,  # noqa: ANN401 - as NewDelivery has them
) -> NewDelivery:
    """One thing to send about an order."""
    number = next(_numbers)
    frozen = NewDelivery(
        delivery_id=f"D{number:015d}-d1",
        order_id=order.id,
        destination=destination,
        key=f"key-{number}",
        operation=operation,
        body=f'{{"operation": "{operation}"}}'.encode(),
        content_type="application/json",
        guarded=True,
        identity=identity_digest(order),
        due=due,
        deadline=due + 3 * DAY,
    )
    return replace(frozen, **facts)


def report(claim: Claim, outcome: str = "delivered", **facts: Any) -> Settlement:  # noqa: ANN401 - as Settlement has them
    """What a worker says about one attempt."""
    told = Settlement(
        delivery_id=claim.delivery_id,
        order_id=claim.order_id,
        destination=claim.destination,
        lease=claim.lease,
        attempt=claim.attempt,
        started_at=NOON,
        reported_at=NOON + SECOND,
        outcome=outcome,
        uncertain=outcome == "unknown",
        code="http.200",
        status="200",
        body=b'{"reference": "HX-1"}',
    )
    return replace(told, **facts)


# ------------------------------------------------------------ messages


@dataclass(slots=True)
class Message:
    """One message on its way into the store (``gateway.ports.Work``)."""

    envelope: Envelope
    keys: Keys
    follow: Callable[[View], Effects]
    views: list[View] = field(default_factory=list)

    def decide(self, view: View) -> Effects:
        """Note what was seen, and say what follows."""
        self.views.append(view)
        return self.follow(view)

    def failed(self) -> Effects:
        """Hold the message."""
        alarm = Alarm("message.failed", self.envelope.site)
        return Effects(HELD, ACCEPTED, alarms=(alarm,))

    @property
    def id(self) -> str:
        """Its message id."""
        return self.envelope.message_id


def message(
    follow: Effects | Callable[[View], Effects] = NOTHING,
    *,
    control_id: str = "",
    body: bytes = b"MSH|body",
    sent_at: datetime | None = NOON,
    received_at: datetime = NOON,
    site: str = SITE,
    **keys: Any,  # noqa: ANN401 - as Keys has them
) -> Message:
    """A message that leads to ``follow``; it is deduplicated by ``control_id``."""
    envelope = Envelope(
        message_id=MessageId(f"M{next(_numbers):015d}"),
        endpoint="mllp",
        site=site,
        media_type="x-application/hl7-v2+er7",
        received_at=received_at,
        type="OMG^O19",
        control_id=control_id,
        body=body,
        headers={"x-trace": "1"},
    )
    sought = Keys(
        dedup=f"{site}|EPIC|ELM|{control_id}" if control_id else "",
        digest=envelope.digest,
        sent_at=sent_at,
        **keys,
    )
    follows_from = follow if callable(follow) else lambda _: follow
    return Message(envelope, sought, follows_from)


def failing(_: View) -> Effects:
    """Fail as a bug in deciding would."""
    raise KeyError("a bug")


SIGNED: dict[str, Any] = {"who": "ana", "reason": "asked the portal", "now": NOON}
"""Who does something, and why."""


def codes(refused: pytest.ExceptionInfo[NotAllowed]) -> list[str]:
    """Why something was not allowed."""
    return [problem.code for problem in refused.value.problems]


async def operations(store: AnyStore) -> list[str]:
    """What can be claimed an hour later."""
    now = NOON + HOUR
    claims = await store.claim(PORTAL, now=now, until=now + MINUTE, limit=9)
    return [claimed.operation for claimed in claims]
