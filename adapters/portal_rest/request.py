"""From one claimed delivery to one HTTP request. Pure.

The body was frozen when the delivery was made and goes out byte for byte, so
that every attempt is the same request (G3).
"""

import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Final
from urllib.parse import quote

from gateway.mapping.profile import Idempotency, Operation, Portal
from gateway.ports import Claim

USER_AGENT: Final = f"baton/{version('baton-gateway')}"

PLACEHOLDERS: Final = frozenset({"order_id"})
"""What a path may name. A claim knows our own reference and no number of theirs."""


class Unsendable(ValueError):
    """No request can be made of this delivery; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, before authorisation.

    Attributes:
        body: PHI, so never in ``repr``.
        repeated: Whether an earlier attempt may have reached the portal.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    repeated: bool = False


def strange_placeholders(operation: Operation) -> list[str]:
    """List what ``operation.path`` asks for and no claim can give."""
    names = [name for _, name, _, _ in string.Formatter().parse(operation.path)]
    return [name for name in names if name is not None and name not in PLACEHOLDERS]


def build_request(portal: Portal, base_url: str, claim: Claim) -> Request:
    """Build the request that asks ``portal`` for what ``claim`` holds.

    Raises:
        Unsendable: The profile no longer has the operation, or the key cannot
            stand in a header.
    """
    operation = portal.operations.get(claim.operation)
    if operation is None:
        raise Unsendable("the profile has no such operation")
    path = operation.path.replace("{order_id}", quote(claim.order_id, safe=""))
    return Request(
        method=operation.method,
        url=base_url.rstrip("/") + path,
        headers=_headers(claim, portal.idempotency),
        body=claim.body,
        repeated=claim.uncertain or claim.lapsed,
    )


def _headers(claim: Claim, idempotency: Idempotency) -> dict[str, str]:
    headers = {
        "Accept": "application/json",
        # A compressed answer could unfold to any size; we ask for none.
        "Accept-Encoding": "identity",
        "Content-Type": claim.content_type,
        "User-Agent": USER_AGENT,
    }
    if idempotency.header:
        headers[idempotency.header] = key_text(claim.key, quoted=idempotency.quoted)
    return headers


def key_text(key: str, *, quoted: bool) -> str:
    r"""Write a key bare, or as an sf-string (RFC 9651 §4.1.6): ``"a\"b"``.

    Raises:
        Unsendable: ``key`` is empty or has a character outside printable ASCII.
    """
    if not key or not key.isascii() or not key.isprintable():
        raise Unsendable("the key cannot stand in a header")
    if not quoted:
        return key
    return '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'
