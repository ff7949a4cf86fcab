"""A new order (ORC-1 NW)."""

from datetime import date

import pytest

from gateway.core.decide import decide
from gateway.core.decide.book import Destination
from gateway.core.effects import View
from gateway.core.order import Status, content_json
from gateway.core.verdict import MessageState, Refusal
from tests.unit.core.builders import (
    ANOTHER,
    HELD,
    MAKER,
    MESSAGE,
    NOON,
    NOWHERE,
    alarms,
    cancel,
    change,
    circumstances,
    content,
    mrn,
    patient,
    place,
    problems,
    report,
    told,
)
from tests.unit.core.story import Story


def test_a_new_order_is_ready_and_goes_to_its_manufacturer() -> None:
    story = Story()

    decision = story.hear(place())

    assert decision.verdict.state is MessageState.APPLIED
    assert told(decision) == [
        ("manufacturer", "submit", "order_placed"),
        ("site", "status", "order_placed"),
    ]
    assert not any(telling.event.reported for telling in decision.tellings)
    order = story.order()
    assert (order.status, order.status_at) == (Status.READY, NOON)
    assert (order.manufacturer, order.route_version) == (MAKER, "helix-7")


def test_an_order_takes_its_id_from_its_message() -> None:
    decision = decide([place()], View(), circumstances(origin=MESSAGE))

    assert [state.order.id for state in decision.orders] == [f"{MESSAGE}-o1"]


def test_deciding_a_message_again_gives_the_same_decision() -> None:
    """Nothing is drawn or looked up while deciding (ADR 0009)."""
    first = decide([place()], View(), circumstances())

    assert decide([place()], View(), circumstances()) == first


def test_the_first_event_holds_the_whole_order() -> None:
    story = Story()

    [event] = story.hear(place(notes=("fragile veins",))).events

    assert event.n == 1
    assert story.order().model_validate_json(event.body) == story.order()


def test_an_order_that_is_routed_nowhere_is_told_to_the_site_alone() -> None:
    story = Story(NOWHERE)

    decision = story.hear(place())

    assert told(decision) == [("site", "status", "order_placed")]
    assert story.order().manufacturer == ""


def test_a_product_nobody_makes_there_is_rejected() -> None:
    """The sender must correct it, so nothing is kept here."""
    decision = Story(Destination(problem="product.not_routed")).hear(place())

    assert decision.verdict.refusal is Refusal.CONTENT
    assert problems(decision) == ["product.not_routed at order.product"]
    assert (decision.orders, decision.events, decision.alarms) == ((), (), ())


@pytest.mark.parametrize("born", [date(2026, 3, 4), date(1895, 1, 1)])
def test_a_birth_date_nobody_alive_has_is_refused(born: date) -> None:
    decision = Story().hear(place(patient=patient(birth_date=born)))

    assert decision.verdict.refusal is Refusal.CONTENT
    assert problems(decision) == ["field.not_valid at order.patient.birth_date"]


@pytest.mark.parametrize("born", [date(2026, 3, 3), date(1906, 1, 1)])
def test_the_newest_and_the_oldest_are_taken(born: date) -> None:
    """Where the patient is, it may be tomorrow already."""
    decision = Story().hear(place(patient=patient(birth_date=born)))

    assert decision.verdict.state is MessageState.APPLIED


def test_an_equal_second_new_order_has_no_effect() -> None:
    story = Story()
    story.hear(place())

    assert story.hear(place()).verdict.state is MessageState.NO_EFFECT


def test_what_an_order_is_compared_by_stays_from_release_to_release() -> None:
    """Stored digests are compared with new ones: only what was said, in this order."""
    said = (
        b'{"placer_number":{"value":"A-1","namespace":"ELM-ORD"},"facility":"ELM-MAIN",'
        b'"patient":{"mrn":{"value":"00042","authority":"ELM"},"identifiers":[],'
        b'"name":{"family":"Example","given":"Ada"},"birth_date":"1970-01-31",'
        b'"sex":"female"},"product":{"code":"helix-cart"},"diagnoses":[],'
        b'"observations":[],"allergies":[],"consents":[],"coverages":[],"notes":[],'
        b'"extensions":{}}'
    )

    assert content_json(content()) == said


