"""Patient updates, merges, moves and links (ADT), and the orders they touch."""

from datetime import date

import pytest

from gateway.core.commands import UpdatePatient
from gateway.core.order import Identifier, Name, Status
from gateway.core.verdict import MessageState, Refusal
from tests.unit.core.builders import (
    ANOTHER,
    HELD,
    alarms,
    facts,
    merge,
    mrn,
    patient,
    place,
    problems,
    report,
    told,
    update,
)
from tests.unit.core.story import Story

CARD = Identifier(value="9-9", authority="NATION")
MARRIED = Name(family="Wed", given="Ada")


# ---------------------------------------------------------------- updates


def test_an_update_that_agrees_has_no_effect() -> None:
    story = Story()
    story.placed()
    said = update(name=patient().name, birth_date=date(1970, 1, 31), sex="female")

    assert story.hear(said).verdict.state is MessageState.NO_EFFECT


def test_an_update_of_a_patient_without_orders_has_no_effect() -> None:
    story = Story()
    story.placed()

    decision = story.hear(update(mrn("00043"), sex="male"))

    assert decision.verdict.state is MessageState.NO_EFFECT


def test_a_new_family_name_is_flagged_but_holds_nothing() -> None:
    """People marry; the order's own name stays as it was printed on labels.

    Nobody is told: the site said so itself, and the manufacturer keeps the label's.
    """
    story = Story()
    story.placed()

    decision = story.hear(update(name=MARRIED))

    assert decision.verdict.state is MessageState.APPLIED
    assert told(decision) == []
    assert alarms(decision) == []
    assert story.order().flags == ("name_changed",)
    assert story.order().patient == patient()


def test_a_new_family_name_is_flagged_once() -> None:
    story = Story()
    order_id = story.placed()
    story.hear(update(name=MARRIED))

    decision = story.hear(update(name=MARRIED))

    assert decision.verdict.state is MessageState.NO_EFFECT
    assert story.kinds(order_id) == ["order_placed", "name_changed"]


def test_a_new_given_name_is_flagged_too() -> None:
    story = Story()
    story.placed()

    story.hear(update(name=Name(family="Example", given="Eda")))

    assert story.order().flags == ("name_changed",)


@pytest.mark.parametrize(
    ("said", "places"),
    [
        pytest.param(
            update(birth_date=date(1970, 1, 30)),
            ["patient.birth_date"],
            id="birth date",
        ),
        pytest.param(update(sex="male"), ["patient.sex"], id="sex"),
        pytest.param(
            update(name=MARRIED, sex="male"), ["patient.sex"], id="sex and name"
        ),
        pytest.param(update(CARD), ["patient.mrn"], id="a number they had not"),
    ],
)
def test_an_update_that_contradicts_the_ledger_is_held_and_holds_the_order(
    said: UpdatePatient, places: list[str]
) -> None:
    story = Story()
    story.hear(place(patient=patient(identifiers=(CARD,))))

    decision = story.hear(said)

    assert decision.verdict.state is MessageState.HELD
    assert problems(decision) == [f"identity.conflict at {place}" for place in places]
    assert alarms(decision) == [f"identity.conflict:{story.order().id}"]
    assert told(decision) == [("site", "status", "identity_held")]
    assert story.order().flags == (HELD,)


def test_an_update_holds_every_open_order_it_contradicts() -> None:
    story = Story()
    first, second = story.placed("A-1"), story.placed("A-2", product=ANOTHER)

    decision = story.hear(update(sex="male"))

    assert problems(decision) == ["identity.conflict at patient.sex"]
    assert alarms(decision) == [
        f"identity.conflict:{first}",
        f"identity.conflict:{second}",
    ]
    assert story.order("A-1").flags == story.order("A-2").flags == (HELD,)


@pytest.mark.parametrize("end", [Status.CANCELLED, Status.TERMINATED])
def test_an_update_leaves_ended_orders_alone(end: Status) -> None:
    story = Story()
    story.placed(status=end)

    assert story.hear(update(sex="male")).verdict.state is MessageState.NO_EFFECT


def test_a_patient_of_the_same_number_elsewhere_is_another_patient() -> None:
    story = Story()
    story.placed()

    decision = story.hear(update(mrn(authority="OAK"), sex="male"))

    assert decision.verdict.state is MessageState.NO_EFFECT


# ---------------------------------------------------------------- merges


@pytest.mark.parametrize("event", ["A18", "A24", "A34", "A40", "A45", "A47"])
def test_a_merge_holds_every_open_order_of_its_patients(event: str) -> None:
    """The message is accepted: what it says has been heard, and is not applied."""
    story = Story()
    survivor = story.placed("A-1")
    story.hear(place("A-2", patient=patient(mrn=mrn("00043"))))
    prior = story.order("A-2").id
    story.hear(place("A-3", patient=patient(mrn=mrn("00044"))))

    decision = story.hear(merge((mrn(),), (mrn("00043"),), event=event))

    assert decision.verdict.state is MessageState.APPLIED
    assert alarms(decision) == [f"identity.merge:{survivor}", f"identity.merge:{prior}"]
    assert told(decision) == [("site", "status", "identity_held")] * 2
    assert [story.order(n).flags for n in ("A-1", "A-2", "A-3")] == [(HELD,)] * 2 + [()]


