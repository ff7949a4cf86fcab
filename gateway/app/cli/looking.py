"""Looking: one row in full, and the closed books."""

import os
import pwd
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from gateway.app.cli.groups import deliveries, messages, orders
from gateway.app.cli.output import AsJson, complain, err, out, print_json
from gateway.app.cli.serving import DataFolder, settings_with
from gateway.app.clock import SystemClock
from gateway.core.errors import Unavailable
from gateway.store.sqlite import Beside, open_beside

RowId = Annotated[str, typer.Argument(metavar="ID")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    messages.command("show")(show_message)
    orders.command("show")(show_order)
    deliveries.command("show")(show_delivery)
    app.command()(audit)


def beside(data: Path | None) -> Beside:
    """Open the store of a data folder, beside its server."""
    return open_beside(settings_with(data=data).data)


def who() -> str:
    """Name the account at the keyboard; named people come with operators.

    Asked of the system, not of the environment, where anybody may write anything.
    """
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def note_look(store: Beside, action: str, subject: str) -> None:
    """Enter in the operator log that somebody saw values of a patient.

    A store that takes no writes is when a person most needs to look: they see the
    row all the same, and that no entry was made.
    """
    try:
        store.note_look(action, subject, who=who(), now=SystemClock().now())
    except Unavailable as unavailable:
        complain(unavailable)


def show_message(
    message: RowId,
    raw: Annotated[
        bool, typer.Option("--raw", help="Print the exact bytes (PHI).")
    ] = False,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Show one message: the id, or the MSH-10 of our answer to it.

    Example: baton messages show 01K5ZJ7Q2M8ABCDE
    """
    store = beside(data)
    found = store.body(message) if raw else store.message(message)
    if found is None:
        missing(message, f"baton messages list --control-id {message}")
    note_look(store, "message.raw" if raw else "message.show", message)
    if isinstance(found, bytes):
        typer.echo(found, nl=False)
    else:
        _show(found, as_json=as_json)


def show_order(order: RowId, data: DataFolder = None, as_json: AsJson = False) -> None:
    """Show one order and its ledger.

    Example: baton orders show 01K5ZJ7Q2M8ABCDE-o1 --json
    """
    store = beside(data)
    found = store.order(order)
    if found is None:
        missing(order, f"baton orders list --placer-number {order}")
    note_look(store, "order.show", order)
    _show(found, as_json=as_json)


def show_delivery(
    delivery: RowId, data: DataFolder = None, as_json: AsJson = False
) -> None:
    """Show one delivery and every attempt.

    Example: baton deliveries show 01K5ZJ7Q2M8ABCDE-d1
    """
    store = beside(data)
    found = store.delivery(delivery)
    if found is None:
        missing(delivery, "baton deliveries list")
    note_look(store, "delivery.show", delivery)
    _show(found, as_json=as_json)


def audit(data: DataFolder = None, as_json: AsJson = False) -> None:
    """Close the books and verify every ledger.

    Counts kept while working are compared with what is stored, and every event's
    hash with its bytes. Exit status 0 if all is well, 1 if anything is off: then
    alarms say so too (books.open, ledger.broken).

    Example: baton audit --json
    """
    store = beside(data)
    found = store.audit()
    if as_json:
        print_json(found.as_dict())
    else:
        out.print(str(found), markup=False, soft_wrap=True)
    if not found.clean:
        store.raise_alarms(found.alarms, SystemClock().now())
        raise typer.Exit(1)


def _show(row: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(row)
    else:
        out.print_json(data=row, default=str)


def missing(wanted: str, instead: str) -> NoReturn:
    """Say that nothing has this id and how to look for it, and end."""
    said = f"Nothing here has the id {wanted}. Look for it: {instead}"
    err.print(said, markup=False, soft_wrap=True)
    raise typer.Exit(1)
