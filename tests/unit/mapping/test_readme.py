"""The page people write mappings from names all there is, and works as it stands."""

import re
from pathlib import Path

import pytest

from gateway.mapping.canonical import ROOTS
from gateway.mapping.conditions import TESTS
from gateway.mapping.judging import MODELS
from gateway.mapping.shapes import members
from gateway.mapping.transforms import TRANSFORMS
from tests.unit.mapping.builders import FORMATS

ROOT = Path(__file__).parents[3]
README = (ROOT / "mappings/README.md").read_text(encoding="utf-8")
READERS = ("site_file", "portal_file", "compiler", "reading", "leaves", "grammar")
WORDS = set(re.findall(r"[a-z_0-9]+", README))


def keys(module: str) -> set[str]:
    """Return the keys a reader of documents asks for."""
    text = (ROOT / f"gateway/mapping/{module}.py").read_text(encoding="utf-8")
    asked = r"\.(?:text|word|flag|texts|items|entries|mapping|node|durations?|setting)"
    return set(re.findall(asked + r'\(\s*"([a-z_]+)"', text))


@pytest.mark.parametrize("module", READERS)
def test_every_key_is_on_the_page(module: str) -> None:
    assert keys(module) - WORDS == set()
    assert keys(module)


def test_every_name_is_on_the_page() -> None:
    names = {*TRANSFORMS, *TESTS, *MODELS, *ROOTS, *FORMATS}
    for root in ("event", "delivery", "site", "facility"):
        names |= members(ROOTS[root].model or object).keys()

    assert names - WORDS == set()


def test_every_place_on_the_page_is_one() -> None:
    row = {
        line.split("|")[1].strip(): line for line in README.splitlines() if "|" in line
    }
    for name, column in (("hl7v2", 2), ("json", 2)):
        cell = row[f"`{name}`"].split("|")[column]
        for place in re.findall(r'`"?([^`"]+)"?`', cell):
            FORMATS[name].place(place)


def test_every_group_on_the_page_is_one() -> None:
    row = next(line for line in README.splitlines() if line.startswith("| `hl7v2`"))
    cell = row.split("|")[3].split("Inside")[0]

    groups = re.findall(r'`"?([^`"]+)"?`', cell)

    assert groups == ["ORC...", "OBX", "OBX[3.1=x]", "PID-3"]
    for group in groups:
        FORMATS["hl7v2"].group(group)


def test_every_table_says_where_it_comes_from() -> None:
    for file in (ROOT / "mappings").glob("**/*.csv"):
        assert file.read_text(encoding="utf-8").startswith("# source: "), file
