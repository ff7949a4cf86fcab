"""A portal's webhooks: signed as Standard Webhooks 1.0.0, repeated until taken.

The signature is made here from the standard's text, not with the library the
gateway verifies by, so that a fault of the library cannot hide.
"""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import aiohttp


def sign(
    secret: str, webhook_id: str, sent_at: datetime, body: bytes
) -> dict[str, str]:
    """Return the three headers that make ``body`` a webhook."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    seconds = str(int(sent_at.timestamp()))
    signed = b".".join([webhook_id.encode(), seconds.encode(), body])
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


@dataclass(slots=True)
class Sent:
    """One webhook and what became of it; ``statuses`` has 0 for no answer."""

    webhook_id: str
    kind: str
    body: bytes = field(repr=False)
    statuses: list[int] = field(default_factory=list)

    @property
    def taken(self) -> bool:
        """Whether the receiver has answered 2xx."""
        return any(200 <= status < 300 for status in self.statuses)  # noqa: PLR2004 - HTTP


class WebhookSender:
    """Sends one portal's webhooks to one address.

    Attributes:
        sent: Every webhook, in order.
    """

    def __init__(
        self,
        url: str,
        secret: str,
        now: Callable[[], datetime],
        *,
        waits: Sequence[float] = (0.2, 1.0, 5.0),
        timeout: float = 5.0,
    ) -> None:
        """Prepare to send to ``url``; ``waits`` (seconds) bound the repetitions."""
        self.sent: list[Sent] = []
        self._url = url
        self._secret = secret
        self._now = now
        self._waits = tuple(waits)
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._session: aiohttp.ClientSession | None = None

    async def deliver(self, kind: str, body: bytes) -> Sent:
        """Send a new webhook until it is taken or the waits are spent."""
        sent = Sent(f"msg_{len(self.sent) + 1:08d}", kind, body)
        self.sent.append(sent)
        await self._until_taken(sent)
        return sent

    async def repeat(self, sent: Sent) -> None:
        """Send a webhook once more, with its id, as a sender in doubt would."""
        sent.statuses.append(await self._once(sent))

    async def close(self) -> None:
        """Release connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _until_taken(self, sent: Sent) -> None:
        for wait in (*self._waits, None):
            sent.statuses.append(await self._once(sent))
            if sent.taken or wait is None:
                return
            await asyncio.sleep(wait)

    async def _once(self, sent: Sent) -> int:
        headers = sign(self._secret, sent.webhook_id, self._now(), sent.body)
        headers["content-type"] = "application/json"
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        try:
            async with self._session.post(
                self._url, data=sent.body, headers=headers, allow_redirects=False
            ) as response:
                return response.status
        except (aiohttp.ClientError, OSError):
            return 0
