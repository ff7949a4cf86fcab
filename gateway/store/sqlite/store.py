"""The embedded store, as the flow sees it."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from gateway.core.effects import Settlement
from gateway.delivery.policy import NextStep
from gateway.ports import Claim, Receipt, Work
from gateway.store.sqlite import claims, commit
from gateway.store.sqlite.connect import (
    Connect, ServerLock, connect, existing, migrate, prepare_folder, require_migrated)
from gateway.store.sqlite.writer import Report, Writer


class SqliteStore:
    """``gateway.ports.Store`` on one folder."""

    def __init__(self, open_connection: Connect, *, report: Report) -> None:
        self._writer = Writer(open_connection, report=report)

    async def commit(self, work: Work) -> Receipt:
        return await self._writer.submit(
            lambda tx: commit.store_message(tx, work),
            lambda tx: commit.store_failed(tx, work),
        )

    async def claim(
        self, destination: str, *, now: datetime, until: datetime, limit: int
    ) -> Sequence[Claim]:
        return await self._writer.submit(
            lambda tx: claims.claim(tx, destination, now=now, until=until, limit=limit)
        )

    async def settle(self, settlement: Settlement, step: NextStep) -> frozenset[str]:
        return await self._writer.submit(lambda tx: claims.settle(tx, settlement, step))

    async def next_due(self, destination: str) -> datetime | None:
        return await self._writer.submit(lambda tx: claims.next_due(tx, destination))

    async def close(self):
        await self._writer.stop()


def open_store(folder: Path, *, report=print) -> SqliteStore:
    path = prepare_folder(folder)
    lock = ServerLock(folder)
    db = connect(path)
    migrate(db)
    db.close()
    s= SqliteStore(partial(connect, path), report=report)
    s._lock=lock
    return s
