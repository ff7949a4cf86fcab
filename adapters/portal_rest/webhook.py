"""Verification of Standard Webhooks 1.0.0 over the raw bytes. Pure, given the time.

The signature covers id, timestamp and body as sent, so a body that was parsed
and written again never verifies. A list of signatures lets a portal rotate its
secret. The id is for the caller to deduplicate by.
"""

import base64
import binascii
import hmac
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from gateway.core.errors import Misconfigured, Problem, Refused

TOLERANCE: Final = timedelta(minutes=5)
"""How far a webhook's time may lie from ours, either way."""

LONGEST_ID: Final = 250


class WebhookVerifier:
    """Verifies what one portal sends; make one per secret."""

    def __init__(self, secret: str, setting: str = "") -> None:
        """Take ``secret`` (``whsec_`` and base64), found under ``setting``.

        Raises:
            Misconfigured: The secret is empty or not base64.
        """
        try:
            self._webhook = Webhook(secret.strip())
        except (EmptyWebhookSecretError, binascii.Error, ValueError, RuntimeError):
            problem = Problem("settings.not_a_webhook_secret", setting)
            raise Misconfigured(problem) from None

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
        """Return the webhook's id if it is genuine and of our time.

        Args:
            headers: Looked up in lower case.

        Raises:
            Refused: ``webhook.signature``; its place is the header at fault.
        """
        webhook_id = _id(headers.get("webhook-id", ""))
        moment = _time(headers.get("webhook-timestamp", ""), now)
        expected = self._signature(webhook_id, moment, body)
        given = headers.get("webhook-signature", "")
        if not any(hmac.compare_digest(expected, one) for one in _signatures(given)):
            raise _refused("webhook-signature")
        return webhook_id

    def _signature(self, webhook_id: str, moment: datetime, body: bytes) -> bytes:
        try:
            text = body.decode()
        except UnicodeDecodeError:
            raise _refused("body") from None
        signature = self._webhook.sign(webhook_id, moment, text)
        return base64.b64decode(signature.removeprefix("v1,"))


def _id(text: str) -> str:
    usable = text.isascii() and text.isprintable() and len(text) <= LONGEST_ID
    if not text or not usable:
        raise _refused("webhook-id")
    return text


def _time(text: str, now: datetime) -> datetime:
    if not (text.isascii() and text.isdigit()):
        raise _refused("webhook-timestamp")
    try:
        moment = datetime.fromtimestamp(int(text), UTC)
    except (ValueError, OverflowError, OSError):
        raise _refused("webhook-timestamp") from None
    if abs(now - moment) > TOLERANCE:
        raise _refused("webhook-timestamp")
    return moment


def _signatures(text: str) -> Iterator[bytes]:
    for entry in text.split():
        version, _, signature = entry.partition(",")
        if version == "v1":
            try:
                yield base64.b64decode(signature, validate=True)
            except ValueError:  # not base64, or not even ASCII
                continue


def _refused(where: str) -> Refused:
    return Refused(Problem("webhook.signature", where))
