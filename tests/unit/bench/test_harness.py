import stat
from pathlib import Path

import pytest

from tests.bench import harness
from tests.bench.harness import open_harness, usable
from tests.bench.processes import Failed
from tests.bench.report import Report

PEERS = """[
 {"name": "plain", "cmd": "{bin}/plain --port {port}"},
 {"name": "one-shot", "cmd": "{bin}/plain", "reconnect": true},
 {"name": "modern", "cmd": "{node} x.mjs {port}", "durable": "SQLite"}
]"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setattr(harness, "CACHE", folder)
    return folder


@pytest.fixture
def perf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A harness nobody may write to, like the real one."""
    folder = tmp_path / "perf"
    (folder / "src").mkdir(parents=True)
    (folder / "peers.json").write_text(PEERS)
    (folder / "Makefile").write_text("all:\n\ttouch built\n")
    (folder / "src" / "plain.c").write_text("int main(void) { return 0; }\n")
    for path in (folder / "src", folder):
        path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    monkeypatch.setenv("BATON_PERF", str(folder))
    return folder


def test_a_read_only_harness_is_built_in_a_copy(perf: Path, cache: Path) -> None:
    found = open_harness()

    assert found.folder == cache / "perf"
    assert (found.folder / "built").exists()
    assert (found.folder / "src" / "plain.c").exists()
    assert not (perf / "built").exists()


def test_a_changed_harness_is_copied_again(perf: Path, cache: Path) -> None:
    open_harness()
    (perf / "peers.json").write_text("[]")

    assert open_harness().peers("peers.json") == {}


def test_without_a_harness_a_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATON_PERF", str(tmp_path / "nowhere"))
    report = Report()

    assert usable("peers.json", ["plain"], "Intake", report) == (None, [])
    (sentence,) = report.missing
    assert "set BATON_PERF" in sentence


def test_what_cannot_run_is_left_out_with_its_reason(perf: Path, cache: Path) -> None:
    report = Report()

    _, found = usable(
        "peers.json", ["plain", "one-shot", "modern", "unheard-of"], "Intake", report
    )

    assert [peer.name for peer in found] == ["plain"]
    assert [s.split(" was not")[0] for s in report.missing] == [
        "Intake of one-shot",
        "Intake of modern",
        "Intake of unheard-of",
    ]


def test_a_command_names_the_copy_and_the_port(perf: Path, cache: Path) -> None:
    found = open_harness()

    command = found.command(found.peers("peers.json")["plain"], 4711)

    assert command == [f"{cache}/perf/bin/plain", "--port", "4711"]


def test_a_harness_that_does_not_build_says_why(perf: Path, cache: Path) -> None:
    (perf / "Makefile").write_text("all:\n\techo no compiler here >&2; exit 1\n")

    with pytest.raises(Failed, match="no compiler here"):
        open_harness()
