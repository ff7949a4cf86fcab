"""What a hospital hears when the content of its message is wrong, and what is kept.

Through the real gateway over MLLP, for both sample sites and the open test site.
"""

import io
import logging
import sys
from collections.abc import AsyncIterator, Iterator

import orjson
import pytest
import pytest_asyncio
import structlog

from gateway.app.telemetry import configure_logs
from tests.conformance.bad_messages import (
    ACCEPTED,
    MARK,
    SITES,
    Edit,
    Order,
    found,
    order,
    send,
)
from tests.conformance.line import Said, calling, framed
from tests.conformance.scene import Scene, staged

pytestmark = pytest.mark.asyncio(loop_scope="module")

REFUSED = {"st_elm": "CE", "rheintal": "AE", "anyone": "AE"}
WEIGHT = {"st_elm": "29463-7", "rheintal": "GEW", "anyone": "29463-7"}


@pytest.fixture(scope="module")
def log() -> Iterator[io.BytesIO]:
    """Everything the gateway logs while this module runs."""
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, write_through=True)
    handler = logging.StreamHandler(stream)
    logging.getLogger().addHandler(handler)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        configure_logs()
    yield written
    logging.getLogger().removeHandler(handler)
    structlog.reset_defaults()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(
    log: io.BytesIO, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Scene]:
    async with staged(tmp_path_factory.mktemp("content")) as scene:
        yield scene


def located(said: Said) -> list[bytes]:
    """Return place and number of every error, each version in its own form."""
    if said.body.split(b"\r")[0].split(b"|")[11] == b"2.3":
        (error,) = said.errors
        return [each.split(b"&")[0] for each in error[4:].split(b"~")]
    fields = [error.split(b"|") for error in said.errors]
    return [field[2] + b"|" + field[3].split(b"^")[0] for field in fields]


def mrn(order: Order) -> bytes:
    """Return PID-3 of an order."""
    return order.body.split(b"\rPID|")[1].split(b"|")[2]


@pytest.mark.parametrize("site", SITES)
async def test_an_order_with_nothing_wrong_is_applied(scene: Scene, site: str) -> None:
    """Else what follows would prove nothing."""
    said, row = await send(scene, order(site))

    assert (said.code, row["state"], said.errors) == (ACCEPTED[site], "applied", [])


@pytest.mark.parametrize(
    ("site", "where", "error"),
    [
        ("st_elm", "PID-3[5=MR][4.1=STELM].1", b"PID^1^3^^1|101"),
        ("rheintal", "PID-3[5=MR][4.1=RHEIN].1", b"PID^1^3^101"),
        ("anyone", "PID-3[5=MR].1", b"PID^1^3^^1|101"),
    ],
)
async def test_a_missing_mrn_is_refused(
    scene: Scene, site: str, where: str, error: bytes
) -> None:
    complete = order(site)

    said, row = await send(scene, complete.spoilt((mrn(complete), b"")))

    assert (said.code, row["state"]) == (REFUSED[site], "rejected")
    assert found(row) == [("field.missing", where)]
    assert located(said) == [error]


