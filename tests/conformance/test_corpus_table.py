"""The table of verdicts is whole, and a corpus that is not there is not passed over."""

import os
import socket
import subprocess
import sys

import pytest

from tests.conformance.corpus import ROOT, listed, table

ITSELF = "tests/conformance/test_corpus_table.py::test_the_table_has_every_file_once"


def test_the_table_has_every_file_once() -> None:
    files = [row.file for row in table()]

    assert len(files) == len(set(files))
    assert set(files) == listed()


def test_every_row_gives_its_reason() -> None:
    assert [row.file for row in table() if not row.reason.endswith(".")] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("required", "status", "said"),
    [
        pytest.param("", 0, "1 tests skipped: their files are not in", id="skipped"),
        pytest.param("1", 1, "1 failed", id="failed if required"),
    ],
)
def test_a_missing_corpus_is_said(required: str, status: int, said: str) -> None:
    environment = os.environ | {
        "BATON_CORPUS": "no/such/folder",
        "BATON_REQUIRE_CORPUS": required,
    }

    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", ITSELF],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == status
    assert said in ended.stdout


def test_no_test_reaches_another_machine() -> None:
    with socket.socket() as sock, pytest.raises(AssertionError, match=r"192\.0\.2\.1"):
        sock.connect(("192.0.2.1", 80))
