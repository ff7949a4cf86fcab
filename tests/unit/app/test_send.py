"""``baton send``: what leaves, what is shown, and how it ends."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.hl7v2.mllp import encode
from conformance.simulators.ehr import Answer, EhrReceiver, Raw
from conformance.simulators.messages import ASA
from conformance.simulators.st_elm import StElm
from tests.unit.app.commands import Said, baton

ELM = StElm()


@pytest.fixture
async def receiver() -> AsyncIterator[EhrReceiver]:
    async with EhrReceiver() as receiver:
        yield receiver


@pytest.fixture
def order(tmp_path: Path) -> Path:
    """One message in a file."""
    path = tmp_path / "order.hl7"
    path.write_bytes(ELM.new_order("T1", ASA))
    return path


async def send(receiver: EhrReceiver, *arguments: str | Path) -> Said:
    """Run the command beside the loop that answers it."""
    words = ["send", *map(str, arguments), "--to", f"mllp://{receiver.address}"]
    return await asyncio.to_thread(baton, *words)


async def test_a_positive_answer_is_status_0(
    receiver: EhrReceiver, order: Path
) -> None:
    said = await send(receiver, order)

    assert said.status == 0
    assert said.out.startswith("order.hl7: AA in ")
    assert "1 sent: 1 AA" in said.err
    assert len(receiver.received) == 1


@pytest.mark.parametrize("code", ["AE", "AR", "CE", "CR", "OK"])
async def test_any_other_answer_is_status_1(
    receiver: EhrReceiver, order: Path, code: str
) -> None:
    receiver.behave(Answer(code))

    said = await send(receiver, order, order)

    assert said.status == 1
    assert f"order.hl7: {code} in " in said.out
    assert "2 sent: 1 AA" in said.err


async def test_an_answer_to_something_else_is_status_1(
    receiver: EhrReceiver, order: Path
) -> None:
    receiver.behave(Answer("AA", b"ANOTHER"))

    said = await send(receiver, order, "--json")

    (row,) = said.rows
    assert (said.status, row["ack_code"], row["matched"]) == (1, "AA", False)


async def test_no_readable_answer_is_status_1(
    receiver: EhrReceiver, order: Path
) -> None:
    """What follows on the next connection is sent all the same."""
    receiver.behave(Raw(encode(b"no header\r")))
    receiver.behave("close")

    said = await send(receiver, order, "--json", "--repeat", "3")

    assert said.status == 1
    assert [row["ack_code"] for row in said.rows] == ["", "", "AA"]
    assert said.rows[1]["problems"] == ["mllp.closed"]
    assert "3 sent: 1 AA, 2 no answer" in said.err


REFUSAL = encode(
    b"MSH|^~\\&|B|B|A|A|20260311||ACK|01BATON|P|2.5.1\rMSA|AE|ST0000000001\r"
    b"ERR||OBX^1^6|102^Data type error|E|||field.unit_missing at OBX-6|Send it.\r"
)


async def test_a_refusal_is_told_with_its_places(
    receiver: EhrReceiver, order: Path
) -> None:
    receiver.behave(Raw(REFUSAL))
    receiver.behave(Raw(REFUSAL))

    said = await send(receiver, order)
    (row,) = (await send(receiver, order, "--json")).rows

    first, second = said.out.splitlines()
    assert first.endswith("ms  as 01BATON")
    assert second == (
        "  OBX-6: 102 Data type error; field.unit_missing at OBX-6; Send it."
    )
    assert (row["control_id"], row["errors"][0]["place"]) == ("01BATON", "OBX-6")


async def test_json_has_one_row_a_message(receiver: EhrReceiver, order: Path) -> None:
    said = await send(receiver, order, "--json", "--repeat", "3")

    assert said.status == 0
    assert [row.pop("milliseconds") > 0 for row in said.rows] == [True] * 3
    row = {"file": "order.hl7", "ack_code": "AA", "matched": True, "problems": []}
    row |= {"errors": [], "text": ""}
    assert all(shown.items() >= row.items() for shown in said.rows)


async def test_repeat_over_several_connections(
    receiver: EhrReceiver, order: Path
) -> None:
    said = await send(receiver, order, "--repeat", "30", "--connections", "3")

    assert said.status == 0
    assert said.out == ""  # more than a screenful
    assert "30 sent: 30 AA" in said.err
    assert len(receiver.received) == 30
    assert receiver.connections == 3


@pytest.mark.parametrize("ends", [b"\n", b"\r"])
async def test_line_ends_of_a_file_become_cr(
    receiver: EhrReceiver, tmp_path: Path, ends: bytes
) -> None:
    message = ELM.new_order("T1", ASA)
    path = tmp_path / "lf.hl7"
    path.write_bytes(message.replace(b"\r", ends))

    await send(receiver, path)

    assert receiver.received == [message]


async def test_exact_sends_the_file_as_it_is(
    receiver: EhrReceiver, tmp_path: Path
) -> None:
    """The receiver hears LF, cannot find MSA-2, and says so."""
    path = tmp_path / "lf.hl7"
    path.write_bytes(ELM.new_order("T1", ASA).replace(b"\r", b"\n"))

    await send(receiver, path, "--exact")

    assert receiver.received == [path.read_bytes()]


async def test_a_framing_byte_in_a_file_is_told_and_not_sent(
    receiver: EhrReceiver, tmp_path: Path
) -> None:
    path = tmp_path / "framed.hl7"
    path.write_bytes(b"\x0b" + ELM.new_order("T1", ASA) + b"\x1c\r")

    said = await send(receiver, path, "--json")

    (row,) = said.rows
    assert (said.status, row["problems"]) == (1, ["mllp.framing_byte_in_body"])
    assert receiver.received == []


def test_nobody_listening_is_status_1(order: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]

        said = baton("send", str(order), "--json", "--to", f"mllp://127.0.0.1:{port}")

    assert said.status == 1
    assert said.rows[0]["problems"] == ["mllp.refused"]


@pytest.mark.parametrize(
    "to",
    [
        "http://127.0.0.1:1",
        "mllp://",
        "mllp://127.0.0.1:port",
        "mllp://h:99999",
        "mllp://[::1",
    ],
)
def test_a_wrong_address_is_status_2(order: Path, to: str) -> None:
    assert baton("send", str(order), "--to", to).status == 2


def test_a_file_that_is_not_there_is_status_2(tmp_path: Path) -> None:
    assert baton("send", str(tmp_path / "none.hl7")).status == 2
