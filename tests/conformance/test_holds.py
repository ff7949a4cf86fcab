"""A patient in doubt: the order is held, its site is told, and what names it waits."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.conformance.scene import Scene, heavier

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_new_name_is_noted_and_the_order_goes_on(scene: Scene) -> None:
    placed, _ = await scene.settled()
    married = placed.person.named("Näide-Beispiel")
    ack = await scene.send("st_elm", scene.st_elm.update_person(married))

    after = await scene.shows(placed.number, flag="name_changed")
    assert ack.code == "CA"
    assert after["flags"] == ["name_changed"]
    cancel = scene.st_elm.cancel_order(placed.number, placed.person)
    await scene.send("st_elm", cancel)
    await scene.shows(placed.number, status="cancelled")


async def test_another_birth_date_holds_the_order(scene: Scene) -> None:
    placed, _ = await scene.settled()
    born = placed.person.birth_date + timedelta(days=1)
    other = replace(placed.person, birth_date=born)
    ack = await scene.send("st_elm", scene.st_elm.update_person(other))

    assert ack.code == "CA"
    message = await scene.message(ack)
    assert message["state"] == "held"
    assert [p["code"] for p in message["problems"]] == ["identity.conflict"]
    assert [p["where"] for p in message["problems"]] == ["patient.birth_date"]
    order = await scene.shows(placed.number, flag="hold.identity")
    await scene.told("st_elm", placed.number.encode(), b"ORC|OH|")
    await scene.alarm("identity.conflict", order["id"])


@pytest.mark.parametrize("hospital", ["st_elm", "rheintal"])
async def test_a_merge_holds_the_order(scene: Scene, hospital: str) -> None:
    placed, _ = await scene.settled(hospital)
    merge = scene.writer(hospital).merge(scene.person(), placed.person.mrn)
    ack = await scene.send(hospital, merge)

    assert ack.positive
    assert (await scene.message(ack))["state"] == "applied"
    order = await scene.shows(placed.number, flag="hold.identity")
    await scene.told(hospital, placed.number.encode(), b"ORC|OH|")
    await scene.alarm("identity.merge", order["id"])


async def test_a_cancel_leaves_during_a_hold(scene: Scene) -> None:
    placed, _ = await scene.settled()
    merge = scene.st_elm.merge(scene.person(), placed.person.mrn)
    await scene.send("st_elm", merge)

    cancel = scene.st_elm.cancel_order(placed.number, placed.person)
    await scene.send("st_elm", cancel)
    await scene.shows(placed.number, status="cancelled", flag="hold.identity")

    assert await scene.done(placed.number) == ["submit", "cancel"]


@pytest.mark.parametrize("hospital", ["st_elm", "rheintal"])
async def test_a_status_that_names_the_patient_waits_for_the_end_of_a_hold(
    scene: Scene, hospital: str
) -> None:
    placed, order = await scene.settled(hospital)
    merge = scene.writer(hospital).merge(scene.person(), placed.person.mrn)
    await scene.send(hospital, merge)
    await scene.told(hospital, placed.number.encode(), b"ORC|OH|")

    await scene.webhook(order["id"], "order.accepted", coi=f"C-HELD-{hospital}")
    await scene.shows(placed.number, status="accepted")
    await scene.rests(placed.number)

    last = (await scene.deliveries(placed.number, f"ehr:{hospital}"))[-1]
    assert (last["state"], last["code"]) == ("held", "identity.hold")
    received = scene.hospital(hospital).receiver.received
    assert not [message for message in received if b"C-HELD" in message]


async def test_nothing_identity_bearing_leaves_during_a_hold(scene: Scene) -> None:
    placed, _ = await scene.settled()
    writer = scene.st_elm
    await scene.send("st_elm", writer.merge(scene.person(), placed.person.mrn))
    await scene.send(
        "st_elm", writer.change_order(placed.number, heavier(placed.person))
    )
    await scene.rests(placed.number)

    assert await scene.done(placed.number) == ["submit"]
    (change,) = (await scene.deliveries(placed.number, "portal:helix"))[1:]
    assert (change["state"], change["code"]) == ("held", "identity.hold")
