"""How the command line speaks: JSON lines for machines, tables for people."""

from collections.abc import Iterable, Mapping, Sequence
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
    limit: int,
    *,
    as_json: bool,
) -> None:
    """Print a listing; of more than ``limit`` rows, say that there are more."""
    found = list(rows)
    width = out.width if out.is_terminal else PIPED
    if as_json:
        for row in found[:limit]:
            print_json(row)
    elif found:
        for line in table(found[:limit], columns, width):
            typer.echo(line)
    else:
        err.print("Nothing here.")
    if len(found) > limit:
        err.print(f"The newest {limit}; --limit shows more.", markup=False)
