"""Reading back what was written, from the bytes and not from memory."""

from collections import OrderedDict
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import apsw
import pytest

from gateway.core.effects import OrderState
from gateway.core.order import (
    Address,
    Alias,
    Code,
    Consent,
    Measure,
    Observation,
    Practitioner,
    Quantity,
    Status,
    TherapyOrder,
)
from gateway.store.sqlite import effects, view
from gateway.store.sqlite.connect import connect, migrate
from gateway.store.sqlite.times import iso, micros, moment
from gateway.store.sqlite.transaction import Transaction
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
    weight=Measure(
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


@pytest.fixture
def tx(tmp_path: Path) -> Transaction:
    """A transaction on an empty database."""
    db = connect(tmp_path / "baton.db")
    migrate(db)
    db.execute("BEGIN IMMEDIATE")
    return Transaction(db)


def read_back(tx: Transaction, order: TherapyOrder) -> OrderState:
    """Write an order, forget it, and read what the database has of it."""
    written, _ = opens(order)
    effects._write_order(tx, written, 0)
    row = (order.id, written.length, written.head, written.content_digest)
    return view.order_state(tx, row)


@pytest.mark.parametrize("order", [therapy_order(), FULL], ids=["sparse", "full"])
def test_an_order_survives_its_bytes(
    monkeypatch: pytest.MonkeyPatch, tx: Transaction, order: TherapyOrder
) -> None:
    monkeypatch.setattr(view, "_recent", {})

    read = read_back(tx, order)

    assert read == opens(order)[0]
    assert read.order.model_dump_json() == order.model_dump_json()


def test_an_order_once_read_is_not_read_again(
    monkeypatch: pytest.MonkeyPatch, tx: Transaction
) -> None:
    monkeypatch.setattr(view, "_recent", OrderedDict())
    first = read_back(tx, FULL)
    row = (FULL.id, first.length, first.head, first.content_digest)

    tx.execute("DELETE FROM orders", ())

    assert view.order_state(tx, row).order is first.order


def test_512_orders_are_remembered_and_the_oldest_is_forgotten_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recent: OrderedDict[bytes, TherapyOrder] = OrderedDict()
    monkeypatch.setattr(view, "_recent", recent)
    heads = [bytes([n // 256, n % 256]) for n in range(513)]

    for head in heads:
        view.remember(head, FULL)

    assert list(recent) == heads[1:]


def test_an_address_survives_too(
    monkeypatch: pytest.MonkeyPatch, tx: Transaction
) -> None:
    monkeypatch.setattr(view, "_recent", {})
    home = FULL.patient.model_copy(update={"address": Address(street="1 Ü St")})
    order = FULL.model_copy(update={"patient": home})

    assert read_back(tx, order).order == order


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
