"""A webhook is genuine and of our time, or refused."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.portal_rest.webhook import LONGEST_ID, TOLERANCE, WebhookVerifier
from conformance.simulators.portal_webhooks import sign
from gateway.core.errors import Misconfigured, Problem, Refused
from tests.unit.portal_rest.examples import NOON

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(b"another secret, 24 bytes").decode()
BODY = b'{"type":"order.accepted"}'


def refusal(headers: dict[str, str], body: bytes = BODY) -> str:
    """Return the place at fault."""
    with pytest.raises(Refused) as refused:
        WebhookVerifier(SECRET).verify(headers, body, NOON)
    (problem,) = refused.value.problems
    assert problem.code == "webhook.signature"
    return problem.where


def signed(**changes: str) -> dict[str, str]:
    names = {name.replace("_", "-"): value for name, value in changes.items()}
    return sign(SECRET, "msg_1", NOON, BODY) | names


def test_the_standards_own_example() -> None:
    """Published with Standard Webhooks; made by none of our code."""
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    then = datetime.fromtimestamp(1614265330, UTC)

    found = WebhookVerifier(SECRET).verify(headers, b'{"test": 2432232314}', then)

    assert found == "msg_p5jXN8AQM9LWM0D4loKWxJek"


@pytest.mark.parametrize("secret", [SECRET, SECRET.removeprefix("whsec_")])
def test_a_genuine_one_yields_its_id(secret: str) -> None:
    assert WebhookVerifier(secret).verify(signed(), BODY, NOON) == "msg_1"


def test_one_good_signature_among_several_is_enough() -> None:
    """While a portal rotates its secret it signs with both."""
    good = signed()["webhook-signature"]
    old = sign(OTHER, "msg_1", NOON, BODY)["webhook-signature"]
    listed = f"{old} v1a,AAAA v1,*** v1,é {good}"

    headers = signed(webhook_signature=listed)

    assert WebhookVerifier(SECRET).verify(headers, BODY, NOON) == "msg_1"


@pytest.mark.parametrize(
    ("headers", "where"),
    [
        pytest.param({}, "webhook-id", id="no headers"),
        pytest.param(signed(webhook_id=""), "webhook-id", id="no id"),
        pytest.param(signed(webhook_id="é"), "webhook-id", id="id beyond ASCII"),
        pytest.param(
            signed(webhook_id="x" * (LONGEST_ID + 1)), "webhook-id", id="endless id"
        ),
        pytest.param(signed(webhook_id="msg_2"), "webhook-signature", id="other id"),
        pytest.param(signed(webhook_timestamp=""), "webhook-timestamp", id="no time"),
        pytest.param(
            signed(webhook_timestamp="9" * 30), "webhook-timestamp", id="no such time"
        ),
        pytest.param(
            signed(webhook_timestamp="9" * 5000), "webhook-timestamp", id="endless time"
        ),
        pytest.param(
            signed(webhook_timestamp="now"), "webhook-timestamp", id="not a time"
        ),
        pytest.param(
            signed(webhook_timestamp=str(int(NOON.timestamp()) + 1)),
            "webhook-signature",
            id="other time",
        ),
        pytest.param(signed(webhook_signature=""), "webhook-signature", id="unsigned"),
        pytest.param(
            signed(webhook_signature="v1,"), "webhook-signature", id="empty signature"
        ),
        pytest.param(
            signed(
                webhook_signature=signed()["webhook-signature"].replace("v1,", "v2,")
            ),
            "webhook-signature",
            id="other version",
        ),
        pytest.param(
            sign(OTHER, "msg_1", NOON, BODY), "webhook-signature", id="other secret"
        ),
    ],
)
def test_a_forged_or_broken_one_is_refused(headers: dict[str, str], where: str) -> None:
    assert refusal(headers) == where


@pytest.mark.parametrize("body", [b"", BODY + b"\n", b'{"type": "order.accepted"}'])
def test_a_body_written_again_is_refused(body: bytes) -> None:
    assert refusal(signed(), body) == "webhook-signature"


def test_a_body_that_is_not_utf8_is_refused() -> None:
    assert refusal(sign(SECRET, "msg_1", NOON, b"\xff"), b"\xff") == "body"


@pytest.mark.parametrize("off", [TOLERANCE, -TOLERANCE])
def test_the_tolerance_holds_both_ways(off: timedelta) -> None:
    edge = sign(SECRET, "msg_1", NOON + off, BODY)
    beyond = sign(SECRET, "msg_1", NOON + off * 1.01, BODY)

    assert WebhookVerifier(SECRET).verify(edge, BODY, NOON) == "msg_1"
    assert refusal(beyond) == "webhook-timestamp"


@given(st.dictionaries(st.sampled_from(sorted(signed())), st.text()), st.binary())
def test_nothing_but_a_refusal_comes_of_nonsense(
    changes: dict[str, str], body: bytes
) -> None:
    refusal({**signed(), **changes}, body + b"x")


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_a", "   ", "whsec_é"])
def test_a_broken_secret_stops_the_start(secret: str) -> None:
    with pytest.raises(Misconfigured) as stop:
        WebhookVerifier(secret, setting="HELIX_WEBHOOK_SECRET")

    broken = Problem("settings.not_a_webhook_secret", "HELIX_WEBHOOK_SECRET")
    assert stop.value.problems == (broken,)
