"""``baton demo``: two hospitals, the gateway, and a portal that fails on purpose."""

import asyncio
import contextlib
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from conformance.demo.hurry import hurried
from conformance.demo.live import picture
from conformance.demo.scenario import Expectation, Scenario
from conformance.demo.stage import Stage

out = Console(highlight=False)


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
    happened that was supposed to, 1 if not.

    Example: baton demo --once
    """
    from gateway.app.telemetry import configure_logs

    configure_logs(quiet=True)
    with tempfile.TemporaryDirectory(prefix="baton-demo-") as folder:
        kept = asyncio.run(_run(Path(folder), once=once))
    raise typer.Exit(0 if kept else 1)


async def _run(folder: Path, *, once: bool) -> bool:
    async with Stage(folder / "data", mappings=hurried(folder / "mappings")) as stage:
        scenario = Scenario(stage)
        with Live(console=out, refresh_per_second=4) as live:
            drawing = asyncio.create_task(_draw(live, scenario))
            try:
                await scenario.play()
                if not once:
                    await _go_on(scenario)
            finally:
                drawing.cancel()
                live.update(await picture(scenario))
        books = await stage.server.gateway.store.audit()
        found = [await check() for check in scenario.checks]
        return _report(found, books)


async def _draw(live: Live, scenario: Scenario) -> None:
    while True:
        with contextlib.suppress(RuntimeError):  # between two gateways
            live.update(await picture(scenario))
        await asyncio.sleep(0.25)


async def _go_on(scenario: Scenario) -> None:
    scenario.act = "going on until Ctrl-C"
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            await scenario.trickle()
            await asyncio.sleep(1)
    await scenario.quiet()


def _report(found: list[Expectation], books: object) -> bool:
    for expectation in found:
        mark = "[green]ok[/]  " if expectation.held else "[red]FAIL[/]"
        aside = f"  [dim]({expectation.found})[/]" if expectation.found else ""
        out.print(f"{mark} {expectation.says}{aside}", soft_wrap=True)
    out.print(books)
    kept = sum(e.held for e in found)
    out.print(f"{kept} of {len(found)} expectations held.")
    return kept == len(found)
