"""How the bench speaks: Markdown on standard output, progress on standard error."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson


@dataclass(slots=True)
class Report:
    """Collects what a run showed, and what it could not.

    Attributes:
        results: A file every single measurement is appended to, if wanted.
        missing: What was not measured, and why; each a sentence.
        errors: Wrong, negative or lost answers of Baton.
    """

    results: Path | None = None
    missing: list[str] = field(default_factory=list)
    errors: int = 0

    def say(self, *lines: str) -> None:
        """Print lines of the report."""
        for line in lines:
            sys.stdout.write(line + "\n")
        sys.stdout.flush()

    def progress(self, line: str) -> None:
        """Tell the person who waits."""
        sys.stderr.write(line + "\n")
        sys.stderr.flush()

    def lacks(self, what: str, why: str) -> None:
        """Note what was not measured."""
        sentence = f"{what} was not measured: {why}."
        if sentence not in self.missing:
            self.missing.append(sentence)
            self.progress(sentence)

    def record(self, section: str, **figures: object) -> None:
        """Append one measurement to the results file."""
        if self.results is None:
            return
        line = orjson.dumps({"section": section, **figures}, default=str)
        with self.results.open("ab") as file:
            file.write(line + b"\n")

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print a Markdown table."""
        self.say("| " + " | ".join(columns) + " |", "|" + "---|" * len(columns))
        self.say(*("| " + " | ".join(row) + " |" for row in rows), "")


def times(factor: float) -> str:
    """Write a ratio."""
    return f"{factor:.2f}×" if factor else "-"  # noqa: RUF001 - a multiplication sign
