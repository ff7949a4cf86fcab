"""How the command line speaks: JSON lines for machines, tables for people."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console

from gateway.app.cli.tables import table
from gateway.core.errors import BatonError, Problem
from gateway.core.problems import CATALOGUE

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

PIPED = 250
"""Columns of a pipe, which nobody's screen limits."""

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
    rows: Iterable[Mapping[str, Any]],
    columns: Sequence[str],
    limit: int | None,
    *,
    as_json: bool,
) -> None:
    """Print a listing; of more than ``limit`` rows, say that there are more."""
    coming = iter(rows)
    shown = islice(coming, limit)
    if as_json:
        for row in shown:
            print_json(row)
    else:
        _print_table(list(shown), columns)
    if next(coming, None) is not None:
        err.print(f"The newest {limit}; --limit shows more.", markup=False)


def _print_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    if not rows:
        err.print("Nothing here.")
        return
    for line in table(rows, columns, out.width if out.is_terminal else PIPED):
        typer.echo(line)
