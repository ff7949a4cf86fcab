"""A message as it arrived: exact bytes and where they came from."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway.core.ids import MessageId


@dataclass(frozen=True, slots=True)
class Envelope:
    """One inbound message, before anyone has tried to understand it.

    Attributes:
        message_id: Ours, minted on receipt; the only id that goes in logs.
        endpoint: The listener or route it came in by, e.g. ``mllp``,
            ``webhook:helix``.
        site: The site or manufacturer it was recognised as, ``""`` if none.
        media_type: What the sender claims, e.g. ``x-application/hl7-v2+er7``.
        received_at: UTC, from our clock and not from the message.
        type: What the sender calls it (``OMG^O19``), for people and metrics.
        control_id: The sender's own id (MSH-10, webhook-id); may repeat.
        body: The exact bytes. Never in ``repr``, since it is PHI.
        headers: Transport headers worth keeping (signatures, ids).
    """

    message_id: MessageId
    endpoint: str
    site: str
    media_type: str
    received_at: datetime
    type: str = ""
    control_id: str = field(default="", repr=False)
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Refuse a local time: ledgers are compared across zones."""
        if self.received_at.utcoffset() != timedelta(0):
            raise ValueError("received_at must be in UTC")

    @property
    def digest(self) -> bytes:
        """SHA-256 of ``body``: the exact digest, for evidence."""
        return hashlib.sha256(self.body).digest()
