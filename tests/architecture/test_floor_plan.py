"""Imports point downwards. A module may use its own floor's package and below."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.reading import (
    ROOT,
    imports,
    module_name,
    place,
    plant,
    sources,
)

# Ground floor first. Names on one line are neighbours and may not meet.
FLOORS = [
    {"gateway.core"},
    {"gateway.mapping", "gateway.delivery", "gateway.routing"},
    {"gateway.ports"},
    {"gateway.flow"},
    {"gateway.store", "gateway.notifier", "adapters"},
    {"gateway.app", "gateway.__main__"},
    {"conformance"},
]
FLOOR_OF = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}


def room(module: str) -> str | None:
    """Return the named part of the building ``module`` is in, if any."""
    parts = module.split(".")
    names = (".".join(parts[:n]) for n in (2, 1))
    return next((name for name in names if name in FLOOR_OF), None)


def climbs(here: str, name: str) -> bool:
    """Tell whether importing ``name`` leads up, or to a neighbour."""
    mine, there = room(here), room(name)
    if mine is None or there is None or there == mine:
        return False
    return FLOOR_OF[there] >= FLOOR_OF[mine]


def meets_a_stranger(here: str, name: str) -> bool:
    """Tell whether one adapter's folder imports another's."""
    mine, theirs = here.split("."), name.split(".")
    if mine[0] != "adapters" or theirs[0] != "adapters" or len(theirs) < 2:
        return False
    return theirs[1:2] != mine[1:2]


def homeless(module: str) -> bool:
    """Tell whether ``module`` stands on no floor; the bare top package may."""
    return module != "gateway" and room(module) is None


def faults(root: Path) -> Iterator[str]:
    """Yield one line for each import or module that breaks the plan."""
    for path in sources(root):
        here = module_name(path, root)
        if homeless(here):
            yield f"{place(path, root)}: on no floor"
        for name in imports(path):
            if name.startswith("."):
                yield f"{place(path, root)}: relative import {name}"
            elif climbs(here, name):
                yield f"{place(path, root)}: may not use {name}"
            elif meets_a_stranger(here, name):
                yield f"{place(path, root)}: is a stranger to {name}"


@pytest.mark.slow
def test_imports_point_down() -> None:
    assert list(faults(ROOT)) == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("gateway/core/order.py", "from gateway.mapping import document"),
        ("gateway/core/order.py", "import gateway.ports"),
        ("gateway/mapping/render.py", "from gateway import routing"),
        ("gateway/ports.py", "from gateway.flow.intake import receive"),
        ("gateway/store/sqlite.py", "from adapters.hl7v2 import ack"),
        ("gateway/app/wiring.py", "import conformance.demo"),
        ("adapters/fhir_r4/reader.py", "from gateway.store import sqlite"),
        ("adapters/fhir_r4/reader.py", "from adapters.hl7v2.er7 import read"),
        ("adapters/fhir_r4/reader.py", "from adapters import hl7v2"),
        ("gateway/core/order.py", "from . import ids"),
        ("gateway/invoices.py", "x = 1"),
        ("gateway/core/order.py", "def f():\n    import gateway.app.cli"),
        (
            "gateway/core/order.py",
            "if TYPE_CHECKING:\n    from gateway.ports import Store",
        ),
    ],
)
def test_a_way_up_or_across_is_found(tmp_path: Path, file: str, line: str) -> None:
    plant(tmp_path, {file: line})

    (fault,) = faults(tmp_path)

    assert fault.startswith(file)


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("gateway/core/order.py", "from gateway.core import ids"),
        ("gateway/app/wiring.py", "from gateway.store.sqlite import open_store"),
        ("adapters/fhir_r4/reader.py", "from adapters.fhir_r4 import outcome"),
        ("conformance/demo/command.py", "from gateway.app import cli"),
        ("conformance/demo/command.py", "from adapters.hl7v2 import mllp"),
        ("gateway/core/order.py", "from gateway import __version__"),
        ("gateway/__init__.py", "x = 1"),
    ],
)
def test_a_way_down_is_free(tmp_path: Path, file: str, line: str) -> None:
    plant(tmp_path, {file: line})

    assert list(faults(tmp_path)) == []
