"""Documents that are written from the code, so that they cannot disagree with it.

``make docs`` writes them into ``docs/``; a test fails while they are stale.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter

from gateway.core.commands import Command
from gateway.core.order import TherapyOrder
from gateway.core.problems import CATALOGUE
from gateway.mapping.problems import CATALOGUE as OF_MAPPINGS

DIALECT = "https://json-schema.org/draft/2020-12/schema"

PREFACE = """\
# Problems

Written by `make docs` from the tables in the code. A code says what is wrong; the
place beside it (`PID-7`, `order.yaml:9`) says where; neither ever holds a value.
Codes are never reused.
"""
OF_MESSAGES = """\
## Messages, deliveries and servers

Reported in acknowledgements, alarms, the command line and the log. The number is
that of HL7 table 0357, sent in ERR-3 (before 2.5 in ERR-1.4).
"""
OF_FOLDERS = """\
## The mappings folder

Reported by `baton check` with file and line; senders do not hear them. What does not
compile closes its site, whose messages are answered `site.paused`, or leaves out its
manufacturer. A sender that two sites claim and what is said of examples close nothing.
"""


def documents() -> dict[str, str]:
    """Return every written document by its name in ``docs/``."""
    return {
        "order.schema.json": _schema(TypeAdapter(TherapyOrder)),
        "commands.schema.json": _schema(TypeAdapter(Command), title="Command"),
        "problems.md": _problems(),
    }


def write(folder: Path) -> list[Path]:
    """Write every document into ``folder``; return those that changed."""
    changed = []
    for name, text in documents().items():
        path = folder / name
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed


def _schema(adapter: TypeAdapter[Any], **extra: str) -> str:
    schema = {"$schema": DIALECT} | extra | adapter.json_schema()
    style = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS
    return orjson.dumps(schema, option=style).decode() + "\n"


def _problems() -> str:
    messages = [
        (code, meaning.says, meaning.then, str(meaning.hl7))
        for code, meaning in sorted(CATALOGUE.items())
    ]
    folders = [
        (code, advice.says, advice.then) for code, advice in sorted(OF_MAPPINGS.items())
    ]
    columns = ("code", "means", "what to do next", "HL7 0357")
    parts = (PREFACE, OF_MESSAGES, _table(columns, messages))
    return "\n".join([*parts, OF_FOLDERS, _table(columns[:3], folders)])


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [columns, ("---",) * len(columns), *map(_cells, rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _cells(row: tuple[str, ...]) -> Iterator[str]:
    code, *texts = row
    yield f"`{code}`"
    for text in texts:
        yield "".join(f"\\{c}" if c in r"\|*_<`[" else c for c in text)


def main() -> None:
    """Write into the folder given as the only argument, else into ``docs``."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs")
    for path in write(folder):
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
