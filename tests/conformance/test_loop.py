"""The whole loop: an order leaves a hospital, reaches its maker, and comes back."""

import asyncio
import base64

import pytest

from conformance.simulators.portal_faults import Refuse, Reset, Slow
from tests.conformance.scene import Scene, heavier

pytestmark = pytest.mark.asyncio(loop_scope="module")

PORTAL = "portal:helix"


@pytest.mark.parametrize(
    ("hospital", "code", "kind", "coi"),
    [
        ("st_elm", "CA", b"ORU^R01^ORU_R01", b"OBX|2|ST|COI^HELIX^99BATON||HELIX-COI-"),
        ("rheintal", "AA", b"ORM^O01", b"|HELIX-COI-"),
    ],
)
async def test_an_order_reaches_the_portal_and_its_statuses_come_back(
    scene: Scene, hospital: str, code: str, kind: bytes, coi: bytes
) -> None:
    placed, order = await scene.settled(hospital)
    portal = scene.stage.portal
    for step in ("order.acknowledged", "order.accepted", "order.scheduled"):
        assert await portal.advance(order["id"]) == step

    known = portal.book.orders[order["id"]]
    assert placed.ack.code == code
    assert portal.book.effects_of(order["id"]) == ["submit"]
    number, reference = placed.number.encode(), known.reference.encode()
    taken = await scene.told(hospital, number, b"acknowledged")
    accepted = await scene.told(hospital, number, b"accepted", coi)
    scheduled = await scene.told(hospital, number, b"scheduled", coi)
    for told in (taken, accepted, scheduled):
        assert told.split(b"|")[8] == kind
        assert reference in told
        assert told.count(b"|" + order["id"].encode()) == 2  # ORC-3 and OBR-3
    after = await scene.order(placed.number)
    assert after["status"] == "scheduled"
    assert after["manufacturer_number"] == known.reference
    assert after["coi"] == {"issuer": "HELIX", "value": known.coi}
    assert (
        await scene.ledger(placed.number) == ["order_placed"] + ["status_advanced"] * 3
    )


async def test_change_and_cancel_follow_their_order_and_each_other(
    scene: Scene,
) -> None:
    """They are sent while the order is still being taken."""
    gate, portal = asyncio.Event(), scene.stage.portal
    before = len(portal.requests)
    portal.faults.next(Slow(gate=gate))
    placed = await scene.place()
    await portal.until(lambda: len(portal.requests) > before)
    writer = scene.st_elm
    await scene.send(
        "st_elm", writer.change_order(placed.number, heavier(placed.person))
    )
    await scene.send("st_elm", writer.cancel_order(placed.number, placed.person))

    assert len(portal.requests) == before + 1
    gate.set()

    await scene.shows(placed.number, status="cancelled")
    assert await scene.done(placed.number) == ["submit", "change", "cancel"]
    order = await scene.order(placed.number)
    assert portal.book.orders[order["id"]].content["weight"]["kilograms"] == 99.5
    await scene.told("st_elm", placed.number.encode(), b"ORC|OC|", b"cancelled")


async def test_a_refused_order_is_told_and_its_correction_submits_again(
    scene: Scene,
) -> None:
    scene.stage.portal.faults.next(Refuse(422, "validation.failed"))
    placed, _ = await scene.settled("rheintal")

    refused = await scene.shows(placed.number, flag="submission_refused")
    told = await scene.told("rheintal", placed.number.encode(), b"ORC|UA|")
    assert b"http.422" in told
    assert (refused["status"], await scene.done(placed.number)) == ("ready", [])

    corrected = scene.rheintal.change_order(placed.number, heavier(placed.person))
    assert (await scene.send("rheintal", corrected)).code == "AA"
    after = await scene.shows(placed.number, status="acknowledged")
    assert after["flags"] == []
    assert await scene.done(placed.number) == ["submit"]
    states = [row["state"] for row in await scene.deliveries(placed.number, PORTAL)]
    assert states == ["rejected", "delivered"]


async def test_a_change_the_portal_refuses_is_told_as_such(scene: Scene) -> None:
    placed, _ = await scene.settled()
    scene.stage.portal.faults.next(Refuse(422, "too.late"))
    change = scene.st_elm.change_order(placed.number, heavier(placed.person))
    await scene.send("st_elm", change)

    await scene.told("st_elm", placed.number.encode(), b"ORC|UX|")
    assert "change_refused" in await scene.ledger(placed.number)


