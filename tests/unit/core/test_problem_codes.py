"""Every problem code is explained, and every explained code is used."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.core.problems import CATALOGUE
from gateway.mapping.problems import CATALOGUE as OF_MAPPINGS
from tests.architecture.reading import ROOT, place, plant, sources, tree

TABLES = ("gateway/core/problems.py", "gateway/mapping/problems.py")

# Functions that take a code, and which argument it is.
TAKES_A_CODE = {
    "Problem": 0,
    "Finding": 0,
    "Alarm": 0,
    "alarm": 0,
    "Hold": 0,
    "Unfit": 0,
    "_unsupported": 0,
    "_rejected": 1,
    "hold_identity": 1,
}
# HL7 table 0357, as far as Baton says any of it.
CONDITIONS = {100, 101, 102, 103, 200, 201, 202, 203, 204, 207}


def codes_said(path: Path) -> Iterator[str]:
    """Yield the codes a file writes out where a code belongs."""
    for node in ast.walk(tree(path)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func).rpartition(".")[2]
        given = [*node.args[TAKES_A_CODE.get(name, len(node.args)) :][:1]]
        given += [
            k.value for k in node.keywords if name in TAKES_A_CODE and k.arg == "code"
        ]
        for argument in given:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield argument.value


def unexplained(root: Path) -> Iterator[str]:
    """Yield one line for each code that no catalogue explains."""
    for path in sources(root):
        for code in codes_said(path):
            if code not in CATALOGUE and code not in OF_MAPPINGS:
                yield f"{place(path, root)}: {code} is in no catalogue"


def texts(root: Path, tops: tuple[str, ...]) -> set[str]:
    """Return every text constant of the sources, except the catalogues'."""
    return {
        node.value
        for path in sources(root, tops)
        if place(path, root) not in TABLES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def keywords(table: str) -> list[str]:
    """Return the names a catalogue's file gives, however often."""
    return [
        keyword.arg
        for node in ast.walk(tree(ROOT / table))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "_codes"
        for keyword in node.keywords
        if keyword.arg
    ]


def is_sentence(text: str) -> bool:
    """Tell whether a text reads as one, and can stand in a table."""
    return text[:1].isupper() and text.endswith(".") and "|" not in text


@pytest.mark.slow
def test_every_code_that_is_said_is_explained() -> None:
    assert list(unexplained(ROOT)) == []


@pytest.mark.parametrize(
    "line",
    [
        'Problem("order.mislaid", "ORC-2")',
        'Problem(code="order.mislaid")',
        'errors.Problem("order.mislaid")',
        'Alarm("order.mislaid", order_id)',
        'Unfit("order.mislaid", 1)',
        'book.hold_identity(state, "order.mislaid")',
        '_rejected(Refusal.CONTENT, "order.mislaid", "MSH")',
    ],
)
def test_an_unexplained_code_is_found(tmp_path: Path, line: str) -> None:
    plant(tmp_path, {"gateway/flow/intake.py": line})

    assert list(unexplained(tmp_path)) == [
        "gateway/flow/intake.py: order.mislaid is in no catalogue"
    ]


@pytest.mark.parametrize(
    "line", ['Problem("order.closed")', "Problem(code)", 'place("order.mislaid")']
)
def test_explained_codes_and_other_texts_are_free(tmp_path: Path, line: str) -> None:
    plant(tmp_path, {"gateway/flow/intake.py": line})

    assert list(unexplained(tmp_path)) == []


@pytest.mark.slow
def test_every_explained_code_is_said() -> None:
    said = texts(ROOT, ("gateway", "adapters"))
    for mapping in (ROOT / "mappings").rglob("*.yaml"):
        said |= set(mapping.read_text(encoding="utf-8").split())

    assert set(CATALOGUE) <= said


@pytest.mark.slow
def test_every_code_about_mappings_is_said() -> None:
    said = texts(ROOT, ("gateway",))

    assert {c for c in OF_MAPPINGS if c.removeprefix("mapping.") not in said} == set()


@pytest.mark.parametrize("table", TABLES)
def test_no_code_is_explained_twice(table: str) -> None:
    """Python takes the last of two equal keys, and says nothing."""
    names = keywords(table)

    assert len(names) == len(set(names)) > 0


def test_the_catalogues_share_no_code() -> None:
    assert not set(CATALOGUE) & set(OF_MAPPINGS)


def test_an_explanation_is_two_sentences_and_a_known_number() -> None:
    unclear = [
        code
        for code, meaning in CATALOGUE.items()
        if meaning.hl7 not in CONDITIONS
        or not (is_sentence(meaning.says) and is_sentence(meaning.then))
    ]

    assert unclear == []


def test_an_explanation_of_a_mapping_is_two_sentences() -> None:
    unclear = [
        code
        for code, advice in OF_MAPPINGS.items()
        if not (is_sentence(advice.says) and is_sentence(advice.then))
    ]

    assert unclear == []
