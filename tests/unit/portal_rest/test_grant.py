"""One answer of a token endpoint is a grant, a wait, or a fault."""

from datetime import timedelta

import orjson
import pytest

from adapters.portal_rest.auth import LONGEST_LIFE, ClientCredentials, Grant, read_grant
from gateway.delivery.outcome import DestinationFault, Evidence, NotTaken
from tests.unit.portal_rest.examples import NOON, StoppedClock


def granted(**fields: object) -> object:
    body = orjson.dumps({"access_token": "t", "token_type": "Bearer"} | fields)
    return read_grant(200, body, "", NOON)


@pytest.mark.parametrize(
    ("expires_in", "used_for"),
    [
        (3600, timedelta(seconds=3570)),
        ("3600", timedelta(seconds=3570)),
        (60, timedelta(seconds=30)),
        (40, timedelta(seconds=20)),
        (0, timedelta(0)),
        (-60, timedelta(seconds=-30)),
        (None, timedelta(seconds=30)),
        ("soon", timedelta(seconds=30)),
        (1e300, timedelta(seconds=30)),
        (10**9, LONGEST_LIFE),
    ],
)
def test_a_token_is_renewed_before_it_lapses(
    expires_in: object, used_for: timedelta
) -> None:
    assert granted(expires_in=expires_in) == Grant("t", NOON + used_for)


@pytest.mark.parametrize(
    "fields",
    [
        {"access_token": ""},
        {"access_token": None},
        {"access_token": 7},
        {"access_token": "a\r\nX-Admin: yes"},
        {"access_token": "a b"},
        {"access_token": "é"},
        {"token_type": "mac"},
    ],
)
def test_a_token_that_cannot_be_shown_is_no_grant(fields: dict[str, object]) -> None:
    assert granted(**fields) == DestinationFault(Evidence("token.refused", "200"))


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b""), (200, b"<html>"), (200, b"[]"), (302, b""), (400, b""), (401, b"{}")],
)
def test_whatever_else_is_said_a_person_has_to_mend(status: int, body: bytes) -> None:
    """No evidence keeps the body: it could hold what was asked for."""
    assert read_grant(status, body, "", NOON) == DestinationFault(
        Evidence("token.refused", str(status))
    )


def test_throttling_passes_by_itself() -> None:
    assert read_grant(429, b"", "30", NOON) == NotTaken(
        Evidence("token.throttled", "429"), timedelta(seconds=30)
    )


def test_a_grant_hides_its_token() -> None:
    assert "CANARY" not in repr(granted(access_token="CANARY"))


async def test_a_late_refusal_of_an_old_token_spares_the_new_one() -> None:
    """Requests sent with the old token are still being refused one by one."""
    fetched = iter(["old", "new", "newest"])

    async def fetch() -> Grant:
        return Grant(next(fetched), NOON + timedelta(hours=1))

    tokens = ClientCredentials(fetch, StoppedClock())
    assert await tokens.token() == "old"

    tokens.discard("old")
    assert await tokens.token() == "new"
    tokens.discard("old")

    assert await tokens.token() == "new"
