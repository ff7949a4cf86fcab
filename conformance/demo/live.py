"""The demo's live view: what is where, right now."""

from collections import Counter

from rich.console import Group
from rich.panel import Panel
from rich.table import Table

from conformance.demo.scenario import Scenario

WIDTH = 76
"""Columns: fewer than 80, so that the ^C a terminal echoes stays on its line."""


async def picture(scenario: Scenario) -> Panel:
    """Draw the stage as it is."""
    stage = scenario.stage
    gateway = stage.server.gateway
    rows = {
        kind: Counter(row[state] for row in await gateway.looks.rows(kind, limit=1000))
        for kind, state in (
            ("messages", "state"),
            ("orders", "status"),
            ("deliveries", "state"),
        )
    }
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", width=12)
    table.add_column()
    for kind, counts in rows.items():
        table.add_row(kind, _said(counts))
    statuses = {h.name: len(h.receiver.received) for h in stage.hospitals.values()}
    table.add_row("portal", f"{len(stage.portal.book.effects)} effects")
    table.add_row("told", _said(Counter(statuses)))
    title = f"Baton: {scenario.act}"
    return Panel(Group(table), title=title, title_align="left", width=WIDTH)


def _said(counts: Counter[str]) -> str:
    return "  ".join(f"{n} {name}" for name, n in sorted(counts.items())) or "none yet"
