"""A portal that answers with another order's word is not believed."""

from typing import Any

import orjson
import pytest

from conformance.simulators.portal_faults import (
    Break,
    Fault,
    Garble,
    Misdirect,
    Refuse,
    Reset,
)
from tests.conformance.scene import Placed, Row, Scene, heavier

pytestmark = pytest.mark.asyncio(loop_scope="module")

OF_ANOTHER = "order.reference_mismatch"


async def two(scene: Scene) -> tuple[Placed, Row, Row]:
    """Place two orders; return the first as placed, and both as they stand."""
    placed, mine = await scene.settled()
    _, other = await scene.settled()
    return placed, mine, other


def standing(scene: Scene, order: Row, **instead: str) -> bytes:
    """Return what the portal says of an order, with something else in it."""
    tree: dict[str, Any] = scene.stage.portal.book.look_up(order["id"]).tree
    return orjson.dumps({**tree, **instead})


async def submission(scene: Scene, number: str) -> Row:
    """Return an order's one delivery to the portal, with its attempts."""
    (row,) = await scene.deliveries(number, "portal:helix")
    return await scene.gateway.looks.row("deliveries", row["id"]) or {}


async def test_an_order_answered_with_anothers_is_sent_again(scene: Scene) -> None:
    _, other = await scene.settled()
    scene.stage.portal.faults.next(Misdirect(other["id"]))

    placed, _ = await scene.settled()

    assert await scene.done(placed.number) == ["submit"]
    sent = await submission(scene, placed.number)
    ended = [attempt["outcome"] for attempt in sent["attempts_made"]]
    assert ended == ["unknown", "delivered"]
    assert await scene.alarm(OF_ANOTHER, sent["id"])


async def test_a_change_and_a_cancel_answered_with_anothers_are_not_lost(
    scene: Scene,
) -> None:
    placed, _, other = await two(scene)
    scene.stage.portal.faults.next(Misdirect(other["id"]))
    await scene.send(
        "st_elm", scene.st_elm.change_order(placed.number, heavier(placed.person))
    )
    await scene.rests(placed.number)
    scene.stage.portal.faults.next(Misdirect(other["id"]))
    await scene.send("st_elm", scene.st_elm.cancel_order(placed.number, placed.person))

    await scene.shows(placed.number, status="cancelled")

    assert await scene.done(placed.number) == ["submit", "change", "cancel"]


@pytest.mark.parametrize("asked", ["change", "cancel"])
async def test_a_number_of_another_in_an_answer_holds_both(
    scene: Scene, asked: str
) -> None:
    placed, mine, other = await two(scene)
    number = scene.stage.portal.book.orders[other["id"]].reference
    scene.stage.portal.faults.next(Garble(standing(scene, mine, reference=number)))

    if asked == "change":
        message = scene.st_elm.change_order(placed.number, heavier(placed.person))
    else:
        message = scene.st_elm.cancel_order(placed.number, placed.person)
    await scene.send("st_elm", message)

    await scene.shows(placed.number, flag="hold.identity")
    await scene.shows(other["placer_number"], flag="hold.identity")


async def test_a_cancellation_happened_when_the_portal_says_so(scene: Scene) -> None:
    placed, order = await scene.settled()
    await scene.webhook(order["id"], "order.accepted")
    await scene.rests(placed.number)
    await scene.send("st_elm", scene.st_elm.cancel_order(placed.number, placed.person))

    await scene.shows(placed.number, status="cancelled")

    shown = await scene.gateway.looks.row("orders", order["id"]) or {}
    happened = [e["occurred_at"] for e in shown["ledger"] if e["occurred_at"]]
    assert happened == sorted(happened)
    assert happened[-1] > happened[0]


async def test_an_answer_to_a_change_is_no_news_of_the_order(scene: Scene) -> None:
    """It says that the order is acknowledged, which it was before it was accepted."""
    placed, order = await scene.settled()
    await scene.webhook(order["id"], "order.accepted")
    await scene.rests(placed.number)
    await scene.send(
        "st_elm", scene.st_elm.change_order(placed.number, heavier(placed.person))
    )
    await scene.rests(placed.number)

    assert (await scene.ledger(placed.number))[-1] == "order_changed"


async def test_an_answer_that_cannot_be_read_is_an_alarm(scene: Scene) -> None:
    """The reference shows that the order was taken; what else it says is lost."""
    placed, order = await scene.settled()
    odd = standing(scene, order, receivedAt="yesterday")
    scene.stage.portal.faults.next(Garble(odd))
    await scene.send(
        "st_elm", scene.st_elm.change_order(placed.number, heavier(placed.person))
    )

    await scene.rests(placed.number)

    (_, change) = await scene.deliveries(placed.number, "portal:helix")
    assert await scene.alarm("delivery.answer_unreadable", change["id"])
    assert await scene.done(placed.number) == ["submit", "change"]


@pytest.mark.parametrize("before", [Reset("unanswered"), Break(500)])
async def test_a_submission_that_may_have_been_taken_is_not_told_as_refused(
    scene: Scene, before: Fault
) -> None:
    """Its correction would be ordered under a new key, beside it."""
    scene.stage.portal.faults.next(before)
    scene.stage.portal.faults.next(Refuse(422, "validation.failed"))

    placed, order = await scene.settled()

    sent = await submission(scene, placed.number)
    assert (sent["state"], sent["code"]) == ("held", "delivery.outcome_unknown")
    assert await scene.alarm("delivery.outcome_unknown", sent["id"])
    assert order["flags"] == []
    assert await scene.done(placed.number) == ["submit"]


async def test_a_refused_repeat_of_a_change_is_believed(scene: Scene) -> None:
    placed, _ = await scene.settled()
    scene.stage.portal.faults.next(Reset("unread"))
    scene.stage.portal.faults.next(Refuse(422, "validation.failed"))
    await scene.send(
        "st_elm", scene.st_elm.change_order(placed.number, heavier(placed.person))
    )

    await scene.shows(placed.number, flag="change_refused")
