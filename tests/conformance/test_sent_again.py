"""What was refused, held or overtaken, and then comes again."""

import pytest

from conformance.simulators.portal_faults import Refuse
from tests.conformance.desk import operate
from tests.conformance.scene import Placed, Row, Scene, changed, heavier

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def overtaken(scene: Scene) -> tuple[Placed, Row]:
    """Hold a change for its control id, and let a newer one be applied."""
    placed, _ = await scene.settled()
    older = scene.st_elm.change_order(placed.number, heavier(placed.person))
    fresh = older.split(b"|", 10)[9]
    clash = changed(older, fresh, placed.ack.control_id)
    held = await scene.message(await scene.send("st_elm", clash))
    assert [p["code"] for p in held["problems"]] == ["message.control_id_reused"]
    newer = changed(
        scene.st_elm.change_order(placed.number, heavier(placed.person)),
        b"99.5",
        b"88.5",
    )
    await scene.send("st_elm", newer)
    await scene.rests(placed.number)
    return placed, held


async def test_a_released_change_does_not_overtake_a_newer_one(scene: Scene) -> None:
    placed, held = await overtaken(scene)

    said = operate(scene, "messages", "release", held["id"], "--reason", "checked")

    assert (said.status, said.out) == (1, f"{held['id']}: held\n")
    assert "order.newer_change" in said.err
    assert await scene.done(placed.number) == ["submit", "change"]


async def test_a_second_release_overrules_all_it_was_held_for(scene: Scene) -> None:
    """The reused control id does not come back as the reason."""
    placed, held = await overtaken(scene)
    operate(scene, "messages", "release", held["id"], "--reason", "checked")
    kept = await scene.message_by_id(held["id"])

    said = operate(scene, "messages", "release", held["id"], "--reason", "the older")

    codes = [problem["code"] for problem in kept["problems"]]
    assert codes == ["order.newer_change", "message.control_id_reused"]
    assert (said.status, said.out) == (0, f"{held['id']}: applied\n")
    await scene.rests(placed.number)
    assert await scene.done(placed.number) == ["submit", "change", "change"]


async def test_a_change_the_portal_refused_reaches_it_when_sent_again(
    scene: Scene,
) -> None:
    placed, _ = await scene.settled()
    scene.stage.portal.faults.next(Refuse(422, "too.late"))
    heavy = heavier(placed.person)
    await scene.send("st_elm", scene.st_elm.change_order(placed.number, heavy))
    await scene.shows(placed.number, flag="change_refused")

    again = scene.st_elm.change_order(placed.number, heavy)
    message = await scene.message(await scene.send("st_elm", again))

    assert message["state"] == "applied"
    assert (await scene.rests(placed.number))["flags"] == []
    assert await scene.done(placed.number) == ["submit", "change"]


async def test_an_order_the_portal_refused_reaches_it_when_sent_again(
    scene: Scene,
) -> None:
    scene.stage.portal.faults.next(Refuse(422, "validation.failed"))
    placed, _ = await scene.settled()
    await scene.shows(placed.number, flag="submission_refused")

    again = scene.st_elm.new_order(placed.number, placed.person)
    message = await scene.message(await scene.send("st_elm", again))

    assert message["state"] == "applied"
    await scene.shows(placed.number, status="acknowledged")
    assert await scene.done(placed.number) == ["submit"]


async def test_a_second_number_for_an_order_waits_for_two_people(scene: Scene) -> None:
    placed, order = await scene.settled()

    assert await scene.webhook(order["id"], "order.accepted", reference="HX-2nd") == 202

    after = await scene.shows(placed.number, flag="hold.identity")
    assert after["status"] == "acknowledged"
    (held,) = [
        row
        for row in await scene.rows("messages", state="held", site="helix")
        if row["problems"][0]["code"] == "order.number_conflict"
    ]
    said = operate(scene, "messages", "release", held["id"], "--reason", "in a hurry")
    assert (said.status, said.out) == (1, "")
    assert "identity.hold" in said.err


@pytest.mark.parametrize("hospital", ["st_elm", "rheintal"])
async def test_a_therapy_ordered_under_a_second_number_waits_for_a_person(
    scene: Scene, hospital: str
) -> None:
    placed, _ = await scene.settled(hospital)
    again, write = scene.number(), scene.writer(hospital).new_order
    ack = await scene.send(hospital, write(again, placed.person))
    held = await scene.message(ack)
    assert [p["code"] for p in held["problems"]] == ["order.possible_replacement"]
    assert not await scene.orders(again)

    operate(scene, "messages", "release", held["id"], "--reason", "both wanted")

    await scene.rests(again)
    assert await scene.done(again) == ["submit"]


@pytest.mark.parametrize("hospital", ["st_elm", "rheintal"])
async def test_a_padded_number_is_the_same_order(scene: Scene, hospital: str) -> None:
    placed, _ = await scene.settled(hospital)
    padded = scene.writer(hospital).new_order(f"{placed.number} ", placed.person)

    row = await scene.message(await scene.send(hospital, padded))

    assert row["state"] == "no_effect"
    assert await scene.done(placed.number) == ["submit"]
