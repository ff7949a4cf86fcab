"""Copying the log back into the database beside the writer, so that it seldom waits.

A checkpoint by the writer itself would hold up every sender for as long as the
disk takes to copy the whole log. Copying runs on a thread and a connection of its
own; what is left for the writer is the short rest without which a busy log would
never begin anew.
"""

import contextlib
import threading
from typing import Final

import apsw

from gateway.core.errors import BatonError
from gateway.store.sqlite.connect import LONGEST_LOG, Connect

STEP: Final = 8_000
"""Pages written to the log between two copies beside the writer."""


class Checkpointer:
    """Watches the log grow; see the module's text."""

    def __init__(self, connect: Connect) -> None:
        """Start the thread; it connects when there is something to copy."""
        self._connect = connect
        self._db: apsw.Connection | None = None
        self._pages = 0
        self._copied = 0
        self._due = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="log", daemon=True)
        self._thread.start()

    def watch(self, db: apsw.Connection) -> None:
        """Be told of every commit on the writing connection."""
        db.set_wal_hook(self._committed)

    def after_commit(self, db: apsw.Connection) -> None:
        """Ask for a copy, or make the last part of it when the log is too long."""
        if self._pages < self._copied:  # the log began anew
            self._copied = 0
        if self._pages >= LONGEST_LOG:
            with contextlib.suppress(apsw.Error):
                self._copied = _copy(db)
        elif self._pages - self._copied >= STEP:
            self._due.set()

    def stop(self) -> None:
        """Finish a copy under way and end."""
        self._stopping = True
        self._due.set()
        self._thread.join()

    def _committed(self, _db: apsw.Connection, _name: str, pages: int) -> int:
        # Nothing may fail here: SQLite would report it as the commit's own failure.
        self._pages = pages
        return apsw.SQLITE_OK

    def _work(self) -> None:
        while self._is_wanted():
            with contextlib.suppress(apsw.Error, BatonError):
                self._db = self._db or self._connect()
                self._copied = _copy(self._db)
        if self._db is not None:
            self._db.close()

    def _is_wanted(self) -> bool:
        """Wait for a copy that is due; ``False`` once stopped."""
        self._due.wait()
        self._due.clear()  # before the look: a stop between the two would be lost
        return not self._stopping


def _copy(db: apsw.Connection) -> int:
    """Copy what no reader still needs from the log; return how many pages are."""
    _, copied = db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
    return copied
