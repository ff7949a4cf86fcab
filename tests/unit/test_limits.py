"""The limits that architecture §9 names are those of the code."""

from pathlib import Path
from typing import Any

import pytest

from adapters.hl7v2.header import LONGEST_MSH, MOST_SEGMENTS
from adapters.hl7v2.limits import Limits
from adapters.hl7v2.values import MOST_REPETITIONS
from gateway.app.http import BODY_SECONDS
from gateway.app.http_door import HEADER_SECONDS, MOST_OF_ONE
from gateway.app.settings import Settings
from gateway.app.wiring import Parts, mllp_limits
from gateway.flow.intake import STRANGE
from gateway.mapping.json_format import DEPTH
from gateway.mapping.running import MOST_WINDOWS
from gateway.ports import LARGE

ARCHITECTURE = Path(__file__).parents[2] / "docs" / "architecture.md"
KIB = 1024
MIB = 1024 * KIB
USUAL = Limits()


@pytest.mark.parametrize(
    ("words", "found", "expected"),
    [
        ("Frame 16 MiB", USUAL.frame, 16 * MIB),
        ("first byte 60 s", USUAL.first_byte, 60),
        ("mid-frame 30 s", USUAL.mid_frame, 30),
        ("idle 1 h", USUAL.idle, 3600),
        ("128 connections per peer address", USUAL.per_address, 128),
        ("and 512 in all", USUAL.total_connections, 512),
        ("4 KiB junk between frames", USUAL.junk, 4 * KIB),
        ("16 runs of damage", USUAL.damage, 16),
        ("an MSH of 8 KiB", LONGEST_MSH, 8 * KIB),
        ("10,000 segments", MOST_SEGMENTS, 10_000),
        ("1,000 repetitions of a field", MOST_REPETITIONS, 1000),
        ("99 commands in a message", MOST_WINDOWS, 99),
        ("32 HTTP connections per peer address", MOST_OF_ONE, 32),
        ("10 s for a request's head", HEADER_SECONDS, 10),
        ("30 s for its body", BODY_SECONDS, 30),
        ("body of an HTTP request 1 MiB", Settings().max_body, MIB),
        ("depth 64", DEPTH, 64),
        ("4 KiB are kept", STRANGE, 4 * KIB),
        ("A message over 64 KiB is read on a thread", LARGE, 64 * KIB),
    ],
)
def test_a_limit_is_the_one_the_architecture_names(
    words: str, found: float, expected: float
) -> None:
    _, _, section = ARCHITECTURE.read_text(encoding="utf-8").partition("## 9. ")

    assert words in section
    assert found == expected


def test_the_defaults_of_settings_are_the_listeners_own() -> None:
    assert mllp_limits(Parts(), Settings()) == USUAL


@pytest.mark.parametrize(
    ("setting", "limit", "value"),
    [
        ("max_frame", "frame", 1),
        ("connections", "total_connections", 6),
        ("junk_between_frames", "junk", 2),
        ("first_byte_seconds", "first_byte", 0.3),
        ("mid_frame_seconds", "mid_frame", 0.4),
        ("idle_seconds", "idle", 0.5),
        ("connections_per_peer", "per_address", 6),
    ],
)
def test_what_an_operator_sets_is_the_listeners_limit(
    setting: str, limit: str, value: float
) -> None:
    given: dict[str, Any] = {setting: value}

    assert getattr(mllp_limits(Parts(), Settings(**given)), limit) == value
