"""What a person at a terminal reads: whole ids, whole codes, at any width."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.app.cli.listing import MESSAGE_COLUMNS
from gateway.app.cli.tables import table

HELD = {
    "id": "01K5ZJ7Q2M8ABCDE",
    "received_at": "2026-03-02T12:00:00.000Z",
    "site": "st_elm",
    "type": "OMG^O19",
    "control_id": "ELM0000000001",
    "state": "held",
    "ack_code": "CA",
    "problems": [
        {"code": "order.second_new", "where": "ORC-2"},
        {"code": "message.control_id_reused", "where": ""},
    ],
}
WORDS = {
    *("01K5ZJ7Q2M8ABCDE", "2026-03-02", "12:00:00", "st_elm", "OMG^O19", "held", "CA"),
    *("ELM0000000001", "order.second_new", "at", "ORC-2,"),
    "message.control_id_reused",
}


@given(st.integers(5, 300))
def test_no_word_is_ever_broken(width: int) -> None:
    lines = list(table([HELD], MESSAGE_COLUMNS, width))

    assert " ".join(lines).split() == [*MESSAGE_COLUMNS, *_words(lines)]
    assert set(_words(lines)) == WORDS


def _words(lines: list[str]) -> list[str]:
    return " ".join(lines).split()[len(MESSAGE_COLUMNS) :]


@pytest.mark.parametrize("width", [80, 100, 250])
def test_no_line_is_wider_than_the_screen(width: int) -> None:
    assert all(len(line) <= width for line in table([HELD], MESSAGE_COLUMNS, width))


def test_what_does_not_fit_stands_below() -> None:
    assert list(table([HELD], MESSAGE_COLUMNS, 80)) == [
        "id                received_at          site    type     control_id     state",
        "    ack_code  problems",
        "01K5ZJ7Q2M8ABCDE  2026-03-02 12:00:00  st_elm  OMG^O19  ELM0000000001  held",
        "    CA        order.second_new at ORC-2, message.control_id_reused",
    ]


def test_the_last_column_is_wrapped_and_an_empty_line_left_out() -> None:
    rows = [{"code": "x", "then": ""}, {"code": "y", "then": "Look twice at it."}]

    wide, narrow = (list(table(rows, ("code", "then"), width)) for width in (14, 10))

    assert wide == ["code  then", "x", "y     Look", "    twice at", "    it."]
    assert narrow == [
        *("code", "    then"),
        "x",
        *("y", "    Look", "    twice", "    at it."),
    ]