def test_a_new_order_is_equal_whatever_the_order_of_its_extensions() -> None:
    """Only the mapping's line order differs; the site said the same."""
    forth = content(extensions={"st:a": "1", "st:b": "2"})
    back = content(extensions={"st:b": "2", "st:a": "1"})

    assert content_json(forth) == content_json(back)


@pytest.mark.parametrize(
    "said",
    [pytest.param({}, id="equal"), pytest.param({"priority": "stat"}, id="other")],
)
def test_a_second_new_order_after_the_end_is_held(said: dict[str, str]) -> None:
    """It may be meant as a new therapy; taken as a repeat it would be lost."""
    story = Story(NOWHERE)
    story.hear(place(), cancel())

    decision = story.hear(place(**said))

    assert decision.verdict.state is MessageState.HELD
    assert problems(decision) == ["order.closed at order.status"]
    assert alarms(decision) == [f"order.closed:{story.order().id}"]
    assert story.order().status is Status.CANCELLED


def test_an_equal_second_new_order_behind_a_cancellation_is_held() -> None:
    """It may be wanted again; taken as a repeat it would be cancelled unnoticed."""
    story = Story()
    order_id = story.placed()
    story.hear(cancel())

    decision = story.hear(place())

    assert problems(decision) == ["order.second_new at order.placer_number"]
    assert alarms(decision) == [f"order.second_new:{order_id}"]


def test_an_equal_second_new_order_submits_a_refused_one_again() -> None:
    story = Story()
    order_id = story.placed()
    story.end_delivery("rejected", "submit", order_id)

    decision = story.hear(place())

    assert decision.verdict.state is MessageState.APPLIED
    assert told(decision) == [("manufacturer", "submit", "order_changed")]
    assert story.kinds(order_id)[-2:] == ["submit_refused", "order_changed"]
    assert story.order().flags == ()
    assert story.hear(place()).verdict.state is MessageState.NO_EFFECT


def test_an_equal_second_new_order_tells_a_refused_change_again() -> None:
    story = Story()
    order_id = story.placed(status=Status.ACCEPTED)
    story.end_delivery("rejected", "change", order_id)

    decision = story.hear(place())

    assert told(decision) == [("manufacturer", "change", "order_changed")]


def test_a_differing_second_new_order_is_held_with_an_alarm() -> None:
    """It may be a change or another therapy: a person decides."""
    story = Story()
    order_id = story.placed()

    decision = story.hear(place(notes=("other",)))

    assert decision.verdict.state is MessageState.HELD
    assert problems(decision) == ["order.second_new at order.placer_number"]
    assert alarms(decision) == [f"order.second_new:{order_id}"]
    assert decision.events == ()


def test_a_released_second_new_order_is_a_change() -> None:
    story = Story()
    story.placed()

    decision = story.hear(place(notes=("other",)), released={"order.second_new"})

    assert told(decision) == [("manufacturer", "change", "order_changed")]
    assert story.order().notes == ("other",)


def test_a_second_new_order_for_another_patient_puts_the_first_in_doubt() -> None:
    """Release does not help: whose cells these are is no judgement of one person."""
    story = Story()
    story.placed()
    other = patient(mrn=mrn("00043"))

    decision = story.hear(place(patient=other), released={"order.second_new"})

    assert decision.verdict.state is MessageState.HELD
    assert problems(decision) == ["identity.conflict at patient.mrn"]
    assert HELD in story.order().flags


def test_the_same_placer_number_in_another_namespace_is_another_order() -> None:
    story = Story()
    story.placed()
    elsewhere = content().placer_number.model_copy(update={"namespace": "OTHER"})

    decision = story.hear(place(placer_number=elsewhere, product=ANOTHER))

    assert decision.verdict.state is MessageState.APPLIED
    assert len(story.orders) == 2


def test_an_order_stays_with_the_manufacturer_it_was_routed_to() -> None:
    """The route is pinned: a later route table moves new orders only."""
    story = Story()
    order_id = story.placed()
    story.destination = Destination("other", "other-1")

    story.hear(change(priority="stat"))
    story.report(report(order_id, Status.ACCEPTED))

    assert (story.order().manufacturer, story.order().route_version) == (
        MAKER,
        "helix-7",
    )