def test_a_merge_changes_no_patient_of_an_order() -> None:
    """Direction is never applied: people confirm whose cells are whose."""
    story = Story()
    story.hear(place(patient=patient(mrn=mrn("00043"))))

    story.hear(merge((mrn(),), (mrn("00043"),)))

    assert story.order().patient == patient(mrn=mrn("00043"))


def test_a_merge_without_orders_has_no_effect() -> None:
    decision = Story().hear(merge((mrn(),), (mrn("00043"),)))

    assert decision.verdict.state is MessageState.NO_EFFECT


def test_a_second_merge_raises_its_alarm_though_the_order_is_held() -> None:
    """Who resolves the first must learn that there was another."""
    story = Story()
    order_id = story.placed()
    story.hear(update(sex="male"))

    decision = story.hear(merge((mrn(),), (mrn("00043"),)))

    assert alarms(decision) == [f"identity.merge:{order_id}"]
    assert story.kinds(order_id) == ["order_placed", "identity_held"]


def test_a_merge_of_a_patient_into_itself_is_rejected_with_an_alarm() -> None:
    story = Story()
    story.placed()

    decision = story.hear(merge((mrn(), CARD), (mrn(),)))

    assert decision.verdict.refusal is Refusal.CONTENT
    assert problems(decision) == ["patient.merge_into_itself at MRG-1"]
    assert alarms(decision) == ["patient.merge_into_itself:elmwood"]
    assert story.order().flags == ()


def test_a_circular_merge_is_rejected() -> None:
    one, two = mrn("1"), mrn("2")
    circle = merge((one,), (two, one)).model_copy(
        update={"patients": (facts(one), facts(two))}
    )

    assert Story().hear(circle).verdict.refusal is Refusal.CONTENT


def test_a_number_that_both_records_share_makes_no_merge_into_itself() -> None:
    """Two records of one person carry the same national number."""
    story = Story()
    story.placed()

    decision = story.hear(merge((mrn(), CARD), (mrn("00043"), CARD)))

    assert decision.verdict.state is MessageState.APPLIED
    assert story.order().flags == (HELD,)


def test_a_number_of_another_kind_hides_no_merge_into_itself() -> None:
    """One authority gives record numbers and account numbers."""
    record, account = (mrn().model_copy(update={"type": t}) for t in ("MR", "AN"))
    account = account.model_copy(update={"value": "77"})
    prior = mrn().model_copy(update={"type": "MR"})

    decision = Story().hear(merge((record, account), (prior,)))

    assert decision.verdict.refusal is Refusal.CONTENT


def test_a_survivor_sent_with_the_number_it_took_over_is_held() -> None:
    """Which of the two numbers it had before is for people to say."""
    story = Story()
    story.placed()

    decision = story.hear(merge((mrn("00043"), mrn(), CARD), (mrn(),)))

    assert decision.verdict.state is MessageState.APPLIED
    assert story.order().flags == (HELD,)


def test_a_link_names_patients_and_no_prior_numbers() -> None:
    story = Story()
    story.placed()

    decision = story.hear(merge((mrn(),), event="A24"))

    assert decision.verdict.state is MessageState.APPLIED


# ---------------------------------------------------------------- afterwards


def test_a_held_order_still_hears_of_its_own_progress() -> None:
    """A hold keeps deliveries back, not the truth."""
    story = Story()
    order_id = story.placed()
    story.hear(update(sex="male"))

    story.report(report(order_id, Status.ACCEPTED))

    assert (story.order().status, story.order().flags) == (Status.ACCEPTED, (HELD,))


def test_nothing_about_the_patient_stands_in_clear_text() -> None:
    """Headers are never encrypted (ADR 0011); problems and reprs reach logs."""
    story = Story()
    marked = patient(
        family="Zzyzx", mrn=mrn("77-marked"), birth_date=date(1911, 11, 11)
    )
    story.hear(place(patient=marked, notes=("note-marked",)))
    order_id = story.order().id
    reported = story.report(report(order_id, Status.ACCEPTED, reason="reason-marked"))
    held = story.hear(update(mrn("77-marked"), birth_date=date(1912, 12, 12)))

    headers = [entry.header.decode() for entry in story.ledgers[order_id]]
    clear = "".join([*headers, *problems(held), *alarms(held), f"{reported}{held}"])
    assert order_id in clear
    for value in ("Zzyzx", "marked", "1911", "1912"):
        assert value not in clear
