"""Sends frozen deliveries to one portal: one request, one outcome."""

import ssl
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from adapters.portal_rest.auth import ClientCredentials, TokenEndpoint
from adapters.portal_rest.request import (
    Request,
    Unsendable,
    build_request,
    strange_placeholders,
)
from adapters.portal_rest.response import Answer, classify, token_refused
from adapters.portal_rest.transport import Progress, once, outcome_of, tracing
from gateway.core.errors import Misconfigured, Problem
from gateway.delivery.outcome import DestinationFault, Evidence, Outcome, Unknown
from gateway.mapping.profile import Portal
from gateway.ports import Check, Claim, Clock, Secrets, unchecked

MOST_BYTES: Final = 1024 * 1024
"""Of an answer's body. A portal's answer is a few lines; memory is bounded."""


class RestSender:
    """A ``Sender`` for one portal, with its own connections and its own token.

    A portal without idempotency keys gets a fresh connection for each request:
    one that went stale while idle would look like *unknown* (architecture §5).
    """

    def __init__(
        self,
        portal: Portal,
        base_url: str,
        *,
        secrets: Secrets,
        clock: Clock,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Prepare to send to ``portal`` at ``base_url``; connect to nobody yet.

        Args:
            tls: Whom to trust and which certificate to show; by default the
                system's authorities and none.

        Raises:
            Misconfigured: The address cannot be used, a secret is not set, or a
                path asks for what no claim has.
        """
        check(portal, base_url)
        self._portal = portal
        self._base_url = base_url
        self._clock = clock
        self._tls = tls or _trust(base_url)
        self._endpoint = self._token_endpoint(secrets)
        self._tokens = _keeper(self._endpoint, clock)
        self._session: aiohttp.ClientSession | None = None

    async def send(self, claim: Claim, check: Check = unchecked) -> Outcome:
        """Make one attempt; every ending is an outcome, none an exception.

        A token that the portal refuses is renewed once and the request repeated:
        a 401 or 403 shows that nothing was done.
        """
        try:
            request = build_request(self._portal, self._base_url, claim)
        except Unsendable:
            return DestinationFault(Evidence("request.unsendable"))
        if self._tokens is None:
            return await self._attempt(request, {}, check)
        return await self._authorised(request, self._tokens, check)

    async def close(self) -> None:
        """Release connections."""
        if self._tokens is not None:
            await self._tokens.close()
        if self._endpoint is not None:
            await self._endpoint.close()
        if self._session is not None:
            await self._session.close()

    async def _authorised(
        self, request: Request, tokens: ClientCredentials, check: Check
    ) -> Outcome:
        token = await tokens.token()
        if not isinstance(token, str):
            return token
        outcome = await self._attempt(request, _bearer(token), check)
        if not token_refused(outcome):
            return outcome
        tokens.discard(token)
        token = await tokens.token()
        if not isinstance(token, str):
            return token
        return await self._attempt(request, _bearer(token), check)

    async def _attempt(
        self, request: Request, authorisation: dict[str, str], check: Check
    ) -> Outcome:
        progress = Progress(check)
        try:
            async with self._connections().request(
                request.method,
                request.url,
                data=request.body,
                headers={**request.headers, **authorisation},
                allow_redirects=False,
                trace_request_ctx=progress,
            ) as response:
                return await self._read(response, request)
        except (aiohttp.ClientError, OSError) as failure:
            return outcome_of(failure, progress)

    async def _read(
        self, response: aiohttp.ClientResponse, request: Request
    ) -> Outcome:
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > MOST_BYTES:
                kept = bytes(body[:MOST_BYTES])
                return Unknown(
                    Evidence("http.answer_too_large", str(response.status), kept)
                )
        answer = Answer(response.status, response.headers, bytes(body))
        return classify(
            answer,
            self._portal.responses,
            keyed=bool(self._portal.idempotency.header),
            repeated=request.repeated,
            now=self._clock.now(),
        )

    def _connections(self) -> aiohttp.ClientSession:
        # Made on first use, since aiohttp wants the loop that will run it.
        if self._session is None:
            self._session = self._open()
        return self._session

    def _open(self) -> aiohttp.ClientSession:
        connect = self._portal.connect_timeout.total_seconds()
        read = self._portal.read_timeout.total_seconds()
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._portal.concurrency,
                force_close=not self._portal.idempotency.header,
                ssl=self._tls,
            ),
            # The total keeps an answer that drips from lasting for ever.
            timeout=aiohttp.ClientTimeout(
                total=connect + read, connect=connect, sock_read=read
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            trace_configs=[tracing()],
            middlewares=[once],
        )

    def _token_endpoint(self, secrets: Secrets) -> TokenEndpoint | None:
        auth = self._portal.auth
        if auth.kind == "none":
            return None
        names = (auth.client_id_setting, auth.client_secret_setting)
        client_id, client_secret = (_secret(secrets, name) for name in names)
        return TokenEndpoint(
            self._base_url.rstrip("/") + auth.token_path,
            client=(client_id, client_secret),
            scope=auth.scope,
            connect=self._portal.connect_timeout,
            read=self._portal.read_timeout,
            tls=self._tls,
            clock=self._clock,
        )


def check(portal: Portal, base_url: str) -> None:
    """Refuse a profile or an address that no request could be made from.

    Raises:
        Misconfigured: With every problem, placed by setting or operation.
    """
    problems = [
        Problem("destination.not_configured", f"{portal.manufacturer}: {name}.path")
        for name, operation in portal.operations.items()
        if strange_placeholders(operation)
    ]
    if not _usable(base_url, simulator=portal.simulator):
        problems.append(Problem("settings.not_a_portal", portal.url_setting))
    if problems:
        raise Misconfigured(*problems)


def _usable(base_url: str, *, simulator: bool) -> bool:
    """Tell whether patients' data and a secret may be sent there.

    In clear they go to a simulator on this machine, and nowhere else.
    """
    try:
        parts = urlsplit(base_url)
        host = (parts.hostname or "").encode("idna")
        reachable = bool(host) and parts.port != 0
    except ValueError:  # no such port, no such name
        return False
    in_clear = simulator and _is_here(parts.hostname or "")
    return (
        reachable
        and parts.scheme in ({"http", "https"} if in_clear else {"https"})
        and not (parts.username or parts.query or parts.fragment)
    )


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:  # a name, which may lead anywhere
        return False


def _trust(base_url: str) -> ssl.SSLContext:
    """Return the system's authorities; nobody, where there is no TLS to speak."""
    if urlsplit(base_url).scheme == "https":
        return ssl.create_default_context()
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _keeper(endpoint: TokenEndpoint | None, clock: Clock) -> ClientCredentials | None:
    return None if endpoint is None else ClientCredentials(endpoint.fetch, clock)


def _secret(secrets: Secrets, name: str) -> str:
    value = secrets.get(name)
    if not value:
        raise Misconfigured(Problem("settings.missing", name))
    return value


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
