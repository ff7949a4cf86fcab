"""A portal that does the least one can: takes every request and counts it.

    python -m tests.bench.stub [--port N] [--fail-every N] [--drop-every N]

Prints ``{"port": N}`` and serves ``127.0.0.1`` until it is ended. An order request
is answered ``200 {"reference": "B-<n>", "status": "received"}``; a key seen before
gets the answer it had. ``GET /stats`` counts, ``GET /trace`` lists the first
arrivals (order, operation, key, CLOCK_MONOTONIC ns, hits), ``POST /reset`` forgets.
``--fail-every N`` answers every N-th request 503 and does not count it;
``--drop-every N`` counts it and cuts the connection instead of answering.
"""

import argparse
import asyncio
import re
import sys
import time
from dataclasses import dataclass, field
from typing import Any, Final, cast

import orjson
import uvloop

END_OF_HEAD: Final = b"\r\n\r\n"
LENGTH: Final = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
KEY: Final = re.compile(rb"\r\nidempotency-key:\s*([^\r]+)", re.IGNORECASE)


@dataclass(slots=True)
class Taken:
    """One key: which order's operation it was, when it first came, how often."""

    order: str
    operation: str
    at: int
    reference: str
    hits: int = 1


@dataclass(slots=True)
class Book:
    """What the portal has taken."""

    taken: dict[str, Taken] = field(default_factory=dict)
    requests: int = 0
    failed: int = 0
    dropped: int = 0

    def take(self, key: str, order: str, operation: str, at: int) -> Taken:
        """Note one request; a key seen before is only counted."""
        known = self.taken.get(key)
        if known is not None:
            known.hits += 1
            return known
        reference = f"B-{len(self.taken) + 1}"
        fresh = self.taken[key] = Taken(order, operation, at, reference)
        return fresh

    def stats(self) -> dict[str, int]:
        """Count."""
        deliveries = sum(taken.hits for taken in self.taken.values())
        return {
            "requests": self.requests,
            "deliveries": deliveries,
            "unique": len(self.taken),
            "duplicates": deliveries - len(self.taken),
            "failed_on_purpose": self.failed,
            "dropped_on_purpose": self.dropped,
        }

    def trace(self) -> str:
        """List the first arrivals."""
        return "".join(
            f"{t.order} {t.operation} {key} {t.at} {t.hits}\n"
            for key, t in self.taken.items()
        )

    def reset(self) -> None:
        """Forget everything."""
        self.taken.clear()
        self.requests = self.failed = self.dropped = 0


def response(status: bytes, body: bytes, kind: bytes = b"application/json") -> bytes:
    """Write one HTTP/1.1 response that keeps the connection."""
    return b"HTTP/1.1 %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (
        status,
        kind,
        len(body),
        body,
    )


BUSY: Final = response(b"503 Service Unavailable", b'{"error": "busy"}')
UNREADABLE: Final = response(b"400 Bad Request", b'{"error": "unreadable"}')


class Exchange(asyncio.Protocol):
    """One connection."""

    def __init__(self, book: Book, fail_every: int, drop_every: int) -> None:
        self.book = book
        self.fail_every = fail_every
        self.drop_every = drop_every
        self.buffer = b""
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every whole request there is."""
        self.buffer += data
        while not self.transport.is_closing():
            end = self.buffer.find(END_OF_HEAD)
            if end < 0:
                return
            head = self.buffer[: end + 2]
            found = LENGTH.search(head)
            start = end + len(END_OF_HEAD)
            stop = start + (int(found[1]) if found else 0)
            if len(self.buffer) < stop:
                return
            body, self.buffer = self.buffer[start:stop], self.buffer[stop:]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"GET /stats"):
            self.transport.write(response(b"200 OK", orjson.dumps(self.book.stats())))
        elif head.startswith(b"GET /trace"):
            lines = self.book.trace().encode()
            self.transport.write(response(b"200 OK", lines, b"text/plain"))
        elif head.startswith(b"POST /reset"):
            self.book.reset()
            self.transport.write(response(b"200 OK", b"{}"))
        else:
            self._take(head, body)

    def _take(self, head: bytes, body: bytes) -> None:
        book = self.book
        book.requests += 1
        if self.fail_every and book.requests % self.fail_every == 0:
            book.failed += 1
            self.transport.write(BUSY)
            return
        key = KEY.search(head)
        order = _object(body)
        if key is None or "siteOrderNumber" not in order or "operation" not in order:
            self.transport.write(UNREADABLE)
            return
        name = key[1].decode("latin-1").strip().strip('"')
        number, operation = order["siteOrderNumber"], order["operation"]
        taken = book.take(name, number, operation, time.monotonic_ns())
        if self.drop_every and book.requests % self.drop_every == 0:
            book.dropped += 1
            self.transport.abort()
            return
        answer = b'{"reference": "%b", "status": "received"}'
        self.transport.write(response(b"200 OK", answer % taken.reference.encode()))


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


async def serve(port: int, fail_every: int, drop_every: int) -> None:
    """Serve until cancelled; says the port first."""
    book = Book()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Exchange(book, fail_every, drop_every), "127.0.0.1", port
    )
    bound = server.sockets[0].getsockname()[1]
    sys.stdout.write(orjson.dumps({"port": bound}).decode() + "\n")
    sys.stdout.flush()
    await server.serve_forever()


def main() -> None:
    """Run the stub from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--fail-every", type=int, default=0, metavar="N")
    parser.add_argument("--drop-every", type=int, default=0, metavar="N")
    given = parser.parse_args()
    uvloop.run(serve(given.port, given.fail_every, given.drop_every))


if __name__ == "__main__":
    main()
