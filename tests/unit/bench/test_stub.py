"""The stub portal over a real socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
import pytest

from tests.bench.stub import Book, Exchange

Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def stub(
    *, fail_every: int = 0, drop_every: int = 0
) -> AsyncIterator[tuple[Book, Wire]]:
    """Serve a fresh stub and connect to it."""
    book = Book()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Exchange(book, fail_every, drop_every), "127.0.0.1", 0
    )
    async with server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        yield book, (reader, writer)
        writer.close()


def request(key: str, operation: str = "submit", order: str = "B1") -> bytes:
    body = orjson.dumps({"siteOrderNumber": order, "operation": operation})
    head = (
        "POST /orders HTTP/1.1\r\nHost: x\r\n"
        f'Idempotency-Key: "{key}"\r\nContent-Length: {len(body)}\r\n\r\n'
    )
    return head.encode() + body


async def answer(wire: Wire) -> tuple[int, bytes]:
    """Read one response: its status and body."""
    head = await wire[0].readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r")[0])
    return int(head[9:12]), await wire[0].readexactly(length)


async def ask(wire: Wire, data: bytes) -> tuple[int, bytes]:
    wire[1].write(data)
    return await answer(wire)


async def test_a_repeated_key_gets_the_answer_it_had_and_is_counted() -> None:
    async with stub() as (book, wire):
        first = await ask(wire, request("a"))
        other = await ask(wire, request("b", "change"))
        again = await ask(wire, request("a"))

    assert first == again == (200, b'{"reference": "B-1", "status": "received"}')
    assert other[1] == b'{"reference": "B-2", "status": "received"}'
    stats = book.stats()
    assert (stats["unique"], stats["duplicates"], stats["requests"]) == (2, 1, 3)


async def test_requests_cut_anywhere_are_put_together() -> None:
    async with stub() as (book, wire):
        whole = request("a") + request("b")
        for byte in whole:
            wire[1].write(bytes([byte]))
            await wire[1].drain()
        assert [(await answer(wire))[0] for _ in range(2)] == [200, 200]

    assert list(book.taken) == ["a", "b"]


async def test_every_nth_request_can_fail_uncounted() -> None:
    async with stub(fail_every=2) as (book, wire):
        statuses = [(await ask(wire, request(key)))[0] for key in "abcd"]

    assert statuses == [200, 503, 200, 503]
    assert list(book.taken) == ["a", "c"]


async def test_every_nth_request_can_be_taken_and_then_cut() -> None:
    async with stub(drop_every=2) as (book, wire):
        await ask(wire, request("a"))
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await ask(wire, request("b"))

    assert list(book.taken) == ["a", "b"]
    assert book.stats()["dropped_on_purpose"] == 1


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"not JSON"])
async def test_a_request_it_cannot_count_is_refused(body: bytes) -> None:
    head = b"POST /orders HTTP/1.1\r\nIdempotency-Key: k\r\nContent-Length: %d\r\n\r\n"
    async with stub() as (book, wire):
        status, _ = await ask(wire, head % len(body) + body)

    assert (status, book.taken) == (400, {})


async def test_the_trace_names_order_operation_key_and_hits() -> None:
    async with stub() as (book, wire):
        await ask(wire, request("k1", "cancel", "B7"))
        await ask(wire, request("k1", "cancel", "B7"))
        _, trace = await ask(wire, b"GET /trace HTTP/1.1\r\n\r\n")
        await ask(wire, b"POST /reset HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        _, after = await ask(wire, b"GET /trace HTTP/1.1\r\n\r\n")

    order, operation, key, at, hits = trace.decode().split()
    assert (order, operation, key, hits) == ("B7", "cancel", "k1", "2")
    assert int(at) > 0
    assert after == b""
    assert not book.taken
