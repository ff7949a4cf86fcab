"""Guarantees about what is sent: G3, G4, G9, G10, each at its own wiring."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from conformance.demo.stage import Stage, environment
from conformance.simulators.portal import PortalSimulator
from conformance.simulators.portal_answers import Seen
from conformance.simulators.portal_faults import Break, Refuse, Reset, Slow
from tests.conformance.scene import Placed, Scene, changed, heavier, rewrite, staged

PORTAL = "portal:helix"


class Watched(PortalSimulator):
    """A portal that keeps every body, and counts what is in flight for an order.

    Attributes:
        asked: Key and body of every request, repeats included.
        look: Called for every key before its request is served.
        most_in_flight: The most requests at a time about one order.
    """

    def __init__(self, *, honours_keys: bool = True) -> None:
        super().__init__(honours_keys=honours_keys)
        self.asked: list[tuple[str, bytes]] = []
        self.look: Callable[[str], bytes] = lambda _: b""
        self.found: list[bytes] = []
        self.most_in_flight = 0
        self._flying: Counter[str] = Counter()

    async def _serve(self, request: web.Request, seen: Seen) -> web.StreamResponse:
        body = await request.read()
        self.asked.append((seen.key, body))
        self.found.append(self.look(seen.key))
        lane = body.partition(b'"clientReference":"')[2].partition(b'"')[0].decode()
        self._flying[lane] += 1
        self.most_in_flight = max(self.most_in_flight, self._flying[lane])
        try:
            return await super()._serve(request, seen)
        finally:
            self._flying[lane] -= 1


class WatchedStage(Stage):
    def __init__(self, data: Path, *, mappings: Path | None = None) -> None:
        super().__init__(data, mappings=mappings)
        self.portal: Watched = Watched()


class Forgetful(WatchedStage):
    """The portal honours no keys."""

    def __init__(self, data: Path, *, mappings: Path | None = None) -> None:
        super().__init__(data, mappings=mappings)
        self.portal = Watched(honours_keys=False)


def without_keys(mappings: Path) -> None:
    """Take the idempotency keys out of the portal's profile."""
    profile = mappings / "manufacturers" / "helix" / "portal.yaml"
    rewrite(profile, {r"idempotency:.*\n(  .*\n)+": ""})


def watched(scene: Scene) -> Watched:
    assert isinstance(scene.stage.portal, Watched)
    return scene.stage.portal


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with staged(tmp_path, stage=WatchedStage) as scene:
        yield scene


# ------------------------------------------------------------ G3


@pytest.mark.slow
async def test_g3_every_attempt_is_the_bytes_that_were_frozen(
    scene: Scene, tmp_path: Path
) -> None:
    """Stored before the first request; whatever is deployed before the second."""
    portal = watched(scene)
    frozen = "SELECT body FROM bodies JOIN deliveries ON seq = delivery WHERE key = ?"
    portal.look = lambda key: bytes(scene.sql(frozen, key)[0][0])
    portal.faults.next(Break(500))
    placed = await scene.place()
    await portal.until(lambda: portal.book.effects != [])
    template = tmp_path / "mappings" / "manufacturers" / "helix" / "submit.yaml"
    rewrite(template, {r"  priority: .*\n": ""})
    await scene.restart()

    await scene.rests(placed.number)

    (first_key, first), (again_key, again) = portal.asked
    assert (again_key, again) == (first_key, first)
    assert b'"priority"' in first
    assert portal.found == [first, first]
    assert await scene.done(placed.number) == ["submit"]


@pytest.mark.slow
async def test_g3_every_operation_has_a_key_of_its_own(scene: Scene) -> None:
    """However each of them is disturbed, it is done once."""
    portal = watched(scene)
    placed, _ = await scene.settled()
    for fault, message in (
        (Reset("unanswered"), scene.st_elm.change_order),
        (Break(500), scene.st_elm.cancel_order),
    ):
        portal.faults.next(fault)
        await scene.send("st_elm", message(placed.number, heavier(placed.person)))
        await scene.rests(placed.number)

    assert await scene.done(placed.number) == ["submit", "change", "cancel"]
    keys = [key for key, _ in portal.asked]
    assert len(keys) == 5
    assert len(set(keys)) == 3


