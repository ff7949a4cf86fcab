"""OAuth 2.0 client credentials (RFC 6749 §4.4), whatever transport uses the token.

One token serves every request to a portal. It is renewed early, by one request
however many wait for it, and never shown in a log, a ``repr`` or an error.
"""

import asyncio
import base64
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote_plus

import httpx2
import orjson
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from adapters.portal_rest.response import read_retry_after
from gateway.delivery.outcome import DestinationFault, Evidence, NotTaken
from gateway.ports import Clock

EARLY: Final = timedelta(seconds=30)
"""Renew this long before expiry, so that a token cannot lapse on the wire."""

UNSAID: Final = timedelta(seconds=60)
"""The lifetime of a token whose grant names none (RFC 6749 §5.1 only advises it)."""

LONGEST_LIFE: Final = timedelta(days=1)
"""However long a grant lasts, ask again after a day."""

MOST_BYTES: Final = 64 * 1024
LONGEST: Final = 10.0
"""Seconds for one renewal with all its tries."""

NoToken = NotTaken | DestinationFault
"""Why there is no token; as an outcome, since nothing was sent to the portal."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A token and when to fetch the next one."""

    token: str = field(repr=False)
    renew_at: datetime


class ClientCredentials:
    """Keeps one portal's token fresh.

    ``fetch`` makes one renewal and never raises. Requests that find no fresh
    token share one renewal and its failure, so an endpoint that is down costs
    one wait and not one for each of them.
    """

    def __init__(
        self, fetch: Callable[[], Awaitable[Grant | NoToken]], clock: Clock
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._grant: Grant | None = None
        self._renewal: asyncio.Task[Grant | NoToken] | None = None

    async def token(self) -> str | NoToken:
        """Return a token good for at least the next half minute, or why not."""
        if self._grant and self._clock.now() < self._grant.renew_at:
            return self._grant.token
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew())
        # Shielded: the one who asked first may be cancelled, the others still wait.
        found = await asyncio.shield(self._renewal)
        return found.token if isinstance(found, Grant) else found

    def discard(self, token: str) -> None:
        """Forget ``token``, which the portal refused, unless it is already replaced."""
        if self._grant and self._grant.token == token:
            self._grant = None

    async def close(self) -> None:
        """Abandon a renewal under way."""
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.gather(self._renewal, return_exceptions=True)

    async def _renew(self) -> Grant | NoToken:
        try:
            found = await self._fetch()
        finally:
            self._renewal = None
        self._grant = found if isinstance(found, Grant) else None
        return found


class _Busy(Exception):
    """The endpoint failed in a way that may pass."""


class TokenEndpoint:
    """Fetches tokens from one endpoint with HTTP basic client authentication.

    Asking twice for a token harms nobody, so a failed request is repeated: at
    most three tries, ten seconds in all.
    """

    def __init__(
        self,
        url: str,
        *,
        client: tuple[str, str],
        scope: str,
        connect: timedelta,
        read: timedelta,
        tls: ssl.SSLContext,
        clock: Clock,
    ) -> None:
        """Prepare to fetch from ``url`` as ``client`` (id, secret)."""
        self._url = url
        self._form = {"grant_type": "client_credentials"}
        if scope:
            self._form["scope"] = scope
        self._clock = clock
        timeout = httpx2.Timeout(read.total_seconds(), connect=connect.total_seconds())
        self._http = httpx2.AsyncClient(
            timeout=timeout, verify=tls, trust_env=False, headers=_headers(*client)
        )

    async def fetch(self) -> Grant | NoToken:
        """Fetch one token; every ending is a value, none an exception."""
        tries = AsyncRetrying(
            stop=stop_after_attempt(3),
            wait=wait_random_exponential(multiplier=0.1, max=2),
            retry=retry_if_exception_type((httpx2.TransportError, _Busy)),
            reraise=True,
        )
        try:
            async with asyncio.timeout(LONGEST):
                return await tries(self._ask)
        except (httpx2.HTTPError, _Busy, TimeoutError):
            return NotTaken(Evidence("token.unavailable"))

    async def close(self) -> None:
        """Release the connection."""
        await self._http.aclose()

    async def _ask(self) -> Grant | NoToken:
        asked_at = self._clock.now()
        async with self._http.stream("POST", self._url, data=self._form) as response:
            if response.status_code >= 500:  # noqa: PLR2004 - the class of statuses
                raise _Busy
            body = await _bounded(response)
        wish = response.headers.get("retry-after", "")
        return read_grant(response.status_code, body, wish, asked_at)


def _headers(client_id: str, secret: str) -> dict[str, str]:
    # Each part is form-encoded before they are joined (RFC 6749 §2.3.1).
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return {
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}",
    }


async def _bounded(response: httpx2.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MOST_BYTES:
            return b""
    return bytes(body)


def read_grant(
    status: int, body: bytes, retry_after: str, asked_at: datetime
) -> Grant | NoToken:
    """Read one answer of a token endpoint (RFC 6749 §5).

    Whatever is not a usable grant is a fault of the destination, which a person
    has to mend; only 429 passes by itself.
    """
    if status == 429:  # noqa: PLR2004 - the standard's own number
        wish = read_retry_after(retry_after, asked_at)
        return NotTaken(Evidence("token.throttled", str(status)), wish)
    grant = _grant(body, asked_at) if status == 200 else None  # noqa: PLR2004 - as above
    return grant or DestinationFault(Evidence("token.refused", str(status)))


def _grant(body: bytes, asked_at: datetime) -> Grant | None:
    try:
        tree = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    fields = tree if isinstance(tree, dict) else {}
    token = fields.get("access_token")
    bearer = str(fields.get("token_type", "bearer")).lower() == "bearer"
    if not bearer or not isinstance(token, str) or not _fits_a_header(token):
        return None
    return Grant(token, asked_at + _freshness(fields.get("expires_in")))


def _fits_a_header(token: str) -> bool:
    return bool(token) and token.isascii() and token.isprintable() and " " not in token


def _freshness(expires_in: object) -> timedelta:
    """Return how long to use a token: all its life but the last part."""
    try:
        lifetime = timedelta(seconds=float(str(expires_in)))
    except (ValueError, OverflowError):
        lifetime = UNSAID
    return min(max(lifetime - EARLY, lifetime / 2), LONGEST_LIFE)
