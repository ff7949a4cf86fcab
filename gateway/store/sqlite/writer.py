"""One thread owns the writing connection; jobs that wait together commit together.

A job that fails is undone alone; its neighbours' work stands. What fails for the
store itself (disk full, I/O error) fails for every job of the group, and each
caller learns whether nothing was stored or whether nobody knows.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from queue import SimpleQueue
from time import perf_counter
from typing import Any, Final, Generic, TypeVar

import apsw

from gateway.core.errors import (
    BatonError,
    OutcomeUnknown,
    Problem,
    Unavailable,
    whereabouts,
)
from gateway.store.sqlite.checkpoint import Checkpointer
from gateway.store.sqlite.connect import Connect
from gateway.store.sqlite.transaction import Transaction, blames_the_store

T = TypeVar("T")
Run = Callable[[Transaction], T]

Report = Callable[[str], None]
"""Told where a job failed (``KeyError at decide/orders.py:41``); never a value."""

MOST_JOBS: Final = 256
MOST_SECONDS: Final = 0.02
"""Of work in one group: who came first waits no longer than that for the rest."""

NOTHING_STORED: Final = (
    apsw.BusyError,
    apsw.CantOpenError,
    apsw.FullError,
    apsw.LockedError,
    apsw.ReadOnlyError,
)
"""Errors of a COMMIT after which a rollback is certain. After an I/O error it is
not: the commit may be in the log although its flush failed."""


@dataclass(slots=True, eq=False)
class _Job(Generic[T]):
    run: Run[T]
    rescue: Run[T] | None
    future: asyncio.Future[T] = field(repr=False)
    result: T | None = field(default=None, repr=False)
    error: BaseException | None = None

    def resolve(self) -> None:
        """Tell the caller, unless it has gone."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)  # type: ignore[arg-type]  # set by run


