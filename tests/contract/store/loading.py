"""A process that loads a store until it is killed: ``python -m … LOCATION``.

It prints a line for everything the store has acknowledged, and only then.
"""

import asyncio
import os
import sys

from gateway.delivery.policy import Done
from tests.contract.store.backends import AnyStore, opened
from tests.contract.store.builders import (
    MINUTE,
    NOON,
    PORTAL,
    Message,
    delivery,
    message,
    placing,
    report,
    therapy_order,
)

SENDERS = 8


def say(kind: str, subject: str) -> None:
    """Print at once, past every buffer a kill could empty."""
    os.write(1, f"{kind} {subject}\n".encode())


async def send(store: AnyStore, sender: int) -> None:
    """Commit messages one after the other, for ever."""
    number = 0
    while True:
        number += 1
        work = ordering(f"S{sender}N{number}")
        receipt = await store.commit(work)
        say("stored", receipt.message_id)


def ordering(name: str) -> Message:
    """A message that places an order and sends it on."""
    order = therapy_order(f"{name}-o1")
    effects = placing(order, deliveries=(delivery(order),))
    return message(effects, control_id=name)


async def deliver(store: AnyStore) -> None:
    """Claim and settle, for ever."""
    while True:
        claims = await store.claim(PORTAL, now=NOON, until=NOON + MINUTE, limit=8)
        for claimed in claims:
            await store.settle(report(claimed), Done())
            say("settled", claimed.delivery_id)
        await asyncio.sleep(0)


async def main(location: str) -> None:
    """Load the store at ``location``."""
    store = opened(location)
    await asyncio.gather(deliver(store), *(send(store, n) for n in range(SENDERS)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
