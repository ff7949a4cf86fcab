"""Each third-party library has one home, so that it can be replaced there."""

import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.architecture.reading import PRODUCT, ROOT, imports, place, plant, sources

# Import name -> where it may be named. A library that is not here has no home
# yet: give it one, and a decision record if it is new. Tests may use any.
HOMES: dict[str, tuple[str, ...]] = {
    "aiohttp": ("adapters/portal_rest/*", "conformance/simulators/*"),
    "apsw": ("gateway/store/sqlite*",),
    "fastapi": ("gateway/app/http*",),
    "httpx2": ("adapters/portal_rest/auth*",),
    "orjson": ("*",),
    "prometheus_client": ("gateway/app/telemetry*",),
    "pydantic": ("*",),
    "pydantic_settings": ("gateway/app/settings*",),
    "rich": ("gateway/app/*", "conformance/*"),
    "standardwebhooks": ("adapters/portal_rest/*",),
    "starlette": ("gateway/app/http*",),
    "structlog": ("gateway/app/telemetry*",),
    "tenacity": ("adapters/portal_rest/*",),
    "typer": ("gateway/app/*", "conformance/*"),
    "uvicorn": ("gateway/app/*",),
    "uvloop": ("gateway/app/*",),
    "yaml": ("gateway/mapping/*",),
}

OUR_OWN = {*PRODUCT, "tests", ""}


def foreign(path: Path) -> set[str]:
    """Return the libraries a file imports that are neither ours nor Python's."""
    tops = {name.split(".", maxsplit=1)[0] for name in imports(path)}
    return tops - OUR_OWN - sys.stdlib_module_names


def at_home(library: str, file: str) -> bool:
    """Tell whether ``file`` may name ``library``."""
    return any(fnmatch(file, home) for home in HOMES.get(library, ()))


def faults(root: Path) -> Iterator[str]:
    """Yield one line for each library named outside its home."""
    for path in sources(root):
        file = place(path, root)
        for library in sorted(foreign(path)):
            if not at_home(library, file):
                yield f"{file}: {library} does not live here"


@pytest.mark.slow
def test_libraries_stay_at_home() -> None:
    assert list(faults(ROOT)) == []


@pytest.mark.slow
def test_every_home_is_lived_in() -> None:
    lived_in = {
        (library, home)
        for path in sources(ROOT)
        for library in foreign(path)
        for home in HOMES[library]
        if fnmatch(place(path, ROOT), home)
    }

    assert lived_in == {(library, h) for library, homes in HOMES.items() for h in homes}


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("gateway/flow/intake.py", "import apsw"),
        ("gateway/store/postgres.py", "import apsw"),
        ("adapters/fhir_r4/routes.py", "from fastapi import APIRouter"),
        ("adapters/portal_rest/sender.py", "import httpx2"),
        ("gateway/core/order.py", "import yaml.nodes"),
        ("adapters/hl7v2/reader.py", "def f():\n    from hl7apy.parser import parse"),
        ("gateway/flow/intake.py", "import structlog"),
        ("gateway/app/cli.py", "import requests"),
    ],
)
def test_a_library_away_from_home_is_found(
    tmp_path: Path, file: str, line: str
) -> None:
    plant(tmp_path, {file: line})

    (fault,) = faults(tmp_path)

    assert fault.startswith(file)


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("gateway/store/sqlite.py", "import apsw"),
        ("gateway/store/sqlite/writer.py", "import apsw.ext"),
        ("gateway/app/http/console.py", "from fastapi import APIRouter"),
        ("gateway/core/order.py", "import hashlib\nimport orjson"),
        ("tests/unit/test_er7.py", "import hl7"),
    ],
)
def test_a_library_at_home_is_free(tmp_path: Path, file: str, line: str) -> None:
    plant(tmp_path, {file: line})

    assert list(faults(tmp_path)) == []
