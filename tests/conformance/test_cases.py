"""Cases 16 to 21 of the field, at the gateway: what is stored, done and answered."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import product, repeat
from pathlib import Path

import pytest

from conformance.simulators.rheintal import Rheintal
from conformance.simulators.st_elm import StElm
from gateway.ports import Receipt, Work
from tests.conformance.scene import Row, Scene, changed, staged
from tests.conformance.wire import field, wired

pytestmark = pytest.mark.asyncio(loop_scope="module")


def renumbered(message: bytes, control_id: bytes) -> bytes:
    """Return ``message`` under another MSH-10."""
    fields = message.split(b"|", 10)
    return b"|".join([*fields[:9], control_id, fields[10]])


async def exchange(scene: Scene, message: bytes) -> bytes:
    """Send on a connection of its own and return what answers."""
    async with wired(scene.stage.server.mllp_port) as ehr:
        await ehr.write(message)
        (answer,) = await ehr.answers(1)
        assert await ehr.finish() == []
    return answer


async def stored(scene: Scene, control_id: str) -> list[Row]:
    """Return what is kept under a control id, oldest first."""
    return (await scene.rows("messages", control_id=control_id))[::-1]


# ------------------------------------------------------------ 16


async def test_case_16_a_resend_after_a_refusal_is_processed(
    tmp_path: Path,
) -> None:
    """The same bytes: refused, the code table mended, and then ordered once."""
    async with staged(tmp_path) as scene:
        await refused_mended_resent(scene, tmp_path)


async def refused_mended_resent(scene: Scene, tmp_path: Path) -> None:
    number, person = scene.number(), scene.person()
    message = scene.st_elm.new_order(number, person, product="CART19J")
    refused = await scene.send("st_elm", message)
    table = tmp_path / "mappings" / "sites" / "st_elm" / "codes" / "products.csv"
    with table.open("a", encoding="utf-8") as codes:
        codes.write("CART19J,HELIX-CART-19,Helix CAR-T CD19\n")
    await scene.restart()

    taken, again = (
        await scene.send("st_elm", message),
        await scene.send("st_elm", message),
    )

    await scene.rests(number)
    assert (refused.code, taken.code, again.body) == ("CE", "CA", taken.body)
    assert await scene.done(number) == ["submit"]
    kept = await stored(scene, taken.control_id.decode())
    assert [row["state"] for row in kept] == ["rejected", "applied"]


# ------------------------------------------------------------ 17


async def test_case_17_the_same_id_with_another_body_is_held(scene: Scene) -> None:
    first = scene.st_elm.new_order(scene.number(), scene.person())
    other = scene.st_elm.new_order(scene.number(), scene.person())
    await scene.send("st_elm", renumbered(first, b"C17-SAME"))

    ack = await scene.send("st_elm", renumbered(other, b"C17-SAME"))

    kept = await stored(scene, "C17-SAME")
    assert ack.code == "CA"
    assert [row["state"] for row in kept] == ["applied", "held"]
    assert kept[1]["problems"][0]["code"] == "message.control_id_reused"
    await scene.alarm("message.control_id_reused", "st_elm")


async def test_case_17_two_senders_may_use_the_same_id(scene: Scene) -> None:
    """Two facilities of one site, and another hospital."""
    orders: list[tuple[str, StElm | Rheintal]] = [
        ("st_elm", StElm("STELM")),
        ("st_elm", StElm("RIVERSIDE")),
        ("rheintal", scene.rheintal),
    ]
    numbers = []
    for hospital, writer in orders:
        numbers.append(scene.number())
        message = writer.new_order(numbers[-1], scene.person())
        await scene.send(hospital, renumbered(message, b"C17-TWO"))

    assert [row["state"] for row in await stored(scene, "C17-TWO")] == ["applied"] * 3
    for number in numbers:
        await scene.rests(number)
        assert await scene.done(number) == ["submit"]


@pytest.mark.parametrize(("accept", "code"), [("AL", b"CE"), ("", b"AR")])
async def test_case_17_no_id_at_all_is_refused(
    scene: Scene, accept: str, code: bytes
) -> None:
    """Its answer could not be matched to it."""
    order = StElm(acks=(accept, "")).new_order(scene.number(), scene.person())

    answer = await exchange(scene, renumbered(order, b""))

    assert (field(answer, "MSA", 1), field(answer, "MSA", 2)) == (code, b"")
    kept = (await stored(scene, ""))[-1]
    assert kept["problems"][0]["code"] == "message.no_control_id"


@pytest.mark.parametrize(("hours", "state"), [(23, "held"), (25, "applied")])
async def test_case_17_a_counter_that_began_anew_is_no_collision(
    scene: Scene, hours: int, state: str
) -> None:
    """Told by MSH-7, since a queue may bring both at once; after a day it is noted."""
    today = datetime.now(UTC)
    control_id = f"C17-{hours}"
    for now in (today - timedelta(hours=hours), today):
        writer = StElm(now=repeat(now).__next__)
        message = writer.new_order(scene.number(), scene.person())
        await scene.send("st_elm", renumbered(message, control_id.encode()))

    first, second = await stored(scene, control_id)

    assert (first["state"], second["state"]) == ("applied", state)
    (problem,) = second["problems"]
    consequence = "note" if state == "applied" else "hold"
    assert problem["code"] == "message.control_id_reused"
    assert problem["consequence"] == consequence


# ------------------------------------------------------------ 18


@pytest.mark.parametrize(
    ("old", "new", "code", "number"),
    [
        (b"|OMG^O19^OMG_O19|", b"||", b"CR", b"200"),
        (b"|OMG^O19^OMG_O19|", b"|OMG^O99|", b"CR", b"201"),
        (b"|OMG^O19^OMG_O19|", b"|QRY^A19|", b"CR", b"200"),
        (b"|P|2.5.1|", b"|P||", b"CR", b"203"),
        (b"|P|2.5.1|", b"|P|2.3.1.A|", b"CR", b"203"),
    ],
)
async def test_case_18_what_is_not_handled_is_refused_and_kept(
    scene: Scene, old: bytes, new: bytes, code: bytes, number: bytes
) -> None:
    order = scene.st_elm.new_order(scene.number(), scene.person())
    message = changed(order, old, new)

    answer = await exchange(scene, message)

    (kept,) = await stored(scene, field(message, "MSH", 10).decode())
    assert field(answer, "MSA", 1) == code
    assert number in answer[answer.index(b"ERR|") :]
    assert (kept["state"], kept["answer"]) == ("rejected", "negative")


# ------------------------------------------------------------ 19

CONDITIONS = ("", "AL", "NE", "ER", "SU")


def heard(accept: str, application: str, *, good: bool) -> bool:
    """Say whether an answer is due at once (``acknowledgements.md``, law 4)."""
    asked = {accept, application} - {""}
    if not asked:
        return True
    always, matching = "AL", "SU" if good else "ER"
    if accept in ("", "NE"):
        return application in (always, matching)
    return accept in (always, matching)


@pytest.mark.parametrize("good", [True, False])
async def test_case_19_every_combination_of_conditions(
    scene: Scene, *, good: bool
) -> None:
    """Silence is silence, and what was not answered is stored and done all the same."""
    sent: list[tuple[bytes, str, bool]] = []
    for accept, application in product(CONDITIONS, repeat=2):
        writer = StElm(acks=(accept, application))
        number = scene.number()
        message = writer.new_order(
            number, scene.person(), product="CART19H" if good else "NO-SUCH"
        )
        control_id = f"C19-{good}-{accept}-{application}".encode()
        message = renumbered(message, control_id)
        sent.append((message, number, heard(accept, application, good=good)))
    async with wired(scene.stage.server.mllp_port) as ehr:
        await ehr.write(*(message for message, _, _ in sent))
        answers = await ehr.finish()

    due = [field(message, "MSH", 10) for message, _, answered in sent if answered]
    assert [field(answer, "MSA", 2) for answer in answers] == due
    for message, number, answered in sent:
        (kept,) = await stored(scene, field(message, "MSH", 10).decode())
        assert kept["state"] == ("applied" if good else "rejected")
        assert (kept["answer"] == "none") is not answered
        assert bool(await scene.orders(number)) is good
    if not good:
        await scene.alarm("answer.suppressed", "st_elm")


# ------------------------------------------------------------ 20


@pytest.mark.parametrize(
    ("marks", "separators"),
    [(b"|^~\\&#", b"|^~"), (b":;~\\&", b":;~"), (b"$%*!@", b"$%*")],
)
async def test_case_20_a_senders_own_delimiters_come_back(
    scene: Scene, marks: bytes, separators: bytes
) -> None:
    placed, _ = await scene.settled()
    married = placed.person.named("Beispiel-Näide")
    plain = scene.st_elm.update_person(married).replace(b"|^~\\&|", b"|@@|", 1)
    table = bytes.maketrans(b"|^~", separators)
    message = plain.translate(table).replace(b"@@", marks[1:], 1)
    separator = marks[:1]

    answer = await exchange(scene, message)

    assert answer.startswith(b"MSH" + marks + separator)
    control_id = message.split(separator)[9]
    assert b"MSA" + separator + b"CA" + separator + control_id in answer
    await scene.shows(placed.number, flag="name_changed")


# ------------------------------------------------------------ 21


async def test_case_21_a_sender_that_closed_its_side_hears_its_answer(
    scene: Scene,
) -> None:
    number = scene.number()
    async with wired(scene.stage.server.mllp_port) as ehr:
        await ehr.write(scene.st_elm.new_order(number, scene.person()))
        (answer,) = await ehr.finish()

    assert field(answer, "MSA", 1) == b"CA"
    await scene.rests(number)


async def test_case_21_a_sender_that_is_gone_is_counted_and_its_message_stays(
    scene: Scene,
) -> None:
    """It resends on a new connection and gets the answer it missed."""
    message = scene.st_elm.new_order(number := scene.number(), scene.person())
    counters = scene.gateway._listener.counters
    before, ended = counters.undelivered, counters.ended.total()
    deciding, go = asyncio.Event(), asyncio.Event()
    commit = scene.gateway.store.commit

    async def later(work: Work) -> Receipt:
        deciding.set()
        await go.wait()
        return await commit(work)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scene.gateway.store, "commit", later)
        async with wired(scene.stage.server.mllp_port) as ehr:
            await ehr.write(message)
            await deciding.wait()
            ehr.reset()

        async def gone() -> bool:
            return bool(counters.ended.total() > ended)

        await scene.sees(gone)
        go.set()
        await scene.rests(number)

    answer = await exchange(scene, message)
    (kept,) = await stored(scene, field(message, "MSH", 10).decode())
    assert counters.undelivered == before + 1
    assert (kept["answer"], kept["resends"]) == ("positive", 1)
    assert field(answer, "MSA", 1) == b"CA"
    assert await scene.done(number) == ["submit"]
