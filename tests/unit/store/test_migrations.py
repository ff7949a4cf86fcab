import pytest

from gateway.core.errors import Misconfigured
from gateway.store.migrations import Applied, Migration, migrations, pending

FIRST = Migration(1, "0001_initial.sql", "CREATE TABLE a (x)")
SECOND = Migration(2, "0002_more.sql", "CREATE TABLE b (x)")


def applied(migration: Migration) -> Applied:
    """A migration as a database remembers it."""
    return Applied(migration.number, migration.name, migration.checksum)


def test_an_empty_database_needs_everything() -> None:
    assert list(pending([FIRST, SECOND], [])) == [FIRST, SECOND]


def test_what_was_applied_is_not_applied_again() -> None:
    assert list(pending([FIRST, SECOND], [applied(FIRST)])) == [SECOND]
    assert list(pending([FIRST, SECOND], [applied(FIRST), applied(SECOND)])) == []


def test_a_migration_edited_afterwards_is_refused() -> None:
    edited = Migration(1, "0001_initial.sql", "CREATE TABLE a (x, y)")

    with pytest.raises(Misconfigured) as refused:
        pending([edited, SECOND], [applied(FIRST)])

    assert [str(problem) for problem in refused.value.problems] == [
        "store.migration_changed at 0001_initial.sql"
    ]


def test_a_database_of_a_newer_release_is_refused() -> None:
    with pytest.raises(Misconfigured) as refused:
        pending([FIRST], [applied(FIRST), applied(SECOND)])

    assert [str(problem) for problem in refused.value.problems] == [
        "store.migration_newer at 0002_more.sql"
    ]


def test_migrations_are_numbered_without_gaps() -> None:
    found = migrations("sqlite")

    assert [migration.number for migration in found] == list(range(1, len(found) + 1))
    assert found[0].name == "0001_initial.sql"
