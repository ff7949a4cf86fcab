"""Guarantees about what is taken: G1, G2, G5, G6, G7, G8, each at its own wiring.

``docs/architecture.md`` §4 has the list. The other guarantees are in
``test_guarantees_sending`` and ``test_guarantee_privacy``.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import apsw
import pytest

from adapters.hl7v2.mllp import SAMPLE, encode
from conformance.simulators.messages import Person
from gateway.core.effects import Effects, View
from gateway.core.errors import Misconfigured
from gateway.flow.deciding import MessageWork
from gateway.store.sqlite import open_store
from tests.conformance.scene import LONG_ENOUGH, Scene, changed, staged
from tests.conformance.wire import field, wired
from tests.unit.app.commands import baton

UNKNOWN_PRODUCT = "NO-SUCH"

# ------------------------------------------------------------ G1


class HeldCommit:
    """A commit hook: the transaction that decided a message waits in its COMMIT."""

    def __init__(self) -> None:
        self.armed = False
        self.reached = threading.Event()
        self.go = threading.Event()

    def __call__(self) -> bool:
        if self.armed:
            self.reached.set()
            self.go.wait(LONG_ENOUGH)
        return False


@pytest.fixture
async def held(own_scene: Scene, monkeypatch: pytest.MonkeyPatch) -> HeldCommit:
    held, decide = HeldCommit(), MessageWork.decide
    writer = own_scene.gateway.store._writer

    def armed_decide(work: MessageWork, view: View) -> Effects:
        held.armed = True
        return decide(work, view)

    def hook(_: object) -> None:
        assert writer._db is not None
        writer._db.set_commit_hook(held)

    await writer.submit(hook)
    monkeypatch.setattr(MessageWork, "decide", armed_decide)
    return held


async def test_g1_not_a_byte_leaves_before_the_commit_returns(
    own_scene: Scene, held: HeldCommit
) -> None:
    """And once the answer is there, another connection sees the exact bytes."""
    message = own_scene.st_elm.new_order("G1", own_scene.person())
    async with wired(own_scene.stage.server.mllp_port) as ehr:
        await ehr.write(message)
        assert await asyncio.to_thread(held.reached.wait, LONG_ENOUGH)

        assert own_scene.sql("SELECT count(*) FROM messages") == [(0,)]
        assert await ehr.is_silent()
        held.go.set()
        (ack,) = await ehr.answers(1)

    assert field(ack, "MSA", 1) == b"CA"
    assert own_scene.sql("SELECT body, answer_body FROM messages") == [(message, ack)]


async def test_g1_a_commit_reaches_the_disk(own_scene: Scene) -> None:
    """WAL with ``synchronous=FULL`` on the very connection that writes."""
    writer = own_scene.gateway.store._writer
    pragmas = ("journal_mode", "synchronous", "fullfsync")

    found = await writer.submit(
        lambda tx: [tx.row(f"PRAGMA {name}") for name in pragmas]
    )

    assert found == [("wal",), (2,), (1,)]


class Careless(apsw.Connection):
    """A database that says yes to FULL and stays at NORMAL."""

    def pragma(self, name: str, value: Any = None, **more: Any) -> Any:  # noqa: ANN401 - as apsw has it
        if value is None:
            return super().pragma(name, **more)
        return super().pragma(name, 1 if name == "synchronous" else value, **more)


def test_g1_refuses_to_start_when_synchronous_cannot_be_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apsw, "Connection", Careless)

    with pytest.raises(Misconfigured) as refused:
        open_store(tmp_path / "data")
    served = baton("serve", data=tmp_path / "data", mllp="127.0.0.1:0")

    assert [str(p) for p in refused.value.problems] == ["store.pragma at synchronous"]
    assert served.status == 2


# ------------------------------------------------------------ G2


async def test_g2_the_books_close_over_every_state(own_scene: Scene) -> None:
    scene, elm = own_scene, own_scene.st_elm
    placed, _ = await scene.settled()
    known = elm.new_order(placed.number, placed.person)
    stranger = elm.change_order(placed.number, scene.person())
    early = elm.cancel_order("NOBODY", scene.person())
    refused = elm.new_order("G2", scene.person(), product=UNKNOWN_PRODUCT)
    for message in (known, known, stranger, early, refused):
        await scene.send("st_elm", message)
    await scene.rests(placed.number)

    audit = await scene.gateway.store.audit()

    states = ("applied", "no_effect", "waiting", "held", "rejected")
    assert all(audit.messages[state] == 1 for state in states)
    assert audit.messages["received"] == 5
    assert scene.sql("SELECT count(*) FROM messages") == [(5,)]
    assert audit.deliveries["created"] == audit.deliveries["delivered"] == 4
    assert audit.clean, str(audit)


async def test_g2_a_row_that_vanishes_is_a_difference(own_scene: Scene) -> None:
    await own_scene.settled()
    own_scene.sql("UPDATE books SET value = value + 1 WHERE name = 'messages.applied'")
    try:
        audit = await own_scene.gateway.store.audit()
    finally:
        own_scene.sql(
            "UPDATE books SET value = value - 1 WHERE name = 'messages.applied'"
        )

    assert [found.what for found in audit.differences] == [
        "messages.applied of st_elm",
        "messages accepted = messages applied + no_effect + waiting + held",
    ]


# ------------------------------------------------------------ G5


async def test_g5_one_frame_gets_at_most_one_answer_in_order(own_scene: Scene) -> None:
    """Good, refused, unsupported, unreadable, silent, good and sent twice."""
    elm = own_scene.st_elm
    orders = [elm.new_order(f"G5{n}", own_scene.person()) for n in range(4)]
    bad = elm.new_order("G5x", own_scene.person(), product=UNKNOWN_PRODUCT)
    odd = changed(orders[1], b"ELM0000000002", rb"ID 2\T\:;~&^#")
    mute = changed(orders[2], b"|AL|NE|", b"|NE|NE|")
    unsupported = changed(elm.new_order("G5y", own_scene.person()), b"^O19^", b"^O99^")
    frames = [orders[0], bad, odd, unsupported, mute, b"no header", orders[3], odd]
    async with wired(own_scene.stage.server.mllp_port) as ehr:
        await ehr.write(*frames)
        answers = await ehr.finish()

    answered = [frame for frame in frames if frame is not mute]
    assert [field(a, "MSA", 2) for a in answers] == [
        field(frame, "MSH", 10) for frame in answered
    ]
    codes = [field(answer, "MSA", 1).decode() for answer in answers]
    assert codes == ["CA", "CE", "CA", "CR", "AR", "CA", "CA"]
    assert answers[6] == answers[2]
    assert await own_scene.orders("G52")


# ------------------------------------------------------------ G6


async def test_g6_a_resend_gets_the_same_bytes_and_has_no_second_effect(
    own_scene: Scene,
) -> None:
    """Also on a new connection, after a restart, with another MSH-7."""
    scene = own_scene
    message = scene.rheintal.new_order("G6", scene.person())
    first = await scene.send("rheintal", message)
    await scene.rests("G6")
    await scene.restart()

    again = await scene.hospital("rheintal").sender.resend(message, "20260101120000")

    assert again.body == first.body
    await scene.rests("G6")
    assert await scene.done("G6") == ["submit"]
    (row,) = await scene.rows("messages", site="rheintal")
    assert row["resends"] == 1


async def test_g6_a_refusal_is_never_remembered(own_scene: Scene) -> None:
    """The resend is judged anew and answered anew."""
    scene = own_scene
    bad = scene.st_elm.new_order("G6", scene.person(), product=UNKNOWN_PRODUCT)

    first, again = await scene.send("st_elm", bad), await scene.send("st_elm", bad)

    assert (first.code, again.code) == ("CE", "CE")
    assert field(first.body, "MSH", 10) != field(again.body, "MSH", 10)
    assert len(await scene.rows("messages", state="rejected")) == 2
    assert scene.sql("SELECT count(*) FROM accepted") == [(0,)]


# ------------------------------------------------------------ G7


@pytest.fixture
async def narrow(tmp_path: Path) -> AsyncIterator[Scene]:
    """A gateway with small limits, set as an operator sets them."""
    limits = {"max_frame": 20_000, "connections_per_peer": 4, "max_body": 5_000}
    async with staged(tmp_path, settings=limits) as scene:
        yield scene


async def test_g7_an_endless_frame_costs_its_sender_the_connection(
    narrow: Scene,
) -> None:
    """The head is kept as evidence; the others do not notice."""
    endless = (
        narrow.st_elm.new_order("G7", narrow.person()) + b"NTE|1||" + b"x" * 60_000
    )
    async with wired(narrow.stage.server.mllp_port) as peer:
        peer.writer.write(encode(endless)[:-2])
        (answer,) = await peer.answers(1)
        assert await peer.is_closed()
        placed, _ = await narrow.settled()

    assert field(answer, "MSA", 1) == b"CE"
    assert b"^207" in field(answer, "ERR", 3) or b"207^" in field(answer, "ERR", 3)
    (kept,) = await narrow.rows("messages", state="rejected")
    assert kept["size"] < 20_000
    assert await narrow.done(placed.number) == ["submit"]


async def test_g7_the_head_of_an_endless_frame_repeats_no_message(
    narrow: Scene,
) -> None:
    """What was accepted before is not accepted again by the bytes it begins with."""
    number, person = narrow.number(), narrow.person()
    short = narrow.st_elm.new_order(number, person)
    whole = short + b"NTE|1||" + b"x" * (SAMPLE - len(short) - 8) + b"\r"
    assert (await narrow.send("st_elm", whole)).code == "CA"

    async with wired(narrow.stage.server.mllp_port) as peer:
        peer.writer.write(encode(whole + b"NTE|2||" + b"x" * 60_000)[:-2])
        (answer,) = await peer.answers(1)

    assert field(answer, "MSA", 1) == b"CE"


async def test_g7_one_peer_cannot_hold_all_connections(narrow: Scene) -> None:
    """A connection too many ends the one that has been idle longest."""
    port = narrow.stage.server.mllp_port
    async with wired(port) as oldest, wired(port), wired(port), wired(port):
        await narrow.settled()

        assert await oldest.is_closed()


async def test_g7_a_body_over_the_limit_is_not_read_to_its_end(narrow: Scene) -> None:
    assert await posted(narrow, signature="v1,unknown") == 413


async def test_g7_the_body_of_what_nobody_signed_is_not_read(narrow: Scene) -> None:
    assert await posted(narrow, signature="") == 401


async def posted(narrow: Scene, *, signature: str) -> int:
    """Post a webhook with a body over the limit; return the answer's status."""
    url = f"http://127.0.0.1:{narrow.stage.server.http_port}/webhooks/helix"
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    headers = dict(zip(names, ("msg_1", "1774000000", signature), strict=True))
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=b"x" * 5_001, headers=headers) as answer,
    ):
        return answer.status


