"""``baton demo``: two hospitals, the gateway, and a portal that fails on purpose."""

import asyncio
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the gateway's command line."""
    app.command()(demo)


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Stop after one round of everything.")
    ] = False,
) -> None:
    """Watch orders leave two hospitals, reach a portal once each, and come back.

    Everything runs on this machine with made-up patients and a throw-away data
    folder. Without --once it goes on until Ctrl-C. Exit status 0 if everything
    happened that was supposed to, 1 if not, 130 if it was stopped before the first
    round was over.

    Example: baton demo --once
    """
    from conformance.demo.show import show

    try:
        kept = asyncio.run(show(once=once))
    except KeyboardInterrupt:
        typer.echo("Stopped in the first round: nothing was checked yet.", err=True)
        raise typer.Exit(130) from None
    raise typer.Exit(0 if kept else 1)
