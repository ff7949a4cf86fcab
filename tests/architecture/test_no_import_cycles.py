"""No module needs itself. A cycle for types alone is a cycle all the same."""

from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.architecture.reading import ROOT, imports, module_name, plant, sources


def owner(name: str, modules: set[str]) -> str | None:
    """Return the module an imported name is, or is defined in."""
    parts = name.split(".")
    heads = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next((head for head in heads if head in modules), None)


def graph(root: Path) -> dict[str, set[str]]:
    """Return what each module imports of our own."""
    files = {module_name(path, root): path for path in sources(root)}
    names = set(files)
    return {
        module: {owner(name, names) or module for name in imports(path)} - {module}
        for module, path in files.items()
    }


def cycle(root: Path) -> list[str]:
    """Return one cycle, its first module named again at its end, or nothing."""
    try:
        TopologicalSorter(graph(root)).prepare()
    except CycleError as error:
        modules: list[str] = error.args[1]
        return modules
    return []


@pytest.mark.slow
def test_no_module_needs_itself() -> None:
    assert cycle(ROOT) == []


@pytest.mark.parametrize(
    "way_back",
    [
        "from gateway.core.order import Order",
        "from gateway.core import order",
        "import gateway.core.order as it",
        "def f():\n    import gateway.core.order",
        "if TYPE_CHECKING:\n    from gateway.core.order import Order",
    ],
)
def test_a_cycle_is_found(tmp_path: Path, way_back: str) -> None:
    plant(
        tmp_path,
        {
            "gateway/core/order.py": "from gateway.core.identity import Person",
            "gateway/core/identity.py": "from gateway.core.place import Place",
            "gateway/core/place.py": way_back,
        },
    )

    assert set(cycle(tmp_path)) == {
        "gateway.core.order",
        "gateway.core.identity",
        "gateway.core.place",
    }


def test_a_package_that_gathers_its_modules_is_no_cycle(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "gateway/core/__init__.py": "from gateway.core import order",
            "gateway/core/order.py": "import gateway.ledger",
        },
    )

    assert cycle(tmp_path) == []