# ------------------------------------------------------------ G8


@contextmanager
def named(scene: Scene, family: str, given: str) -> Iterator[Person]:
    """Somebody whose name must come through; no U+FFFD must come with it."""
    someone = scene.person()
    yield Person(
        someone.mrn, family, given, someone.birth_date, someone.sex, phone=someone.phone
    )
    for (body,) in scene.sql("SELECT body FROM messages UNION SELECT body FROM bodies"):
        assert "\ufffd".encode() not in body


async def test_g8_names_are_equal_code_point_by_code_point(own_scene: Scene) -> None:
    """A decomposed letter stays decomposed, there and on the way back."""
    scene = own_scene
    with named(scene, "Beispiel\u2011Müller", "A\u030asa") as person:
        _, order = await scene.settled(person=person)
        content = scene.stage.portal.book.orders[order["id"]].content["patient"]
        told = await scene.told("st_elm", b"acknowledged")

    assert (content["familyName"], content["givenName"]) == (
        person.family,
        person.given,
    )
    assert f"{person.family}^{person.given}".encode() in told


async def test_g8_bytes_are_kept_as_they_came(own_scene: Scene) -> None:
    scene = own_scene
    with named(scene, "Mønster", "Zoë") as person:
        message = scene.rheintal.new_order("G8", person)
        await scene.send("rheintal", message)
        order = await scene.rests("G8")
        content = scene.stage.portal.book.orders[order["id"]].content["patient"]
        told = await scene.told("rheintal", b"acknowledged")

    assert scene.sql("SELECT body FROM messages") == [(message,)]
    assert (content["familyName"], content["givenName"]) == ("Mønster", "Zoë")
    assert "Mønster^Zoë".encode("latin-1") in told