async def test_g3_without_keys_one_send_then_a_person(tmp_path: Path) -> None:
    """After the first byte nothing is sent again, not even after a restart."""
    async with staged(tmp_path, edit=without_keys, stage=Forgetful) as scene:
        portal = watched(scene)
        portal.faults.next(Reset("unanswered"))
        placed = await scene.place()
        await scene.rests(placed.number)
        await scene.restart()
        other, _ = await scene.settled()

        (held,) = await scene.deliveries(placed.number, PORTAL)
        assert (held["state"], held["code"]) == ("held", "delivery.outcome_unknown")
        assert await scene.requests(placed.number) == ["submit"]
        assert await scene.done(other.number) == ["submit"]
        await scene.alarm("delivery.outcome_unknown", held["id"])


async def test_g3_without_keys_a_worker_that_died_leaves_it_to_a_person(
    tmp_path: Path,
) -> None:
    """What it was sending may have arrived."""
    async with staged(tmp_path, edit=without_keys, stage=Forgetful) as scene:
        portal = watched(scene)
        portal.faults.next(Slow(gate=asyncio.Event()))
        placed = await scene.place()
        await portal.until(lambda: len(portal.requests) == 1)
        for dispatcher in scene.gateway._dispatchers:
            for attempt in dispatcher._busy:
                attempt.cancel()
        await scene.restart()
        await scene.rests(placed.number)

        (held,) = await scene.deliveries(placed.number, PORTAL)
        assert (held["state"], held["code"]) == ("held", "delivery.outcome_unknown")
        assert len(portal.asked) == 1


# ------------------------------------------------------------ G4


@pytest.mark.slow
async def test_g4_a_lane_keeps_its_order_across_a_restart(scene: Scene) -> None:
    portal = watched(scene)
    await portal.stop()
    placed = await scene.place()
    elm, person = scene.st_elm, placed.person
    for message in (
        elm.change_order(placed.number, heavier(person)),
        elm.change_order(placed.number, replace(person, weight_kg="88.8")),
        elm.cancel_order(placed.number, person),
    ):
        await scene.send("st_elm", message)
    await scene.restart()
    await portal.start()

    await scene.shows(placed.number, status="cancelled")

    assert await scene.done(placed.number) == ["submit", "change", "change", "cancel"]
    assert portal.most_in_flight == 1


async def test_g4_one_of_a_lane_is_in_flight_and_the_other_lanes_go_on(
    scene: Scene,
) -> None:
    """The first order's portal call hangs; nobody else notices."""
    portal, gate = watched(scene), asyncio.Event()
    portal.faults.next(Slow(gate=gate))
    slow = await scene.place()
    await portal.until(lambda: len(portal.requests) == 1)
    change = scene.st_elm.change_order(slow.number, heavier(slow.person))
    await scene.send("st_elm", change)
    others = [await scene.place() for _ in range(5)]

    for other in others:
        await scene.shows(other.number, status="acknowledged")
    (submit, behind) = await scene.deliveries(slow.number, PORTAL)
    assert [(row["state"], row["attempts"]) for row in (submit, behind)] == [
        *(("leased", 1), ("ready", 0))
    ]
    gate.set()
    await scene.rests(slow.number)

    assert await scene.done(slow.number) == ["submit", "change"]
    assert portal.most_in_flight == 1


async def test_g4_a_dead_hospital_slows_only_its_own_statuses(scene: Scene) -> None:
    scene.hospital("st_elm").receiver.behave_always("silent")
    mute = [await scene.place("st_elm") for _ in range(3)]
    heard, _ = await scene.settled("rheintal")

    for placed in mute:
        await scene.shows(placed.number, status="acknowledged")
    await scene.told("rheintal", heard.number.encode())
    waiting = await scene.rows("deliveries", destination="ehr:st_elm")
    assert [row["state"] for row in waiting].count("delivered") == 0
    scene.hospital("st_elm").receiver.behave_always("close")
    await scene.hospital("st_elm").receiver.stop()


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
    _, order = await scene.settled()
    with environment({"BATON_HELIX_WEBHOOK_SECRET": ""}):
        await scene.restart()
        assert await scene.webhook(order["id"], "order.accepted") == 401


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
