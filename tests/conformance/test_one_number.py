"""A number leads to one order: from a portal's word to the hold on both (G10)."""

from typing import Any

import pytest

from tests.conformance.desk import operate
from tests.conformance.scene import Placed, Row, Scene

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def both_held(scene: Scene, *of: Placed) -> None:
    """Return once each of these orders has an identity hold."""
    for placed in of:
        await scene.shows(placed.number, flag="hold.identity")


async def newest_problem(scene: Scene) -> tuple[str, str]:
    """Return the state and the first problem of the message that came last."""
    newest = (await scene.rows("messages"))[0]
    return newest["state"], newest["problems"][0]["code"]


async def number_of(scene: Scene, order: Row) -> str:
    """Return the number that the portal gave an order."""
    shown = await scene.gateway.looks.row("orders", order["id"])
    assert shown is not None
    number: str = shown["order"]["manufacturer_number"]
    return number


async def test_a_coi_that_another_patients_order_has_is_held_and_holds_both(
    scene: Scene,
) -> None:
    (one, first), (other, second) = await scene.settled(), await scene.settled()
    await scene.webhook(first["id"], "order.accepted", coi="COI-TWICE")

    assert await scene.webhook(second["id"], "order.accepted", coi="COI-TWICE") == 202

    await both_held(scene, one, other)
    assert await newest_problem(scene) == ("held", "coi.in_use")
    assert (await scene.order(other.number))["coi"] is None


async def test_the_portals_number_of_another_order_is_held_and_holds_both(
    scene: Scene,
) -> None:
    (one, first), (other, second) = await scene.settled(), await scene.settled()
    taken = await number_of(scene, first)

    assert await scene.webhook(second["id"], "order.accepted", reference=taken) == 202

    await both_held(scene, one, other)
    assert await newest_problem(scene) == ("held", "order.number_conflict")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"coi": "COI-OTHER"}, "coi.conflict"),
        ({"coi": "COI-TAKEN"}, "coi.in_use"),
        ({"reference": "HX-OTHER"}, "order.number_conflict"),
    ],
    ids=["another COI", "a COI in use", "another number"],
)
async def test_what_is_held_for_its_number_takes_two_people(
    scene: Scene, said: dict[str, Any], code: str
) -> None:
    _, order = await scene.settled()
    _, taken = await scene.settled()
    if code == "coi.in_use":
        await scene.webhook(taken["id"], "order.accepted", coi="COI-TAKEN")
    else:
        await scene.webhook(order["id"], "order.accepted", coi=f"COI-OF-{code}")
    await scene.webhook(order["id"], "order.scheduled", **said)
    assert await newest_problem(scene) == ("held", code)
    held = (await scene.rows("messages"))[0]["id"]

    released = operate(scene, "messages", "release", held, "--reason", "in a hurry")

    assert (released.status, released.out) == (1, "")
    assert "identity.hold" in released.err
    assert await newest_problem(scene) == ("held", code)


async def test_an_answer_with_the_number_of_another_order_holds_both(
    scene: Scene,
) -> None:
    """A portal that forgot an order gives its number again."""
    one, first = await scene.settled()
    del scene.stage.portal.book.orders[first["id"]]

    other, second = await scene.settled()

    await both_held(scene, one, other)
    (submit,) = await scene.deliveries(other.number, "portal:helix")
    await scene.alarm("delivery.answer_unreadable", submit["id"])
    assert await number_of(scene, first)
    shown = await scene.gateway.looks.row("orders", second["id"])
    assert shown is not None
    assert shown["order"].get("manufacturer_number") is None
