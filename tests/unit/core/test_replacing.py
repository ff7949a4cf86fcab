"""A patient's second open order for one product may mean the first one."""

import pytest

from gateway.core.order import Product, Status
from gateway.core.verdict import MessageState
from tests.unit.core.builders import alarms, cancel, mrn, patient, place, problems
from tests.unit.core.story import Story

CODE = "order.possible_replacement"
HELD, APPLIED = MessageState.HELD, MessageState.APPLIED


@pytest.mark.parametrize(
    "status", [Status.READY, Status.ACCEPTED, Status.IN_MANUFACTURING, Status.RELEASED]
)
def test_a_second_open_order_of_a_patient_is_held(status: Status) -> None:
    story = Story()
    first = story.placed(status=status)

    decision = story.hear(place("A-2"))

    assert decision.verdict.state is HELD
    assert problems(decision) == [f"{CODE} at order.placer_number"]
    assert alarms(decision) == [f"{CODE}:{first}"]
    assert decision.tellings == ()


def test_two_in_one_message_are_held_together() -> None:
    decision = Story().hear(place("A-1"), place("A-2"))

    assert decision.verdict.state is HELD
    assert decision.orders == ()


def test_a_person_may_say_that_both_are_wanted() -> None:
    story = Story()
    story.placed()

    decision = story.hear(place("A-2"), released=[CODE])

    assert decision.verdict.state is APPLIED


def test_a_cancellation_that_is_not_done_yet_may_still_fail() -> None:
    story = Story()
    story.placed(status=Status.ACCEPTED)
    story.hear(cancel())

    assert story.hear(place("A-2")).verdict.state is HELD


@pytest.mark.parametrize("end", [Status.REJECTED, Status.CANCELLED])
def test_after_an_order_that_has_ended_another_may_follow(end: Status) -> None:
    story = Story()
    story.placed(status=end)

    assert story.hear(place("A-2")).verdict.state is APPLIED


def test_one_the_manufacturer_refused_may_still_be_corrected() -> None:
    story = Story()
    story.end_delivery("rejected", "submit", story.placed())

    assert story.hear(place("A-2")).verdict.state is HELD


def test_a_merged_patient_is_found_under_each_record_number() -> None:
    story = Story()
    story.placed()
    merged = patient(mrn=mrn("00099"), identifiers=[mrn("00042")])

    assert story.hear(place("A-2", patient=merged)).verdict.state is HELD


def test_a_patient_whose_other_number_comes_first_is_the_same_one() -> None:
    one, other = mrn("111", "ELM"), mrn("222", "OAK")
    story = Story()
    story.hear(place(patient=patient(mrn=one, identifiers=[other])))
    swapped = patient(mrn=other, identifiers=[one])

    assert story.hear(place("A-2", patient=swapped)).verdict.state is HELD


def test_a_national_number_is_shared_by_many() -> None:
    unknown = mrn("000-00-0000", "USSSA")
    story = Story()
    story.hear(place(patient=patient(identifiers=[unknown])))
    other = patient(mrn=mrn("00043"), identifiers=[unknown])

    assert story.hear(place("A-2", patient=other)).verdict.state is APPLIED


def test_another_patient_or_product_is_another_matter() -> None:
    story = Story()
    story.placed()

    other = story.hear(place("A-2", patient=patient(mrn=mrn("00043"))))
    product = story.hear(place("A-3", product=Product(code="helix-til")))

    assert (other.verdict.state, product.verdict.state) == (APPLIED, APPLIED)


@pytest.mark.parametrize("padded", ["A-1 ", " A-1", "A-1\t"])
def test_blanks_around_a_placer_number_make_no_other_order(padded: str) -> None:
    story = Story()
    story.placed("A-1")

    assert story.hear(place(padded)).verdict.state is MessageState.NO_EFFECT


def test_blanks_around_a_record_number_make_no_other_patient() -> None:
    story = Story()
    story.placed("A-1")

    decision = story.hear(place("A-2", patient=patient(mrn=mrn(" 00042 "))))

    assert problems(decision) == [f"{CODE} at order.placer_number"]
