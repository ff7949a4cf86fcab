"""Where real messages by others lie; they are test input and never committed."""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import NO_CORPUS

ROOT = Path(__file__).parents[2]
TABLE = Path(__file__).parent / "corpus_verdicts.csv"


def folder() -> Path:
    """Return the corpus folder, which need not be there."""
    return ROOT / os.environ.get("BATON_CORPUS", "../shared/corpus")


def corpus_file(name: str) -> bytes:
    """Return a file's bytes; without the file the test is skipped.

    With ``BATON_REQUIRE_CORPUS=1`` it fails instead.
    """
    path = folder() / name
    if path.is_file():
        return path.read_bytes()
    if os.environ.get("BATON_REQUIRE_CORPUS") == "1":
        pytest.fail(f"{NO_CORPUS}: {path}")
    pytest.skip(f"{NO_CORPUS}: {name}")


@dataclass(frozen=True, slots=True)
class Expected:
    """One row of the table: a file, and what becomes of it at the open test site.

    Attributes:
        wire: ``frame``: put into one MLLP frame. ``raw``: sent as it is, since the
            file is a frame. ``3 frames``: three in a row, see its reason.
        answer: The acknowledgement code and the HL7 table 0357 numbers of its ERR
            segments; ``none``: MSH-15 and MSH-16 ask for none; ``close``: the
            connection ends without an answer.
        state: Of the message; ``none`` if there is no message.
        problems: Code and place of each, notes on accepted messages included.
        reason: Why, in one sentence.
    """

    file: str
    wire: str
    answer: str
    state: str
    problems: str
    reason: str

    @property
    def sent(self) -> bytes:
        """What goes over the wire."""
        data = corpus_file(self.file)
        frame = b"\x0b" + data + b"\x1c\r"
        return {"frame": frame, "raw": data, "3 frames": 3 * frame}[self.wire]

    @property
    def kept(self) -> bytes:
        """What stood in the frame: from the last VT before MSH to the first FS CR."""
        body = self.sent.partition(b"\x1c\r")[0]
        return body[max(0, body.rfind(b"\x0bMSH")) + 1 :]

    @property
    def control_id(self) -> bytes:
        """MSH-10; empty if there is no usable MSH to read it from."""
        if "message.no_header" in self.problems or "message.batch" in self.problems:
            return b""
        head = self.kept.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
        line = head.replace(b"\n", b"\r").partition(b"\r")[0]
        return [*line.split(line[3:4]), *([b""] * 10)][9]


def table() -> Iterator[Expected]:
    """Read the table."""
    with TABLE.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield Expected(**row)


def listed() -> set[str]:
    """Return the HL7 v2 files that the corpus's own index names."""
    rows = csv.DictReader(corpus_file("index.csv").decode("utf-8").splitlines())
    names = {row["file"] for row in rows}
    return {name for name in names if _is_hl7v2(name)}


def _is_hl7v2(name: str) -> bool:
    if name.startswith("derived/"):
        return name.endswith(".hl7")
    return name.startswith(("hl7v2/", "malformed/hl7v2/"))
