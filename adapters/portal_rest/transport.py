"""How a request that got no whole answer ended: what aiohttp showed, as an outcome.

The line that matters is the first request byte. aiohttp tells when it is about
to write (``on_request_headers_sent`` comes before the bytes, not after), so a
failure without that signal happened before anything could reach the portal.
With it, the portal may have acted, whatever the error says.
"""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Final

import aiohttp
from aiohttp.tracing import TraceRequestHeadersSentParams

from gateway.delivery.outcome import (
    DestinationFault,
    Evidence,
    Guarded,
    NotTaken,
    Outcome,
    Unknown,
)
from gateway.ports import Check, unchecked

Failure = aiohttp.ClientError | OSError
"""All that an attempt may end in instead of an answer; time-outs are ``OSError``."""

_CLIENT_REFUSED: Final = (
    "ALERT_CERTIFICATE",
    "ALERT_BAD_CERTIFICATE",
    "ALERT_UNSUPPORTED_CERTIFICATE",
    "ALERT_UNKNOWN_CA",
    "ALERT_ACCESS_DENIED",
)
"""Alerts by which a portal refuses our certificate. In TLS 1.3 they arrive after
the request has left, but a portal that sends them has read none of it."""


@dataclass(slots=True)
class Progress:
    """How far one request got.

    Attributes:
        check: Asked when all that is left is to write.
        begun: Whether anything may have been written.
    """

    check: Check = unchecked
    begun: bool = False


class Objected(aiohttp.ClientError):
    """The check before the first byte objected; nothing was written."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Broken(aiohttp.ClientError):
    """The connection broke under a request; see ``__cause__``."""


async def once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending a request twice (a client middleware).

    It repeats a PUT or DELETE by itself when a connection breaks. An attempt is
    one request: whether it may be repeated is the profile's to say.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise Broken from error


def tracing() -> aiohttp.TraceConfig:
    """Return what keeps each request's ``Progress``, its ``trace_request_ctx``."""
    config = aiohttp.TraceConfig()
    config.on_request_headers_sent.append(_about_to_write)
    return config


async def _about_to_write(
    _session: aiohttp.ClientSession,
    context: SimpleNamespace,
    _params: TraceRequestHeadersSentParams,
) -> None:
    progress: Progress = context.trace_request_ctx
    objection = await progress.check()
    if objection:
        raise Objected(objection)
    progress.begun = True


def outcome_of(failure: Failure, progress: Progress) -> Outcome:
    """Say what an attempt that ended in ``failure`` shows."""
    if isinstance(failure, Objected):
        return Guarded(Evidence(failure.code))
    if any(map(_refuses_our_certificate, _causes(failure))):
        return DestinationFault(Evidence("tls.refused"))
    if not progress.begun:
        return NotTaken(Evidence(_before(failure)))
    return Unknown(Evidence(_after(failure)))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _refuses_our_certificate(error: BaseException) -> bool:
    reason = getattr(error, "reason", None) if isinstance(error, ssl.SSLError) else None
    return any(alert in (reason or "") for alert in _CLIENT_REFUSED)


def _before(failure: Failure) -> str:
    match failure:
        case aiohttp.ClientConnectorDNSError():
            return "connect.dns"
        case ssl.SSLError() | ssl.CertificateError() | aiohttp.ClientSSLError():
            return "connect.tls"
        case TimeoutError():
            return "connect.timeout"
        case _:
            return "connect.failed"


def _after(failure: Failure) -> str:
    match failure:
        case TimeoutError():
            return "http.timeout"
        case aiohttp.ClientPayloadError():
            return "http.cut_short"
        case aiohttp.ClientResponseError():
            return "http.not_http"
        case _:
            return "http.disconnected"
