"""Idempotency keys as a portal keeps them (IETF draft-ietf-httpapi-idempotency-key).

The same key with the same request gets the stored reply; with another request,
422; while the first is still being worked on, 409.
"""

import hashlib
import re

from conformance.simulators.portal_book import Reply, error

_SF_STRING = re.compile(r'"((?:[^"\\]|\\["\\])*)"')


def read_key(header: str) -> str:
    """Read a key sent as an sf-string or bare; ``""`` if there is none."""
    found = _SF_STRING.fullmatch(header.strip())
    return re.sub(r"\\(.)", r"\1", found[1]) if found else header.strip()


def fingerprint(method: str, path: str, body: bytes) -> bytes:
    """Return what tells one request from another under the same key."""
    return hashlib.sha256(f"{method} {path}\n".encode() + body).digest()


class Keys:
    """Each key with its request and, once there is one, the reply."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[bytes, Reply | None]] = {}

    def due(self, key: str, request: bytes) -> Reply | None:
        """Bind a new key to ``request``, or return the reply a known one is due."""
        if key not in self._kept:
            self._kept[key] = (request, None)
            return None
        known, reply = self._kept[key]
        if known != request:
            return error(422, "idempotency.key_reused")
        return reply or error(409, "idempotency.in_progress")

    def settle(self, key: str, reply: Reply) -> None:
        """Store the reply that every repetition gets."""
        request, _ = self._kept[key]
        self._kept[key] = (request, reply)

    def forget(self) -> None:
        """Let every key lapse, as after the time they are honoured for."""
        self._kept.clear()
