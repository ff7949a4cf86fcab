"""Every HL7 v2 file of the corpus goes over MLLP to a real gateway, as it is.

``corpus_verdicts.csv`` says what becomes of each, and why. The senders are
strangers, so the open test site answers them; ``--open`` lets it take MSH-11 P.
"""

import hashlib
import itertools
import os
import resource
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.app.server import Server
from gateway.app.settings import Settings
from tests.conformance.corpus import Expected, corpus_file, table
from tests.conformance.line import Said, calling, framed

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROWS = list(table())
PASSES = 16
MOST_GROWTH = 14 * 2**20
"""Bytes, over passes that send 12 MB: the store's page cache grows by half of it."""

_COUNT = itertools.count(1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """One gateway for all files, with the packaged mappings and ``--open``."""
    server = Server(settings(tmp_path_factory.mktemp("corpus"), take_p=True))
    await server.start()
    yield server
    audit = await server.gateway.store.audit()
    await server.stop()
    assert audit.clean, str(audit)


def settings(data: Path, *, take_p: bool) -> Settings:
    return Settings(data=data, http="127.0.0.1:0", mllp="127.0.0.1:0", open=take_p)


def good() -> tuple[bytes, bytes]:
    """Return a message nobody refuses, and its control id."""
    control_id = b"GOOD%06d" % next(_COUNT)
    head = b"MSH|^~\\&|PROBE|LAB|BATON|BATON|20260301||ADT^A04|" + control_id
    return head + b"|T|2.5.1\rPID|1||1\r", control_id


async def answers(port: int, *sent: bytes) -> list[Said]:
    """Send bytes and then a good message; return what was answered before that."""
    message, control_id = good()
    async with calling(port) as line:
        line.send(*sent, framed(message))
        return await line.answers_before(control_id)


def rows_of(server: Server, body: bytes) -> list[dict[str, Any]]:
    """Return the messages with exactly these bytes, newest first."""
    digest = hashlib.sha256(body).hexdigest()
    listing = server.gateway.store.queries.messages(limit=1_000_000)
    return [row for row in listing if row["sha256"] == digest]


@pytest.mark.parametrize(
    "expected", [row for row in ROWS if row.answer != "close"], ids=lambda row: row.file
)
async def test_a_file_is_answered_once_and_kept_to_the_byte(
    server: Server, expected: Expected
) -> None:
    queries = server.gateway.store.queries
    known = len(queries.damage(limit=1000))

    said = await answers(server.mllp_port, expected.sent)

    assert [" ".join((a.code, *a.conditions)) for a in said] == (
        [] if expected.answer == "none" else [expected.answer]
    )
    assert all(answer.control_id == expected.control_id for answer in said)
    row = rows_of(server, expected.kept)[0]
    assert row["state"] == expected.state
    assert problems(row) == expected.problems
    assert queries.body(row["id"]) == expected.kept
    damage = queries.damage(limit=1000)[: -known or None]
    assert sum(each["size"] for each in damage) == (
        len(expected.sent) - len(framed(expected.kept))
    )


def problems(row: dict[str, Any]) -> str:
    return "; ".join(f"{p['code']} {p['where']}".strip() for p in row["problems"])


@pytest.mark.parametrize(
    "expected", [row for row in ROWS if row.answer == "close"], ids=lambda row: row.file
)
async def test_what_cannot_be_framed_closes_the_connection(
    server: Server, expected: Expected
) -> None:
    before = len(server.gateway.store.queries.messages(limit=1_000_000))
    async with calling(server.mllp_port) as line:
        line.send(expected.sent)

        assert await line.answer() is None

    assert await answers(server.mllp_port) == []
    after = server.gateway.store.queries.messages(limit=1_000_000)
    assert len(after) == before + 1  # the good one


@pytest.mark.slow
async def test_memory_is_bounded_while_the_whole_corpus_passes(server: Server) -> None:
    """Every file again and again, over one connection and without waiting."""
    rows = [row for row in ROWS if row.answer != "close"]
    sent = [row.sent for row in rows]
    await answers(server.mllp_port, *sent)
    before = resident()

    said = [await answers(server.mllp_port, *sent) for _ in range(PASSES)]

    codes = [row.answer.split()[0] for row in rows if row.answer != "none"]
    assert [[answer.code for answer in each] for each in said] == [codes] * PASSES
    assert resident() - before < MOST_GROWTH


def resident() -> int:
    """Return the memory this process holds, in bytes; elsewhere the most it held."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def closed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """A gateway without ``--open``."""
    server = Server(settings(tmp_path_factory.mktemp("closed"), take_p=False))
    await server.start()
    yield server
    await server.stop()


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("hl7v2/adt_a01/cosyte__z-segments.hl7", "AR 207"),
        ("hl7v2/orm_o01/cosyte__orc7-legacy-tq.hl7", "AR 207"),
        ("hl7v2/rde_o11/msconv__RDE-O11-01.hl7", "AR 207"),
        ("hl7v2/mdm_t03/fifhir__mdm_t03_sample.hl7", "CE 207"),
        ("hl7v2/oml_o21/msconv__MDHHS-OML-O21-1.hl7", "CE 100"),
        ("malformed/hl7v2/cosyte__no-msh-segment.hl7", "AR 100"),
    ],
)
async def test_production_traffic_is_refused_where_only_tests_may_come(
    closed: Server, file: str, code: str
) -> None:
    """Its senders are strangers; what cannot be read is answered as ever."""
    (said,) = await answers(closed.mllp_port, framed(corpus_file(file)))

    assert " ".join((said.code, *said.conditions)) == code
