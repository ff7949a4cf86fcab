"""The embedded store, as a server has it."""

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from gateway.core.effects import Alarm, Settlement
from gateway.delivery.policy import NextStep
from gateway.ports import Claim, Receipt, Work
from gateway.store.audit import Audit
from gateway.store.sqlite import actions, claims, commit
from gateway.store.sqlite.connect import (
    Connect,
    ServerLock,
    connect,
    migrate,
    prepare_folder,
)
from gateway.store.sqlite.effects import close_alarms, raise_alarms
from gateway.store.sqlite.queries import Queries
from gateway.store.sqlite.writer import Report, Writer

_log = logging.getLogger(__name__)


class SqliteStore:
    """``gateway.ports.Store`` on one folder; open it with ``open_store``.

    Attributes:
        queries: What only looks; blocking, safe on any thread.
    """

    def __init__(
        self, connect: Connect, *, report: Report, lock: ServerLock | None = None
    ) -> None:
        """Start writing over connections that ``connect`` opens."""
        self._writer = Writer(connect, report=report)
        self._lock = lock
        self.queries = Queries(connect)

    async def commit(self, work: Work) -> Receipt:
        """Decide and store one message; see ``gateway.ports.Store``."""
        return await self._writer.submit(
            lambda tx: commit.store_message(tx, work),
            lambda tx: commit.store_failed(tx, work),
        )

    async def claim(
        self, destination: str, *, now: datetime, until: datetime, limit: int
    ) -> Sequence[Claim]:
        """Lease due lane heads; see ``gateway.ports.Store``."""
        return await self._writer.submit(
            lambda tx: claims.claim(tx, destination, now=now, until=until, limit=limit)
        )

    async def settle(self, settlement: Settlement, step: NextStep) -> frozenset[str]:
        """Record an attempt and what follows; see ``gateway.ports.Store``."""
        return await self._writer.submit(lambda tx: claims.settle(tx, settlement, step))

    async def guard(self, delivery_id: str, lease: int) -> str:
        """Say why a delivery must not be sent now; see ``gateway.ports.Store``."""
        return await asyncio.to_thread(self.queries.guard, delivery_id, lease)

    async def next_due(self, destination: str) -> datetime | None:
        """Tell when something becomes due; see ``gateway.ports.Store``."""
        return await self._writer.submit(lambda tx: claims.next_due(tx, destination))

    # ------------------------------------------------------------ the server's own

    @property
    def writable(self) -> bool:
        """Whether the last group of writes was stored."""
        return self._writer.writable

    async def lapse_leases(self) -> int:
        """End every lease: their holders died with the last process.

        Returns how many there were. Each of those deliveries may have been sent,
        so its next claim is marked ``lapsed``.
        """
        return await self._writer.submit(claims.lapse_leases)

    async def raise_alarms(self, alarms: Iterable[Alarm], now: datetime) -> None:
        """Open alarms, or count them once more."""
        raised = tuple(alarms)
        await self._writer.submit(lambda tx: raise_alarms(tx, raised, now))

    async def close_alarms(self, alarms: Iterable[Alarm]) -> None:
        """Close those that no longer hold."""
        ended = tuple(alarms)
        await self._writer.submit(lambda tx: close_alarms(tx, ended))

    async def note_overdue(self, before: datetime, now: datetime) -> None:
        """Raise an alarm for all that waits since ``before``, once; close the others.

        Messages that wait for their order, and destinations that do not take what
        they should.
        """
        found, known = await asyncio.to_thread(self.queries.overdue, before)
        if found - known:
            await self.raise_alarms(sorted(found - known, key=_condition), now)
        if known - found:
            await self.close_alarms(known - found)

    async def keep_mappings(self, texts: Mapping[str, str]) -> None:
        """Remember mapping texts by their version, for ever."""
        kept = dict(texts)
        await self._writer.submit(lambda tx: actions.keep_mappings(tx, kept))

    async def keep_damage(
        self, endpoint: str, peer: str, kind: str, size: int, sample: bytes
    ) -> None:
        """Keep bytes that never became a message; only the newest 200 stay."""
        await self._writer.submit(
            lambda tx: actions.keep_damage(tx, endpoint, peer, kind, size, sample)
        )

    async def note_look(
        self, action: str, subject: str, *, who: str, now: datetime
    ) -> None:
        """Enter in the operator log that somebody saw what is kept under an id."""
        signed = actions.Signed(who, "", now)
        await self._writer.submit(
            lambda tx: actions.note_look(tx, action, subject, signed)
        )

    async def has_messages_of_other_sites(self, known: Collection[str]) -> bool:
        """Tell whether a message was ever recognised as none of ``known``."""
        seen = await asyncio.to_thread(self.queries.sites)
        return not seen.issubset(known)

    async def audit(self) -> Audit:
        """Close the books and verify every ledger, off the event loop."""
        return await asyncio.to_thread(self.queries.audit)

    async def close(self) -> None:
        """Finish what is queued and let another server in."""
        await self._writer.stop()
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def _condition(alarm: Alarm) -> str:
    return alarm.condition


def open_store(folder: Path, *, report: Report = _log.error) -> SqliteStore:
    """Open the store for a server, making it if it is not there.

    Args:
        report: Told where a job failed, without any value; called on the
            writer's thread.

    Raises:
        Misconfigured: Another server has the folder (``store.locked``), or it
            cannot be made durable, or a newer release has used it.
    """
    path = prepare_folder(folder)
    lock = ServerLock(folder)
    try:
        db = connect(path)
        try:
            migrate(db)
        finally:
            db.close()
        return SqliteStore(partial(connect, path), report=report, lock=lock)
    except BaseException:
        lock.release()
        raise
