"""How a simulated portal's answers leave, and what a fault makes of them."""

import asyncio
import socket
import struct
from dataclasses import dataclass
from typing import Final, Literal

import orjson
from aiohttp import web

from conformance.simulators.portal_book import Reply, error
from conformance.simulators.portal_faults import (
    Break,
    Fault,
    Garble,
    Reset,
    Slow,
    Vanish,
)

Operation = Literal["submit", "change", "cancel"]
_RESET: Final = struct.pack("ii", 1, 0)  # linger for zero seconds: close by RST


@dataclass(slots=True)
class Seen:
    """One order request as it reached the portal; ``status`` is 0 if none left."""

    operation: Operation
    client_reference: str
    key: str
    fault: Fault | None = None
    status: int = 0


async def dawdle(fault: Fault | None) -> None:
    """Take as long over the work as ``fault`` says."""
    if isinstance(fault, Slow):
        await asyncio.sleep(fault.seconds)
        if fault.gate is not None:
            await fault.gate.wait()


async def answer(request: web.Request, reply: Reply, seen: Seen) -> web.StreamResponse:
    """Let ``reply`` leave, as far as the fault of this request allows."""
    match seen.fault:
        case Vanish():
            await asyncio.Event().wait()  # ends when the client hangs up
        case Reset("unanswered"):
            return reset(request)
        case Reset("answering"):
            return await _half(request, reply)
        case Break(status):
            return respond(error(status, "portal.broken"), seen)
        case Garble(body):
            return web.Response(body=body, content_type="application/json")
    return respond(reply, seen)


def respond(
    reply: Reply, seen: Seen | None = None, *, retry_after: str = ""
) -> web.Response:
    """Write ``reply`` as an answer."""
    if seen is not None:
        seen.status = reply.status
    return web.Response(
        status=reply.status,
        body=orjson.dumps(reply.tree),
        content_type="application/json",
        headers={"Retry-After": retry_after} if retry_after else None,
    )


async def _half(request: web.Request, reply: Reply) -> web.StreamResponse:
    body = orjson.dumps(reply.tree)
    response = web.StreamResponse(status=reply.status)
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    reset(request)
    return response


def reset(request: web.Request) -> web.Response:
    """Cut the connection so that the peer sees a reset and no orderly end."""
    transport = request.transport
    if transport is not None:
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        transport.abort()
    return web.Response(status=500)  # nobody is left to read it
