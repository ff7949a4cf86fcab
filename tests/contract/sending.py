"""A sender of the portal adapter, set up for one test."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
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

CALM = portal(auth=NO_AUTH)
"""For everything that ends by itself, however busy the machine is."""

HURRIED = replace(
    CALM,
    connect_timeout=timedelta(seconds=0.15),
    read_timeout=timedelta(seconds=0.15),
)
"""Where running out of time is the subject."""


@asynccontextmanager
async def sending(
    url: str, profile: Portal = CALM, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[RestSender]:
    sender = RestSender(
        profile,
        url,
        secrets=Settings(),
        clock=StoppedClock(),
        tls=tls,
    )
    try:
        yield sender
    finally:
        await sender.close()


async def outcome(
    behave: Behave, operation: str = "submit", *, profile: Portal = CALM
) -> Outcome:
    """Send once to a server that behaves so."""
    async with listening(behave) as peer, sending(peer.url, profile) as sender:
        return await sender.send(claim(operation))


def told(*answers: bytes) -> Behave:
    """Answer the requests of each connection in turn, then close."""

    async def behave(connection: Connection) -> None:
        for one in answers:
            await connection.read_request()
            await connection.send(one)

    return behave