FAULTS = [
    pytest.param(
        (b"19710409", b"CANARYDATE"),
        ("field.not_a_date", "PID-7"),
        (b"PID^1^7|102", b"PID^1^7^102"),
        id="a birth date that cannot be read",
    ),
    pytest.param(
        (b"19710409", b"19710231"),
        ("field.not_a_date", "PID-7"),
        (b"PID^1^7|102", b"PID^1^7^102"),
        id="a birth date no year has",
    ),
    pytest.param(
        (b"19710409", b"19710409~19800202"),
        ("field.more_than_one", "PID-7"),
        (b"PID^1^7|102", b"PID^1^7^102"),
        id="two birth dates",
    ),
    pytest.param(
        (b"ORC|NW|", b"ORC|NW~CA|"),
        ("field.more_than_one", "ORC-1"),
        (b"ORC^1^1|102", b"ORC^1^1^102"),
        id="two order controls",
    ),
    pytest.param(
        (b"^CANARYTHERAPY", b"~CANARYOTHER^CANARYTHERAPY"),
        ("field.more_than_one", "OBR-4.1"),
        (b"OBR^1^4^1^1|102", b"OBR^1^4^102"),
        id="two products",
    ),
    pytest.param(
        (b"^CANARYTHERAPY", b"CANARY^CANARYTHERAPY"),
        ("code.unknown", "OBR-4.1"),
        (b"OBR^1^4^1^1|103", b"OBR^1^4^103"),
        id="an unknown product",
    ),
    pytest.param(
        (b"ORC|NW|", b"ORC|CANARY|"),
        ("command.unlisted", "ORC-1"),
        (b"ORC^1^1|103", b"ORC^1^1^103"),
        id="an order control nobody listed",
    ),
    pytest.param(
        (b"OBR|1|N", b"OBR|1|CANARY"),
        ("order.placer_mismatch", "OBR-2.1"),
        (b"OBR^1^2^1^1|204", b"OBR^1^2^204"),
        id="another order in OBR-2 than in ORC-2",
    ),
]


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize(("edit", "problem", "errors"), FAULTS)
async def test_a_fault_is_refused_at_its_place(
    scene: Scene,
    site: str,
    edit: Edit,
    problem: tuple[str, str],
    errors: tuple[bytes, bytes],
) -> None:
    said, row = await send(scene, order(site, edit))

    assert (said.code, row["state"]) == (REFUSED[site], "rejected")
    assert found(row) == [problem]
    assert located(said) == [errors[site == "rheintal"]]


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize(
    ("unit", "code"),
    [
        pytest.param(b"", "field.unit_missing", id="no unit"),
        pytest.param(b"CANARYUNIT", "field.unit_unknown", id="no known unit"),
    ],
)
async def test_a_weight_without_a_unit_is_never_guessed(
    scene: Scene, site: str, unit: bytes, code: str
) -> None:
    known = b"|lb|" if site == "rheintal" else b"|kg^kilogram^UCUM|"

    said, row = await send(scene, order(site, (known, b"|" + unit + b"|")))

    assert (said.code, row["state"]) == (REFUSED[site], "rejected")
    assert found(row) == [(code, f"OBX[3.1={WEIGHT[site]}]-6.1")]
    assert said.conditions == ("102",)


async def test_a_lower_case_segment_is_another_segment(scene: Scene) -> None:
    """To read pid as PID would be to guess who the patient is."""
    _, row = await send(scene, order("rheintal", (b"\rPID|", b"\rpid|")))

    assert found(row) == [
        ("field.missing", place)
        for place in ("PID-3[5=MR][4.1=RHEIN].1", "PID-5.1", "PID-7", "PID-8")
    ]


@pytest.mark.parametrize("site", SITES)
async def test_a_number_is_never_cut(scene: Scene, site: str) -> None:
    """The first part would be another patient's number."""
    complete = order(site)
    number = mrn(complete).partition(b"^")[0]

    said, row = await send(scene, complete.spoilt((number, number + b"&9")))

    assert (said.code, row["state"]) == (REFUSED[site], "rejected")
    assert {code for code, _ in found(row)} == {"field.more_than_one"}
    assert {place.partition("[")[0] for _, place in found(row)} == {"PID-3"}


@pytest.mark.parametrize("site", SITES)
async def test_a_merge_without_its_patient_is_refused(scene: Scene, site: str) -> None:
    complete = order(site)
    msh = complete.body.partition(b"\r")[0]
    for kind in (b"OMG^O19^OMG_O19", b"ORM^O01^ORM_O01", b"ORM^O01"):
        msh = msh.replace(kind, b"ADT^A40")
    merge = Order(site, complete.control_id, "", msh + b"\rMRG|CANARY1\r")

    said, row = await send(scene, merge)

    assert (said.code, row["state"]) == (REFUSED[site], "rejected")
    assert found(row) == [("field.missing", "PID")]
    assert said.conditions == ("101",)


