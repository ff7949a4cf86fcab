"""What the connections of one listener share."""

from collections.abc import Callable
from dataclasses import dataclass, field

from adapters.hl7v2.admission import Admission
from adapters.hl7v2.limits import Counters, Limits
from gateway.ports import Peer, Receive

OnDamage = Callable[[str, int, bytes, Peer], None]
"""Told of bytes that formed no frame: kind, size, a sample and from whom.

Kinds are ``stray``, ``cut_short`` and ``junk`` (too long; the connection ends).
The size is in bytes. It must not raise.
"""

OnConnection = Callable[[Peer, str], None]
"""Told ``mllp.opened`` or ``mllp.refused``, and when one ends, why. Must not raise."""


@dataclass(frozen=True, slots=True)
class House:
    """One listener's callbacks, limits and books.

    ``receive_oversize`` answers a frame over the limit, given its head of up to
    4 KiB.
    """

    receive: Receive
    receive_oversize: Receive
    on_damage: OnDamage
    on_connection: OnConnection
    limits: Limits
    admission: Admission
    counters: Counters = field(default_factory=Counters)
