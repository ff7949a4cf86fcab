"""What a person sees of a patient, and by which rules they decide, is on record."""

import getpass
import os
import pwd
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.conformance.desk import listed, operate
from tests.conformance.filling import FillingDisk
from tests.conformance.scene import Row, Scene, heavier, staged

ME = pwd.getpwuid(os.getuid()).pw_name


async def entries(scene: Scene, subject: str) -> list[tuple[str, str]]:
    """Return who did what to one row."""
    return [
        (row["who"], row["action"])
        for row in await scene.rows("operator_log")
        if row["subject"] == subject
    ]


async def asked(scene: Scene, path: str) -> int:
    """Ask the API as somebody with the token."""
    token = (scene.gateway.settings.data / "token").read_text("ascii").strip()
    url = f"http://127.0.0.1:{scene.stage.server.http_port}{path}"
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, headers=headers) as answer,
    ):
        return answer.status


async def seen(scene: Scene) -> dict[str, Row]:
    """Return one row of each kind, of one order."""
    placed, order = await scene.settled()
    (delivery, *_) = await scene.deliveries(placed.number)
    message = await scene.message(placed.ack)
    return {"messages": message, "orders": order, "deliveries": delivery}


async def test_who_looks_at_a_patients_row_is_on_record(own_scene: Scene) -> None:
    for kind, row in (await seen(own_scene)).items():
        assert operate(own_scene, kind, "show", row["id"]).status == 0
        assert await asked(own_scene, f"/v1/{kind}/{row['id']}") == 200

        action = {"deliveries": "delivery"}.get(kind, kind[:-1]) + ".show"
        assert await entries(own_scene, row["id"]) == [("token", action), (ME, action)]


async def test_who_looks_at_raw_bytes_is_on_record(own_scene: Scene) -> None:
    message = (await seen(own_scene))["messages"]["id"]

    operate(own_scene, "messages", "show", message, "--raw")
    operate(own_scene, "messages", "damage", "--raw")

    assert await entries(own_scene, message) == [(ME, "message.raw")]
    assert await entries(own_scene, "") == [(ME, "damage.raw")]


async def test_a_listing_and_what_is_not_there_are_not(own_scene: Scene) -> None:
    await own_scene.settled()

    for kind in ("messages", "orders", "deliveries"):
        listed(own_scene, kind)
        operate(own_scene, kind, "show", "none")
        await asked(own_scene, f"/v1/{kind}/none")
    operate(own_scene, "messages", "damage")

    assert await own_scene.rows("operator_log") == []


async def test_nobody_signs_with_a_name_of_their_choice(
    own_scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "somebody-else")
    assert getpass.getuser() == "somebody-else"
    order = (await seen(own_scene))["orders"]["id"]

    operate(own_scene, "orders", "show", order)

    assert await entries(own_scene, order) == [(ME, "order.show")]


@pytest.fixture
def disk() -> Iterator[FillingDisk]:
    disk = FillingDisk()
    yield disk
    disk.unregister()


async def test_a_look_that_cannot_be_recorded_is_allowed_and_says_so(
    tmp_path: Path, disk: FillingDisk
) -> None:
    async with staged(tmp_path) as scene:
        order = (await seen(scene))["orders"]["id"]
        disk.full = True

        said = operate(scene, "orders", "show", order, "--json")
        status = await asked(scene, f"/v1/orders/{order}")

        disk.full = False
    assert (said.status, status) == (0, 200)
    assert said.rows[0]["id"] == order
    assert "store.unavailable" in said.err


async def test_the_mapping_a_person_decides_by_is_kept(own_scene: Scene) -> None:
    """The files were edited since the server started."""
    placed, _ = await own_scene.settled()
    other = own_scene.st_elm.new_order(placed.number, heavier(placed.person))
    held = await own_scene.message(await own_scene.send("st_elm", other))
    with (own_scene.gateway.settings.mappings / "sites/st_elm/order.yaml").open(
        "a"
    ) as f:
        f.write("# edited\n")

    assert operate(
        own_scene, "messages", "release", held["id"], "--reason", "asked ward"
    ).status == 0  # fmt: skip

    order = await own_scene.order(placed.number)
    ledger = (await own_scene.gateway.looks.row("orders", order["id"]) or {})["ledger"]
    read_by = {event["mapping"] for event in ledger if event["mapping"]}
    assert len(read_by) > 1
    for version in read_by:
        assert await own_scene.gateway.looks.row("mappings", version) is not None
