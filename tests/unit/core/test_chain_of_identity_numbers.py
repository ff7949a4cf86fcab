"""The chain-of-identity number (COI): bound once, to one order."""

import pytest

from gateway.core.order import Status
from gateway.core.verdict import MessageState
from tests.unit.core.builders import (
    ANOTHER,
    HELD,
    alarms,
    coi,
    mrn,
    patient,
    place,
    problems,
    report,
    told,
)
from tests.unit.core.story import Story


def bound(story: Story, placer: str = "A-1") -> str:
    """Place an order, bind ``COI-1`` to it and return its id."""
    order_id = story.placed(placer)
    story.report(report(order_id, Status.ACCEPTED, coi=coi()))
    return order_id


def test_the_first_number_is_bound_and_is_an_alias_too() -> None:
    story = Story()
    bound(story)

    assert (story.order().coi, story.order().aliases) == (coi(), (coi(),))


@pytest.mark.parametrize(
    "status", [Status.ACCEPTED, Status.COLLECTED, Status.ACKNOWLEDGED]
)
def test_a_number_is_bound_whatever_the_step_it_comes_with(status: Status) -> None:
    """Some issue it only after acceptance, or after collection."""
    story = Story()
    order_id = story.placed(status=Status.ACCEPTED)

    story.report(report(order_id, status, coi=coi()))

    assert (story.order().coi, story.order().status) == (coi(), Status.ACCEPTED)


def test_the_same_number_again_is_nothing_new() -> None:
    story = Story()
    order_id = bound(story)

    decision = story.report(report(order_id, Status.ACCEPTED, coi=coi()))

    assert decision.verdict.state is MessageState.NO_EFFECT


@pytest.mark.parametrize("other", [coi("COI-2"), coi(issuer="registry")])
def test_another_number_is_held_and_holds_the_order(other: object) -> None:
    """The labels may already be printed; two people compare them."""
    story = Story()
    order_id = bound(story)

    decision = story.report(report(order_id, Status.RELEASED, coi=other))

    assert decision.verdict.state is MessageState.HELD
    assert problems(decision) == ["coi.conflict at coi"]
    assert alarms(decision) == [f"coi.conflict:{order_id}"]
    assert told(decision) == [("site", "status", "identity_held")]
    order = story.order()
    assert (order.coi, order.status, order.flags) == (coi(), Status.ACCEPTED, (HELD,))


def test_a_number_in_use_is_held_and_holds_both_orders() -> None:
    story = Story()
    first = bound(story)
    second = story.placed("A-2", product=ANOTHER)

    decision = story.report(report(second, Status.ACCEPTED, coi=coi()))

    assert decision.verdict.state is MessageState.HELD
    assert problems(decision) == ["coi.in_use at coi"]
    assert alarms(decision) == [f"coi.in_use:{second}", f"coi.in_use:{first}"]
    assert story.order("A-1").flags == story.order("A-2").flags == (HELD,)
    assert (story.order("A-2").coi, story.order("A-2").status) == (None, Status.READY)


def test_a_number_given_to_two_orders_in_one_message_binds_neither() -> None:
    """Which of the two is right is not for the order of a list to say."""
    story = Story()
    first, second = story.placed("A-1"), story.placed("A-2", product=ANOTHER)

    decision = story.report(
        report(first, Status.ACCEPTED, coi=coi()),
        report(second, Status.ACCEPTED, coi=coi()),
    )

    assert problems(decision) == ["coi.in_use at coi"]
    for placer in ("A-1", "A-2"):
        assert (story.order(placer).coi, story.order(placer).flags) == (None, (HELD,))


def test_the_same_value_of_another_issuer_is_another_number() -> None:
    """Manufacturers number alike; a bare value identifies nobody."""
    story = Story()
    bound(story)
    second = story.placed("A-2", product=ANOTHER)

    story.report(report(second, Status.ACCEPTED, coi=coi(issuer="registry")))

    assert story.order("A-2").coi == coi(issuer="registry")


def test_an_ended_order_gives_its_number_free_to_its_own_patient() -> None:
    """A therapy that is ordered anew may go on under the same labels."""
    story = Story()
    first = bound(story)
    second = story.placed("A-2", product=ANOTHER)

    decision = story.report(
        report(first, Status.TERMINATED), report(second, Status.ACCEPTED, coi=coi())
    )

    assert decision.verdict.state is MessageState.APPLIED
    assert story.order("A-2").coi == coi()


def test_an_ended_order_keeps_its_number_from_every_other_patient() -> None:
    """Its labels, and perhaps its cells, are still somewhere."""
    story = Story()
    first = bound(story)
    story.report(report(first, Status.INFUSED), report(first, Status.TERMINATED))
    story.hear(place("A-2", patient=patient(mrn=mrn("00043"))))

    decision = story.report(report(story.order("A-2").id, Status.ACCEPTED, coi=coi()))

    assert problems(decision) == ["coi.in_use at coi"]
    assert story.order("A-1").flags == story.order("A-2").flags == (HELD,)


def test_blanks_around_a_number_make_no_other_number() -> None:
    story = Story()
    first = story.placed()
    story.report(report(first, Status.ACCEPTED, coi=coi()))
    story.hear(place("A-2", patient=patient(mrn=mrn("00043"))))

    again = story.report(report(first, Status.SCHEDULED, coi=coi(f"{coi().value} ")))
    taken = story.report(
        report(story.order("A-2").id, Status.ACCEPTED, coi=coi(f" {coi().value}"))
    )

    assert again.verdict.state is MessageState.APPLIED
    assert problems(taken) == ["coi.in_use at coi"]


def test_orders_without_a_number_share_nothing() -> None:
    story = Story()
    story.hear(place("A-1"), place("A-2", patient=patient(mrn=mrn("00043"))))

    first = story.report(report(story.order("A-1").id, Status.ACCEPTED))
    second = story.report(report(story.order("A-2").id, Status.ACCEPTED))

    assert (first.verdict.state, second.verdict.state) == (MessageState.APPLIED,) * 2
