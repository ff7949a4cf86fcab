"""A sender of the portal adapter, set up for one test."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from adapters.portal_rest.sender import RestSender
from gateway.delivery.outcome import Outcome
from gateway.mapping.profile import Portal
from tests.contract.misbehaving import Behave, Connection, listening
from tests.unit.portal_rest.examples import (
    NO_AUTH,
    Settings,
    StoppedClock,
    claim,
    portal,
)

QUICK = {
    "auth": NO_AUTH,
    "connect_timeout": timedelta(seconds=0.1),
    "read_timeout": timedelta(seconds=0.1),
}


@asynccontextmanager
async def sending(
    url: str, profile: Portal | None = None, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[RestSender]:
    sender = RestSender(
        profile or portal(**QUICK),
        url,
        secrets=Settings(),
        clock=StoppedClock(),
        tls=tls,
    )
    try:
        yield sender
    finally:
        await sender.close()


async def outcome(behave: Behave, operation: str = "submit") -> Outcome:
    """Send once to a server that behaves so."""
    async with listening(behave) as peer, sending(peer.url) as sender:
        return await sender.send(claim(operation))


def told(*answers: bytes) -> Behave:
    """Answer the requests of each connection in turn, then close."""

    async def behave(connection: Connection) -> None:
        for one in answers:
            await connection.read_request()
            await connection.send(one)

    return behave
