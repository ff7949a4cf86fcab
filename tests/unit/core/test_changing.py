"""A change (ORC-1 XO)."""

from datetime import UTC, date, datetime
from decimal import Decimal

import orjson
import pytest

from gateway.core.decide.book import Destination
from gateway.core.order import (
    Address,
    Identifier,
    Measure,
    Name,
    Patient,
    Product,
    Status,
    content_json,
)
from gateway.core.verdict import MessageState
from tests.unit.core.builders import (
    HELD,
    NOWHERE,
    alarms,
    change,
    content,
    mrn,
    patient,
    place,
    problems,
    report,
    told,
)
from tests.unit.core.story import Story


def test_a_change_before_its_order_waits() -> None:
    decision = Story().hear(change())

    assert decision.verdict.state is MessageState.WAITING
    assert decision.wait_for == ("elmwood|ELM-ORD|A-1",)
    assert decision.tellings == ()


def test_a_change_replaces_what_it_says_and_tells_the_manufacturer() -> None:
    story = Story()
    story.hear(place(priority="routine"))

    decision = story.hear(change(priority="urgent"))

    assert decision.verdict.state is MessageState.APPLIED
    assert told(decision) == [("manufacturer", "change", "order_changed")]
    assert story.order().priority == "urgent"


def test_a_change_keeps_what_it_does_not_say() -> None:
    story = Story()
    weight = Measure(value=Decimal("70.50"), unit="kg", original_unit="kg")
    story.hear(place(weight=weight, notes=("first",)))

    story.hear(change(notes=("second",)))

    assert story.order().weight == weight


def test_a_change_can_take_a_fact_back() -> None:
    """Said to be nothing (HL7 ``""``) is not the same as not said."""
    story = Story()
    story.hear(place(placer_group="G-1"))

    story.hear(change(placer_group=None))

    assert story.order().placer_group is None


def test_a_change_keeps_the_patients_identity_as_the_ledger_has_it() -> None:
    """What agrees because one of the two lacks it is not filled in either."""
    story = Story()
    story.hear(place())
    said = patient(name=Name(family="Example", middle="K"), phone="555-0100")

    story.hear(change(patient=said))

    assert story.order().patient == patient(phone="555-0100")


def test_a_change_keeps_patient_facts_it_does_not_say() -> None:
    story = Story()
    home = Address(city="Elm")
    story.hear(place(patient=patient(address=home)))

    story.hear(change(patient=patient(deceased=True)))

    assert story.order().patient == patient(address=home, deceased=True)


def test_the_event_of_a_change_names_what_changed_and_holds_the_order() -> None:
    """Quantities and times are written so that the order reads back from it."""
    story = Story()
    story.hear(place())
    at = datetime(2026, 3, 9, 8, tzinfo=UTC)

    weight = Measure(value=Decimal("70.5"), unit="kg")
    [event] = story.hear(change(weight=weight, collection_at=at)).events

    assert b"null" not in event.body
    body = orjson.loads(event.body)
    assert body["changed"] == ["collection_at", "weight"]
    order = story.order()
    assert body["content"] == orjson.loads(content_json(order))


def test_a_change_that_changes_nothing_has_no_effect() -> None:
    story = Story()
    story.hear(place(priority="routine"))

    decision = story.hear(change(priority="routine"))

    assert decision.verdict.state is MessageState.NO_EFFECT


def test_a_change_of_an_order_routed_nowhere_is_told_to_nobody() -> None:
    story = Story(NOWHERE)
    story.placed()

    decision = story.hear(change(priority="stat"))

    assert decision.verdict.state is MessageState.APPLIED
    assert decision.tellings == ()


def test_a_change_becomes_what_a_second_new_order_is_compared_with() -> None:
    story = Story()
    story.placed()
    story.hear(change(priority="stat"))

    assert story.hear(place(priority="stat")).verdict.state is MessageState.NO_EFFECT
    assert story.hear(place()).verdict.state is MessageState.HELD


@pytest.mark.parametrize(
    ("said", "places"),
    [
        pytest.param(patient(mrn=mrn("00043")), ["patient.mrn"], id="another number"),
        pytest.param(
            patient(mrn=mrn(authority="OAK")), ["patient.mrn"], id="another authority"
        ),
        pytest.param(
            patient(birth_date=date(1970, 1, 30)),
            ["patient.birth_date"],
            id="another birth date",
        ),
        pytest.param(patient(sex="unknown"), ["patient.sex"], id="another sex"),
        pytest.param(
            patient(family="Exemple"), ["patient.name.family"], id="another family name"
        ),
        pytest.param(
            patient(name=Name(family="Example", given="Eda")),
            ["patient.name.given"],
            id="another given name",
        ),
        pytest.param(
            patient(sex="male", birth_date=date(1999, 1, 1)),
            ["patient.birth_date", "patient.sex"],
            id="two facts",
        ),
    ],
)
def test_a_change_for_the_wrong_patient_is_held_and_holds_the_order(
    said: Patient, places: list[str]
) -> None:
    """Nothing leaves for the manufacturer, and the site hears that it waits (OH)."""
    story = Story()
    order_id = story.placed()

    decision = story.hear(change(patient=said, priority="stat"))

    assert decision.verdict.state is MessageState.HELD
    assert problems(decision) == [f"identity.conflict at {place}" for place in places]
    assert alarms(decision) == [f"identity.conflict:{order_id}"]
    assert told(decision) == [("site", "status", "identity_held")]
    assert (story.order().flags, story.order().priority) == ((HELD,), None)


