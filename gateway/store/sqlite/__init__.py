"""The embedded store: SQLite by apsw, one writer thread, group commit."""

from gateway.store.sqlite.beside import Beside, open_beside
from gateway.store.sqlite.store import SqliteStore, open_store

__all__ = ["Beside", "SqliteStore", "open_beside", "open_store"]
