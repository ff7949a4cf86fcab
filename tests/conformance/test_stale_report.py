"""A report that may be about a submission that was refused waits for a person."""

from conformance.simulators.portal_faults import Refuse
from tests.conformance.desk import operate
from tests.conformance.scene import Placed, Row, Scene, heavier

UNDATED = b'{"type":"order.rejected","data":{"clientReference":"%b"}}'


async def submitted_again(scene: Scene) -> tuple[Placed, Row]:
    """Place an order that is refused, corrected and taken."""
    scene.stage.portal.faults.next(Refuse(422, "validation.failed"))
    placed, _ = await scene.settled()
    change = scene.st_elm.change_order(placed.number, heavier(placed.person))
    await scene.send("st_elm", change)
    return placed, await scene.rests(placed.number)


async def rejected(scene: Scene, order: Row) -> Row:
    """Report a rejection without a date; return the message it became."""
    body = UNDATED % order["id"].encode()
    assert await scene.webhook(order["id"], "order.rejected", body=body) == 202
    return (await scene.rows("messages"))[0]


def release(scene: Scene, message: Row) -> tuple[int, str]:
    said = operate(scene, "messages", "release", message["id"], "--reason", "asked")
    return said.status, said.out


async def test_an_undated_rejection_after_a_second_submission_is_held_until_released(
    own_scene: Scene,
) -> None:
    scene = own_scene
    placed, order = await submitted_again(scene)

    held = await rejected(scene, order)

    assert [p["code"] for p in held["problems"]] == ["order.stale_report"]
    assert (await scene.order(placed.number))["status"] == "acknowledged"
    assert release(scene, held) == (0, f"{held['id']}: applied\n")
    assert (await scene.order(placed.number))["status"] == "rejected"


async def test_what_was_overruled_once_does_not_stop_a_report_again(
    own_scene: Scene,
) -> None:
    """It is no possible step either by now: that is another release."""
    scene = own_scene
    placed, order = await submitted_again(scene)
    for step in ("order.accepted", "order.scheduled", "material.received"):
        await scene.webhook(order["id"], step)
    await scene.webhook(order["id"], "manufacturing.started")
    held = await rejected(scene, order)

    first = release(scene, held)
    row = await scene.message_by_id(held["id"])
    second = release(scene, held)

    assert first == (1, f"{held['id']}: held\n")
    assert [p["code"] for p in row["problems"]] == [
        "order.impossible_step",
        "order.stale_report",
    ]
    assert second == (0, f"{held['id']}: applied\n")
    assert (await scene.ledger(placed.number))[-1] == "status_reported"
