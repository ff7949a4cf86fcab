"""One delivery makes one request, the same in every attempt."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.portal_rest.request import (
    Unsendable,
    build_request,
    key_text,
    strange_placeholders,
)
from conformance.simulators.portal_keys import read_key
from gateway.mapping.profile import Idempotency, Operation
from tests.unit.portal_rest.examples import NO_BODY, NO_KEYS, claim, portal

BASE = "https://helix.example/api/"


@pytest.mark.parametrize(
    ("operation", "method", "url"),
    [
        ("submit", "POST", "https://helix.example/api/v1/orders"),
        ("change", "PUT", "https://helix.example/api/v1/orders/o-1"),
        ("cancel", "POST", "https://helix.example/api/v1/orders/o-1/cancellation"),
    ],
)
def test_the_claims_operation_selects_the_request(
    operation: str, method: str, url: str
) -> None:
    request = build_request(portal(), BASE, claim(operation))

    assert (request.method, request.url) == (method, url)


def test_the_body_is_the_frozen_one() -> None:
    assert build_request(portal(), BASE, claim(body=b"\x00 as is")).body == (
        b"\x00 as is"
    )


@pytest.mark.parametrize(
    ("before", "repeated"),
    [({"attempt": 2}, False), ({"uncertain": True}, True), ({"lapsed": True}, True)],
)
def test_a_request_knows_whether_one_before_it_may_have_arrived(
    before: dict[str, Any], *, repeated: bool
) -> None:
    again = replace(claim(), **before)

    assert build_request(portal(), BASE, again).repeated is repeated


def test_an_order_id_cannot_leave_its_place_in_the_path() -> None:
    request = build_request(portal(), BASE, claim("change", order_id="../a?b#c d/é"))

    assert request.url.endswith("/v1/orders/..%2Fa%3Fb%23c%20d%2F%C3%A9")


def test_no_answer_may_come_compressed() -> None:
    assert build_request(portal(), BASE, claim()).headers["Accept-Encoding"] == (
        "identity"
    )


@pytest.mark.parametrize(
    ("idempotency", "expected"),
    [
        (Idempotency("Idempotency-Key", quoted=True), {"Idempotency-Key": '"k-1"'}),
        (Idempotency("X-Request-Id", quoted=False), {"X-Request-Id": "k-1"}),
        (NO_KEYS, {}),
    ],
    ids=["an sf-string", "bare", "none"],
)
def test_the_profile_says_how_a_key_is_sent(
    idempotency: Idempotency, expected: dict[str, str]
) -> None:
    usual = {"Accept", "Accept-Encoding", "Content-Type", "User-Agent"}

    headers = build_request(portal(idempotency=idempotency), BASE, claim()).headers

    assert {k: v for k, v in headers.items() if k not in usual} == expected


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1))
def test_a_quoted_key_reads_back(key: str) -> None:
    assert read_key(key_text(key, quoted=True)) == key


@pytest.mark.parametrize("key", ["", "a\r\nX: y", "tab\t", "é", "\x7f"])
@pytest.mark.parametrize("quoted", [True, False])
def test_a_key_that_cannot_stand_in_a_header_is_not_sent(
    key: str, *, quoted: bool
) -> None:
    with pytest.raises(Unsendable):
        key_text(key, quoted=quoted)


def test_an_operation_the_profile_lacks_is_not_sent() -> None:
    with pytest.raises(Unsendable):
        build_request(portal(), BASE, claim("resume"))


@pytest.mark.parametrize(
    ("path", "strange"),
    [
        ("/v1/orders", []),
        ("/v1/orders/{order_id}", []),
        ("/v1/orders/{manufacturer_number}/{order_id}", ["manufacturer_number"]),
        ("/v1/orders/{}", [""]),
    ],
)
def test_a_path_names_only_what_a_claim_has(path: str, strange: list[str]) -> None:
    assert strange_placeholders(Operation("POST", path, NO_BODY)) == strange


def test_a_body_stays_out_of_reprs() -> None:
    assert "CANARY" not in repr(build_request(portal(), BASE, claim(body=b"CANARY")))
