"""Small enough to read: modules that everything passes through began small."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.reading import PRODUCT, ROOT, place, plant, sources, tree

MOST_LINES_IN_A_FILE = 400
MOST_LINES_IN_A_FUNCTION = 50


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield each function's name and length, from ``def`` to its last line."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def faults(root: Path) -> Iterator[str]:
    """Yield one line for each file or function that has grown too long."""
    for path in sources(root, (*PRODUCT, "tests")):
        file = place(path, root)
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > MOST_LINES_IN_A_FILE:
            yield f"{file}: {lines} lines"
        for name, length in functions(path):
            if length > MOST_LINES_IN_A_FUNCTION:
                yield f"{file}: {name} has {length} lines"


def function_of(lines: int) -> str:
    """Return the source of a function that long."""
    return "def f():\n" + "    pass\n" * (lines - 1)


@pytest.mark.slow
def test_nothing_has_grown_too_long() -> None:
    assert list(faults(ROOT)) == []


@pytest.mark.parametrize("file", ["gateway/core/order.py", "tests/unit/test_x.py"])
@pytest.mark.parametrize(
    "text",
    [
        "x = 1\n" * (MOST_LINES_IN_A_FILE + 1),
        function_of(MOST_LINES_IN_A_FUNCTION + 1),
        "async " + function_of(MOST_LINES_IN_A_FUNCTION + 1),
    ],
    ids=["file", "function", "coroutine"],
)
def test_what_is_too_long_is_found(tmp_path: Path, file: str, text: str) -> None:
    plant(tmp_path, {file: text})

    (fault,) = faults(tmp_path)

    assert fault.startswith(file)


def test_the_limit_itself_is_allowed(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "gateway/a.py": "x = 1\n" * MOST_LINES_IN_A_FILE,
            "gateway/b.py": function_of(MOST_LINES_IN_A_FUNCTION),
        },
    )

    assert list(faults(tmp_path)) == []
