"""What fails for the store itself: each caller learns what may have been stored."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from gateway.core.effects import Effects, View
from gateway.core.errors import NotAllowed, OutcomeUnknown, Unavailable
from gateway.delivery.policy import Done
from gateway.store.sqlite import connect as connecting
from gateway.store.sqlite.connect import connect
from gateway.store.sqlite.store import SqliteStore
from gateway.store.sqlite.transaction import Transaction
from tests.contract.store.builders import (
    HOUR,
    NOON,
    NOTHING,
    PORTAL,
    Message,
    delivery,
    message,
    placing,
    report,
    therapy_order,
)
from tests.unit.store.opening import migrated, store_on, unheard


def ordering(number: int) -> Message:
    """A message that places an order."""
    order = therapy_order(f"ORDER-o{number}")
    return message(placing(order, deliveries=(delivery(order),)))


async def outcomes(store: SqliteStore, works: list[Message]) -> set[str]:
    """Commit at once; return the kinds of what came back."""
    found = await asyncio.gather(*map(store.commit, works), return_exceptions=True)
    return {type(outcome).__name__ for outcome in found}


# ------------------------------------------------------------ disk full


async def limit_pages(store: SqliteStore, extra: int) -> None:
    """Leave room for ``extra`` more pages, as a disk that fills up would."""

    def job(tx: Transaction) -> None:
        ((pages,),) = tx.rows("PRAGMA page_count")
        tx.rows(f"PRAGMA max_page_count = {pages + extra}")

    await store._writer.submit(job)


async def test_a_full_disk_stores_nothing_and_the_store_recovers(
    tmp_path: Path,
) -> None:
    store = store_on(migrated(tmp_path))
    await store.commit(ordering(0))
    await limit_pages(store, 0)
    big = [message(NOTHING, body=b"x" * 200_000) for _ in range(5)]

    full = await outcomes(store, big)
    writable = store.writable
    await limit_pages(store, 1_000_000)
    after = await outcomes(store, big)

    audit = await store.audit()
    stored = store.queries.messages()
    await store.close()
    assert (full, writable) == ({"Unavailable"}, False)
    assert (after, len(stored)) == ({"Receipt"}, 6)
    assert audit.clean, str(audit)


async def test_a_store_that_failed_is_writable_again_after_the_next_commit(
    tmp_path: Path,
) -> None:
    store = store_on(migrated(tmp_path))
    await limit_pages(store, 0)
    with pytest.raises(Unavailable):
        await store.commit(message(NOTHING, body=b"x" * 200_000))
    await limit_pages(store, 1_000_000)
    before = store.writable

    await store.next_due(PORTAL)
    looked = store.writable
    await store.commit(message(NOTHING))
    stored = store.writable

    await store.close()
    assert (before, looked, stored) == (False, False, True)


# ------------------------------------------------------------ out of reach


async def test_a_database_that_cannot_be_opened_just_now_is_unavailable(
    tmp_path: Path,
) -> None:
    """Too many files are open, say: whoever looks again later may see."""
    path = migrated(tmp_path / "data")
    store = store_on(path)
    away = path.parent.rename(tmp_path / "away")

    with pytest.raises(Unavailable):
        await store.guard("ORDER-d1", 1)
    away.rename(path.parent)
    again = await store.guard("ORDER-d1", 1)

    await store.close()
    assert again == "lease.lost"


# ------------------------------------------------------------ a busy database


async def test_a_database_locked_too_long_stores_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "BUSY_MILLISECONDS", 1)
    path = migrated(tmp_path)
    store = store_on(path)
    other = connect(path)
    other.execute("BEGIN IMMEDIATE")

    busy = await outcomes(store, [ordering(1), ordering(2)])
    other.execute("ROLLBACK")
    after = await outcomes(store, [ordering(3)])

    await store.close()
    assert (busy, after) == ({"Unavailable"}, {"Receipt"})


async def test_the_command_line_waits_its_turn(tmp_path: Path) -> None:
    """Two writers in two processes queue; neither fails."""
    path = migrated(tmp_path)
    one, two = store_on(path), store_on(path)

    first, second = await asyncio.gather(
        outcomes(one, [ordering(n) for n in range(20)]),
        outcomes(two, [ordering(n) for n in range(20, 40)]),
    )

    audit = await one.audit()
    await one.close()
    await two.close()
    assert first == second == {"Receipt"}
    assert audit.clean, str(audit)


# ------------------------------------------------------------ the disk itself


NAME = "failing"


class FailingFile(apsw.VFSFile):
    """A file that fails as its file system is told to."""

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        """Flush, unless flushing is to fail."""
        if self.fails.on == "sync":
            raise apsw.IOError
        super().xSync(flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        """Write, unless the disk is to be full."""
        if self.fails.on == "write":
            raise apsw.FullError
        super().xWrite(data, offset)

    fails: "FailingDisk"


class FailingDisk(apsw.VFS):
    """A file system over the real one that fails when told to."""

    def __init__(self) -> None:
        self.on = ""
        super().__init__(NAME, "", iVersion=3)

    def xOpen(  # noqa: N802 - SQLite's name
        self, name: apsw.URIFilename | str | None, flags: list[int]
    ) -> apsw.VFSFile:
        """Open a file that asks us whether to fail."""
        file = FailingFile("", name, flags)
        file.fails = self
        return file


@pytest.fixture
def disk() -> Iterator[FailingDisk]:
    """A disk that works until told otherwise."""
    disk = FailingDisk()
    yield disk
    disk.unregister()


def store_over(disk: FailingDisk, path: Path) -> SqliteStore:
    """Open a store whose every connection goes through ``disk``."""

    def connect_over() -> apsw.Connection:
        db = apsw.Connection(str(path), vfs=NAME)
        connecting._configure(db)
        return db

    return SqliteStore(connect_over, report=unheard)


async def test_after_a_flush_that_failed_nobody_knows(
    tmp_path: Path, disk: FailingDisk
) -> None:
    """It may be on the disk: the sender gets no answer and asks again (G1)."""
    store = store_over(disk, migrated(tmp_path))
    await store.commit(ordering(0))
    disk.on = "sync"

    failed = await outcomes(store, [ordering(1), ordering(2)])
    disk.on = ""
    after = await outcomes(store, [ordering(3)])

    audit = await store.audit()
    await store.close()
    assert (failed, after) == ({"OutcomeUnknown"}, {"Receipt"})
    assert audit.clean, str(audit)


async def test_a_disk_that_fills_up_during_the_commit_stores_nothing(
    tmp_path: Path, disk: FailingDisk
) -> None:
    store = store_over(disk, migrated(tmp_path))
    await store.commit(ordering(0))
    disk.on = "write"

    full = await outcomes(store, [ordering(1), ordering(2)])
    disk.on = ""
    again = await outcomes(store, [ordering(1), ordering(2)])

    audit = await store.audit()
    await store.close()
    assert (full, again) == ({"Unavailable"}, {"Receipt"})
    assert audit.clean, str(audit)


async def test_a_lost_lease_is_not_turned_into_an_unknown_outcome(
    tmp_path: Path, disk: FailingDisk
) -> None:
    """What a job refused for its own reasons stays refused for them."""
    store = store_over(disk, migrated(tmp_path))
    await store.commit(ordering(0))
    [slow] = await store.claim(PORTAL, now=NOON, until=NOON, limit=1)
    [_fast] = await store.claim(PORTAL, now=NOON, until=NOON + HOUR, limit=1)
    disk.on = "sync"

    lost, unknown = await asyncio.gather(
        store.settle(report(slow), Done()),
        store.commit(ordering(1)),
        return_exceptions=True,
    )

    disk.on = ""
    await store.close()
    assert type(lost).__name__ == "LeaseLost"
    assert isinstance(unknown, OutcomeUnknown)


# ------------------------------------------------------------ what is said of it


async def test_a_failure_is_reported_by_place_and_never_by_value(
    tmp_path: Path,
) -> None:
    heard: list[str] = []
    store = store_on(migrated(tmp_path), heard)

    def fail(_: View) -> Effects:
        raise KeyError("CANARY-1234567")

    await store.commit(message(fail))
    await store.commit(ordering(1))
    await store.commit(ordering(1))

    await store.close()
    in_deciding, in_writing = heard
    assert in_deciding.startswith("KeyError at ")
    assert "test_failures.py:" in in_deciding
    assert in_writing.startswith("ConstraintError at ")
    assert "CANARY" not in " ".join(heard)


async def test_a_job_that_refuses_after_writing_leaves_nothing(tmp_path: Path) -> None:
    store = store_on(migrated(tmp_path))

    def write_and_refuse(tx: Transaction) -> None:
        tx.count("messages.received", "st_elm")
        tx.execute("INSERT INTO mappings VALUES ('v1', 'text', 0)")
        raise NotAllowed

    with pytest.raises(NotAllowed):
        await store._writer.submit(write_and_refuse)

    audit = await store.audit()
    await store.close()
    assert store.queries.mapping("v1") is None
    assert audit.clean, str(audit)


async def test_a_caller_whose_loop_has_gone_does_not_stop_the_writer(
    tmp_path: Path,
) -> None:
    store = store_on(migrated(tmp_path))

    def hand_over_and_leave() -> None:
        async def hand_over() -> None:
            store._writer.submit(lambda tx: tx.rows("SELECT 1"))

        asyncio.run(hand_over())

    await asyncio.to_thread(hand_over_and_leave)

    assert await outcomes(store, [ordering(1)]) == {"Receipt"}
    await store.close()
