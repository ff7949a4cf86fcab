"""Opening SQLite stores in ways that only its own tests need."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import apsw

from gateway.store.sqlite.connect import connect, migrate
from gateway.store.sqlite.connect import prepare_folder as prepared
from gateway.store.sqlite.store import SqliteStore


def migrated(folder: Path) -> Path:
    """Make an empty database and return its path."""
    path = prepared(folder)
    db = connect(path)
    migrate(db)
    db.close()
    return path


def store_on(path: Path, heard: list[str] | None = None) -> SqliteStore:
    """Open a store without its lock; ``heard`` collects what it reports."""
    report = unheard if heard is None else heard.append
    return SqliteStore(partial(connect, path), report=report)


def unheard(where: str) -> None:
    """Say nothing: tests make jobs fail on purpose."""


@contextmanager
def tampering(path: Path) -> Iterator[apsw.Connection]:
    """Open the file as somebody would who bypasses us, constraints off."""
    db = apsw.Connection(str(path))
    db.pragma("foreign_keys", False)  # noqa: FBT003 - the pragma's value
    db.pragma("ignore_check_constraints", True)  # noqa: FBT003 - as above
    try:
        yield db
    finally:
        db.close()