class Writer:
    """Runs jobs in the order they come, many per commit.

    Attributes:
        writable: Whether the last group that wrote anything was stored.
    """

    def __init__(self, connect: Connect, *, report: Report) -> None:
        """Open the writing connection with ``connect`` and start the thread."""
        self._connect = connect
        self._report = report
        self._db: apsw.Connection | None = connect()
        self._checkpointer = Checkpointer(connect)
        self._checkpointer.watch(self._db)
        self._queue: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        self._submitted: list[_Job[Any]] = []
        self._stopping = False
        self.writable = True
        self._thread = threading.Thread(target=self._work, name="store", daemon=True)
        self._thread.start()

    def submit(self, run: Run[T], rescue: Run[T] | None = None) -> asyncio.Future[T]:
        """Queue a job; the future resolves when its commit is durable.

        A cancelled caller changes nothing: the job runs to its end.

        Args:
            rescue: Runs instead, in a savepoint of its own, if ``run`` fails.

        Raises:
            Unavailable: The store is closed.
        """
        if self._stopping:
            raise unavailable("closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        if not self._submitted:
            loop.call_soon(self._hand_over)
        self._submitted.append(_Job(run, rescue, future))
        return future

    def _hand_over(self) -> None:
        """Queue what one turn of the loop has submitted.

        Handed over one by one, jobs would run while the loop still reads other
        messages, and the two threads would take the interpreter from each other.
        """
        submitted, self._submitted = self._submitted, []
        for job in submitted:
            self._queue.put(job)

    async def stop(self) -> None:
        """Finish what is queued, then close the connection."""
        if not self._stopping:
            self._stopping = True
            self._hand_over()
            self._queue.put(None)
        await asyncio.to_thread(self._thread.join)
        await asyncio.to_thread(self._checkpointer.stop)

    # ------------------------------------------------------- on the thread

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            taken = [job]
            try:
                self._commit_together(taken)
            except Exception as error:  # noqa: BLE001 - the one broad catch of this thread
                self._report(whereabouts(error))
                self._fail(taken, unknown("writer"))
                self._disconnect()
            _tell(taken)
        self._disconnect()

    def _commit_together(self, taken: list[_Job[Any]]) -> None:
        try:
            db = self._begin()
        except (apsw.Error, BatonError) as error:
            taken.extend(self._waiting())
            self._fail(taken, unavailable(type(error).__name__))
            return
        before = db.total_changes()
        try:
            self._run(db, taken).close_books()
        except apsw.Error as error:
            self._fail(taken, unavailable(type(error).__name__))
            self._roll_back(db)
            return
        try:
            db.execute("COMMIT")
        except apsw.Error as error:
            self._commit_failed(db, taken, error)
            return
        self.writable = self.writable or db.total_changes() != before
        self._checkpointer.after_commit(db)

    def _begin(self) -> apsw.Connection:
        if self._db is None:
            self._db = self._connect()
            self._checkpointer.watch(self._db)
        self._db.execute("BEGIN IMMEDIATE")
        return self._db

    def _jobs(self, taken: list[_Job[Any]]) -> Iterator[_Job[Any]]:
        """Yield what is taken, then what has come to wait, within the limits."""
        yield from taken
        until = perf_counter() + MOST_SECONDS
        for job in self._waiting():
            taken.append(job)
            yield job
            if len(taken) >= MOST_JOBS or perf_counter() > until:
                return

    def _waiting(self) -> Iterator[_Job[Any]]:
        while not self._queue.empty():
            job = self._queue.get_nowait()
            if job is None:
                self._queue.put(None)  # for the loop to find
                return
            yield job

    def _run(self, db: apsw.Connection, taken: list[_Job[Any]]) -> Transaction:
        """Run jobs as if none could fail; if one does, run them again with care.

        Savepoints copy every page a job touches. Jobs decide from what they read
        here, so running them twice is harmless.
        """
        try:
            return self._run_boldly(db, taken)
        except Exception as error:
            if blames_the_store(error):
                raise
            db.execute("ROLLBACK")
            db.execute("BEGIN IMMEDIATE")
            return self._run_carefully(db, taken)

    def _run_boldly(self, db: apsw.Connection, taken: list[_Job[Any]]) -> Transaction:
        tx = Transaction(db)
        for job in self._jobs(taken):
            before = db.total_changes()
            try:
                job.result = job.run(tx)
            except BatonError as error:
                if job.rescue is not None or db.total_changes() != before:
                    raise
                job.error = error
        return tx

    def _run_carefully(
        self, db: apsw.Connection, taken: list[_Job[Any]]
    ) -> Transaction:
        tx = Transaction(db)
        for job in taken:
            job.error = None
            try:
                job.result = tx.attempt(job.run)
            except Exception as error:
                if blames_the_store(error):
                    raise
                self._rescue(tx, job, error)
        return tx

    def _rescue(self, tx: Transaction, job: _Job[Any], error: Exception) -> None:
        if job.rescue is None:
            job.error = error
            return
        self._report(whereabouts(error))
        try:
            job.result = tx.attempt(job.rescue)
        except Exception as second:
            if blames_the_store(second):
                raise
            self._report(whereabouts(second))
            job.error = unavailable("failed")

    def _commit_failed(
        self, db: apsw.Connection, taken: list[_Job[Any]], error: apsw.Error
    ) -> None:
        where = type(error).__name__
        rolled_back = self._roll_back(db)
        if rolled_back and isinstance(error, NOTHING_STORED):
            self._fail(taken, unavailable(where))
        else:
            self._fail(taken, unknown(where))
            self._disconnect()

    def _fail(self, taken: list[_Job[Any]], error: BatonError) -> None:
        self.writable = False
        for job in taken:
            job.error = job.error or type(error)(*error.problems)

    def _roll_back(self, db: apsw.Connection) -> bool:
        try:
            if db.in_transaction:
                db.execute("ROLLBACK")
        except apsw.Error:
            self._disconnect()
            return False
        return True

    def _disconnect(self) -> None:
        """Give the connection up; the next group opens another."""
        db, self._db = self._db, None
        if db is not None:
            with contextlib.suppress(apsw.Error):
                db.close(force=True)


def unavailable(where: str) -> Unavailable:
    """Say that nothing was stored, and why."""
    return Unavailable(Problem("store.unavailable", where))


def unknown(where: str) -> OutcomeUnknown:
    """Say that it may have been stored, and why nobody knows."""
    return OutcomeUnknown(Problem("store.unavailable", where))


def _tell(taken: list[_Job[Any]]) -> None:
    """Wake each event loop once for all its jobs; one that is closed has gone."""
    loops: dict[asyncio.AbstractEventLoop, list[_Job[Any]]] = {}
    for job in taken:
        loops.setdefault(job.future.get_loop(), []).append(job)
    for loop, jobs in loops.items():
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_resolve, jobs)


def _resolve(jobs: list[_Job[Any]]) -> None:
    for job in jobs:
        job.resolve()
