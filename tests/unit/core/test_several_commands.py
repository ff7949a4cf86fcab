"""The commands of one message happen together, or not at all."""

import pytest

from gateway.core.commands import Command
from gateway.core.decide import decide
from gateway.core.effects import View
from gateway.core.order import Status
from gateway.core.verdict import MessageState, Refusal
from tests.unit.core.builders import (
    ANOTHER,
    HELD,
    MESSAGE,
    alarms,
    cancel,
    change,
    circumstances,
    facts,
    mrn,
    patient,
    place,
    problems,
    report,
    told,
    update,
)
from tests.unit.core.story import Story


def test_two_orders_in_one_message_are_numbered() -> None:
    decision = decide(
        [place("A-1"), place("A-2", patient=patient(mrn=mrn("00043")))],
        View(),
        circumstances(),
    )

    ids = [state.order.id for state in decision.orders]
    assert ids == [f"{MESSAGE}-o1", f"{MESSAGE}-o2"]


def test_a_later_command_sees_what_an_earlier_one_did() -> None:
    story = Story()

    story.hear(place(), change(priority="stat"), cancel())

    order = story.order()
    assert (order.priority, order.flags) == ("stat", ("cancel_pending",))
    assert story.kinds(order.id) == [
        "order_placed",
        "order_changed",
        "cancel_requested",
    ]


def test_a_later_report_sees_what_an_earlier_one_did() -> None:
    story = Story()
    order_id = story.placed()

    story.report(report(order_id, Status.ACCEPTED), report(order_id, Status.ACCEPTED))

    assert story.kinds(order_id) == ["order_placed", "status_advanced"]


def test_the_same_order_twice_in_one_message_is_placed_once() -> None:
    story = Story()

    story.hear(place(), place())

    assert story.kinds(story.order().id) == ["order_placed"]


def test_a_message_is_applied_if_any_of_its_commands_is() -> None:
    story = Story()
    story.placed()

    assert (
        story.hear(place(), place("A-2", product=ANOTHER)).verdict.state
        is MessageState.APPLIED
    )


def test_a_message_without_commands_has_no_effect() -> None:
    assert Story().hear().verdict.state is MessageState.NO_EFFECT


@pytest.mark.parametrize(
    "commands",
    [
        pytest.param(
            (place("A-2", product=ANOTHER), change(patient=patient(sex="male"))),
            id="last",
        ),
        pytest.param(
            (change(patient=patient(sex="male")), place("A-2", product=ANOTHER)),
            id="first",
        ),
    ],
)
def test_one_that_must_stop_discards_what_all_others_would_do(
    commands: tuple[Command, ...],
) -> None:
    """Only the hold on the order in doubt remains of the message."""
    story = Story()
    order_id = story.placed()

    decision = story.hear(*commands)

    assert decision.verdict.state is MessageState.HELD
    assert told(decision) == [("site", "status", "identity_held")]
    assert list(story.orders) == [order_id]


def test_an_order_in_doubt_is_held_as_it_stood_before_the_message() -> None:
    """The change before the wrong cancellation is discarded, not built upon."""
    story = Story()
    order_id = story.placed()

    story.hear(change(priority="stat"), cancel(who=facts(mrn("00043"))))

    assert story.kinds(order_id) == ["order_placed", "identity_held"]
    assert (story.order().priority, story.order().flags) == (None, (HELD,))


def test_an_order_placed_by_the_message_that_doubts_it_does_not_exist() -> None:
    """The alarm is about the site, since there is no order it could be about."""
    decision = Story().hear(place(), change(patient=patient(sex="male")))

    assert decision.verdict.state is MessageState.HELD
    assert alarms(decision) == ["identity.conflict:elmwood"]
    assert (decision.orders, decision.events, decision.tellings) == ((), (), ())


def test_two_different_new_orders_of_one_number_in_one_message_are_held() -> None:
    decision = Story().hear(place(), place(priority="stat"))

    assert problems(decision) == ["order.second_new at order.placer_number"]
    assert alarms(decision) == ["order.second_new:elmwood"]
    assert decision.orders == ()


def test_one_that_must_be_rejected_rejects_all() -> None:
    story = Story()
    story.placed()

    decision = story.hear(
        place("A-2", product=ANOTHER), report("nobody", Status.ACCEPTED)
    )

    assert decision.verdict.refusal is Refusal.CONTENT
    assert list(decision.orders) == []


def test_one_that_waits_makes_all_wait() -> None:
    """Decided again when the order comes, the message must not do things twice."""
    story = Story()
    story.placed()

    decision = story.hear(change(priority="stat"), change("A-2"), cancel("A-2"))

    assert decision.verdict.state is MessageState.WAITING
    assert decision.wait_for == ("elmwood|ELM-ORD|A-2",)
    assert story.order().priority is None


def test_a_new_order_that_waits_with_others_is_an_alarm() -> None:
    """Nobody would look for it among the early changes."""
    decision = Story().hear(place(), cancel("A-2"))

    assert decision.verdict.state is MessageState.WAITING
    assert [a.code for a in decision.alarms] == ["message.new_order_waits"]
    assert Story().hear(change()).alarms == ()


def test_a_message_places_no_more_orders_than_its_deliveries_have_numbers() -> None:
    """Each is sent to its manufacturer and told to its site: twice 49 of 99."""
    orders = [place(f"A-{n}", patient=patient(mrn=mrn(f"{n:05}"))) for n in range(50)]

    assert len(Story().hear(*orders[:49]).tellings) == 98
    decision = Story().hear(*orders)
    assert decision.verdict.refusal is Refusal.CONTENT
    assert problems(decision) == ["message.too_many_orders at order"]


def test_one_that_must_stop_outweighs_one_that_waits() -> None:
    story = Story()
    story.placed()

    decision = story.hear(change("A-2"), change(patient=patient(sex="male")))

    assert decision.verdict.state is MessageState.HELD
    assert decision.wait_for == ()


def test_a_patient_update_behind_an_order_compares_with_the_order_as_changed() -> None:
    story = Story()
    story.placed()
    wed = change(patient=patient(phone="555-0100"))

    decision = story.hear(wed, update(name=patient(family="Wed").name))

    assert decision.verdict.state is MessageState.APPLIED
    assert story.order().flags == ("name_changed",)
    assert story.order().patient.phone == "555-0100"
