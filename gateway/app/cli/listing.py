"""Listings, newest first."""

import base64
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from gateway.app.cli.groups import alarms, deliveries, messages, orders
from gateway.app.cli.looking import beside, note_look
from gateway.app.cli.output import AsJson, print_rows
from gateway.app.cli.serving import DataFolder, settings_with
from gateway.core.order import Status
from gateway.core.problems import CATALOGUE
from gateway.core.verdict import MessageState
from gateway.store.sqlite import Beside

PAGE = 100
MANY = 1000
EVERY = -1  # SQLite's LIMIT for no limit
Limit = Annotated[
    int | None,
    typer.Option(min=1, help="At most this many rows; all with --json, else 100."),
]
After = Annotated[str, typer.Option(help="Only rows older than this id.")]
DeliveryState = Literal[
    "ready", "leased", "held", "delivered", "rejected", "dead", "superseded"
]

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
ALARM_COLUMNS = ("code", "subject", "state", "count", "first_at", "last_at", "then")
DAMAGE_COLUMNS = ("at", "peer", "kind", "size")
LOG_COLUMNS = ("at", "who", "action", "subject", "reason", "detail")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    messages.command("list")(list_messages)
    messages.command("damage")(list_damage)
    orders.command("list")(list_orders)
    deliveries.command("list")(list_deliveries)
    alarms.command("list")(list_alarms)
    app.command("log")(list_log)


def list_messages(
    state: MessageState | None = None,
    site: str = "",
    control_id: Annotated[str, typer.Option(help="MSH-10, exactly.")] = "",
    after: After = "",
    limit: Limit = None,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """List messages, newest first.

    Example: baton messages list --state held --json
    """
    store = beside(data)
    _require_known(site, store, data)
    _print_pages(
        store.messages,
        MESSAGE_COLUMNS,
        limit,
        as_json=as_json,
        state=state or "",
        site=site,
        control_id=control_id,
        after=after,
    )


def list_damage(
    raw: Annotated[
        bool, typer.Option("--raw", help="With a sample of the bytes, base64 (PHI).")
    ] = False,
    limit: Limit = None,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """List bytes that came in and were no message: cut short, or between frames.

    Only the newest are kept.

    Example: baton messages damage --json --raw
    """
    store = beside(data)
    most = _most(limit, as_json=as_json)
    rows = store.damage(limit=_one_more(most))
    if raw:
        note_look(store, "damage.raw", "")
    for row in rows:
        sample = row.pop("sample")
        if raw:
            row["sample"] = base64.b64encode(sample).decode()
    columns = (*DAMAGE_COLUMNS, "sample") if raw else DAMAGE_COLUMNS
    print_rows(rows, columns, most, as_json=as_json)


def list_orders(
    status: Status | None = None,
    site: str = "",
    placer_number: Annotated[str, typer.Option(help="ORC-2, exactly.")] = "",
    after: After = "",
    limit: Limit = None,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """List orders, newest first.

    Example: baton orders list --status accepted
    """
    store = beside(data)
    _require_known(site, store, data)
    _print_pages(
        store.orders,
        ORDER_COLUMNS,
        limit,
        as_json=as_json,
        status=status or "",
        site=site,
        placer_number=placer_number,
        after=after,
    )


def list_deliveries(
    state: DeliveryState | None = None,
    destination: str = "",
    order: Annotated[str, typer.Option(help="Of this order only.")] = "",
    open_: Annotated[
        bool, typer.Option("--open", help="Only those still on their way.")
    ] = False,
    after: After = "",
    limit: Limit = None,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """List deliveries, newest first.

    Example: baton deliveries list --state held
    """
    _print_pages(
        beside(data).deliveries,
        DELIVERY_COLUMNS,
        limit,
        as_json=as_json,
        state=state or "",
        destination=destination,
        order_id=order,
        open_only=open_,
        after=after,
    )


def list_alarms(
    state: Literal["open", "closed", "all"] = "open",
    limit: Limit = None,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """List alarms: one row for each condition, with a count and what to do.

    Example: baton alarms list --state all
    """
    wanted = "" if state == "all" else state
    most = _most(limit, as_json=as_json)
    rows = beside(data).alarms(state=wanted, limit=_one_more(most))
    print_rows(map(_advised, rows), ALARM_COLUMNS, most, as_json=as_json)


def list_log(
    limit: Limit = None, data: DataFolder = None, as_json: AsJson = False
) -> None:
    """List what people did to messages, deliveries and alarms, and why.

    Example: baton log --limit 20
    """
    most = _most(limit, as_json=as_json)
    rows = beside(data).operator_log(limit=_one_more(most))
    print_rows(rows, LOG_COLUMNS, most, as_json=as_json)


def _most(limit: int | None, *, as_json: bool) -> int | None:
    """Return how many rows are wanted, ``None`` for all: a machine wants all."""
    return limit or (None if as_json else PAGE)


def _one_more(most: int | None) -> int:
    """Ask for a row more than is shown, to know if there is one."""
    return EVERY if most is None else most + 1


def _print_pages(
    listing: Callable[..., Sequence[dict[str, Any]]],
    columns: Sequence[str],
    limit: int | None,
    *,
    as_json: bool,
    **filters: Any,  # noqa: ANN401 - of each listing its own
) -> None:
    most = _most(limit, as_json=as_json)
    print_rows(_pages(listing, most, **filters), columns, most, as_json=as_json)


def _pages(
    listing: Callable[..., Sequence[dict[str, Any]]],
    most: int | None,
    *,
    after: str,
    **filters: Any,  # noqa: ANN401 - of each listing its own
) -> Iterator[dict[str, Any]]:
    """Read a listing page by page if all of it is wanted: it may be long."""
    if most is not None:
        yield from listing(limit=most + 1, after=after, **filters)
        return
    while rows := listing(limit=MANY, after=after, **filters):
        yield from rows
        after = rows[-1]["id"]


def _advised(alarm: dict[str, Any]) -> dict[str, Any]:
    """Add what an alarm's code means."""
    meaning = CATALOGUE.get(alarm["code"])
    if meaning is None:  # of another release
        return alarm
    return {**alarm, "says": meaning.says, "then": meaning.then}


def _require_known(site: str, store: Beside, data: Path | None) -> None:
    """Refuse a site that neither sent anything nor has a folder."""
    if not site or site in store.sites():
        return
    from gateway.app.wiring import Parts, mappings_of

    known = Parts().load(mappings_of(settings_with(data=data))).sites
    if site not in known:
        names = ", ".join(sorted(known))
        raise typer.BadParameter(f"known sites: {names}", param_hint="--site")