async def test_the_owner_of_a_fact_moves_the_status_another_only_reports_it(
    scene: Scene,
) -> None:
    """Collection is the site's fact; release is the manufacturer's."""
    placed, order = await scene.settled()
    portal, number = scene.stage.portal, placed.number.encode()
    await portal.tell(order["id"], "order.accepted")
    await portal.tell(order["id"], "material.collected")

    reported = b"OBX|2|ST|REPORTED_ONLY^^99BATON||Y"
    await scene.told("st_elm", number, b"STATUS^^99BATON||collected", reported)
    assert (await scene.order(placed.number))["status"] == "accepted"
    assert (await scene.ledger(placed.number))[-1] == "status_reported"

    await portal.tell(order["id"], "product.released")

    told = await scene.told("st_elm", number, b"STATUS^^99BATON||released")
    assert b"REPORTED_ONLY" not in told
    assert (await scene.order(placed.number))["status"] == "released"


async def test_a_later_report_of_an_earlier_step_moves_nothing(scene: Scene) -> None:
    """It is kept for a person, and the portal is told that we have it."""
    placed, order = await scene.settled()
    assert await scene.webhook(order["id"], "product.released") == 202

    assert await scene.webhook(order["id"], "material.received") == 202

    assert (await scene.order(placed.number))["status"] == "released"
    held = await scene.rows("messages", state="held", site="helix")
    assert held[0]["problems"][0]["code"] == "order.backward_step"


async def test_a_product_out_of_specification_waits_for_a_decision(
    scene: Scene,
) -> None:
    placed, order = await scene.settled()
    number, portal = placed.number.encode(), scene.stage.portal
    await portal.tell(order["id"], "order.accepted")
    await portal.tell(
        order["id"], "product.out_of_specification", reason="viability below limit"
    )

    told = await scene.told("st_elm", number, b"STATUS^^99BATON||oos_decision")
    assert b"NTE|1|L|viability below limit" in told
    assert (await scene.order(placed.number))["status"] == "oos_decision"

    await portal.tell(order["id"], "product.released")
    await scene.told("st_elm", number, b"STATUS^^99BATON||released")
    assert (await scene.order(placed.number))["status"] == "released"


async def test_a_webhook_that_comes_twice_has_one_effect(scene: Scene) -> None:
    placed, order = await scene.settled()
    portal = scene.stage.portal
    await portal.advance(order["id"])
    await portal.advance(order["id"])
    assert portal.webhooks is not None
    sent = portal.webhooks.sent[-1]
    ledger = await scene.ledger(placed.number)

    await portal.webhooks.repeat(sent)

    assert sent.statuses == [202, 202]
    assert await scene.ledger(placed.number) == ledger
    (message,) = await scene.rows("messages", control_id=sent.webhook_id)
    assert message["resends"] == 1


async def test_a_forged_webhook_is_no_message(scene: Scene) -> None:
    placed, order = await scene.settled()
    before = len(await scene.rows("messages"))
    other = "whsec_" + base64.b64encode(b"somebody else's secret, made up").decode()

    status = await scene.webhook(order["id"], "order.accepted", secret=other)

    assert status == 401
    assert len(await scene.rows("messages")) == before
    assert (await scene.order(placed.number))["status"] == "acknowledged"


async def test_a_webhook_about_an_order_nobody_placed_is_refused(scene: Scene) -> None:
    status = await scene.webhook("0000000000000000-o1", "order.accepted")

    (message,) = await scene.rows("messages", state="rejected", site="helix")
    assert status == 422
    assert [p["code"] for p in message["problems"]] == ["order.unknown"]


async def test_a_report_may_come_before_the_submissions_own_answer(
    scene: Scene,
) -> None:
    """It moves the order; what is on its way is left to its own answer."""
    gate, portal = asyncio.Event(), scene.stage.portal
    before = len(portal.requests)
    portal.faults.next(Slow(gate=gate))
    placed = await scene.place()
    await portal.until(lambda: len(portal.requests) > before)
    order = await scene.order(placed.number)

    assert await scene.webhook(order["id"], "order.accepted", coi="EARLY-1") == 202

    assert (await scene.order(placed.number))["status"] == "accepted"
    gate.set()
    change = scene.st_elm.change_order(placed.number, heavier(placed.person))
    await scene.send("st_elm", change)
    await scene.rests(placed.number)
    assert await scene.done(placed.number) == ["submit", "change"]
    assert await scene.requests(placed.number) == ["submit", "change"]
    assert (await scene.order(placed.number))["status"] == "accepted"


async def tried_once(scene: Scene, number: str) -> None:
    """Wait until an order's submission failed once and is to be tried again."""

    async def tried() -> bool:
        (submit,) = await scene.deliveries(number, PORTAL)
        return (submit["state"], submit["attempts"]) == ("ready", 1)

    await scene.sees(tried)


