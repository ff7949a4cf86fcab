"""What is no message of ours to read, and what waits for a person.

Through the real gateway over MLLP, for both sample sites and the open test site.
"""

from typing import Any

import pytest

from tests.conformance.bad_messages import (
    ACCEPTED,
    SITES,
    Edit,
    Order,
    found,
    order,
    send,
)
from tests.conformance.scene import Scene
from tests.unit.app.commands import baton

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNSUPPORTED = {"st_elm": "CR", "rheintal": "AR", "anyone": "AR"}


# ------------------------------------------------------------ not one good message


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize(
    ("edits", "code", "condition"),
    [
        pytest.param(
            {
                "st_elm": (b"|P|2.5.1", b"|T|2.5.1"),
                "rheintal": (b"|P|2.3", b"||2.3"),
                "anyone": (b"|T|2.5.1", b"|X|2.5.1"),
            },
            "message.processing_id",
            "202",
            id="processing id",
        ),
        pytest.param(
            {
                "st_elm": (b"OMG^O19^OMG_O19", b"OMG^O20^OMG_O19"),
                "rheintal": (b"ORM^O01", b"ORM^O02"),
                "anyone": (b"ORM^O01^ORM_O01", b"SIU^S99^ORM_O01"),
            },
            "message.unsupported_event",
            "201",
            id="event of a type that is read or ignored",
        ),
        pytest.param(
            {
                "st_elm": (b"OMG^O19^OMG_O19", b"RAS^O17^RAS_O17"),
                "rheintal": (b"ORM^O01", b"ORU^R01"),
                "anyone": (b"ORM^O01^ORM_O01", b"RAS^O17^RAS_O17"),
            },
            "message.unsupported_type",
            "200",
            id="type",
        ),
        pytest.param(
            {
                "st_elm": (b"|P|2.5.1", b"|P|3.0"),
                "rheintal": (b"|P|2.3", b"|P|"),
                "anyone": (b"|T|2.5.1", b"|T|2.3.1.A"),
            },
            "message.unsupported_version",
            "203",
            id="version",
        ),
    ],
)
async def test_what_is_not_supported_is_refused_as_such(
    scene: Scene, site: str, edits: dict[str, Edit], code: str, condition: str
) -> None:
    said, row = await send(scene, order(site, edits[site]))

    assert (said.code, said.conditions) == (UNSUPPORTED[site], (condition,))
    assert [problem for problem, _ in found(row)] == [code]


@pytest.mark.parametrize("type_", [b"ORM^O01^ORM_O01", b"ADT^A04^ADT_A01"])
async def test_a_second_message_is_seen_whatever_ends_its_lines(
    scene: Scene, type_: bytes
) -> None:
    """Also behind a type that is ignored: what is not read must not be lost."""
    second = b"\nMSH|^~\\&|SOMEONE|CLINIC|||20260301||ORM^O01|2|T|2.5.1\rNTE"

    said, row = await send(
        scene, order("anyone", (b"ORM^O01^ORM_O01", type_), (b"\rNTE", second))
    )

    assert (said.code, said.conditions) == ("AR", ("100",))
    assert found(row) == [("message.two_headers", "MSH[2]")]


async def test_what_cannot_be_read_in_an_ignored_message_is_noted(scene: Scene) -> None:
    ignored = order("rheintal", (b"ORM^O01", b"ADT^A01"), (b"|8859/1", b"|ISO IR 999"))

    said, row = await send(scene, ignored)

    assert (said.code, row["state"]) == ("AA", "no_effect")
    assert row["problems"] == [
        {"code": "charset.unknown", "where": "MSH-18", "consequence": "note"}
    ]


# ------------------------------------------------------------ held for a person


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize(
    ("edits", "problem"),
    [
        pytest.param(
            {
                "st_elm": [(b"CANARYGIVEN", b"CANARY\xc5")],
                "rheintal": [
                    (b"8859/1", b"UNICODE UTF-8"),
                    (b"CANARYGIVEN", b"CANARY\xc5"),
                ],
                "anyone": [(b"CANARYGIVEN", b"CANARY\xc5")],
            },
            ("charset.mismatch", "PID-5"),
            id="bytes that are not in the charset",
        ),
        pytest.param(
            {
                "st_elm": [(b"UNICODE UTF-8", b"ISO IR 999")],
                "rheintal": [(b"8859/1", b"ISO IR 999")],
                "anyone": [(b"|T|2.5.1", b"|T|2.5.1||||||ISO IR 999")],
            },
            ("charset.unknown", "MSH-18"),
            id="a charset nobody knows",
        ),
    ],
)
async def test_what_cannot_be_decoded_is_held(
    scene: Scene, site: str, edits: dict[str, list[Edit]], problem: tuple[str, str]
) -> None:
    said, row = await send(scene, order(site, *edits[site]))

    assert (said.code, row["state"], said.errors) == (ACCEPTED[site], "held", [])
    assert found(row) == [problem]
    assert await scene.alarm(problem[0], site)


def at(local: bytes) -> Order:
    """Return Rheintal's order made at a local time without offset."""
    return order("rheintal", (b"||20260301120000|||999", b"||" + local + b"|||999"))


def release(scene: Scene, row: dict[str, Any]) -> int:
    """Let a message go as a person does; return the command's exit status."""
    settings = scene.gateway.settings
    said = baton(
        *("messages", "release", row["id"], "--reason", "hour checked with the ward"),
        data=settings.data,
        mappings=str(settings.mappings),
    )
    return said.status


@pytest.mark.slow
async def test_an_hour_that_comes_twice_waits_for_a_person(scene: Scene) -> None:
    """25 October 2026, 02:30 in Berlin: before or after the clocks went back?"""
    twice = at(b"20261025023000")

    said, row = await send(scene, twice)

    assert (said.code, row["state"]) == ("AA", "held")
    assert found(row) == [("time.ambiguous", "ORC-9")]
    assert await scene.orders(twice.number) == []
    assert release(scene, row) == 0
    assert (await scene.rows("messages", control_id=twice.control_id))[0]["state"] == (
        "applied"
    )
    await scene.rests(twice.number)
    assert await scene.done(twice.number) == ["submit"]


async def test_an_hour_that_does_not_exist_cannot_be_released(scene: Scene) -> None:
    """29 March 2026, 02:30 in Berlin: there is nothing to confirm."""
    never = at(b"20260329023000")

    said, row = await send(scene, never)

    assert (said.code, row["state"]) == ("AA", "held")
    assert found(row) == [("time.nonexistent", "ORC-9")]
    assert release(scene, row) == 1
    assert await scene.orders(never.number) == []


async def test_an_hour_with_its_offset_is_nobodys_problem(scene: Scene) -> None:
    said, row = await send(scene, at(b"20261025023000+0100"))

    assert (said.code, row["state"]) == ("AA", "applied")
