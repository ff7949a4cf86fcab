"""Filling lanes and claiming from them, in the words of the tests."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from gateway.core.effects import NewDelivery
from gateway.ports import Claim
from tests.contract.store.backends import AnyStore
from tests.contract.store.builders import (
    MINUTE,
    NOON,
    PORTAL,
    delivery,
    message,
    placing,
    therapy_order,
)


async def put(
    store: AnyStore,
    *operations: str,
    order_id: str = "ORDER-o1",
    **facts: Any,  # noqa: ANN401 - as NewDelivery has them
) -> list[NewDelivery]:
    """Place an order with one delivery for each operation."""
    order = therapy_order(order_id)
    sent = [delivery(order, operation, **facts) for operation in operations]
    await store.commit(message(placing(order, deliveries=tuple(sent))))
    return sent


async def claim(
    store: AnyStore,
    *,
    now: datetime = NOON,
    destination: str = PORTAL,
    limit: int = 64,
) -> Sequence[Claim]:
    """Claim for a minute."""
    return await store.claim(destination, now=now, until=now + MINUTE, limit=limit)


async def operations(store: AnyStore, *, now: datetime = NOON) -> list[str]:
    """What can be claimed."""
    return [claimed.operation for claimed in await claim(store, now=now)]
