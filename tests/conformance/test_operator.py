"""What an operator sees and mends, beside a running gateway."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from conformance.simulators.ehr import Answer
from gateway.app.cli import listing
from gateway.core.effects import Alarm
from gateway.core.problems import CATALOGUE
from tests.conformance.desk import listed, operate
from tests.conformance.scene import Placed, Row, Scene, heavier
from tests.unit.app.commands import baton

pytestmark = pytest.mark.asyncio(loop_scope="module")

EHR = "ehr:rheintal"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


# ------------------------------------------------------------ what is shown

MESSAGE = {
    *("id", "received_at", "site", "type", "control_id", "sha256"),
    *("state", "answer", "ack_code", "problems"),
}
ORDER = {
    *("id", "site", "facility", "placer_number", "manufacturer", "product"),
    *("status", "coi", "flags"),
}
DELIVERY = {
    *("id", "order_id", "destination", "lane", "key", "state", "attempts", "due_at"),
}


async def test_listings_have_the_documented_keys(scene: Scene) -> None:
    placed, order = await scene.settled()
    await scene.webhook(order["id"], "order.accepted", coi="C-1")

    for kind, keys in (
        ("messages", MESSAGE),
        ("orders", ORDER),
        ("deliveries", DELIVERY),
    ):
        rows = listed(scene, kind)
        assert rows, kind
        assert all(keys <= set(row) for row in rows), kind
    (shown,) = listed(scene, "orders", placer_number=placed.number)
    assert shown["coi"] == {"issuer": "HELIX", "value": "C-1"}
    (message,) = listed(
        scene, "messages", control_id=placed.ack.control_id.decode("latin-1")
    )
    assert (message["answer"], message["ack_code"]) == ("positive", "CA")


async def test_listings_are_filtered_and_paged(scene: Scene) -> None:
    for _ in range(3):
        await scene.settled("rheintal")
    newest = listed(scene, "orders", site="rheintal", limit="2")
    older = listed(scene, "orders", site="rheintal", after=newest[-1]["id"])

    assert len(newest) == 2
    assert not {row["id"] for row in newest} & {row["id"] for row in older}
    assert {row["site"] for row in (*newest, *older)} == {"rheintal"}
    cut = operate(scene, "orders", "list", "--site", "rheintal", "--limit", "2").err
    assert cut == "The newest 2; --limit shows more.\n"
    (one,) = listed(scene, "deliveries", order=newest[0]["id"], destination=EHR)
    assert one["order_id"] == newest[0]["id"]


async def test_a_machine_gets_every_row_and_a_person_the_newest(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MANY", 2)
    monkeypatch.setattr(listing, "PAGE", 2)
    for _ in range(5):
        await scene.settled()

    for kind in ("messages", "orders", "deliveries"):
        ids = [row["id"] for row in listed(scene, kind)]
        stored = scene.sql(f"SELECT id FROM {kind} ORDER BY seq DESC")  # noqa: S608
        assert ids == [row[0] for row in stored]
        assert operate(scene, kind, "list").err == "The newest 2; --limit shows more.\n"


async def test_what_is_listed_can_be_shown(scene: Scene) -> None:
    placed, order = await scene.settled()
    message = await scene.message(placed.ack)
    (delivery, *_) = await scene.deliveries(placed.number)

    (full,) = operate(scene, "orders", "show", order["id"], "--json").rows
    (sent,) = operate(scene, "deliveries", "show", delivery["id"], "--json").rows
    (kept,) = operate(scene, "messages", "show", message["id"], "--json").rows
    table = operate(scene, "messages", "list", "--site", "st_elm").out

    assert [event["n"] for event in full["ledger"]] == [1, 2]
    assert [attempt["outcome"] for attempt in sent["attempts_made"]] == ["delivered"]
    assert kept["orders"] == [order["id"]]
    assert message["id"] in table


async def test_a_body_is_shown_to_the_byte(scene: Scene) -> None:
    message = scene.rheintal.new_order(scene.number(), scene.person())
    ack = await scene.send("rheintal", message)
    row = await scene.message(ack)

    said = operate(scene, "messages", "show", row["id"], "--raw")

    assert (said.status, said.raw) == (0, message)


# ------------------------------------------------------------ messages


async def second_new(scene: Scene) -> tuple[Placed, Row]:
    """Order twice under one number, with another content."""
    placed, _ = await scene.settled()
    other = scene.st_elm.new_order(placed.number, heavier(placed.person))
    held = await scene.message(await scene.send("st_elm", other))
    assert held["problems"][0]["code"] == "order.second_new"
    return placed, held


async def test_a_second_new_order_is_released_as_a_change(scene: Scene) -> None:
    placed, held = await second_new(scene)

    said = operate(scene, "messages", "release", held["id"], "--reason", "asked ward")

    assert (said.status, said.out) == (0, f"{held['id']}: applied\n")
    await scene.rests(placed.number)
    assert await scene.done(placed.number) == ["submit", "change"]
    (log,) = [
        row for row in await scene.rows("operator_log") if row["subject"] == held["id"]
    ]
    assert (log["action"], log["reason"]) == ("message.release", "asked ward")


async def test_what_was_mended_is_said_in_json(scene: Scene) -> None:
    _, held = await second_new(scene)
    await scene.gateway.store.raise_alarms((Alarm("site.paused", "y"),), NOW)
    why = ("--reason", "asked ward", "--json")

    released = operate(scene, "messages", "release", held["id"], *why)
    closed = operate(scene, "alarms", "close", "site.paused", "y", *why)

    assert released.rows == [{"id": held["id"], "state": "applied", "problems": []}]
    assert closed.rows == [
        {"code": "site.paused", "subject": "y", "state": "closed", "problems": []}
    ]


async def test_a_message_is_released_once(scene: Scene) -> None:
    _, held = await second_new(scene)
    operate(scene, "messages", "release", held["id"], "--reason", "asked ward")

    said = operate(scene, "messages", "release", held["id"], "--reason", "again")

    assert said.status == 1
    assert "message.not_held" in said.err


async def test_an_identity_hold_is_not_released_by_one(scene: Scene) -> None:
    placed, _ = await scene.settled()
    wrong = scene.st_elm.change_order(placed.number, scene.person())
    held = await scene.message(await scene.send("st_elm", wrong))

    said = operate(scene, "messages", "release", held["id"], "--reason", "in a hurry")

    assert (said.status, said.out) == (1, "")
    assert "identity.hold" in said.err
    assert (await scene.message_by_id(held["id"]))["state"] == "held"
    assert await scene.done(placed.number) == ["submit"]


async def test_a_reused_control_id_is_released(scene: Scene) -> None:
    first, number = await scene.place(), scene.number()
    message = scene.st_elm.new_order(number, scene.person())
    fields = message.split(b"|", 10)
    clash = message.replace(fields[9], first.ack.control_id, 1)
    held = await scene.message(await scene.send("st_elm", clash))
    assert held["problems"][0]["code"] == "message.control_id_reused"

    said = operate(scene, "messages", "release", held["id"], "--reason", "two orders")

    assert said.status == 0
    await scene.rests(number)
    assert await scene.done(number) == ["submit"]


async def test_what_still_cannot_be_decided_stays_held(scene: Scene) -> None:
    """It was told positively, so it is not refused either."""
    order = scene.st_elm.new_order(scene.number(), scene.person())
    unreadable = order.replace(b"UNICODE UTF-8", b"KLINGON")
    held = await scene.message(await scene.send("st_elm", unreadable))

    said = operate(scene, "messages", "release", held["id"], "--reason", "try")

    assert said.status == 1
    assert said.out == f"{held['id']}: held\n"
    assert "charset.unknown" in said.err


@pytest.mark.parametrize("early", [True, False])
async def test_a_held_or_waiting_message_is_dismissed(
    scene: Scene, *, early: bool
) -> None:
    if early:
        change = scene.st_elm.change_order(scene.number(), scene.person())
        row = await scene.message(await scene.send("st_elm", change))
    else:
        _, row = await second_new(scene)

    said = operate(scene, "messages", "dismiss", row["id"], "--reason", "phoned")

    assert (said.status, said.out) == (0, f"{row['id']}: no_effect\n")
    assert (await scene.message_by_id(row["id"]))["state"] == "no_effect"


async def test_an_applied_message_is_not_dismissed(scene: Scene) -> None:
    placed, _ = await scene.settled()
    row = await scene.message(placed.ack)

    said = operate(scene, "messages", "dismiss", row["id"], "--reason", "no")

    assert said.status == 1
    assert "message.not_held" in said.err


# ------------------------------------------------------------ deliveries


async def in_doubt(scene: Scene) -> tuple[Placed, Row, Row]:
    """A status of which nobody knows whether it arrived, and one behind it."""
    receiver = scene.hospital("rheintal").receiver
    await scene.silent("rheintal")
    receiver.behave(Answer("AA", b"SOMETHING-ELSE"))
    placed, order = await scene.settled("rheintal")
    await scene.webhook(order["id"], "order.accepted")
    head, behind = await scene.deliveries(placed.number, EHR)
    assert (head["state"], head["code"]) == ("held", "delivery.outcome_unknown")
    assert (behind["state"], behind["attempts"]) == ("ready", 0)
    return placed, head, behind


@pytest.mark.slow
@pytest.mark.parametrize(
    ("as_", "ends"),
    [
        ("delivered", "delivered"),
        ("rejected", "rejected"),
        ("superseded", "superseded"),
        ("ready", "delivered"),
    ],
)
async def test_a_resolved_delivery_lets_its_lane_go_on(
    scene: Scene, as_: str, ends: str
) -> None:
    """The gateway sees it within the second in which it looks by itself."""
    placed, head, _ = await in_doubt(scene)
    about = ("--as", as_, "--reason", "asked the desk")

    said = operate(scene, "deliveries", "resolve", head["id"], *about)

    assert (said.status, said.out) == (0, f"{head['id']}: {as_}\n")
    await scene.rests(placed.number)
    states = [row["state"] for row in await scene.deliveries(placed.number, EHR)]
    assert states == [ends, "delivered"]


async def test_a_delivery_that_has_ended_is_not_resolved(scene: Scene) -> None:
    placed, _ = await scene.settled()
    (delivery, *_) = await scene.deliveries(placed.number)

    said = operate(
        scene, "deliveries", "resolve", delivery["id"], "--as", "rejected",
        "--reason", "x",
    )  # fmt: skip

    assert said.status == 1
    assert "delivery.final" in said.err


# ------------------------------------------------------------ alarms and books


async def test_an_alarm_is_one_row_with_a_count(scene: Scene) -> None:
    placed, order = await scene.settled()
    for day in (1, 2, 3):
        born = placed.person.birth_date + timedelta(days=day)
        other = replace(placed.person, birth_date=born)
        await scene.send("st_elm", scene.st_elm.update_person(other))

    rows = listed(scene, "alarms", limit="1000")
    (mine,) = [row for row in rows if row["subject"] == order["id"]]

    assert (mine["code"], mine["state"]) == ("identity.conflict", "open")
    assert mine["then"] == CATALOGUE["identity.conflict"].then
    assert mine["count"] >= 3
    assert {"code", "subject", "count", "first_at", "last_at"} <= set(mine)


async def test_a_closed_alarm_is_listed_where_it_is_asked_for(scene: Scene) -> None:
    await scene.gateway.store.raise_alarms((Alarm("site.paused", "x"),), NOW)

    operate(scene, "alarms", "close", "site.paused", "x", "--reason", "mended")

    def subjects(state: str) -> set[str]:
        return {row["subject"] for row in listed(scene, "alarms", state=state)}

    assert "x" in subjects("closed")
    assert "x" in subjects("all")
    assert "x" not in subjects("open")


def tamper(database: Path, statement: str) -> None:
    with closing(sqlite3.connect(database)) as db, db:
        assert db.execute(statement).rowcount > 0


ALARMS = {"broken": "ledger.broken", "differences": "books.open"}


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE events SET body = CAST(body || ' ' AS BLOB) WHERE n = 1", "broken"),
        ("UPDATE events SET header = CAST(header || ' ' AS BLOB)", "broken"),
        ("DELETE FROM events WHERE n = 2", "broken"),
        ("UPDATE orders SET head = zeroblob(32)", "broken"),
        ("DELETE FROM messages WHERE state = 'no_effect'", "differences"),
        ("UPDATE deliveries SET state = 'dead'", "differences"),
        ("UPDATE orders SET status = 'infused'", "differences"),
        ("UPDATE orders SET manufacturer = 'other'", "differences"),
        ("UPDATE messages SET body = CAST(body || ' ' AS BLOB)", "differences"),
    ],
)
async def test_an_audit_finds_what_was_changed_behind_its_back(
    scene: Scene, tmp_path: Path, statement: str, found: str
) -> None:
    placed, _ = await scene.settled()
    await scene.send("st_elm", scene.st_elm.new_order(placed.number, placed.person))
    scene.sql(f"VACUUM INTO '{tmp_path / 'baton.db'}'")
    assert baton("audit", data=tmp_path).status == 0
    tamper(tmp_path / "baton.db", statement)

    said = baton("audit", "--json", data=tmp_path)

    (audit,) = said.rows
    assert (said.status, audit["clean"]) == (1, False)
    assert audit[found]
    raised = baton("alarms", "list", "--json", data=tmp_path).rows
    assert ALARMS[found] in {alarm["code"] for alarm in raised}
    assert "do not close" in baton("audit", data=tmp_path).out
    assert operate(scene, "audit").status == 0
