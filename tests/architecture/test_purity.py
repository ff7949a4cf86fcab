"""Pure rooms decide; they do not look at the clock, the dice or the world."""

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.architecture.reading import ROOT, imports, place, plant, sources, tree

PURE = (
    "gateway/core/*",
    "gateway/delivery/*",
    "gateway/routing.py",
    "adapters/hl7v2/ack.py",
    "adapters/hl7v2/er7*",
    "adapters/hl7v2/mllp.py",
)

# I/O, clock, randomness, and what waits for any of them.
IMPURE_MODULES = {
    "asyncio",
    "concurrent",
    "glob",
    "http",
    "io",
    "logging",
    "multiprocessing",
    "os",
    "pathlib",
    "queue",
    "random",
    "secrets",
    "select",
    "selectors",
    "shutil",
    "signal",
    "socket",
    "sqlite3",
    "ssl",
    "subprocess",
    "sys",
    "tempfile",
    "threading",
    "time",
    "urllib.request",
}
IMPURE_NAMES = {"uuid.uuid1", "uuid.uuid4", "uuid.uuid7"}
IMPURE_CALLS = {
    "date.today",
    "datetime.now",
    "datetime.today",
    "datetime.utcnow",
    "input",
    "open",
    "print",
    "uuid.uuid1",
    "uuid.uuid4",
    "uuid.uuid7",
}

# (file, name) -> why it is harmless there. Add a line only with its reason.
ALLOWED: dict[tuple[str, str], str] = {}


def impure_import(name: str) -> bool:
    """Tell whether an imported name is, or is inside, an impure module."""
    parts = name.split(".")
    heads = {".".join(parts[:n]) for n in range(1, len(parts) + 1)}
    return bool(heads & IMPURE_MODULES) or name in IMPURE_NAMES


def impure_calls(path: Path) -> Iterator[str]:
    """Yield calls that read a clock or touch the world, by their last two names."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            name = ".".join(ast.unparse(node.func).split(".")[-2:])
            if name in IMPURE_CALLS:
                yield name


def faults(root: Path) -> Iterator[str]:
    """Yield one line for each impure name in a pure room."""
    for path in sources(root):
        file = place(path, root)
        if not any(fnmatch(file, room) for room in PURE):
            continue
        names = [name for name in imports(path) if impure_import(name)]
        for name in [*names, *impure_calls(path)]:
            if (file, name) not in ALLOWED:
                yield f"{file}: {name} is not pure"


@pytest.mark.slow
def test_pure_rooms_stay_pure() -> None:
    assert list(faults(ROOT)) == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("gateway/core/ids.py", "import secrets"),
        ("gateway/core/ids.py", "from os import urandom"),
        ("gateway/core/ids.py", "import os.path"),
        ("gateway/core/ids.py", "from uuid import uuid4"),
        ("gateway/core/deep/er.py", "import urllib.request"),
        ("gateway/core/order.py", "when = datetime.now(UTC)"),
        ("gateway/core/order.py", "when = datetime.datetime.now()"),
        ("gateway/core/order.py", "body = open('x')"),
        ("gateway/delivery/policy.py", "from random import uniform"),
        ("gateway/routing.py", "import time"),
        ("adapters/hl7v2/mllp.py", "def f():\n    import socket"),
    ],
)
def test_a_look_at_the_world_is_found(tmp_path: Path, file: str, line: str) -> None:
    plant(tmp_path, {file: line})

    (fault,) = faults(tmp_path)

    assert fault.startswith(file)


@pytest.mark.parametrize(
    ("file", "line"),
    [
        (
            "gateway/core/ids.py",
            "from uuid import UUID\nfrom urllib.parse import quote",
        ),
        ("gateway/core/order.py", "from datetime import datetime, time"),
        ("gateway/core/order.py", "when = context.now"),
        ("gateway/core/order.py", "hold = desk.open(1)"),
        ("gateway/flow/intake.py", "import asyncio"),
        ("adapters/hl7v2/listener.py", "import asyncio"),
    ],
)
def test_what_is_pure_or_elsewhere_is_free(
    tmp_path: Path, file: str, line: str
) -> None:
    plant(tmp_path, {file: line})

    assert list(faults(tmp_path)) == []
