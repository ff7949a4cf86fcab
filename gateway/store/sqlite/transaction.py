"""The open write transaction as one job sees it: statements, savepoints, books."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

import apsw

from gateway.store.sqlite.rows import Row
from gateway.store.statements import statements

_WRITE_BOOK = statements("sqlite", "effects")["write_book"]

T = TypeVar("T")

OF_THE_JOB: Final = (
    apsw.ConstraintError,
    apsw.MismatchError,
    apsw.RangeError,
    apsw.SQLError,
    apsw.TooBigError,
)
"""Errors of SQLite that blame what a job writes; all others blame the store."""


def blames_the_store(error: BaseException) -> bool:
    """Tell whether the whole transaction is in doubt, rather than one job."""
    return isinstance(error, apsw.Error) and not isinstance(error, OF_THE_JOB)


class Transaction:
    """A write transaction. Only the writer's thread touches it."""

    __slots__ = ("_changes", "_last", "_tally", "execute", "executemany")

    def __init__(self, db: apsw.Connection) -> None:
        """Write over ``db``, on which a transaction is open."""
        cursor = db.cursor()
        self.execute = cursor.execute
        self.executemany = cursor.executemany
        self._changes = db.changes
        self._last = db.last_insert_rowid
        self._tally: dict[tuple[str, str], int] = {}

    def rows(self, sql: str, arguments: Sequence[Any] = ()) -> list[Row]:
        """Return every row."""
        return self.execute(sql, arguments).fetchall()

    def row(self, sql: str, arguments: Sequence[Any] = ()) -> Row | None:
        """Return the first row, if there is one."""
        found = self.execute(sql, arguments).fetchall()
        return found[0] if found else None

    def insert(self, sql: str, arguments: Sequence[Any]) -> int:
        """Insert one row; return its number."""
        self.execute(sql, arguments)
        return self._last()

    def change(self, sql: str, arguments: Sequence[Any]) -> int:
        """Run one statement; return how many rows it changed."""
        self.execute(sql, arguments)
        return self._changes()

    def count(self, name: str, scope: str, by: int = 1) -> None:
        """Add to the closed books what this job did."""
        tally = self._tally
        key = (name, scope)
        tally[key] = tally.get(key, 0) + by

    def attempt(self, run: Callable[["Transaction"], T]) -> T:
        """Run all of something or none of it.

        If the store itself fails, nothing is undone here: the whole transaction
        is about to be.
        """
        kept, self._tally = self._tally, {}
        self.execute("SAVEPOINT job")
        try:
            result = run(self)
        except Exception as error:
            self._tally = kept
            if not blames_the_store(error):
                self.execute("ROLLBACK TO job")
                self.execute("RELEASE job")
            raise
        self.execute("RELEASE job")
        added, self._tally = self._tally, kept
        for (name, scope), by in added.items():
            self.count(name, scope, by)
        return result

    def close_books(self) -> None:
        """Write what was counted; call it once, before the commit."""
        self.executemany(_WRITE_BOOK, _entries(self._tally))
        self._tally = {}


def _entries(tally: dict[tuple[str, str], int]) -> Iterable[tuple[str, str, int]]:
    return [(name, scope, by) for (name, scope), by in tally.items() if by]
