"""Mending: what a person may do, each with a reason that is kept."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from gateway.app.cli.groups import alarms, deliveries, messages
from gateway.app.cli.looking import RowId, beside, missing, who
from gateway.app.cli.output import AsJson, complain, err, explained, out, print_json
from gateway.app.cli.serving import DataFolder, settings_with
from gateway.app.clock import SystemClock
from gateway.app.settings import Settings
from gateway.core.effects import Resolution
from gateway.core.errors import NotAllowed, Problem
from gateway.flow.rules import Rules
from gateway.store.sqlite import Beside, open_beside


def register(_: typer.Typer) -> None:
    """Add the commands."""
    messages.command("release")(release_message)
    messages.command("dismiss")(dismiss_message)
    deliveries.command("resolve")(resolve_delivery)
    alarms.command("close")(close_alarm)


def _said(reason: str) -> str:
    """Refuse an empty reason: the log is read by somebody else, later."""
    if not reason.strip():
        raise typer.BadParameter("say why, in a few words")
    return reason


Reason = Annotated[
    str,
    typer.Option(help="Why; kept in the operator log.", callback=_said),
]


def release_message(
    message: RowId, reason: Reason, data: DataFolder = None, as_json: AsJson = False
) -> None:
    """Decide a held message again, overruling what it was held for.

    What cannot be read or mapped stays held until the site's files are mended; a
    waiting one is decided when its order comes; an identity hold takes two people
    and is refused here. Exit status 0 if the message is no longer held, 1 if it is.

    Example: baton messages release 01K5ZJ7Q2M8ABCDE --reason "checked with ward"
    """
    _redecide(message, reason, data, dismissing=False, as_json=as_json)


def dismiss_message(
    message: RowId, reason: Reason, data: DataFolder = None, as_json: AsJson = False
) -> None:
    """Close a held or waiting message without effect; it was dealt with otherwise.

    Example: baton messages dismiss 01K5ZJ7Q2M8ABCDE --reason "resent as X12"
    """
    _redecide(message, reason, data, dismissing=True, as_json=as_json)


def _redecide(
    message: str, reason: str, data: Path | None, *, dismissing: bool, as_json: bool
) -> None:
    from gateway.core.verdict import MessageState
    from gateway.flow import replay

    settings = settings_with(data=data)
    store = open_beside(settings.data)
    kept = store.kept(message)
    if kept is None:
        missing(message, f"baton messages list --control-id {message}")
    rules, now = _rules(settings, store), SystemClock().now()
    try:
        if dismissing:
            work = replay.dismiss(kept.message, kept.state, rules=rules, now=now)
        else:
            work = replay.release(
                kept.message, kept.state, kept.problems, rules=rules, now=now
            )
        verdict = store.redecide(
            message,
            work,
            action="dismiss" if dismissing else "release",
            reason=reason,
            who=who(),
            now=now,
        )
    except NotAllowed as refused:
        _refuse(refused)
    _done({"id": message}, verdict.state, verdict.problems, as_json=as_json)
    if verdict.state is MessageState.HELD:
        raise typer.Exit(1)


def resolve_delivery(
    delivery: RowId,
    reason: Reason,
    as_: Annotated[
        Resolution, typer.Option("--as", help="What you found; ready sends it again.")
    ],
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Say what became of a held, dead or ready delivery; its lane goes on.

    The order learns of it too: what was refused or superseded can be corrected
    and is submitted anew, and its site is told.

    Ask the receiver first: sent again, what it has already may be done twice. A
    hold on the order's identity stays. Exit status 1 if the delivery is on its way
    or done.

    Example: baton deliveries resolve 01K5ZJ7Q2M8ABCDE-d1 --as delivered
    --reason "portal shows HX-000017"
    """
    from gateway.flow import resolving

    settings = settings_with(data=data)
    store = open_beside(settings.data)
    row = store.delivery(delivery)
    if row is None:
        _refuse(NotAllowed(Problem("delivery.unknown", delivery)))
    rules, now = _rules(settings, store), SystemClock().now()
    origin = _origin(now)
    try:
        sequel = resolving.found(as_, row, rules=rules, origin=origin, now=now)
        store.resolve(
            delivery, as_=as_, reason=reason, who=who(), now=now, sequel=sequel
        )
    except NotAllowed as refused:
        _refuse(refused)
    _done({"id": delivery}, as_, as_json=as_json)


def close_alarm(
    code: Annotated[str, typer.Argument(metavar="CODE")],
    subject: Annotated[str, typer.Argument(metavar="SUBJECT")],
    reason: Reason,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Close an alarm that was seen to; it opens again if its condition comes again.

    Exit status 1 if no such alarm is open.

    Example: baton alarms close site.paused st_elm --reason "file mended"
    """
    now = SystemClock().now()
    try:
        beside(data).close_alarm(code, subject, reason=reason, who=who(), now=now)
    except NotAllowed as refused:
        _refuse(refused)
    _done({"code": code, "subject": subject}, "closed", as_json=as_json)


def _rules(settings: Settings, store: Beside) -> Rules:
    """Return the rules of the server that serves the data folder.

    Their files may have been edited since it started: what a ledger will name is
    kept first.
    """
    from gateway.app.wiring import Parts, mappings_of

    parts = Parts()
    catalog = parts.load(mappings_of(settings))
    store.keep_mappings(catalog.texts)
    return parts.rules(catalog)


def _origin(now: datetime) -> str:
    """Name what a person's action causes."""
    from gateway.app.clock import new_minter

    return new_minter().mint(int(now.timestamp() * 1000))


def _done(
    named: dict[str, str],
    state: str,
    problems: Sequence[Problem] = (),
    *,
    as_json: bool,
) -> None:
    """Say how it stands now, and what is still wrong."""
    if as_json:
        found = [{"code": p.code, "where": p.where} for p in problems]
        print_json({**named, "state": state, "problems": found})
        return
    out.print(f"{' '.join(named.values())}: {state}", markup=False, soft_wrap=True)
    for problem in problems:
        err.print(explained(problem), markup=False, soft_wrap=True)


def _refuse(refused: NotAllowed) -> NoReturn:
    complain(refused)
    raise typer.Exit(1)
