"""How the command line speaks: JSON lines for machines, tables for people."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from gateway.core.errors import BatonError, Problem
from gateway.core.problems import CATALOGUE

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

COPIED = frozenset(
    {"id", "code", "subject", "destination", "placer_number", "control_id"}
)
"""Columns that people copy; they are never shortened."""
PIPED = 250

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]


def complain(error: BatonError) -> None:
    """Say what is wrong and what to do next, on standard error."""
    for problem in error.problems or (Problem(error.code),):
        err.print(explained(problem), soft_wrap=True, markup=False)


def explained(problem: Problem) -> str:
    """Write a problem as ``place: code: what to do``."""
    meaning = CATALOGUE.get(problem.code)
    says = f"{meaning.says} {meaning.then}" if meaning else ""
    place = f"{problem.where}: " if problem.where else ""
    return f"{place}{problem.code}: {says}".rstrip(": ")


def print_json(value: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
    """Print one value on one line."""
    typer.echo(orjson.dumps(value, default=str).decode())


def print_rows(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool
) -> None:
    """Print a listing."""
    if as_json:
        for row in rows:
            print_json(row)
        return
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=column in COPIED, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    if out.is_terminal:
        out.print(table)
    else:  # nobody's screen limits a pipe
        Console(highlight=False, width=PIPED).print(table)
    if not table.row_count:
        err.print("Nothing here yet.")


def _cell(value: Any) -> str:  # noqa: ANN401 - whatever a row holds
    if value in (None, "", [], ()):
        return ""
    if isinstance(value, list):
        return ", ".join(_cell(item) for item in value)
    if isinstance(value, dict):
        if "code" in value and "where" in value:
            return f"{value['code']} at {value['where']}".removesuffix(" at ")
        return ":".join(str(part) for part in value.values())
    return str(value)
