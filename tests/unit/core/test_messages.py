"""Envelopes, verdicts, errors and lanes: small promises of the vocabulary."""

import hashlib
from dataclasses import is_dataclass
from datetime import datetime, timedelta, timezone
from types import ModuleType

import pytest

from gateway import routing
from gateway.core import agreements, effects, envelope, errors, identity, lifecycle
from gateway.core import verdict as verdicts
from gateway.core.decide import book
from gateway.core.effects import Alarm, NewDelivery, OrderKey, waits_for
from gateway.core.envelope import Envelope
from gateway.core.errors import (
    BatonError,
    LeaseLost,
    Misconfigured,
    NotAllowed,
    OutcomeUnknown,
    Problem,
    Refused,
    Unavailable,
    Unmappable,
    Unreadable,
)
from gateway.core.ids import MessageId
from gateway.core.verdict import MessageState, Refusal, Verdict
from gateway.delivery import outcome, policy
from tests.unit.core.builders import NOON, circumstances

MODULES = [
    agreements,
    book,
    effects,
    envelope,
    errors,
    identity,
    lifecycle,
    outcome,
    policy,
    routing,
    verdicts,
]
NEXT_STEPS: list[type[BatonError]] = [
    Refused,
    Unavailable,
    OutcomeUnknown,
    LeaseLost,
    NotAllowed,
    Misconfigured,
]


def arrived(at: datetime = NOON) -> Envelope:
    """Return a message as it arrived."""
    return Envelope(
        message_id=MessageId("M"),
        endpoint="mllp",
        site="elmwood",
        media_type="x-application/hl7-v2+er7",
        received_at=at,
        control_id="id-marked",
        body=b"body-marked",
        headers={"signature": "header-marked"},
    )


@pytest.mark.parametrize(
    "at",
    [
        pytest.param(datetime(2026, 3, 2, 12), id="no offset"),  # noqa: DTZ001 - the point of the test
        pytest.param(NOON.astimezone(timezone(timedelta(hours=1))), id="local time"),
    ],
)
def test_an_envelope_is_stamped_in_utc(at: datetime) -> None:
    """Ledgers are compared across zones."""
    with pytest.raises(ValueError, match="UTC"):
        arrived(at)


def test_an_envelope_can_be_printed() -> None:
    assert "marked" not in repr(arrived())


def test_an_envelopes_digest_is_that_of_its_exact_bytes() -> None:
    assert arrived().digest == hashlib.sha256(b"body-marked").digest()


def test_a_delivery_can_be_printed_and_knows_its_lane() -> None:
    delivery = NewDelivery(
        delivery_id="M-d1",
        order_id="M-o1",
        destination="portal:helix",
        key="M-d1",
        operation="submit",
        body=b"marked",
        content_type="application/json",
        guarded=True,
        identity=b"",
        due=NOON,
        deadline=NOON,
    )

    assert delivery.lane == "M-o1@portal:helix"
    assert "marked" not in repr(delivery)


def test_circumstances_can_be_printed() -> None:
    """Who knows the secret knows the salts, and can confirm a guessed body."""
    assert "marked" not in repr(circumstances(secret=b"marked"))


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_a_value_once_made_does_not_change(module: ModuleType) -> None:
    """Decisions are handed from floor to floor and thread to thread."""
    kinds = [kind for kind in vars(module).values() if is_dataclass(kind)]
    frozen = [kind.__setattr__ is not object.__setattr__ for kind in kinds]

    assert all(frozen)
    assert frozen


def test_an_alarm_is_counted_by_code_and_subject() -> None:
    assert Alarm("order.closed", "M-o1").condition == "order.closed:M-o1"


def test_a_waiting_message_names_what_it_waits_for() -> None:
    assert waits_for(OrderKey("elmwood", "ORD", "A-1")) == "elmwood|ORD|A-1"


# ---------------------------------------------------------------- verdicts


@pytest.mark.parametrize("state", MessageState)
def test_everything_but_a_rejection_is_ours(state: MessageState) -> None:
    """A negative answer means that the sender still owns the message (law 2)."""
    rejected = state is MessageState.REJECTED
    verdict = Verdict(state, refusal=Refusal.CONTENT if rejected else None)

    assert verdict.accepted is not rejected


def test_a_rejection_says_how_it_refuses() -> None:
    """Its answer's code depends on it."""
    with pytest.raises(ValueError, match="refusal"):
        Verdict(MessageState.REJECTED)


def test_only_a_rejection_refuses() -> None:
    with pytest.raises(ValueError, match="refusal"):
        Verdict(MessageState.HELD, refusal=Refusal.CONTENT)


# ---------------------------------------------------------------- errors


def test_an_error_names_codes_and_places() -> None:
    error = Unmappable(Problem("field.missing", "PID-7"), Problem("code.unknown"))

    assert str(error) == "unmappable: field.missing at PID-7, code.unknown"


def test_an_error_without_problems_names_its_kind() -> None:
    assert str(Unavailable()) == "unavailable"


def test_errors_are_sorted_by_what_the_caller_does_next() -> None:
    """Catching one kind never catches another that needs something else."""
    ours = [k for k in BatonError.__subclasses__() if k.__module__ == errors.__name__]

    assert ours == NEXT_STEPS


def test_every_error_has_a_code_of_its_own() -> None:
    kinds: list[type[BatonError]] = [BatonError, *NEXT_STEPS, Unreadable, Unmappable]

    assert len({kind.code for kind in kinds}) == len(kinds)
