"""Settings: what is accepted, and what a person hears of one that is not."""

from pathlib import Path

import pytest

from gateway.app.cli import main
from gateway.app.settings import Settings, read_settings
from gateway.core.errors import Misconfigured, Problem

DOCUMENTED = Path(__file__).parents[3] / "docs" / "operate.md"


@pytest.mark.parametrize("text", ["16MiB", "16 MiB", "16777216"])
def test_a_size_may_have_a_unit(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATON_MAX_FRAME", text)

    assert read_settings().max_frame == 16777216


def test_every_setting_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, text in {
        "MAX_BODY": "a lot",
        "IDLE_SECONDS": "inf",
        "CONNECTIONS_PER_PEER": "0",
        "DRAIN_SECONDS": "-1",
        "OPEN": "ajar",
    }.items():
        monkeypatch.setenv(f"BATON_{name}", text)

    with pytest.raises(Misconfigured) as stop:
        read_settings()

    assert set(stop.value.problems) == {
        Problem("settings.unusable", "BATON_MAX_BODY"),
        Problem("settings.unusable", "BATON_IDLE_SECONDS"),
        Problem("settings.unusable", "BATON_CONNECTIONS_PER_PEER"),
        Problem("settings.unusable", "BATON_DRAIN_SECONDS"),
        Problem("settings.unusable", "BATON_OPEN"),
    }


def test_an_unusable_setting_is_one_line_and_status_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BATON_DRAIN_SECONDS", "-1")
    monkeypatch.setattr("sys.argv", ["baton", "audit"])

    with pytest.raises(SystemExit) as ended:
        main()

    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.startswith("BATON_DRAIN_SECONDS: settings.unusable: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name: str) -> None:
    assert f"`BATON_{name.upper()}`" in DOCUMENTED.read_text("utf-8")
