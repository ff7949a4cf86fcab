import threading
from pathlib import Path

import apsw
import pytest

from gateway.store.sqlite import checkpoint
from tests.contract.store.builders import NOTHING, message
from tests.unit.store.opening import migrated, store_on

PAGE = 8192


def files_in(folder: Path) -> list[str]:
    """Name the files of a folder."""
    return [file.name for file in folder.iterdir()]


@pytest.mark.slow
async def test_the_log_begins_anew_before_it_grows_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "STEP", 20)
    monkeypatch.setattr(checkpoint, "LONGEST_LOG", 100)
    path = migrated(tmp_path)
    store = store_on(path)

    for _ in range(300):
        await store.commit(message(NOTHING, body=b"x" * 4 * PAGE))

    log = path.with_name("baton.db-wal").stat().st_size
    database = path.stat().st_size
    await store.close()
    assert log < 300 * PAGE
    assert database > 500 * PAGE


async def test_a_short_log_is_copied_beside_the_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a copy the database file would hold none of the bodies."""
    monkeypatch.setattr(checkpoint, "STEP", 20)
    path = migrated(tmp_path)
    empty = path.stat().st_size
    store = store_on(path)
    watcher = store._writer._checkpointer

    for _ in range(1000):
        await store.commit(message(NOTHING, body=b"x" * 4 * PAGE))
        if watcher._copied:
            break

    copied = path.stat().st_size
    await store.close()
    assert copied > empty


async def test_closing_leaves_one_file_with_everything(tmp_path: Path) -> None:
    path = migrated(tmp_path)
    store = store_on(path)
    await store.commit(message(NOTHING))

    await store.close()

    assert files_in(tmp_path) == ["baton.db"]


def unreachable() -> apsw.Connection:
    raise apsw.CantOpenError


class StoppedBeforeClearing(threading.Event):
    """Lets a stop fall into the moment before the signal is cleared."""

    watcher: checkpoint.Checkpointer

    def clear(self) -> None:
        self.watcher._stopping = True
        self.set()
        super().clear()


def test_a_stop_is_not_lost_while_a_copy_begins() -> None:
    """Closing the store would wait for ever."""
    watcher = checkpoint.Checkpointer(unreachable)
    waited_for, watcher._due = watcher._due, StoppedBeforeClearing()
    watcher._due.watcher = watcher

    waited_for.set()
    watcher._due.set()

    watcher._thread.join(timeout=5)
    assert not watcher._thread.is_alive()
