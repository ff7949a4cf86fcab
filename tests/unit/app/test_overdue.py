"""The look for what waits too long, when the store itself is out of reach."""

import asyncio
from datetime import timedelta
from pathlib import Path

from gateway.app.overdue import Overdue
from tests.contract.store.builders import (
    HOUR,
    NOON,
    delivery,
    message,
    placing,
    therapy_order,
)
from tests.unit.portal_rest.examples import StoppedClock
from tests.unit.store.opening import migrated, store_on


async def test_a_look_that_finds_no_store_is_said_and_the_next_one_made(
    tmp_path: Path,
) -> None:
    path = migrated(tmp_path / "data")
    store = store_on(path)
    order = therapy_order()
    await store.commit(message(placing(order, deliveries=(delivery(order),))))
    heard: asyncio.Queue[str] = asyncio.Queue()
    overdue = Overdue(
        store, StoppedClock(NOON + HOUR), timedelta(milliseconds=1), heard.put_nowait
    )
    away = path.parent.rename(tmp_path / "away")

    watching = asyncio.create_task(overdue.watch())
    async with asyncio.timeout(5):
        said = [await heard.get(), await heard.get()]
    away.rename(path.parent)
    await overdue.look()

    watching.cancel()
    raised = [alarm["code"] for alarm in store.queries.alarms(state="open")]
    await store.close()
    assert said == ["overdue", "overdue"]
    assert raised == ["destination.behind"]
