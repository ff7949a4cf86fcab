"""The groups of commands, which several modules fill."""

import typer

messages = typer.Typer(
    help="Messages: find, show, release, dismiss.", no_args_is_help=True
)
orders = typer.Typer(help="Orders and their ledgers.", no_args_is_help=True)
deliveries = typer.Typer(
    help="What is sent, and what came of it.", no_args_is_help=True
)
alarms = typer.Typer(help="Conditions somebody must see.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the groups."""
    app.add_typer(messages, name="messages")
    app.add_typer(orders, name="orders")
    app.add_typer(deliveries, name="deliveries")
    app.add_typer(alarms, name="alarms")
