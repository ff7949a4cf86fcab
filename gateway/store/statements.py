"""Named SQL: ``sql/<dialect>/<subject>.sql`` holds statements under ``-- name:``."""

import re
from collections.abc import Iterator, Mapping
from importlib import resources

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def statements(dialect: str, subject: str) -> Mapping[str, str]:
    """Read the statements of one file, by name, each on one line.

    They are shortened because the driver finds a prepared statement by its text.
    """
    file = resources.files("gateway.store").joinpath("sql", dialect, f"{subject}.sql")
    parts = _NAME.split(file.read_text("utf-8"))
    return {
        name: " ".join(_code(text)).rstrip(";")
        for name, text in zip(*_halves(parts), strict=True)
    }


def _halves(parts: list[str]) -> tuple[list[str], list[str]]:
    """Separate names from texts; what stands before the first name is a header."""
    return parts[1::2], parts[2::2]


def _code(text: str) -> Iterator[str]:
    for line in text.splitlines():
        code = line.partition("--")[0].strip()
        if code:
            yield code