async def test_a_report_settles_a_submission_in_doubt(scene: Scene) -> None:
    """It shows that the portal has the order: nothing is sent again."""
    portal = scene.stage.portal
    portal.faults.next(Reset("unanswered"))
    placed = await scene.place()
    await tried_once(scene, placed.number)
    order = await scene.order(placed.number)

    await portal.advance(order["id"])

    (submit,) = await scene.deliveries(placed.number, PORTAL)
    assert (submit["state"], submit["code"]) == ("delivered", "settled.by_report")
    change = scene.st_elm.change_order(placed.number, heavier(placed.person))
    await scene.send("st_elm", change)
    await scene.rests(placed.number)
    assert await scene.requests(placed.number) == ["submit", "change"]
    assert await scene.done(placed.number) == ["submit", "change"]


async def test_an_undated_report_settles_no_second_submission(scene: Scene) -> None:
    """It may speak of the first, which was refused (ADR 0013)."""
    portal = scene.stage.portal
    portal.faults.next(Refuse(422, "validation.failed"))
    placed, order = await scene.settled()
    portal.faults.next(Reset("unanswered"))
    change = scene.st_elm.change_order(placed.number, heavier(placed.person))
    await scene.send("st_elm", change)

    async def in_doubt() -> bool:
        submits = await scene.deliveries(placed.number, PORTAL)
        return [s["state"] for s in submits] == ["rejected", "ready"] and (
            submits[1]["attempts"] == 1
        )

    await scene.sees(in_doubt)
    undated = b'{"type":"order.acknowledged","data":{"clientReference":"%b"}}'
    body = undated % order["id"].encode()
    assert await scene.webhook(order["id"], "order.acknowledged", body=body) == 202

    again = (await scene.deliveries(placed.number, PORTAL))[1]
    assert again["state"] == "ready"
    await scene.rests(placed.number)
    assert await scene.requests(placed.number) == ["submit", "submit"]
    assert await scene.done(placed.number) == ["submit"]


@pytest.mark.slow
async def test_a_report_settles_nothing_that_surely_did_not_arrive(
    scene: Scene,
) -> None:
    portal = scene.stage.portal
    await portal.stop()
    placed = await scene.place()
    await tried_once(scene, placed.number)
    order = await scene.order(placed.number)

    await scene.webhook(order["id"], "order.acknowledged")

    (submit,) = await scene.deliveries(placed.number, PORTAL)
    assert submit["state"] == "ready"
    await portal.start()
    await scene.rests(placed.number)
    assert await scene.done(placed.number) == ["submit"]


STEPS = {
    "material.received": b"sm_received",
    "manufacturing.started": b"in_manufacturing",
    "product.out_of_specification": b"oos_decision",
    "product.released": b"released",
}


async def test_every_step_of_the_manufacturer_reaches_both_hospitals(
    scene: Scene,
) -> None:
    marks = {"st_elm": b"STATUS^^99BATON||%b|", "rheintal": b"ZCT|1||||%b|"}
    for hospital, mark in marks.items():
        placed, order = await scene.settled(hospital)
        await scene.stage.portal.tell(order["id"], "order.accepted")
        for step, status in STEPS.items():
            await scene.stage.portal.tell(order["id"], step)

            await scene.told(hospital, placed.number.encode(), mark % status)


async def test_what_is_only_reported_completes_no_order_in_any_hospital(
    scene: Scene,
) -> None:
    """Infusion is the site's fact, whatever the manufacturer says of it."""
    reported = {
        "st_elm": (b"STATUS^^99BATON||released", b"REPORTED_STATUS^^99BATON||infused|"),
        "rheintal": (b"ZCT|1||||released|", b"|infused|helix"),
    }
    for hospital, marks in reported.items():
        placed, order = await scene.settled(hospital)
        for step in ("order.accepted", "product.released", "product.infused"):
            await scene.stage.portal.tell(order["id"], step)

        told = await scene.told(hospital, placed.number.encode(), *marks)
        orc = next(s for s in told.split(b"\r") if s.startswith(b"ORC|"))
        assert orc.split(b"|")[5] == b"A"
        assert (await scene.order(placed.number))["status"] == "released"


async def test_a_status_goes_back_to_the_facility_that_ordered(scene: Scene) -> None:
    number = scene.number()
    order = scene.st_elm.new_order(number, scene.person())
    order = order.replace(b"|ELMCARE|STELM|", b"|ELMCARE|RIVERSIDE|", 1)
    assert (await scene.send("st_elm", order)).code == "CA"

    told = await scene.told("st_elm", number.encode(), b"ORC|")
    assert told.split(b"|")[5] == b"RIVERSIDE"