# ------------------------------------------------------------ the answer itself


def spoilt_four_times(site: str) -> Order:
    complete = order(site)
    unit = b"|lb|" if site == "rheintal" else b"|kg^kilogram^UCUM|"
    return complete.spoilt(
        (mrn(complete), b""),
        (b"19710409", b"CANARYDATE"),
        (b"^CANARYTHERAPY", b"CANARY^CANARYTHERAPY"),
        (unit, b"||"),
    )


async def test_before_2_5_one_err_repeats_its_first_field(scene: Scene) -> None:
    said, _ = await send(scene, spoilt_four_times("rheintal"))

    (error,) = said.errors
    assert error == (
        b"ERR|PID^1^3^101&Required field missing&HL70357"
        b"~PID^1^7^102&Data type error&HL70357"
        b"~OBR^1^4^103&Table value not found&HL70357"
        b"~OBX^1^6^102&Data type error&HL70357"
    )
    head = said.body.split(b"\r")[0].split(b"|")
    assert head[2:6] == [b"BATON", b"BATON", b"KIS", b"RHEIN"]
    assert (head[8], head[10], head[11]) == (b"ACK^O01", b"P", b"2.3")


async def test_from_2_5_err_itself_repeats(scene: Scene) -> None:
    said, _ = await send(scene, spoilt_four_times("st_elm"))

    assert b"\n".join(said.errors) == (
        b"ERR||PID^1^3^^1|101^Required field missing^HL70357|E"
        b"|field.missing^A required field is empty.^99BATON"
        b"||field.missing at PID-3[5=MR][4.1=STELM].1"
        b"|Fill it in and send the message again.\n"
        b"ERR||PID^1^7|102^Data type error^HL70357|E"
        b"|field.not_a_date^A date cannot be read.^99BATON"
        b"||field.not_a_date at PID-7|Send YYYYMMDD.\n"
        b"ERR||OBR^1^4^1^1|103^Table value not found^HL70357|E"
        b"|code.unknown^A code is not in its code table.^99BATON"
        b"||code.unknown at OBR-4.1"
        b"|Add it to the table named in the mapping, or correct the code.\n"
        b"ERR||OBX^1^6^1^1|102^Data type error^HL70357|E"
        b"|field.unit_missing^A number has no unit.^99BATON"
        b"||field.unit_missing at OBX[3.1=29463-7]-6.1"
        b"|Send the unit; it is never guessed."
    )
    head = said.body.split(b"\r")[0].split(b"|")
    assert (head[8], head[10], head[11]) == (b"ACK^O19^ACK", b"P", b"2.5.1")


async def test_a_refused_order_can_be_put_right_and_sent_again(scene: Scene) -> None:
    """The same control id: what was refused is not remembered."""
    right = order("rheintal")
    await send(scene, right.spoilt((b"19710409", b"CANARYDATE")))

    async with calling(scene.stage.server.mllp_port) as line:
        line.send(framed(right.body))
        said = await line.answer()

    assert said is not None
    assert said.code == "AA"
    assert len(await scene.orders(right.number)) == 1


# ------------------------------------------------------------ no value anywhere


async def test_no_value_of_a_message_leaves_the_store(
    scene: Scene, log: io.BytesIO
) -> None:
    """Not in an answer, a stored problem, an alarm, a metric or the log."""
    answers = []
    for site in SITES:
        for spoilt in (
            spoilt_four_times(site),
            order(site, (b"NW|N", b"CANARY|N")),
            order(site, (b"CANARYGIVEN", b"CANARY\xc5\x81")),
        ):
            said, _ = await send(scene, spoilt)
            answers.append(said.body)

    listings = [await scene.rows(kind) for kind in ("messages", "alarms")]
    metrics = await scene.gateway.metrics()

    assert answers
    assert b"message.concluded" in log.getvalue()
    for artefact in (*answers, orjson.dumps(listings), metrics, log.getvalue()):
        assert MARK not in artefact
