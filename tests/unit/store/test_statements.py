from pathlib import Path

import apsw
import apsw.ext
import pytest

from gateway.store import migrations, statements
from gateway.store.sqlite.connect import connect, migrate
from gateway.store.statements import statements as read

FOLDER = Path(statements.__file__).parent / "sql" / "sqlite"
SUBJECTS = sorted(path.stem for path in FOLDER.glob("[!0-9]*.sql"))


@pytest.fixture
def db(tmp_path: Path) -> apsw.Connection:
    """An empty, migrated database."""
    db = connect(tmp_path / "baton.db")
    migrate(db)
    return db


def test_comments_and_line_ends_are_left_out() -> None:
    claim = read("sqlite", "deliveries")["claim"]

    assert claim.startswith("UPDATE deliveries SET lapsed = (state = 'leased'), ")
    assert "\n" not in claim
    assert "--" not in claim
    assert not claim.endswith(";")


def test_a_subject_that_is_not_there_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        read("sqlite", "nothing")


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_statement_can_be_prepared(db: apsw.Connection, subject: str) -> None:
    for name, sql in read("sqlite", subject).items():
        info = apsw.ext.query_info(db, sql)
        assert info.query_remaining is None, name


def test_statements_and_migrations_are_told_apart() -> None:
    names = {migration.name for migration in migrations.migrations("sqlite")}

    assert names.isdisjoint(f"{subject}.sql" for subject in SUBJECTS)
