"""Tables for people: at any width, no word is broken.

Ids and codes are copied and searched for. So a column that does not fit beside the
others goes on a line of its own, and only the last one is wrapped, at its blanks.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from textwrap import TextWrapper
from typing import Any, Final

GAP: Final = "  "
INDENT: Final = "    "
SECONDS: Final = len("2026-03-02T12:00:00")


def table(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[str], width: int
) -> Iterator[str]:
    """Yield the lines of a listing: the columns' names, then the rows."""
    cells = [[_cell(column, row.get(column)) for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    words = (word for row in (columns, *cells) for word in row[-1].split())
    parts = list(_parts([*widths[:-1], max(map(len, words))], width))
    wrapper = TextWrapper(
        width,
        subsequent_indent=INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
    for row in (columns, *cells):
        padded = [cell.ljust(size) for cell, size in zip(row, widths, strict=True)]
        for indent, part in parts:
            yield from wrapper.wrap(indent + GAP.join(padded[part]))


def _parts(widths: Sequence[int], width: int) -> Iterator[tuple[str, slice]]:
    """Yield the columns that share a line, and what stands before them."""
    starts, used = [0], 0
    for n, size in enumerate(widths):
        if n and used + size > width:
            starts.append(n)
            used = len(INDENT)
        used += size + len(GAP)
    for first, last in pairwise([*starts, len(widths)]):
        yield INDENT if first else "", slice(first, last)


def _cell(column: str, value: Any) -> str:  # noqa: ANN401 - whatever a row holds
    if value in (None, "", [], ()):
        return ""
    if column == "at" or column.endswith("_at"):
        return str(value)[:SECONDS].replace("T", " ")
    if isinstance(value, list):
        return ", ".join(_cell("", item) for item in value)
    if isinstance(value, dict):
        if "code" in value and "where" in value:
            return f"{value['code']} at {value['where']}".removesuffix(" at ")
        return ":".join(str(part) for part in value.values())
    return str(value)
