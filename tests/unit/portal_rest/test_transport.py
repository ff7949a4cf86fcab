"""An attempt without an answer: certain before the first byte, doubtful after it."""

import ssl

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from adapters.portal_rest.transport import Broken, Failure, Progress, outcome_of
from gateway.delivery.outcome import DestinationFault, NotTaken, Unknown

KEY = ConnectionKey(
    host="CANARY",
    port=1,
    is_ssl=True,
    ssl=True,
    proxy=None,
    proxy_auth=None,
    proxy_headers_hash=None,
)
EXAMPLES: list[tuple[Failure, str, str]] = [
    (
        aiohttp.ClientConnectorDNSError(KEY, OSError(-2, "CANARY")),
        "connect.dns",
        "http.disconnected",
    ),
    (
        aiohttp.ClientConnectorError(KEY, OSError(111, "CANARY")),
        "connect.failed",
        "http.disconnected",
    ),
    (
        aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError(1, "CANARY")),
        "connect.tls",
        "http.disconnected",
    ),
    (
        aiohttp.ClientConnectorCertificateError(
            KEY, ssl.SSLCertVerificationError("CANARY")
        ),
        "connect.tls",
        "http.disconnected",
    ),
    (aiohttp.ConnectionTimeoutError("CANARY"), "connect.timeout", "http.timeout"),
    (aiohttp.SocketTimeoutError("CANARY"), "connect.timeout", "http.timeout"),
    (TimeoutError("CANARY"), "connect.timeout", "http.timeout"),
    (
        aiohttp.ServerDisconnectedError("CANARY"),
        "connect.failed",
        "http.disconnected",
    ),
    (aiohttp.ClientPayloadError("CANARY"), "connect.failed", "http.cut_short"),
    (ConnectionResetError(104, "CANARY"), "connect.failed", "http.disconnected"),
    (Broken("CANARY"), "connect.failed", "http.disconnected"),
]
IDS = [type(failure).__name__ for failure, _, _ in EXAMPLES]


@pytest.mark.parametrize(("failure", "before", "after"), EXAMPLES, ids=IDS)
def test_the_line_is_the_first_byte(failure: Failure, before: str, after: str) -> None:
    certain = outcome_of(failure, Progress(begun=False))
    doubtful = outcome_of(failure, Progress(begun=True))

    assert isinstance(certain, NotTaken)
    assert isinstance(doubtful, Unknown)
    assert (certain.evidence.code, doubtful.evidence.code) == (before, after)
    assert "CANARY" not in repr((certain, doubtful))


@pytest.mark.parametrize(
    ("reason", "refused"),
    [
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", True),
        ("SSLV3_ALERT_CERTIFICATE_EXPIRED", True),
        ("SSLV3_ALERT_BAD_CERTIFICATE", True),
        ("TLSV1_ALERT_UNKNOWN_CA", True),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", False),
        ("CERTIFICATE_VERIFY_FAILED", False),
        (None, False),
    ],
)
@pytest.mark.parametrize("begun", [True, False])
def test_an_alert_about_our_certificate_is_the_destinations_fault(
    reason: str | None, *, refused: bool, begun: bool
) -> None:
    alert = ssl.SSLError(1, "CANARY")
    alert.reason = reason  # type: ignore[assignment]  # None is what Python gives
    failure = Broken()
    failure.__cause__ = alert

    outcome = outcome_of(failure, Progress(begun=begun))

    assert isinstance(outcome, DestinationFault) is refused
