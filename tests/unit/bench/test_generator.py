"""The load generator against servers that answer rightly, wrongly and not at all."""

import asyncio
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.bench import load
from tests.bench.lanes import STEPS, sent_from
from tests.bench.load import Result, build, result_of
from tests.bench.samples import MESSAGES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform != "linux" or shutil.which("cc") is None,
        reason="the generator is a Linux program and needs a C compiler",
    ),
]
END = b"\x1c\r"

Reply = Callable[[bytes], bytes]
"""From MSH-10 to what the server says; nothing closes the connection."""


def accepted(control_id: bytes, code: bytes = b"CA") -> bytes:
    text = b"MSH|^~\\&|T|T|CPOE|BENCH|20260101||ACK|1|P|2.5.1\rMSA|%b|%b\r"
    return b"\x0b" + text % (code, control_id) + END


@dataclass
class Heard:
    """Every message a server was sent, by connection."""

    by_connection: list[list[bytes]] = field(default_factory=list)

    @property
    def messages(self) -> list[bytes]:
        return [message for each in self.by_connection for message in each]


@pytest.fixture(scope="module", autouse=True)
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load, "CACHE", tmp_path_factory.mktemp("program"))
        built = build()
    assert built.exists()
    return built


async def run(program: Path, reply: Reply, **options: object) -> tuple[Result, Heard]:
    """Let the generator talk to a server that says what ``reply`` says."""
    heard = Heard()

    async def converse(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        mine: list[bytes] = []
        heard.by_connection.append(mine)
        try:
            while True:
                message = await reader.readuntil(END)
                mine.append(message)
                said = reply(field_of(message, b"MSH", 9))
                if not said:
                    break
                writer.write(said)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(converse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        given = {"messages": MESSAGES, "port": port, "conns": 2, **options}
        flags = [part for k, v in given.items() for part in (f"--{k}", str(v))]
        process = await asyncio.create_subprocess_exec(
            program, *flags, stdout=-1, stderr=-1
        )
        out, err = await process.communicate()
    result = result_of(out.decode(), err.decode())
    assert process.returncode == (1 if result.errors else 0)
    return result, heard


def field_of(message: bytes, segment: bytes, n: int) -> bytes:
    """Return the n-th piece between the separators of a segment."""
    lines = message.strip(b"\x0b\x1c\r").split(b"\r")
    line = next(line for line in lines if line.startswith(segment))
    return line.split(b"|")[n]


async def test_each_connection_carries_one_order_at_a_time(program: Path) -> None:
    result, heard = await run(program, accepted, orders=7)

    assert (result.acked, result.errors) == (21, 0)
    assert result.raw["codes"]["CA"] == 21
    for messages in heard.by_connection:
        orders = [field_of(m, b"ORC", 2) for m in messages]
        controls = [field_of(m, b"ORC", 1) for m in messages]
        assert controls == [b"NW", b"XO", b"CA"] * (len(messages) // 3)
        assert orders[0::3] == orders[1::3] == orders[2::3]
    numbers = {field_of(m, b"ORC", 2) for m in heard.messages}
    ids = {field_of(m, b"MSH", 9) for m in heard.messages}
    assert (len(numbers), len(ids)) == (7, 21)
    assert {len(each) for each in ids} == {20}


async def test_the_trace_has_every_message(program: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace"

    await run(program, accepted, orders=4, trace=trace)

    sent = sent_from(trace.read_text())
    assert sorted(each.operation for each in sent) == sorted(STEPS * 4)
    assert all(each.due < each.answered and each.code == "CA" for each in sent)


async def test_a_rate_is_kept(program: Path) -> None:
    result, _ = await run(program, accepted, rate=100, duration=0.5, warmup=0)

    assert result.acked == pytest.approx(50, abs=3)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        pytest.param(lambda i: accepted(i, b"AE"), "negative", id="a refusal"),
        pytest.param(lambda i: accepted(i, b"XX"), "negative", id="no code of HL7"),
        pytest.param(
            lambda i: accepted(i[:-1] + b"x"),
            "control_id_mismatch",
            id="another message's control id",
        ),
        pytest.param(
            lambda i: accepted(i + b"0"), "control_id_mismatch", id="one longer"
        ),
        pytest.param(lambda _: b"\x0bMSH|x\r" + END, "bad_frame", id="no MSA"),
        pytest.param(lambda i: b"\n" + accepted(i), "bad_frame", id="stray bytes"),
        pytest.param(
            lambda i: accepted(i)[:-1] + b"\n", "bad_frame", id="FS without CR"
        ),
        pytest.param(lambda _: b"", "connection", id="a closed connection"),
        pytest.param(
            lambda i: accepted(i)[:-2], "timeout", id="a frame that never ends"
        ),
    ],
)
async def test_anything_but_one_matching_positive_answer_is_an_error(
    program: Path, reply: Reply, kind: str
) -> None:
    result, _ = await run(program, reply, orders=1, conns=1, timeout=0.3)

    assert result.errors == result.raw["error_kinds"][kind] > 0
    assert result.first_error


async def test_two_answers_to_one_message_are_an_error(program: Path) -> None:
    result, _ = await run(program, lambda i: accepted(i) * 2, orders=1, conns=1)

    kinds = result.raw["error_kinds"]
    assert kinds["unexpected_answer"] + kinds["control_id_mismatch"] > 0
