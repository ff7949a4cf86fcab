"""Rows as the driver gives them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apsw

Row = tuple[Any, ...]  # STRICT tables type the columns

Named = dict[str, Any]
"""A row by column names."""

Arguments = Sequence[Any] | Mapping[str, Any]


def fetch(db: apsw.Connection, sql: str, arguments: Arguments = ()) -> list[Row]:
    """Return every row."""
    return db.execute(sql, arguments).fetchall()


def each(db: apsw.Connection, sql: str, arguments: Arguments = ()) -> Iterator[Row]:
    """Walk the rows without holding them all."""
    return iter(db.execute(sql, arguments))


def fetch_named(
    db: apsw.Connection, sql: str, arguments: Arguments = ()
) -> list[Named]:
    """Return every row by column names."""
    cursor = db.cursor()
    cursor.row_trace = _by_name
    rows: list[Any] = cursor.execute(sql, arguments).fetchall()  # as _by_name gives
    return rows


def _by_name(cursor: apsw.Cursor, row: Row) -> Named:
    names = (column[0] for column in cursor.get_description())
    return dict(zip(names, row, strict=True))
