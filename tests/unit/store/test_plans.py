"""A statement on the way of a message costs the same however much is stored."""

import re
from pathlib import Path

import apsw
import pytest

from gateway.store.sqlite.connect import connect, migrate
from gateway.store.statements import statements

HOT = [
    *(("view", name) for name in statements("sqlite", "view")),
    *(("effects", name) for name in statements("sqlite", "effects")),
    *(
        ("deliveries", name)
        for name in statements("sqlite", "deliveries")
        if name != "lapse_leases"  # once, at the start
    ),
]


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> apsw.Connection:
    """An empty, migrated database."""
    path: Path = tmp_path_factory.mktemp("plans") / "baton.db"
    db = connect(path)
    migrate(db)
    return db


def plan(db: apsw.Connection, sql: str) -> list[str]:
    """Return what SQLite would do, step by step."""
    numbered = [int(number) for number in re.findall(r"\?(\d+)", sql)]
    nulls = (None,) * (max(numbered) if numbered else sql.count("?"))
    return [str(row[3]) for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", nulls)]


def scans(steps: list[str]) -> list[str]:
    """Return the steps that walk a whole table or index."""
    harmless = ("SCAN (subquery", "SCAN CONSTANT ROW")
    walks = [step for step in steps if step.startswith("SCAN")]
    return [step for step in walks if not step.startswith(harmless)]


@pytest.mark.parametrize(("subject", "name"), HOT)
def test_nothing_on_the_way_of_a_message_scans(
    db: apsw.Connection, subject: str, name: str
) -> None:
    assert scans(plan(db, statements("sqlite", subject)[name])) == []


def test_a_claim_walks_the_two_indexes_that_hold_only_candidates(
    db: apsw.Connection,
) -> None:
    steps = plan(db, statements("sqlite", "deliveries")["claim"])

    used = "\n".join(steps)
    assert "USING COVERING INDEX deliveries_due (destination=? AND due<?)" in used
    assert "USING INDEX deliveries_leased (destination=? AND lease_until<?)" in used


def test_a_scan_would_be_found(db: apsw.Connection) -> None:
    """Without this the tests above could pass for the wrong reason."""
    assert scans(plan(db, "SELECT * FROM deliveries WHERE state = 'ready'")) == [
        "SCAN deliveries"
    ]
