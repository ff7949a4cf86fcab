"""Reading back what was written, from the bytes and not from memory."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import apsw
import pytest

from gateway.core.order import (
    Address,
    Alias,
    Code,
    Consent,
    Observation,
    Practitioner,
    Quantity,
    Status,
    TherapyOrder,
    content_json,
)
from gateway.store.sqlite import effects, view
from gateway.store.sqlite.times import iso, micros, moment
from tests.contract.store.builders import NOON, opens, therapy_order

CENTRAL = timezone(timedelta(hours=-6))
FULL = therapy_order(
    status=Status.SCHEDULED,
    coi=Alias(type="coi", issuer="helix", value="HX-1"),
    aliases=(Alias(type="lot", issuer="helix", value="L1"),),
    flags=("hold.identity", "name_changed"),
    reported=(Status.COLLECTED,),
    ordered_at=datetime(2026, 3, 1, 23, 30, 5, 123456, CENTRAL),
    collection_at=date(2026, 3, 9),
    infusion_at=datetime(2026, 4, 1, 0, 0, tzinfo=UTC),
    weight=Quantity(
        value=Decimal("72.50"), unit="kg", original_value="159.8", original_unit="lb"
    ),
    weight_at=date(2026, 3, 1),
    prescriber=Practitioner(id="12345", authority="NPI"),
    diagnoses=(Code(code="C83.3", system="ICD-10-CM", display="Größe Λ 細胞"),),
    observations=(
        Observation(code="75622-1", result="Negative", observed_at=NOON),
        Observation(code="718-7", value=Quantity(value=Decimal("1E-7"), unit="g/dL")),
    ),
    consents=(Consent(type="treatment", given=False),),
    notes=("two\nlines", "a 'quote' and a | pipe"),
    extensions={"st_elm:tumour_board": "2026-02-20"},
)


def projected(order: TherapyOrder) -> tuple[bytes, bytes, int, bytes, bytes]:
    """What the database keeps of an order, as a view reads it."""
    state, _ = opens(order)
    standing = effects._projection(state, 0)[-2]
    content = content_json(order)
    return content, standing, state.length, state.head, state.content_digest


@pytest.mark.parametrize("order", [therapy_order(), FULL], ids=["sparse", "full"])
def test_an_order_survives_its_bytes(
    monkeypatch: pytest.MonkeyPatch, order: TherapyOrder
) -> None:
    monkeypatch.setattr(view, "_recent", {})

    read = view.order_state(projected(order))

    assert read == opens(order)[0]
    assert read.order.model_dump_json() == order.model_dump_json()


def test_an_address_survives_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "_recent", {})
    home = FULL.patient.model_copy(update={"address": Address(street="1 Ü St")})
    order = FULL.model_copy(update={"patient": home})

    assert view.order_state(projected(order)).order == order


def test_times_are_exact_to_the_microsecond() -> None:
    at = datetime(2026, 3, 2, 12, 0, 0, 999_999, tzinfo=UTC)
    before_1970 = datetime(1969, 12, 31, 23, 59, 59, 1, tzinfo=UTC)

    assert moment(micros(at)) == at
    assert moment(micros(before_1970)) == before_1970
    assert micros(at.astimezone(CENTRAL)) == micros(at)
    assert iso(micros(at)) == "2026-03-02T12:00:00.999Z"


def test_the_driver_takes_what_we_bind() -> None:
    """An enum that is text is bound as text; a truth as a number."""
    db = apsw.Connection(":memory:")

    bound = db.execute("SELECT ?, typeof(?1), ?, typeof(?2)", (Status.READY, True))

    assert bound.fetchall() == [("ready", "text", 1, "integer")]
