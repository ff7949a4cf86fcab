"""Looking: listings, one row in full, and the closed books."""

import base64
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from gateway.app.cli.groups import alarms, deliveries, messages, orders
from gateway.app.cli.output import AsJson, err, out, print_json, print_rows
from gateway.app.cli.serving import DataFolder, settings_with
from gateway.app.clock import SystemClock
from gateway.store.sqlite import Beside, open_beside

Limit = Annotated[int, typer.Option(min=1, help="At most this many rows.")]
After = Annotated[str, typer.Option(help="Only rows older than this id.")]


RowId = Annotated[str, typer.Argument(metavar="ID")]

MESSAGE_COLUMNS = (
    "id",
    "received_at",
    "site",
    "type",
    "control_id",
    "state",
    "ack_code",
    "problems",
)
ORDER_COLUMNS = ("id", "site", "placer_number", "product", "status", "coi", "flags")
DELIVERY_COLUMNS = (
    "id",
    "destination",
    "operation",
    "state",
    "attempts",
    "due_at",
    "code",
)
ALARM_COLUMNS = ("code", "subject", "state", "count", "first_at", "last_at")
DAMAGE_COLUMNS = ("at", "peer", "kind", "size")
LOG_COLUMNS = ("at", "who", "action", "subject", "reason", "detail")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    messages.command("list")(list_messages)
    messages.command("show")(show_message)
    messages.command("damage")(list_damage)
    orders.command("list")(list_orders)
    orders.command("show")(show_order)
    deliveries.command("list")(list_deliveries)
    deliveries.command("show")(show_delivery)
    alarms.command("list")(list_alarms)
    app.command("log")(list_log)
    app.command()(audit)


def beside(data: Path | None) -> Beside:
    """Open the store of a data folder, beside its server."""
    return open_beside(settings_with(data=data).data)


# ------------------------------------------------------------ messages


def list_messages(
    state: Annotated[
        str, typer.Option(help="applied, no_effect, waiting, held, rejected")
    ] = "",
    site: str = "",
    control_id: Annotated[str, typer.Option(help="MSH-10, exactly.")] = "",
    after: After = "",
    limit: Limit = 100,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """List messages, newest first.

    Example: baton messages list --state held --json
    """
    rows = beside(data).messages(
        state=state, site=site, control_id=control_id, after=after, limit=limit
    )
    print_rows(rows, MESSAGE_COLUMNS, as_json=as_json)


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
    if not raw:
        _show(store.message(message), message, as_json=as_json)
        return
    body = store.body(message)
    if body is None:
        missing(message)
    typer.echo(body, nl=False)


def list_damage(
    raw: Annotated[
        bool, typer.Option("--raw", help="With a sample of the bytes, base64 (PHI).")
    ] = False,
    limit: Limit = 100,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """List bytes that came in and were no message: cut short, or between frames.

    Only the newest are kept.

    Example: baton messages damage --json --raw
    """
    rows = beside(data).damage(limit=limit)
    for row in rows:
        sample = row.pop("sample")
        if raw:
            row["sample"] = base64.b64encode(sample).decode()
    columns = (*DAMAGE_COLUMNS, "sample") if raw else DAMAGE_COLUMNS
    print_rows(rows, columns, as_json=as_json)


# ------------------------------------------------------------ orders


def list_orders(
    status: str = "",
    site: str = "",
    placer_number: Annotated[str, typer.Option(help="ORC-2, exactly.")] = "",
    after: After = "",
    limit: Limit = 100,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """List orders, newest first.

    Example: baton orders list --status accepted
    """
    rows = beside(data).orders(
        status=status, site=site, placer_number=placer_number, after=after, limit=limit
    )
    print_rows(rows, ORDER_COLUMNS, as_json=as_json)


def show_order(order: RowId, data: DataFolder = None, as_json: AsJson = False) -> None:
    """Show one order and its ledger.

    Example: baton orders show 01K5ZJ7Q2M8ABCDE-o1 --json
    """
    _show(beside(data).order(order), order, as_json=as_json)


# ------------------------------------------------------------ deliveries


def list_deliveries(
    state: str = "",
    destination: str = "",
    order: Annotated[str, typer.Option(help="Of this order only.")] = "",
    open_: Annotated[
        bool, typer.Option("--open", help="Only those still on their way.")
    ] = False,
    after: After = "",
    limit: Limit = 100,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """List deliveries, newest first.

    Example: baton deliveries list --state held
    """
    rows = beside(data).deliveries(
        state=state,
        destination=destination,
        order_id=order,
        open_only=open_,
        after=after,
        limit=limit,
    )
    print_rows(rows, DELIVERY_COLUMNS, as_json=as_json)


def show_delivery(
    delivery: RowId, data: DataFolder = None, as_json: AsJson = False
) -> None:
    """Show one delivery and every attempt.

    Example: baton deliveries show 01K5ZJ7Q2M8ABCDE-d1
    """
    _show(beside(data).delivery(delivery), delivery, as_json=as_json)


# ------------------------------------------------------------ the rest


def list_alarms(
    limit: Limit = 100, data: DataFolder = None, as_json: AsJson = False
) -> None:
    """List alarms: one row for each condition, with a count.

    Example: baton alarms list
    """
    print_rows(beside(data).alarms(limit=limit), ALARM_COLUMNS, as_json=as_json)


def list_log(
    limit: Limit = 100, data: DataFolder = None, as_json: AsJson = False
) -> None:
    """List what people did to messages, deliveries and alarms, and why.

    Example: baton log --limit 20
    """
    print_rows(beside(data).operator_log(limit=limit), LOG_COLUMNS, as_json=as_json)


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


def _show(row: dict[str, Any] | None, wanted: str, *, as_json: bool) -> None:
    if row is None:
        missing(wanted)
    if as_json:
        print_json(row)
    else:
        out.print_json(data=row, default=str)


def missing(wanted: str) -> NoReturn:
    """Say that nothing has this id, and end."""
    err.print(f"nothing here has the id {wanted}", markup=False)
    raise typer.Exit(1)
