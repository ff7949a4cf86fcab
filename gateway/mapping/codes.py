"""Code tables: CSV with a provenance line, no default and no second meaning."""

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.mapping.document import Findings

HEADER: Final = ["from", "to", "display"]
SOURCE: Final = "# source:"


@dataclass(frozen=True, slots=True)
class CodeTable:
    """One table, from the sender's code to ours or the other way round."""

    path: str
    entries: Mapping[str, str]


FindTable = Callable[[str, int], CodeTable | None]
"""Finds a table by name for a line that names it; ``None`` after a finding."""


def read_table(text: str, findings: Findings) -> CodeTable:
    """Read one table; what is wrong with it goes to ``findings``."""
    lines = text.replace("\r\n", "\n").split("\n")
    start = next((n for n, line in enumerate(lines) if line[:1] != "#"), len(lines))
    if not any(line[len(SOURCE) :].strip() for line in lines[:start] if _names(line)):
        findings.add("table_source", 1)
    rows = csv.reader(lines[start:], strict=True)
    entries: dict[str, str] = {}
    try:
        if next(rows, None) != HEADER:
            findings.add("table_header", start + 1)
        for row in rows:
            if row:
                _add(row, start + rows.line_num, entries, findings)
    except csv.Error:
        findings.add("table_row", start + rows.line_num)
    return CodeTable(findings.path, entries)


def _names(line: str) -> bool:
    return line.startswith(SOURCE)


def _add(
    row: list[str], line: int, entries: dict[str, str], findings: Findings
) -> None:
    stripped = [cell.strip() for cell in row]
    if len(row) != len(HEADER) or not all(row[:2]) or stripped[:2] != row[:2]:
        findings.add("table_row", line)
    elif row[0] in entries:
        findings.add("table_twice", line, row[0])
    else:
        entries[row[0]] = row[1]
