"""The sample hospitals' messages say what the sample sites' mappings read."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.hl7v2.format import Hl7v2Format
from adapters.hl7v2.reader import Hl7v2Reader
from conformance.simulators.ehr_answers import segments
from conformance.simulators.messages import ASA, TOMAS, Person, er7, synthetic
from conformance.simulators.rheintal import Rheintal
from conformance.simulators.st_elm import StElm
from gateway.core.agreements import Conventions
from gateway.core.commands import (
    CancelOrder,
    ChangeOrder,
    CorrectIdentity,
    PlaceOrder,
    UpdatePatient,
)
from gateway.core.order import OrderContent
from gateway.mapping.catalog import Catalog

MAPPINGS = Path(__file__).parents[2] / "mappings"
MIDDAY = datetime(2026, 7, 1, 10, 30, tzinfo=UTC)

Hospital = StElm | Rheintal


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load(MAPPINGS, {"hl7v2": Hl7v2Format()})


@pytest.fixture(params=[StElm, Rheintal], ids=["st_elm", "rheintal"])
def hospital(request: pytest.FixtureRequest) -> Hospital:
    made: Hospital = request.param(now=lambda: MIDDAY)
    return made


Meaning = Callable[[bytes], Any]


@pytest.fixture
def meaning(catalog: Catalog, hospital: Hospital) -> Meaning:
    """From a message to the one command its site's mapping makes of it."""
    site = catalog.sites["st_elm" if isinstance(hospital, StElm) else "rheintal"]
    reader = Hl7v2Reader()

    def read(message: bytes) -> Any:  # noqa: ANN401 - any command
        header, verdict = reader.peek(message)
        conventions = Conventions(
            charset=site.interface.charset, zone=site.interface.zone
        )
        source = reader.read(header, message, conventions)
        (command,), problems = site.messages[header.type].run(source)
        assert verdict is None
        assert problems == []
        assert (header.application, header.facility) in site.senders
        assert header.processing_id in site.processing_ids
        return command

    return read


def test_a_new_order_is_placed(hospital: Hospital, meaning: Meaning) -> None:
    command = meaning(hospital.new_order("N-1", ASA))

    assert isinstance(command, PlaceOrder)
    order = command.order
    assert order.placer_number.value == "N-1"
    assert order.product.code == "HELIX-CART-19"
    assert is_asa(order)
    assert order.weight is not None
    assert round(order.weight.value, 1) == Decimal("71.4")


def is_asa(order: OrderContent) -> bool:
    """Compare code point by code point: both character sets have an Å."""
    patient = order.patient
    facts = (patient.mrn.value, patient.name.given, patient.birth_date, patient.sex)
    return facts == ("4711008", "\u00c5sa", date(1971, 4, 9), "female")


def test_a_change_says_the_order_again(hospital: Hospital, meaning: Meaning) -> None:
    heavier = replace(ASA, weight_kg="80.0")

    command = meaning(hospital.change_order("N-1", heavier))

    assert isinstance(command, ChangeOrder)
    assert command.order.placer_number.value == "N-1"
    assert command.order.weight is not None
    assert round(command.order.weight.value) == 80


def test_a_cancellation_names_order_patient_and_reason(
    hospital: Hospital, meaning: Meaning
) -> None:
    command = meaning(hospital.cancel_order("N-1", ASA, reason="a|b & c^d"))

    assert isinstance(command, CancelOrder)
    assert command.placer_number.value == "N-1"
    assert command.patient.birth_date == ASA.birth_date
    assert command.reason == "a|b & c^d"


def test_a_patient_is_updated(hospital: Hospital, meaning: Meaning) -> None:
    command = meaning(hospital.update_person(ASA.named("Örnek-Beispiel")))

    assert isinstance(command, UpdatePatient)
    assert command.patient.name is not None
    assert command.patient.name.family == "Örnek-Beispiel"


def test_a_merge_names_survivor_and_retired(
    hospital: Hospital, meaning: Meaning
) -> None:
    command = meaning(hospital.merge(TOMAS, "999"))

    assert isinstance(command, CorrectIdentity)
    assert command.event == "A40"
    assert [prior.value for prior in command.prior] == ["999"]
    assert command.patients[0].identifiers[0].value == TOMAS.mrn


def test_every_synthetic_patient_can_be_ordered_for(
    hospital: Hospital, meaning: Meaning
) -> None:
    people = [synthetic(n) for n in range(60)]

    commands = [meaning(hospital.new_order(f"N-{p.mrn}", p)) for p in people]

    assert len({person.mrn for person in people}) == 60
    assert {type(command) for command in commands} == {PlaceOrder}


def test_every_message_has_its_own_control_id(hospital: Hospital) -> None:
    messages = [hospital.update_person(ASA) for _ in range(3)]

    assert len({segments(message)[0][9] for message in messages}) == 3


@pytest.mark.parametrize(
    ("hospital", "bytes_of_a_ring", "acks"),
    [(StElm(), b"\xc3\x85sa", [b"AL", b"NE"]), (Rheintal(), b"\xc5sa", [b"", b""])],
    ids=["st_elm", "rheintal"],
)
def test_each_hospital_writes_its_own_way(
    hospital: Hospital, bytes_of_a_ring: bytes, acks: list[bytes]
) -> None:
    message = hospital.new_order("N-1", ASA)

    assert bytes_of_a_ring in message
    assert segments(message)[0][14:16] == acks


def test_facilities_of_one_site_differ_in_msh_4() -> None:
    assert segments(StElm("RIVERSIDE").merge(ASA, "1"))[0][3] == b"RIVERSIDE"


def test_delimiters_in_a_name_are_escaped() -> None:
    odd = Person("1", r"A|B^C&D~E\F", "x", date(2000, 1, 1), "F")

    assert er7(odd.family) == r"A\F\B\S\C\T\D\R\E\E\F"
