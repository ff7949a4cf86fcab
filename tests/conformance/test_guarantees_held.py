"""Guarantees about what is not sent: G9 and G10, each at its own wiring."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from conformance.demo.stage import environment
from conformance.simulators.portal_faults import Refuse
from tests.conformance.scene import Placed, Scene, changed, heavier, staged
from tests.conformance.watched import PORTAL, WatchedStage, watched


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with staged(tmp_path, stage=WatchedStage) as scene:
        yield scene


# ------------------------------------------------------------ G9


def unknown_product(scene: Scene) -> bytes:
    return scene.st_elm.new_order("G9", scene.person(), product="NO-SUCH")


def no_birth_date(scene: Scene) -> bytes:
    person = scene.person()
    born = person.birth_date.strftime("|%Y%m%d|").encode()
    return changed(scene.st_elm.new_order("G9", person), born, b"|19710231|")


def no_unit(scene: Scene) -> bytes:
    order = scene.st_elm.new_order("G9", scene.person())
    return changed(order, b"|kg^kilogram^UCUM|", b"||")


def unknown_charset(scene: Scene) -> bytes:
    order = scene.st_elm.new_order("G9", scene.person())
    return changed(order, b"UNICODE UTF-8", b"KLINGON")


def unknown_result(scene: Scene) -> bytes:
    order = scene.st_elm.new_order("G9", scene.person())
    return changed(order, b"||NEG^Non-reactive", b"||QQQ^No such result")


@pytest.mark.parametrize(
    ("spoilt", "answer", "state", "problem"),
    [
        (unknown_product, "CE", "rejected", "code.unknown"),
        (no_birth_date, "CE", "rejected", "field.not_a_date"),
        (no_unit, "CE", "rejected", "field.unit_missing"),
        (unknown_charset, "CA", "held", "charset.unknown"),
        (unknown_result, "CA", "held", "code.unknown"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_g9_what_is_not_understood_is_not_sent(
    scene: Scene,
    spoilt: Callable[[Scene], bytes],
    answer: str,
    state: str,
    problem: str,
) -> None:
    """It is visible, with the place and the reason."""
    ack = await scene.send("st_elm", spoilt(scene))
    await scene.settled()  # whatever follows has followed by then

    row = await scene.message(ack)
    assert (ack.code, row["state"]) == (answer, state)
    assert row["problems"][0]["code"] == problem
    assert row["problems"][0]["where"]
    assert not await scene.orders("G9")
    assert len(watched(scene).asked) == 1


@pytest.mark.parametrize("lacks", ["URL", "CLIENT_ID", "CLIENT_SECRET"])
async def test_g9_a_destination_that_lacks_a_setting_gets_nothing(
    scene: Scene, lacks: str
) -> None:
    """Orders are taken and wait in sight; they go when the setting is there."""
    with environment({f"BATON_HELIX_{lacks}": ""}):
        await scene.restart()
        placed = await scene.place()
        (submit,) = await scene.deliveries(placed.number, PORTAL)
        await scene.told("st_elm", placed.number.encode(), b"ready")
        assert (placed.ack.code, submit["state"]) == ("CA", "ready")
        assert watched(scene).asked == []
        await scene.alarm("destination.not_configured", PORTAL)

    await scene.restart()
    await scene.rests(placed.number)
    assert await scene.done(placed.number) == ["submit"]


async def test_g9_without_its_secret_no_webhook_is_believed(scene: Scene) -> None:
    """The portal keeps it and comes again."""
    placed, order = await scene.settled()
    with environment({"BATON_HELIX_WEBHOOK_SECRET": ""}):
        await scene.restart()
        assert await scene.webhook(order["id"], "order.accepted") == 503
        assert (await scene.order(placed.number))["status"] == "acknowledged"


# ------------------------------------------------------------ G10


async def test_g10_an_order_message_about_somebody_else_is_held_at_the_door(
    scene: Scene,
) -> None:
    placed, _ = await scene.settled()
    wrong = replace(
        heavier(placed.person),
        birth_date=placed.person.birth_date + timedelta(days=1),
    )
    ack = await scene.send("st_elm", scene.st_elm.change_order(placed.number, wrong))
    await scene.shows(placed.number, flag="hold.identity")

    assert (await scene.message(ack))["state"] == "held"
    (submit,) = await scene.deliveries(placed.number, PORTAL)
    assert submit["state"] == "delivered"
    assert await scene.done(placed.number) == ["submit"]


async def ready_to_leave(scene: Scene) -> Placed:
    """Place an order while its portal cannot be reached."""
    await scene.stage.portal.stop()
    placed = await scene.place()

    async def tried() -> bool:
        (submit,) = await scene.deliveries(placed.number, PORTAL)
        return (submit["attempts"], submit["state"]) == (1, "ready")

    await scene.sees(tried)
    return placed


@pytest.mark.slow
async def test_g10_a_hold_put_on_after_freezing_keeps_the_delivery_back(
    scene: Scene,
) -> None:
    placed = await ready_to_leave(scene)
    born = placed.person.birth_date + timedelta(days=1)
    other = replace(placed.person, birth_date=born)
    await scene.send("st_elm", scene.st_elm.update_person(other))
    await scene.shows(placed.number, flag="hold.identity")
    await scene.stage.portal.start()
    await scene.rests(placed.number)

    (submit,) = await scene.deliveries(placed.number, PORTAL)
    assert (submit["state"], submit["code"]) == ("held", "identity.hold")
    assert watched(scene).asked == []
    await scene.alarm("identity.hold", submit["id"])


@pytest.mark.slow
async def test_g10_a_delivery_made_from_another_identity_is_never_sent(
    scene: Scene,
) -> None:
    """The ledger says who it is for; what was frozen says somebody else."""
    placed = await ready_to_leave(scene)
    scene.sql(
        "UPDATE deliveries SET identity = ? WHERE destination = ?", bytes(32), PORTAL
    )
    await scene.stage.portal.start()
    await scene.rests(placed.number)

    (submit,) = await scene.deliveries(placed.number, PORTAL)
    assert (submit["state"], submit["code"]) == ("held", "identity.conflict")
    assert watched(scene).asked == []
    await scene.alarm("identity.conflict", submit["id"])


async def test_g10_a_refused_order_held_meanwhile_is_not_submitted_again(
    scene: Scene,
) -> None:
    watched(scene).faults.next(Refuse(422, "validation.failed"))
    placed, _ = await scene.settled()
    merge = scene.st_elm.merge(scene.person(), placed.person.mrn)
    await scene.send("st_elm", merge)

    corrected = scene.st_elm.change_order(placed.number, heavier(placed.person))
    await scene.send("st_elm", corrected)
    await scene.rests(placed.number)

    states = [row["state"] for row in await scene.deliveries(placed.number, PORTAL)]
    assert states == ["rejected", "held"]
    assert await scene.done(placed.number) == []