async def test_g8_bytes_outside_the_declared_charset_are_held(own_scene: Scene) -> None:
    scene = own_scene
    with named(scene, "Beispiel", "Anna") as person:
        message = changed(
            scene.st_elm.new_order("G8", person), b"Please call", b"Pl\xe9ase"
        )
        ack = await scene.send("st_elm", message)

    row = await scene.message(ack)
    assert (ack.code, row["state"]) == ("CA", "held")
    assert row["problems"][0]["code"] == "charset.mismatch"
    assert scene.sql("SELECT body FROM messages") == [(message,)]
    assert not await scene.orders("G8")


async def test_g8_what_a_hospital_cannot_read_is_an_alarm_and_the_fact_stands(
    own_scene: Scene,
) -> None:
    """Rheintal reads ISO 8859-1; the reason has letters it lacks."""
    scene = own_scene
    placed, order = await scene.settled("rheintal")
    told = await scene.deliveries(placed.number, "ehr:rheintal")

    await scene.webhook(order["id"], "order.rejected", reason="Łódź")

    assert (await scene.order(placed.number))["status"] == "rejected"
    assert await scene.rows("messages", state="held") == []
    assert await scene.deliveries(placed.number, "ehr:rheintal") == told
    await scene.alarm("render.unrepresentable", order["id"])
