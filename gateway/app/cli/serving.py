"""``baton serve``."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.app.cli.output import complain
from gateway.app.settings import Settings, read_settings
from gateway.core.errors import Misconfigured

DataFolder = Annotated[
    Path | None,
    typer.Option(
        help="Folder of everything durable.  [env: BATON_DATA] [default: ./var]"
    ),
]
MappingsFolder = Annotated[
    Path | None,
    typer.Option(
        help="Folder of sites and manufacturers.  [env: BATON_MAPPINGS] "
        "[default: the packaged samples]"
    ),
]


def settings_with(**given: Any) -> Settings:  # noqa: ANN401 - options as typed
    """Return the settings, with what was given on the command line on top."""
    return read_settings(**{name: value for name, value in given.items() if value})


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(serve)


def serve(
    data: DataFolder = None,
    mappings: MappingsFolder = None,
    http: Annotated[
        str, typer.Option(help="[env: BATON_HTTP] [default: 127.0.0.1:8080]")
    ] = "",
    mllp: Annotated[
        str, typer.Option(help="[env: BATON_MLLP] [default: 127.0.0.1:2575]")
    ] = "",
    open_: Annotated[
        bool,
        typer.Option(
            "--open",
            help="Let the open test site take MSH-11 P. Never beside real sites.",
        ),
    ] = False,
) -> None:
    """Take messages, deliver orders, bring statuses back, until SIGTERM.

    Exit status 0 after draining, 2 if it cannot start.

    Example: baton serve --data /var/lib/baton --mllp 0.0.0.0:2575
    """
    from gateway.app import server
    from gateway.app.telemetry import configure_logs

    configure_logs()
    settings = settings_with(
        data=data, mappings=mappings, http=http, mllp=mllp, open=open_
    )
    try:
        _run(server.serve(settings))
    except Misconfigured as error:
        complain(error)
        raise typer.Exit(2) from None


def _run(main: Any) -> None:  # noqa: ANN401 - a coroutine
    try:
        import uvloop
    except ImportError:  # not built for every platform
        asyncio.run(main)
    else:
        uvloop.run(main)
