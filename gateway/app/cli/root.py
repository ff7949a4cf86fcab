"""The command line. Exit status: 0 done, 1 something is off, 2 usage or set-up.

Listings print one JSON object a line with ``--json``; tables go to people.
"""

import sys
from importlib.metadata import entry_points

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
