"""The operators' token: made once, and refused if others could know it."""

from pathlib import Path

import pytest

from gateway.app.wiring import SHORTEST_TOKEN, operator_token
from gateway.core.errors import Misconfigured, Problem


def test_a_token_is_made_once_and_long_enough(tmp_path: Path) -> None:
    made = operator_token(tmp_path)

    assert len(made) >= SHORTEST_TOKEN
    assert operator_token(tmp_path) == made


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("x" * (SHORTEST_TOKEN - 1), 0o600),
        ("", 0o600),
        ("x" * SHORTEST_TOKEN, 0o640),
        ("x" * SHORTEST_TOKEN, 0o604),
    ],
    ids=["short", "empty", "for its group", "for all"],
)
def test_a_token_that_others_may_guess_or_read_stops_the_start(
    tmp_path: Path, text: str, mode: int
) -> None:
    path = tmp_path / "token"
    path.write_text(text, encoding="ascii")
    path.chmod(mode)

    with pytest.raises(Misconfigured) as stop:
        operator_token(tmp_path)

    assert stop.value.problems == (Problem("settings.token_file", str(path)),)
