"""Find and mend: listings, one row in full, and what a person may do about it."""

import getpass
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from gateway.app.cli.output import AsJson, err, explained, out, print_json, print_rows
from gateway.app.cli.serving import DataFolder, settings_with
from gateway.app.clock import SystemClock
from gateway.core.errors import NotAllowed, Problem
from gateway.store.sqlite import Beside, open_beside
from gateway.store.sqlite.actions import Resolution

Limit = Annotated[int, typer.Option(min=1, help="At most this many rows.")]
After = Annotated[str, typer.Option(help="Only rows older than this id.")]


def _said(reason: str) -> str:
    """Refuse an empty reason: the log is read by somebody else, later."""
    if not reason.strip():
        raise typer.BadParameter("say why, in a few words")
    return reason


Reason = Annotated[
    str,
    typer.Option(help="Why; kept in the operator log.", callback=_said),
]
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
ALARM_COLUMNS = ("code", "subject", "count", "first_at", "last_at")

messages = typer.Typer(help="Messages: find, show, release, dismiss.")
orders = typer.Typer(help="Orders and their ledgers.")
deliveries = typer.Typer(help="What is sent, and what came of it.")
alarms = typer.Typer(help="Conditions somebody must see.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(messages, name="messages", no_args_is_help=True)
    app.add_typer(orders, name="orders", no_args_is_help=True)
    app.add_typer(deliveries, name="deliveries", no_args_is_help=True)
    app.add_typer(alarms, name="alarms", no_args_is_help=True)
    app.command()(audit)


def _beside(data: Path | None) -> Beside:
    return open_beside(settings_with(data=data).data)


# ------------------------------------------------------------ messages


@messages.command("list")
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
    rows = _beside(data).messages(
        state=state, site=site, control_id=control_id, after=after, limit=limit
    )
    print_rows(rows, MESSAGE_COLUMNS, as_json=as_json)


@messages.command("show")
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
    beside = _beside(data)
    if not raw:
        _show(beside.message(message), message, as_json=as_json)
        return
    body = beside.body(message)
    if body is None:
        _missing(message)
    typer.echo(body, nl=False)


@messages.command("release")
def release_message(message: RowId, reason: Reason, data: DataFolder = None) -> None:
    """Decide a held message again, overruling what it was held for.

    What cannot be read or mapped stays held until the site's files are mended;
    an identity hold takes two people and is refused here. Exit status 0 if the
    message is no longer held, 1 if it is.

    Example: baton messages release 01K5ZJ7Q2M8ABCDE --reason "checked with ward"
    """
    _redecide(message, reason, data, dismissing=False)


@messages.command("dismiss")
def dismiss_message(message: RowId, reason: Reason, data: DataFolder = None) -> None:
    """Close a held or waiting message without effect; it was dealt with otherwise.

    Example: baton messages dismiss 01K5ZJ7Q2M8ABCDE --reason "resent as X12"
    """
    _redecide(message, reason, data, dismissing=True)


def _redecide(
    message: str, reason: str, data: Path | None, *, dismissing: bool
) -> None:
    from gateway.app.wiring import Parts, mappings_of
    from gateway.core.verdict import MessageState
    from gateway.flow import replay

    settings = settings_with(data=data)
    beside = open_beside(settings.data)
    kept = beside.kept(message)
    if kept is None:
        _missing(message)
    parts = Parts()
    rules = parts.rules(parts.load(mappings_of(settings)))
    now = SystemClock().now()
    try:
        if dismissing:
            work = replay.dismiss(kept.message, kept.state, rules=rules, now=now)
        else:
            work = replay.release(
                kept.message, kept.state, kept.problems, rules=rules, now=now
            )
        verdict = beside.redecide(
            message,
            work,
            action="dismiss" if dismissing else "release",
            reason=reason,
            who=_who(),
            now=now,
        )
    except NotAllowed as refused:
        _refuse(refused)
    out.print(f"{message}: {verdict.state}", markup=False)
    for problem in verdict.problems:
        err.print(explained(problem), markup=False, soft_wrap=True)
    if verdict.state is MessageState.HELD:
        raise typer.Exit(1)


# ------------------------------------------------------------ orders


@orders.command("list")
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
    rows = _beside(data).orders(
        status=status, site=site, placer_number=placer_number, after=after, limit=limit
    )
    print_rows(rows, ORDER_COLUMNS, as_json=as_json)


@orders.command("show")
def show_order(order: RowId, data: DataFolder = None, as_json: AsJson = False) -> None:
    """Show one order and its ledger.

    Example: baton orders show 01K5ZJ7Q2M8ABCDE-o1 --json
    """
    _show(_beside(data).order(order), order, as_json=as_json)


# ------------------------------------------------------------ deliveries


@deliveries.command("list")
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
    rows = _beside(data).deliveries(
        state=state,
        destination=destination,
        order_id=order,
        open_only=open_,
        after=after,
        limit=limit,
    )
    print_rows(rows, DELIVERY_COLUMNS, as_json=as_json)


@deliveries.command("show")
def show_delivery(
    delivery: RowId, data: DataFolder = None, as_json: AsJson = False
) -> None:
    """Show one delivery and every attempt.

    Example: baton deliveries show 01K5ZJ7Q2M8ABCDE-d1
    """
    _show(_beside(data).delivery(delivery), delivery, as_json=as_json)


@deliveries.command("resolve")
def resolve_delivery(
    delivery: RowId,
    reason: Reason,
    as_: Annotated[
        Resolution, typer.Option("--as", help="What you found; ready sends it again.")
    ],
    data: DataFolder = None,
) -> None:
    """Say what became of a delivery nobody could tell; its lane goes on.

    The order learns of it too: what was refused or superseded can be corrected
    and is submitted anew, and its site is told.

    Ask the receiver first: sent again, what it has already may be done twice. A
    hold on the order's identity stays. Exit status 1 if the delivery is on its way
    or done.

    Example: baton deliveries resolve 01K5ZJ7Q2M8ABCDE-d1 --as delivered
    --reason "portal shows HX-000017"
    """
    from gateway.app.clock import new_minter
    from gateway.app.wiring import Parts
    from gateway.flow import resolving

    settings = settings_with(data=data)
    beside = open_beside(settings.data)
    row = beside.delivery(delivery)
    if row is None:
        _refuse(NotAllowed(Problem("delivery.unknown", delivery)))
    parts = Parts()
    rules = parts.rules(parts.load(settings.mappings))
    now = SystemClock().now()
    origin = new_minter().mint(int(now.timestamp() * 1000))
    try:
        sequel = resolving.found(as_, row, rules=rules, origin=origin, now=now)
        beside.resolve(
            delivery, as_=as_, reason=reason, who=_who(), now=now, sequel=sequel
        )
    except NotAllowed as refused:
        _refuse(refused)
    out.print(f"{delivery}: {as_}", markup=False)


# ------------------------------------------------------------ the rest


@alarms.command("list")
def list_alarms(
    limit: Limit = 100, data: DataFolder = None, as_json: AsJson = False
) -> None:
    """List alarms: one row for each condition, with a count.

    Example: baton alarms list
    """
    print_rows(_beside(data).alarms(limit=limit), ALARM_COLUMNS, as_json=as_json)


def audit(data: DataFolder = None, as_json: AsJson = False) -> None:
    """Close the books and verify every ledger.

    Counts kept while working are compared with what is stored, and every event's
    hash with its bytes. Exit status 0 if all is well, 1 if anything is off.

    Example: baton audit --json
    """
    found = _beside(data).audit()
    if as_json:
        print_json(found.as_dict())
    else:
        out.print(str(found), markup=False, soft_wrap=True)
    if not found.clean:
        raise typer.Exit(1)


def _show(row: dict[str, Any] | None, wanted: str, *, as_json: bool) -> None:
    if row is None:
        _missing(wanted)
    if as_json:
        print_json(row)
    else:
        out.print_json(data=row, default=str)


def _missing(wanted: str) -> NoReturn:
    err.print(f"nothing here has the id {wanted}", markup=False)
    raise typer.Exit(1)


def _refuse(refused: NotAllowed) -> NoReturn:
    for problem in refused.problems:
        err.print(explained(problem), markup=False, soft_wrap=True)
    raise typer.Exit(1)


def _who() -> str:
    """Name the person at the keyboard; named accounts come with operators."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
