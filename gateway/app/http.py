"""The HTTP API: health, metrics, listings for operators, webhooks from portals.

Everything but the two health routes needs a credential: the operator's bearer
token, or a portal's signature.
"""

import asyncio
import hmac
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.app.gateway import Gateway
from gateway.core.errors import Refused, Unavailable, whereabouts

Limit = Annotated[int, Query(ge=1, le=1000)]
SIGNED = ("webhook-id", "webhook-timestamp", "webhook-signature")
"""Headers without which a webhook cannot be genuine."""
BODY_SECONDS = 30.0
KEPT_HEADERS = (*SIGNED, "content-type")


def create_app(gateway: Gateway, token: str) -> FastAPI:
    """Return the API of one running gateway."""
    app = FastAPI(
        title="Baton",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    authorised = [Depends(_bearer(token))]
    _add_health(app, gateway)
    _add_listings(app, gateway, authorised)
    _add_webhooks(app, gateway)

    @app.get("/openapi.json", dependencies=authorised, include_in_schema=False)
    async def openapi() -> dict[str, Any]:
        return get_openapi(title="Baton", version=gateway.version, routes=app.routes)

    return app


class Discreet:
    """Lets no failure out of the API: what it says may quote a patient (G13).

    The caller has been answered 500 by then; the log gets the place alone.
    """

    def __init__(self, app: ASGIApp, report: Callable[[str], None]) -> None:
        """Serve ``app``; ``report`` is told where it failed."""
        self._app = app
        self._report = report

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, as ASGI has it."""
        try:
            await self._app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the top of every request
            self._report(whereabouts(error))


def _bearer(token: str) -> Callable[[str], None]:
    expected = token.encode()

    def check(authorization: Annotated[str, Header()] = "") -> None:
        scheme, _, shown = authorization.partition(" ")
        known = hmac.compare_digest(shown.encode(), expected)
        if scheme.lower() != "bearer" or not known:
            detail = "Send the token: Authorization: Bearer <token>"
            raise HTTPException(401, detail, {"WWW-Authenticate": "Bearer"})

    return check


def _add_health(app: FastAPI, gateway: Gateway) -> None:
    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Answer while the process lives."""
        return {"status": "alive"}

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        """Answer 200 only while messages can be taken."""
        reasons = gateway.not_ready()
        status = 503 if reasons else 200
        return JSONResponse({"ready": not reasons, "reasons": reasons}, status)


def _add_listings(app: FastAPI, gateway: Gateway, authorised: list[Any]) -> None:
    @app.get("/metrics", dependencies=authorised)
    async def metrics() -> Response:
        """Metrics in Prometheus' text format."""
        return Response(await gateway.metrics(), media_type="text/plain; version=0.0.4")

    @app.get("/v1/messages", dependencies=authorised)
    async def messages(
        state: str = "", site: str = "", after: str = "", limit: Limit = 100
    ) -> list[dict[str, Any]]:
        """Messages, newest first."""
        return await gateway.looks.rows(
            "messages", state=state, site=site, after=after, limit=limit
        )

    @app.get("/v1/orders", dependencies=authorised)
    async def orders(
        status: str = "", site: str = "", after: str = "", limit: Limit = 100
    ) -> list[dict[str, Any]]:
        """Orders, newest first."""
        return await gateway.looks.rows(
            "orders", status=status, site=site, after=after, limit=limit
        )

    @app.get("/v1/deliveries", dependencies=authorised)
    async def deliveries(
        state: str = "", destination: str = "", after: str = "", limit: Limit = 100
    ) -> list[dict[str, Any]]:
        """Deliveries, newest first."""
        return await gateway.looks.rows(
            "deliveries",
            state=state,
            destination=destination,
            after=after,
            limit=limit,
        )

    @app.get("/v1/alarms", dependencies=authorised)
    async def alarms(limit: Limit = 100) -> list[dict[str, Any]]:
        """Conditions somebody must see, one row each."""
        return await gateway.looks.rows("alarms", limit=limit)

    @app.get("/v1/{kind}/{row_id}", dependencies=authorised)
    async def one(kind: str, row_id: str) -> dict[str, Any]:
        """One message, order or delivery, with all that is its; or a mapping."""
        found = await gateway.looks.shown(kind, row_id, who="token")
        if found is None:
            raise HTTPException(404, "Nothing here has this id.")
        return found


def _add_webhooks(app: FastAPI, gateway: Gateway) -> None:
    @app.post("/webhooks/{manufacturer}", include_in_schema=False)
    async def webhook(manufacturer: str, request: Request) -> Response:
        headers = {k: v for k in KEPT_HEADERS if (v := request.headers.get(k))}
        signed = all(name in headers for name in SIGNED)
        if not signed or not gateway.webhooks.expected(manufacturer):
            return _answered(401, "webhook.signature")
        body = await _bounded_body(request, gateway.max_body)
        if body is None:
            return _answered(413, "message.too_large")
        return await _take(gateway, manufacturer, headers, body)


async def _take(
    gateway: Gateway, manufacturer: str, headers: Mapping[str, str], body: bytes
) -> Response:
    try:
        answer = await gateway.webhooks.take(manufacturer, headers, body)
    except Refused as refused:
        return _answered(401, *(problem.code for problem in refused.problems))
    except Unavailable as unavailable:
        return _answered(503, *(problem.code for problem in unavailable.problems))
    status = int(answer.code) if answer.code else 503
    return _answered(status)


def _answered(status: int, *codes: str) -> Response:
    """Answer with codes that docs/problems.md explains; never with a value."""
    retry = {"Retry-After": "30"} if status == 503 else {}  # noqa: PLR2004 - HTTP
    body = {"problems": list(codes)} if codes else None
    if body is None:
        return Response(status_code=status, headers=retry)
    return JSONResponse(body, status, headers=retry)


async def _bounded_body(request: Request, limit: int) -> bytes | None:
    """Read a body, or ``None`` if it is too large or too slow."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    return None
    except TimeoutError:
        return None
    return bytes(body)
