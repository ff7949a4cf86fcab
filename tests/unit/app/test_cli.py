"""The command line by itself: usage, exit statuses, what needs no server."""

import asyncio
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
import pytest
import typer
from typer.testing import CliRunner

from conformance.demo.command import register
from conformance.simulators.messages import ASA
from conformance.simulators.st_elm import StElm
from gateway.app.cli import main
from gateway.app.cli.root import app
from gateway.app.settings import packaged_mappings
from gateway.store.sqlite import open_store
from tests.unit.app.commands import baton


def commands() -> Iterator[tuple[str, str]]:
    """Yield every command's words and help."""
    yield from below("", typer.main.get_command(app))
    demo = typer.Typer()
    register(demo)
    yield "demo", typer.main.get_command(demo).help or ""


def below(words: str, command: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - typer keeps its classes to itself
    inner = getattr(command, "commands", {})
    if not inner:
        yield words.strip(), command.help or ""
    for name, each in inner.items():
        yield from below(f"{words} {name}", each)


COMMANDS = dict(commands())


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_has_an_example_in_its_help(words: str) -> None:
    assert f"Example: baton {words}" in COMMANDS[words]


def test_every_command_is_there() -> None:
    assert set(COMMANDS) == {
        *("serve", "send", "map", "check", "audit", "log", "demo"),
        *(f"messages {verb}" for verb in ("list", "show", "damage")),
        *(f"messages {verb}" for verb in ("release", "dismiss")),
        *("alarms list", "alarms close"),
        *("orders list", "orders show"),
        *(f"deliveries {verb}" for verb in ("list", "show", "resolve")),
    }


def test_the_version_is_that_of_the_package() -> None:
    assert baton("--version").out == f"baton {version('baton-gateway')}\n"


def test_a_demo_that_is_stopped_early_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def stopped(*, once: bool) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr("conformance.demo.show.show", stopped)
    demo = typer.Typer()
    register(demo)

    result = CliRunner().invoke(demo, ["--once"])

    assert result.exit_code == 130
    assert "nothing was checked yet" in result.stderr


@pytest.mark.parametrize("words", [words for words in COMMANDS if words != "demo"])
def test_every_command_shows_its_help(words: str) -> None:
    said = baton(*words.split(), "--help")

    assert said.status == 0
    assert "Example: baton" in said.out


@pytest.mark.parametrize(
    "arguments",
    [
        ["messages", "list", "--no-such-option"],
        ["messages", "release", "ID"],
        ["deliveries", "resolve", "ID", "--reason", "x", "--as", "forgotten"],
        ["messages", "list", "--limit", "0"],
        ["messages", "list", "--state", "foo"],
        ["orders", "list", "--status", "foo"],
        ["deliveries", "list", "--state", "foo"],
        ["alarms", "list", "--state", "foo"],
        ["no-such-command"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_status_2(arguments: list[str]) -> None:
    assert baton(*arguments).status == 2


# ------------------------------------------------------------ a store or none


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A data folder as a server that was never sent anything left it."""

    async def made() -> None:
        await open_store(tmp_path / "data").close()

    asyncio.run(made())
    return tmp_path / "data"


@pytest.mark.parametrize(
    "arguments",
    [
        ["messages", "show", "ID"],
        ["messages", "show", "ID", "--raw"],
        ["messages", "release", "ID", "--reason", "x"],
        ["messages", "dismiss", "ID", "--reason", "x"],
        ["orders", "show", "ID"],
        ["deliveries", "show", "ID"],
        ["deliveries", "resolve", "ID", "--reason", "x", "--as", "delivered"],
    ],
    ids=" ".join,
)
def test_an_unknown_id_is_status_1(empty: Path, arguments: list[str]) -> None:
    said = baton(*arguments, data=empty)

    assert (said.status, said.out) == (1, "")
    assert "ID" in said.err


def test_an_unknown_id_comes_with_another_way_to_find_it(empty: Path) -> None:
    assert "--control-id X1" in baton("messages", "show", "X1", data=empty).err
    assert "--placer-number X1" in baton("orders", "show", "X1", data=empty).err


@pytest.mark.parametrize("kind", ["messages", "orders"])
def test_a_site_nobody_knows_is_status_2(empty: Path, kind: str) -> None:
    said = baton(kind, "list", "--site", "foo", data=empty)

    assert (said.status, said.out) == (2, "")
    assert "st_elm" in said.err
    assert baton(kind, "list", "--site", "st_elm", data=empty).status == 0


@pytest.mark.parametrize(
    "words",
    [
        *("messages list", "orders list", "deliveries list", "alarms list"),
        *("messages damage", "log"),
    ],
)
def test_an_empty_listing_is_empty(empty: Path, words: str) -> None:
    assert baton(*words.split(), "--json", data=empty).out == ""
    assert "Nothing here." in baton(*words.split(), data=empty).err


def test_an_alarm_that_is_not_open_cannot_be_closed(empty: Path) -> None:
    said = baton("alarms", "close", "site.paused", "x", "--reason", "y", data=empty)

    assert (said.status, said.out) == (1, "")
    assert "alarm.not_open" in said.err


def test_the_books_of_nothing_close(empty: Path) -> None:
    said = baton("audit", "--json", data=empty)

    (audit,) = said.rows
    assert (said.status, audit["clean"]) == (0, True)


def test_without_a_store_is_status_2_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["baton", "audit", "--data", str(tmp_path)])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 2
    assert "store.missing" in capsys.readouterr().err


# ------------------------------------------------------------ mappings


def test_map_prints_canonical_commands(tmp_path: Path) -> None:
    """Of a file as an editor leaves it, with LF."""
    file = tmp_path / "order.hl7"
    file.write_bytes(StElm().new_order("T1", ASA).replace(b"\r", b"\n"))

    said = baton("map", str(file), "--site", "st_elm")

    (command,) = orjson.loads(said.out)["commands"]
    assert said.status == 0
    assert command["command"] == "place"
    assert command["order"]["patient"]["name"]["family"] == ASA.family


@pytest.mark.parametrize("name", ["order-new", "order-two", "order-change"])
def test_map_prints_what_an_example_expects(name: str) -> None:
    file = packaged_mappings() / f"sites/st_elm/examples/{name}.hl7"

    said = baton("map", str(file), "--site", "st_elm")

    assert orjson.loads(said.out) == orjson.loads(
        file.with_suffix(".json").read_bytes()
    )


def test_map_says_where_a_message_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "order.hl7"
    file.write_bytes(StElm().new_order("T1", ASA, product="NO-SUCH"))

    said = baton("map", str(file), "--site", "st_elm")

    assert (said.status, said.out) == (1, "")
    assert "OBR-4.1: code.unknown" in said.err


def test_map_says_that_a_sender_is_not_the_sites(tmp_path: Path) -> None:
    """Its order is printed all the same: the mapping is what a person looks at."""
    file = tmp_path / "order.hl7"
    file.write_bytes(StElm().new_order("T1", ASA).replace(b"|ELMCARE|", b"|ELMCAER|"))

    said = baton("map", str(file), "--site", "st_elm")

    assert (said.status, len(orjson.loads(said.out)["commands"])) == (1, 1)
    assert "MSH-3: sender.stranger" in said.err


def test_map_knows_its_sites(tmp_path: Path) -> None:
    (tmp_path / "x.hl7").write_bytes(b"MSH|")

    said = baton("map", str(tmp_path / "x.hl7"), "--site", "nowhere")

    assert said.status == 2
    assert "st_elm" in said.err
