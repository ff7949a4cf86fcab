import stat
from pathlib import Path

import apsw
import pytest

from gateway.core.errors import Misconfigured
from gateway.store.migrations import Migration
from gateway.store.sqlite import connect as subject
from gateway.store.sqlite import open_beside, open_store
from gateway.store.sqlite.connect import connect
from tests.unit.store.opening import migrated, tampering


def problems(refused: pytest.ExceptionInfo[Misconfigured]) -> list[str]:
    """Why it was refused."""
    return [problem.code for problem in refused.value.problems]


def mode(path: Path) -> int:
    """Who may do what with a file."""
    return stat.S_IMODE(path.stat().st_mode)


# ------------------------------------------------------------ durable or not at all


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("fullfsync", 1),
        ("checkpoint_fullfsync", 1),
        ("foreign_keys", 1),
        ("busy_timeout", 10_000),
    ],
)
def test_a_connection_is_durable(tmp_path: Path, name: str, value: object) -> None:
    """Stated here outright, so that a changed table of pragmas is noticed (G1)."""
    assert connect(tmp_path / "baton.db").pragma(name) == value


def test_a_database_that_cannot_be_durable_is_refused() -> None:
    """A database in memory has no write-ahead log."""
    with pytest.raises(Misconfigured) as refused:
        connect(Path(":memory:"))

    assert [str(problem) for problem in refused.value.problems] == [
        "store.pragma at journal_mode"
    ]


def test_a_library_that_can_corrupt_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "OLDEST_SOUND", (99, 0, 0))

    with pytest.raises(Misconfigured) as refused:
        connect(tmp_path / "baton.db")

    assert problems(refused) == ["store.library"]


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "baton.db"
    path.write_bytes(b"something else entirely" * 500)

    with pytest.raises(Misconfigured) as refused:
        connect(path)

    assert [str(problem) for problem in refused.value.problems] == [
        "store.cannot_open at NotADBError"
    ]


def test_parameters_do_not_cause_statements_to_be_planned_again(
    tmp_path: Path,
) -> None:
    db = connect(tmp_path / "baton.db")

    assert db.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, -1) == 1


# ------------------------------------------------------------ whose it is


async def test_folder_and_files_are_closed_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "data"

    store = open_store(folder)

    files = {path.name: mode(path) for path in folder.iterdir()}
    await store.close()
    assert mode(folder) == 0o700
    assert files.keys() == {"baton.db", "baton.db-shm", "baton.db-wal", "baton.lock"}
    assert set(files.values()) == {0o600}


async def test_an_empty_folder_made_by_somebody_else_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)

    await open_store(folder).close()

    assert mode(folder) == 0o700


async def test_a_folder_with_other_things_keeps_its_mode(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o755)
    (folder / "notes.txt").touch()

    await open_store(folder).close()

    assert mode(folder) == 0o755
    assert mode(folder / "baton.db") == 0o600


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(Misconfigured) as refused:
        open_store(tmp_path / "file" / "data")

    assert problems(refused) == ["store.folder"]


async def test_a_second_server_is_refused_until_the_first_has_gone(
    tmp_path: Path,
) -> None:
    first = open_store(tmp_path)

    with pytest.raises(Misconfigured) as refused:
        open_store(tmp_path)
    await first.close()
    await open_store(tmp_path).close()

    assert problems(refused) == ["store.locked"]


async def test_a_server_that_could_not_open_leaves_no_lock(tmp_path: Path) -> None:
    (tmp_path / "baton.db").write_bytes(b"something else entirely" * 500)
    with pytest.raises(Misconfigured):
        open_store(tmp_path)
    (tmp_path / "baton.db").unlink()

    await open_store(tmp_path).close()


# ------------------------------------------------------------ the command line


async def test_the_command_line_needs_no_lock(tmp_path: Path) -> None:
    store = open_store(tmp_path)

    rows = open_beside(tmp_path).messages()

    await store.close()
    assert rows == []


async def test_the_command_line_works_without_a_server(tmp_path: Path) -> None:
    await open_store(tmp_path).close()

    assert open_beside(tmp_path).messages() == []


def test_the_command_line_makes_no_store(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as refused:
        open_beside(tmp_path)

    assert problems(refused) == ["store.missing"]
    assert list(tmp_path.iterdir()) == []


def test_the_command_line_does_not_migrate(tmp_path: Path) -> None:
    connect(tmp_path / "baton.db").close()

    with pytest.raises(Misconfigured) as refused:
        open_beside(tmp_path)

    assert problems(refused) == ["store.migration_missing"]


@pytest.mark.parametrize("open_it", [open_store, open_beside])
def test_a_store_of_a_newer_release_is_refused(tmp_path: Path, open_it: object) -> None:
    with tampering(migrated(tmp_path)) as db:
        db.execute("INSERT INTO migrations VALUES (9999, '9999_later.sql', 'x')")

    with pytest.raises(Misconfigured) as refused:
        open_it(tmp_path)  # type: ignore[operator]  # either of two functions

    assert problems(refused) == ["store.migration_newer"]


async def test_a_migration_that_fails_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Migration(1, "0001_broken.sql", "CREATE TABLE a (x); nonsense")
    db = connect(tmp_path / "baton.db")
    with monkeypatch.context() as patched:
        patched.setattr(subject, "migrations", lambda _: [broken])
        with pytest.raises(apsw.SQLError):
            subject.migrate(db)

    subject.migrate(db)

    assert db.table_exists("main", "messages")
    assert not db.table_exists("main", "a")
