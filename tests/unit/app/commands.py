"""``baton`` in this process, as a person at a terminal has it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import structlog
from typer.testing import CliRunner

from gateway.app.cli.root import app


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, and how it ended; ``raw`` is ``out`` in bytes."""

    status: int
    out: str
    err: str
    raw: bytes

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What ``--json`` printed, line by line."""
        return [orjson.loads(line) for line in self.out.splitlines()]


def baton(*arguments: str, data: Path | None = None, **settings: str) -> Said:
    """Run ``baton`` with ``arguments``; ``settings`` are BATON_ variables.

    ``BatonError`` is what ``main`` turns into exit status 2.
    """
    environment = {f"BATON_{name.upper()}": value for name, value in settings.items()}
    if data is not None:
        environment["BATON_DATA"] = str(data)
    # Wide enough for a table's row to stay on its line.
    environment |= {"COLUMNS": "200", "NO_COLOR": "1"}
    try:
        result = CliRunner().invoke(app, arguments, env=environment)
    finally:
        structlog.reset_defaults()  # it logs to a stream that is closed now
    return Said(result.exit_code, result.stdout, result.stderr, result.stdout_bytes)
