"""Reading source as text: nothing is imported, so a broken module is read too."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ("gateway", "adapters", "conformance")


def sources(root: Path, tops: tuple[str, ...] = PRODUCT) -> list[Path]:
    """List the Python files below ``tops``, in a stable order."""
    return sorted(path for top in tops for path in (root / top).rglob("*.py"))


def place(path: Path, root: Path) -> str:
    """Name a file the way the tables of these tests do: from the root, with /."""
    return path.relative_to(root).as_posix()


def module_name(path: Path, root: Path) -> str:
    """Return the dotted name; a package is named without ``__init__``."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def tree(path: Path) -> ast.Module:
    """Parse one file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(path: Path) -> Iterator[str]:
    """Yield every name ``path`` imports, in functions and for types alone too."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from (f"{module}.{alias.name}" for alias in node.names)


def plant(root: Path, files: Mapping[str, str]) -> Path:
    """Write a small source tree for a checker to find fault with."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root
