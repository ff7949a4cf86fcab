"""A module is named after its subject; these words name none."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.reading import PRODUCT, ROOT, place, plant, sources

EMPTY_WORDS = {
    "base",
    "common",
    "helper",
    "helpers",
    "manager",
    "managers",
    "misc",
    "util",
    "utils",
}


def empty_words(file: str) -> list[str]:
    """Return the empty words in the names of a file and its folders."""
    words = file.removesuffix(".py").replace("/", "_").split("_")
    return sorted(EMPTY_WORDS.intersection(words))


def faults(root: Path) -> Iterator[str]:
    """Yield one line for each file whose name says nothing."""
    for path in sources(root, (*PRODUCT, "tests")):
        file = place(path, root)
        for word in empty_words(file):
            yield f"{file}: {word} names no subject"


def test_names_say_something() -> None:
    assert list(faults(ROOT)) == []


@pytest.mark.parametrize(
    "file",
    [
        "gateway/core/utils.py",
        "gateway/common/order.py",
        "adapters/hl7v2/http_helpers.py",
        "conformance/base.py",
        "tests/unit/lane_manager.py",
        "gateway/core/_misc.py",
    ],
)
def test_an_empty_name_is_found(tmp_path: Path, file: str) -> None:
    plant(tmp_path, {file: ""})

    (fault,) = faults(tmp_path)

    assert fault.startswith(file)


def test_a_word_inside_another_is_free(tmp_path: Path) -> None:
    plant(tmp_path, {"gateway/core/database.py": "", "gateway/core/commonality.py": ""})

    assert list(faults(tmp_path)) == []
