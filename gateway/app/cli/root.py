"""The command line. Exit status: 0 done, 1 something is off, 2 usage or set-up.

Listings print one JSON object a line with ``--json``; tables go to people.
"""

import sys
from importlib.metadata import entry_points, version
from typing import Annotated

import typer

from gateway.app.cli import (
    groups,
    listing,
    looking,
    mappings,
    mending,
    sending,
    serving,
)
from gateway.app.cli.output import complain
from gateway.core.errors import BatonError

app = typer.Typer(
    name="baton",
    help="Baton connects a hospital's EHR once and reaches every cell-therapy "
    "manufacturer's portal from there.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _say_version(wanted: bool) -> None:  # noqa: FBT001 - as typer calls it
    if wanted:
        typer.echo(f"baton {version('baton-gateway')}")
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[
        bool,
        typer.Option(
            "--version", callback=_say_version, is_eager=True, help="Print it and end."
        ),
    ] = False,
) -> None:
    """Take what stands before a command."""


for part in (serving, sending, mappings, groups, listing, looking, mending):
    part.register(app)


def _register_extensions() -> None:
    for entry in entry_points(group="baton.commands"):
        register = entry.load()
        register(app)


def main() -> None:
    """Run one command."""
    _register_extensions()
    try:
        app()
    except BatonError as error:
        complain(error)
        sys.exit(2)
