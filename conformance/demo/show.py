"""Runs the demo: plays the scenario, draws it, and says what held."""

import asyncio
import contextlib
import tempfile
from pathlib import Path

from rich.console import Console
from rich.live import Live

from conformance.demo.hurry import hurried
from conformance.demo.live import picture
from conformance.demo.scenario import Expectation, Scenario
from conformance.demo.stage import Stage
from gateway.app.telemetry import configure_logs
from gateway.store.audit import Audit

out = Console(highlight=False)


async def show(*, once: bool) -> bool:
    """Play the scenario and report; return whether everything held."""
    configure_logs(quiet=True)
    with tempfile.TemporaryDirectory(prefix="baton-demo-") as folder:
        return await _show(Path(folder), once=once)


async def _show(folder: Path, *, once: bool) -> bool:
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


def _report(found: list[Expectation], books: Audit) -> bool:
    out.print()
    for expectation in found:
        mark = "[green]ok[/]  " if expectation.held else "[red]FAIL[/]"
        aside = f"  [dim]({expectation.found})[/]" if expectation.found else ""
        out.print(f"{mark} {expectation.says}{aside}")
    out.print(str(books), highlight=False)
    kept = sum(e.held for e in found)
    out.print(f"{kept} of {len(found)} expectations held.")
    return kept == len(found) and books.clean
