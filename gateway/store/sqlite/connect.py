"""Opening the database: its folder, its lock, its pragmas, its schema."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import apsw

from gateway.core.errors import Misconfigured, Problem
from gateway.store.migrations import Applied, Migration, migrations, pending

Connect = Callable[[], apsw.Connection]
"""Opens one more connection to the same database."""

DATABASE: Final = "baton.db"
LOCK: Final = "baton.lock"

OLDEST_SOUND: Final = (3, 51, 3)
"""SQLite before 3.51.3 can corrupt a WAL that several connections use."""

PAGE_SIZE: Final = 4096
"""Bytes. What a commit writes are mostly the ends of indexes, each a whole page:
larger pages make it write more."""

BUSY_MILLISECONDS: Final = 10_000
STATEMENTS: Final = 200
"""Prepared statements kept per connection: more than there are."""

LONGEST_LOG: Final = 32_000
"""Pages (125 MiB) the log may have before a writer must copy it back itself."""

PRAGMAS: Final = (
    ("journal_mode", "wal"),
    ("synchronous", 2),  # FULL: a commit is on disk before it returns (G1)
    ("fullfsync", 1),  # macOS: reach the platter, not the drive's cache
    ("checkpoint_fullfsync", 1),
    ("foreign_keys", 1),
    ("temp_store", 2),  # savepoints' sub-journals stay in memory
    ("cache_size", -32_768),  # KiB
    ("wal_autocheckpoint", LONGEST_LOG),
)
"""Set on every connection, and read back: a setting that did not take is refused."""


def connect(path: Path) -> apsw.Connection:
    """Open the database, durable or not at all.

    Raises:
        Misconfigured: It cannot be opened, or not made durable.
    """
    library = apsw.sqlite_lib_version()
    if tuple(map(int, library.split(".")[:3])) < OLDEST_SOUND:
        raise Misconfigured(Problem("store.library", library))
    try:
        db = apsw.Connection(str(path), statementcachesize=STATEMENTS)
        db.set_busy_timeout(BUSY_MILLISECONDS)
        # Without this a statement is planned again whenever a parameter that an
        # index's WHERE might depend on changes.
        db.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        _configure(db)
    except apsw.Error as error:
        problem = Problem("store.cannot_open", type(error).__name__)
        raise Misconfigured(problem) from None
    return db


def _configure(db: apsw.Connection) -> None:
    db.pragma("page_size", PAGE_SIZE)  # of a new database; an old one keeps its own
    for name, value in PRAGMAS:
        db.pragma(name, value)
        if db.pragma(name) != value:
            raise Misconfigured(Problem("store.pragma", name))


def prepare_folder(folder: Path) -> Path:
    """Make the folder and an empty database only we can read; return its path.

    A folder that holds other things keeps its mode: the files are closed anyway.

    Raises:
        Misconfigured: The folder cannot be made or written.
    """
    path = folder / DATABASE
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if all(entry.name.startswith("baton.") for entry in folder.iterdir()):
            folder.chmod(0o700)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        path.chmod(0o600)
    except OSError:
        raise Misconfigured(Problem("store.folder", str(folder))) from None
    return path


def existing(folder: Path) -> Path:
    """Return the path of a database a server has made.

    Raises:
        Misconfigured: There is none.
    """
    path = folder / DATABASE
    if not path.exists():
        raise Misconfigured(Problem("store.missing", str(path)))
    return path


class ServerLock:
    """Keeps a second server off the folder. The command line needs no lock."""

    def __init__(self, folder: Path) -> None:
        """Take the lock; the system drops it when the process ends.

        Raises:
            Misconfigured: Another server has it.
        """
        self._file = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise Misconfigured(Problem("store.locked", str(folder))) from None

    def release(self) -> None:
        """Let another server in."""
        os.close(self._file)


def migrate(db: apsw.Connection) -> None:
    """Bring the schema up to date, in one transaction.

    Raises:
        Misconfigured: The database has migrations we do not have.
    """
    db.execute("BEGIN IMMEDIATE")
    try:
        db.execute(
            "CREATE TABLE IF NOT EXISTS migrations ("
            "number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL)"
        )
        for migration in _pending(db):
            _apply(db, migration)
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def require_migrated(db: apsw.Connection) -> None:
    """Refuse a database another release left behind.

    Raises:
        Misconfigured: Its schema is older or newer than ours.
    """
    if not db.table_exists("main", "migrations") or _pending(db):
        raise Misconfigured(Problem("store.migration_missing"))


def _pending(db: apsw.Connection) -> list[Migration]:
    rows = db.execute("SELECT number, name, checksum FROM migrations ORDER BY number")
    return list(pending(migrations("sqlite"), [Applied(*row) for row in rows]))


def _apply(db: apsw.Connection, migration: Migration) -> None:
    db.execute(migration.text)
    db.execute(
        "INSERT INTO migrations (number, name, checksum) VALUES (?, ?, ?)",
        (migration.number, migration.name, migration.checksum),
    )
