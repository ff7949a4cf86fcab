"""A manufacturer's portal that runs in process: real HTTP, faults on command.

On ``aiohttp.web`` rather than FastAPI: it starts in milliseconds, and it hands
out the connection itself, which a reset in the middle of an answer needs.

    async with PortalSimulator() as portal:
        ...  # point the gateway at portal.url
        portal.faults.next(Vanish())
        await portal.advance(client_reference)
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

import orjson
from aiohttp import web

from conformance.simulators.portal_answers import (
    Operation,
    Seen,
    answer,
    dawdle,
    reset,
    respond,
)
from conformance.simulators.portal_book import HELIX, Book, Maker, Reply, error
from conformance.simulators.portal_faults import FaultPlan, Misdirect, Refuse, Reset
from conformance.simulators.portal_keys import Keys, fingerprint, read_key
from conformance.simulators.portal_tokens import TokenDesk
from conformance.simulators.portal_webhooks import WebhookSender

CLIENT: Final = ("baton", "a-secret-for-demonstrations")
"""Client id and secret the token desk knows unless told otherwise."""


class PortalSimulator:
    """One manufacturer's portal on a loopback port.

    Attributes:
        book: Its orders and every effect; what tests count.
        requests: Every order request that reached it, in order.
        tokens: Its token desk.
        faults: What the coming order requests meet.
        webhooks: How it reports back; ``None`` until ``call_back``.
    """

    def __init__(
        self,
        maker: Maker = HELIX,
        *,
        client: tuple[str, str] = CLIENT,
        honours_keys: bool = True,
        token_lifetime: int = 3600,
        port: int = 0,
    ) -> None:
        """Prepare a portal of ``maker``; port 0 lets the system choose one."""
        self.book = Book(maker, _now)
        self.requests: list[Seen] = []
        self.tokens = TokenDesk(*client, lifetime=token_lifetime)
        self.faults = FaultPlan()
        self.keys = Keys()
        self.webhooks: WebhookSender | None = None
        self.url = ""
        self._honours_keys = honours_keys
        self._port = port
        self._runner: web.AppRunner | None = None
        self._news = asyncio.Condition()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; ``url`` is known from now on."""
        runner = web.AppRunner(
            self._application(),
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=0.1,
        )
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self._port).start()
        self._runner = runner
        self._port = runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self._port}"

    async def stop(self) -> None:
        """Stop listening and forget nothing: ``start`` goes on at the same port."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self.webhooks is not None:
            await self.webhooks.close()

    def call_back(
        self, url: str, secret: str, *, waits: Sequence[float] = (0.2, 1.0, 5.0)
    ) -> None:
        """Send webhooks to ``url`` from now on, signed with ``secret`` (whsec_…)."""
        self.webhooks = WebhookSender(url, secret, _now, waits=waits)

    async def advance(self, client_reference: str) -> str | None:
        """Report an order's next step; return its type, or ``None`` at the end.

        Returns after the webhook was taken or given up.
        """
        step = self.book.orders[client_reference].upcoming
        if step is not None:
            await self.tell(client_reference, step, **_particulars(step))
        return step

    async def advance_all(self) -> int:
        """Report the next step of every order, in the order they came; count them."""
        steps = [await self.advance(name) for name in list(self.book.orders)]
        return len([step for step in steps if step is not None])

    async def tell(self, client_reference: str, step: str, **more: str) -> None:
        """Report any step, with more ``data`` fields (``scheduledFor``, ``reason``)."""
        event = self.book.report(client_reference, step, **more)
        if self.webhooks is not None:
            await self.webhooks.deliver(step, orjson.dumps(event))

    async def until(self, holds: Callable[[], bool], *, within: float = 5.0) -> None:
        """Return once ``holds`` does; it is asked again after every request.

        Raises:
            TimeoutError: It did not hold within so many seconds.
        """
        async with asyncio.timeout(within), self._news:
            await self._news.wait_for(holds)

    # ---------------------------------------------------------------- serving

    def _application(self) -> web.Application:
        app = web.Application(client_max_size=16 * 1024 * 1024)
        order = "/v1/orders/{reference}"
        app.router.add_post("/oauth2/token", self._token)
        app.router.add_post("/v1/orders", self._submit)
        app.router.add_put(order, self._change)
        app.router.add_post(f"{order}/cancellation", self._cancel)
        app.router.add_get(order, self._look_up)
        return app

    async def _token(self, request: web.Request) -> web.Response:
        authorisation = request.headers.get("Authorization", "")
        return respond(self.tokens.grant(authorisation, await request.text()))

    async def _look_up(self, request: web.Request) -> web.Response:
        if not self._known(request):
            return respond(error(401, "token.invalid"))
        return respond(self.book.look_up(request.match_info["reference"]))

    async def _submit(self, request: web.Request) -> web.StreamResponse:
        return await self._order(request, "submit")

    async def _change(self, request: web.Request) -> web.StreamResponse:
        return await self._order(request, "change")

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        return await self._order(request, "cancel")

    async def _order(
        self, request: web.Request, operation: Operation
    ) -> web.StreamResponse:
        name = request.match_info.get("reference", "")
        seen = Seen(
            operation, name, read_key(request.headers.get("Idempotency-Key", ""))
        )
        self.requests.append(seen)
        try:
            await self._announce()
            return await self._serve(request, seen)
        finally:
            await self._announce()

    async def _announce(self) -> None:
        async with self._news:
            self._news.notify_all()

    async def _serve(self, request: web.Request, seen: Seen) -> web.StreamResponse:
        if not self._known(request):
            return respond(error(401, "token.invalid"), seen)
        seen.fault = self.faults.take()
        match seen.fault:
            case Refuse(status, code, retry_after):
                return respond(error(status, code), seen, retry_after=retry_after)
            case Misdirect(other):
                return respond(self.book.look_up(other), seen)
            case Reset("unread"):
                return reset(request)
        reply = await self._carry_out(request, seen)
        await self._announce()
        return await answer(request, reply, seen)

    def _known(self, request: web.Request) -> bool:
        return self.tokens.good(request.headers.get("Authorization", ""))

    async def _carry_out(self, request: web.Request, seen: Seen) -> Reply:
        body = await request.read()
        tree = _tree(body)
        seen.client_reference = seen.client_reference or str(
            tree.get("clientReference")
        )
        due = self._due(seen, request.method, body) if self._honours_keys else None
        if due is not None:
            return due
        try:
            await dawdle(seen.fault)
        finally:  # what was begun is ended, also when the client has given up
            reply = self._do(seen, tree)
            if self._honours_keys:
                self.keys.settle(seen.key, reply)
        return reply

    def _due(self, seen: Seen, method: str, body: bytes) -> Reply | None:
        if not seen.key:
            return error(400, "idempotency.missing")
        path = f"{seen.operation} {seen.client_reference}"
        return self.keys.due(seen.key, fingerprint(method, path, body))

    def _do(self, seen: Seen, tree: dict[str, Any]) -> Reply:
        match seen.operation:
            case "submit":
                return self.book.submit(tree, seen.key)
            case "change":
                return self.book.change(seen.client_reference, tree, seen.key)
            case "cancel":
                return self.book.cancel(seen.client_reference, seen.key)


def _tree(body: bytes) -> dict[str, Any]:
    try:
        tree = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError:
        tree = {}
    return tree if isinstance(tree, dict) else {}


def _particulars(step: str) -> dict[str, str]:
    match step:
        case "order.scheduled":
            return {"scheduledFor": (_now() + timedelta(days=14)).isoformat()}
        case "order.cancelled":
            return {"reason": "as the site asked"}
        case _:
            return {}


def _now() -> datetime:
    return datetime.now(UTC)
