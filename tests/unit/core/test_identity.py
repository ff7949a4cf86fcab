"""Is this still the same person? Compared code point by code point (G8, §7)."""

import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.commands import PatientFacts
from gateway.core.identity import compare_facts, compare_patient, identity_digest
from gateway.core.order import (
    Address,
    Identifier,
    Name,
    Patient,
    Status,
    TherapyOrder,
)
from tests.unit.core.builders import (
    MAKER,
    SITE,
    coi,
    content,
    facts,
    mrn,
    patient,
)

COMPOSED = unicodedata.normalize("NFC", "Müller")
COMBINING = unicodedata.normalize("NFD", "Müller")
LEDGER = patient(family=COMPOSED)

words = st.text(min_size=1, max_size=5).filter(
    lambda s: s.isprintable() and " " not in s
)


def order(**said: object) -> TherapyOrder:
    """Return an order as the ledger has it."""
    known = {"id": "M-o1", "site": SITE, "status": Status.READY, "manufacturer": MAKER}
    return TherapyOrder(**{**dict(content()), **known, **said})


def of(authority: str, value: str) -> TherapyOrder:
    """Return an order of the patient of that number."""
    return order(patient=patient(mrn=mrn(value, authority)))


# ---------------------------------------------------------------- orders


def test_the_same_patient_is_the_same() -> None:
    assert compare_patient(LEDGER, patient(family=COMPOSED)).same


@pytest.mark.parametrize(
    "family",
    [
        pytest.param(COMBINING, id="combining characters"),
        pytest.param(COMPOSED.upper(), id="case"),
        pytest.param(f"{COMPOSED} ", id="a space behind"),
        pytest.param("Mueller", id="transcription"),
        pytest.param("M\N{CYRILLIC SMALL LETTER U}ller", id="another alphabet"),
    ],
)
def test_names_that_look_alike_are_not_equal(family: str) -> None:
    """Nothing is folded, trimmed or normalised."""
    found = compare_patient(LEDGER, patient(family=family))

    assert (found.conflicts, found.same) == ((), False)
    assert found.renamed == ("patient.name.family",)


@pytest.mark.parametrize(
    ("said", "conflicts"),
    [
        pytest.param(patient(mrn=mrn("42")), ("patient.mrn",), id="leading zeros"),
        pytest.param(patient(mrn=mrn("0004２")), ("patient.mrn",), id="wide digit"),  # noqa: RUF001 - the point of the test
        pytest.param(
            patient(mrn=mrn(authority="elm")), ("patient.mrn",), id="authority"
        ),
        pytest.param(
            patient(birth_date=date(1970, 1, 30)),
            ("patient.birth_date",),
            id="birth date",
        ),
        pytest.param(patient(sex="other"), ("patient.sex",), id="sex"),
        pytest.param(
            patient(mrn=mrn("1"), sex="male", birth_date=date(1999, 1, 1)),
            ("patient.mrn", "patient.birth_date", "patient.sex"),
            id="everything",
        ),
    ],
)
def test_what_differs_is_named_by_its_place(
    said: Patient, conflicts: tuple[str, ...]
) -> None:
    assert compare_patient(patient(), said).conflicts == conflicts


def test_the_type_of_an_identifier_does_not_identify() -> None:
    """``MR`` in one message and nothing in another name the same number."""
    typed = mrn().model_copy(update={"type": "MR"})

    assert compare_patient(LEDGER, patient(family=COMPOSED, mrn=typed)).same


def test_address_and_phone_do_not_identify() -> None:
    said = patient(family=COMPOSED, phone="555-0100", address=Address(city="Oak"))

    assert compare_patient(LEDGER, said).same


def test_twins_under_one_number_differ_in_the_given_name() -> None:
    """They share birth date, sex and family name, and a clerk's error the rest."""
    twin = patient(name=Name(family=COMPOSED, given="Bo"))

    assert compare_patient(LEDGER, twin).renamed == ("patient.name.given",)


def test_father_and_son_differ_in_the_suffix() -> None:
    father, son = (
        patient(name=Name(family="Example", suffix=suffix)) for suffix in ("Sr", "Jr")
    )

    assert compare_patient(father, son).renamed == ("patient.name.suffix",)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(Name(family=COMPOSED), id="not said"),
        pytest.param(Name(family=COMPOSED, given="Ada", middle="K"), id="more said"),
    ],
)
def test_a_part_of_the_name_that_one_lacks_does_not_differ(said: Name) -> None:
    assert compare_patient(LEDGER, patient(name=said)).same


# ---------------------------------------------------------------- other messages


def test_what_is_not_said_agrees() -> None:
    assert compare_facts(LEDGER, facts()).same


def test_one_of_the_numbers_must_be_the_orders() -> None:
    card = Identifier(value="9-9", authority="NATION")

    assert compare_facts(LEDGER, facts(card, mrn())).same
    assert compare_facts(LEDGER, facts(card)).conflicts == ("patient.mrn",)


@pytest.mark.parametrize(
    ("said", "conflicts"),
    [
        (facts(birth_date=date(1970, 1, 31), sex="female"), ()),
        (facts(birth_date=date(1970, 1, 30)), ("patient.birth_date",)),
        (facts(sex="unknown"), ("patient.sex",)),
    ],
)
def test_what_is_said_is_compared(
    said: PatientFacts, conflicts: tuple[str, ...]
) -> None:
    assert compare_facts(LEDGER, said).conflicts == conflicts


@pytest.mark.parametrize(
    ("family", "renamed"),
    [
        (COMPOSED, ()),
        (COMBINING, ("patient.name.family",)),
        ("Wed", ("patient.name.family",)),
    ],
)
def test_another_family_name_is_a_renaming(
    family: str, renamed: tuple[str, ...]
) -> None:
    found = compare_facts(LEDGER, facts(name=Name(family=family)))

    assert (found.conflicts, found.renamed) == ((), renamed)


# ---------------------------------------------------------------- the digest


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(order(id="M-o2"), id="order"),
        pytest.param(of("ELM", "00043"), id="number"),
        pytest.param(of("OAK", "00042"), id="authority"),
        pytest.param(
            order(patient=patient(birth_date=date(1970, 1, 30))), id="birth date"
        ),
        pytest.param(order(patient=patient(sex="male")), id="sex"),
    ],
)
def test_the_digest_tells_whose_cells_these_are(other: TherapyOrder) -> None:
    assert identity_digest(other) != identity_digest(order())


@pytest.mark.parametrize(
    "same",
    [
        order(status=Status.RELEASED),
        order(patient=patient(family="Wed", phone="555-0100")),
        order(coi=coi(), flags=("cancel_pending",)),
    ],
)
def test_the_digest_stays_while_the_order_moves_on(same: TherapyOrder) -> None:
    """Else every delivery already made would be held at the next step."""
    assert identity_digest(same) == identity_digest(order())


@given(words, words, words, words)
def test_parts_cannot_be_shifted_from_one_field_to_the_next(
    authority: str, value: str, other_authority: str, other_value: str
) -> None:
    same = (authority, value) == (other_authority, other_value)
    one, two = of(authority, value), of(other_authority, other_value)

    assert (identity_digest(one) == identity_digest(two)) is same


def test_a_separator_in_a_value_separates_nothing() -> None:
    one, two = of("A\x1fB", "C"), of("A", "B\x1fC")

    assert identity_digest(one) != identity_digest(two)