def test_a_second_wrong_patient_raises_the_alarm_again_but_holds_once() -> None:
    story = Story()
    order_id = story.placed()
    story.hear(change(patient=patient(sex="male")))

    decision = story.hear(change(patient=patient(sex="other")))

    assert decision.verdict.state is MessageState.HELD
    assert alarms(decision) == [f"identity.conflict:{order_id}"]
    assert story.kinds(order_id) == ["order_placed", "identity_held"]


def test_another_identifier_of_the_same_patient_is_no_conflict() -> None:
    story = Story()
    story.placed()
    card = Identifier(value="9-9", authority="NATION")

    decision = story.hear(change(patient=patient(identifiers=(card,))))

    assert decision.verdict.state is MessageState.APPLIED
    assert story.order().patient.identifiers == (card,)


@pytest.mark.parametrize("end", [Status.REJECTED, Status.CANCELLED, Status.TERMINATED])
def test_a_change_of_an_ended_order_is_held(end: Status) -> None:
    story = Story()
    order_id = story.placed(status=end)

    decision = story.hear(change(priority="stat"))

    assert decision.verdict.state is MessageState.HELD
    assert problems(decision) == ["order.closed at order.status"]
    assert alarms(decision) == [f"order.closed:{order_id}"]


def test_a_change_of_product_is_held() -> None:
    """Another product is another route, another label, another therapy."""
    story = Story()
    order_id = story.placed()

    decision = story.hear(change(product=Product(code="other-cart")))

    assert decision.verdict.state is MessageState.HELD
    assert problems(decision) == ["order.other_product at order.product"]
    assert alarms(decision) == [f"order.other_product:{order_id}"]
    assert story.order().product == content().product


def test_a_change_after_a_refused_submission_submits_again() -> None:
    """The manufacturer has no order to change yet."""
    story = Story()
    order_id = story.placed()
    story.end_delivery("rejected", "submit", order_id)

    decision = story.hear(change(priority="stat"))

    assert told(decision) == [("manufacturer", "submit", "order_changed")]
    assert story.order().flags == ()


def test_after_a_refused_submission_even_an_empty_change_submits_again() -> None:
    """What was wrong may have been mended elsewhere, as in a route or a mapping."""
    story = Story()
    order_id = story.placed()
    story.end_delivery("rejected", "submit", order_id)

    decision = story.hear(change())

    assert told(decision) == [("manufacturer", "submit", "order_changed")]


def test_a_refused_change_sent_again_is_told_again() -> None:
    """The ledger has it already, the manufacturer has not."""
    story = Story()
    order_id = story.placed(status=Status.ACCEPTED)
    story.hear(change(priority="stat"))
    story.end_delivery("rejected", "change", order_id)

    decision = story.hear(change(priority="stat"))

    assert decision.verdict.state is MessageState.APPLIED
    assert told(decision) == [("manufacturer", "change", "order_changed")]
    assert story.order().flags == ()
    again = story.hear(change(priority="stat"))
    assert again.verdict.state is MessageState.NO_EFFECT


def test_a_change_after_both_were_refused_submits_and_settles_both() -> None:
    story = Story()
    order_id = story.placed()
    story.end_delivery("rejected", "submit", order_id)
    story.end_delivery("rejected", "change", order_id)

    decision = story.hear(change())

    assert told(decision) == [("manufacturer", "submit", "order_changed")]
    assert story.order().flags == ()


def test_a_change_of_an_order_on_its_way_leaves_its_status_alone() -> None:
    story = Story()
    order_id = story.placed()
    story.report(report(order_id, Status.SCHEDULED))

    story.hear(change(priority="stat"))

    assert story.order().status is Status.SCHEDULED


# ---------------------------------------------------------------- another facility


def test_a_change_of_facility_goes_where_the_order_went() -> None:
    story = Story()
    story.placed()

    decision = story.hear(change(facility="ELM-NORTH"))

    assert told(decision) == [("manufacturer", "change", "order_changed")]


@pytest.mark.parametrize(
    "elsewhere", [Destination("other", "1"), Destination(problem="product.not_routed")]
)
def test_a_change_to_a_facility_that_another_manufacturer_serves_is_held(
    elsewhere: Destination,
) -> None:
    """A therapy does not move between manufacturers by a change."""
    story = Story()
    order_id = story.placed()
    story.destination = elsewhere

    decision = story.hear(change(facility="ABROAD"))

    assert problems(decision) == ["order.other_route at order.facility"]
    assert alarms(decision) == [f"order.other_route:{order_id}"]


def test_a_route_moved_since_moves_no_order() -> None:
    story = Story()
    story.placed()
    story.destination = Destination("other", "2")

    assert told(story.hear(change(priority="stat"))) == [
        ("manufacturer", "change", "order_changed")
    ]
