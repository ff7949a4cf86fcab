"""The documents that come from the code agree with it."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.app.documents import documents, write
from gateway.core.commands import Command
from gateway.core.order import TherapyOrder
from gateway.core.problems import CATALOGUE
from gateway.mapping.problems import CATALOGUE as OF_MAPPINGS

ROOT = Path(__file__).parents[2]
WRITTEN = documents()


ATTEMPTS = (
    *(f"adapters/portal_rest/{name}.py" for name in ("auth", "response", "sender")),
    *("adapters/portal_rest/transport.py", "adapters/hl7v2/client.py"),
    *("adapters/hl7v2/sender.py", "gateway/delivery/outcome.py"),
    *("gateway/flow/dispatch.py", "gateway/core/effects.py"),
)
SHOWN = re.compile(
    r"(?:Evidence\(|NotConnected\(|missing\(|_renamed\(\w+, |return |RESOLVED: Final = "
    r'|BY_REPORT = |in CODES else )"([a-z]+\.[a-z0-9_]+)"'
)


def schema(name: str) -> dict[str, Any]:
    """Return a published JSON Schema."""
    loaded: dict[str, Any] = orjson.loads(WRITTEN[name])
    return loaded


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_no_document_is_stale(name: str) -> None:
    """Run ``make docs`` if this fails."""
    path = ROOT / "docs" / name

    assert path.read_text(encoding="utf-8") == WRITTEN[name]


@pytest.mark.parametrize("file", ATTEMPTS)
def test_what_an_attempt_shows_is_in_the_operators_page(file: str) -> None:
    page = (ROOT / "docs/operate.md").read_text("utf-8")
    codes = set(SHOWN.findall((ROOT / file).read_text("utf-8")))

    assert codes
    assert {c for c in codes if f"`{c}`" not in page} - CATALOGUE.keys() == set()


def test_writing_twice_changes_nothing(tmp_path: Path) -> None:
    first = write(tmp_path)

    assert sorted(path.name for path in first) == sorted(WRITTEN)
    assert write(tmp_path) == []


def test_a_stale_document_is_written_anew(tmp_path: Path) -> None:
    write(tmp_path)
    stale = tmp_path / "problems.md"
    stale.write_text("old", encoding="utf-8")

    assert write(tmp_path) == [stale]
    assert stale.read_text(encoding="utf-8") == WRITTEN["problems.md"]


@pytest.mark.slow
def test_make_docs_writes_into_the_folder_it_is_given(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gateway.app.documents", str(tmp_path)]

    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)

    assert sorted(done.stdout.splitlines()) == sorted(
        str(tmp_path / name) for name in WRITTEN
    )


def test_the_orders_schema_requires_what_an_order_cannot_be_without() -> None:
    """Adding to this list breaks every site's mapping."""
    assert schema("order.schema.json")["required"] == [
        "placer_number",
        "facility",
        "patient",
        "product",
        "id",
        "site",
        "status",
    ]


def test_the_orders_schema_names_every_field_and_no_other() -> None:
    published = schema("order.schema.json")

    assert set(published["properties"]) == set(TherapyOrder.model_fields)
    assert published["additionalProperties"] is False


def test_the_commands_schema_tells_commands_apart_by_name() -> None:
    mapping = schema("commands.schema.json")["discriminator"]["mapping"]
    names = {
        kind.model_fields["command"].annotation.__args__[0]
        for kind in Command.__args__[0].__args__
    }

    assert set(mapping) == names


@pytest.mark.parametrize("name", ["order.schema.json", "commands.schema.json"])
def test_a_schema_is_sorted_so_that_a_change_shows_as_one(name: str) -> None:
    def keys_are_sorted(value: Any) -> bool:  # noqa: ANN401 - whatever JSON holds
        if isinstance(value, dict):
            inner = all(map(keys_are_sorted, value.values()))
            return inner and list(value) == sorted(value)
        return not isinstance(value, list) or all(map(keys_are_sorted, value))

    assert keys_are_sorted(schema(name))


def test_every_code_has_its_line() -> None:
    lines = WRITTEN["problems.md"].splitlines()
    rows = [line.split(" | ") for line in lines if line.startswith("| `")]

    assert {row[0]: len(row) for row in rows} == {
        **{f"| `{code}`": 4 for code in CATALOGUE},
        **{f"| `{code}`": 3 for code in OF_MAPPINGS},
    }
