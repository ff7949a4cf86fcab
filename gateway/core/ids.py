"""Identifiers. One message id is minted per inbound message; the rest derive from it.

A message id has 16 characters of Crockford base32 (no I, L, O, U): 9 of time
(milliseconds since 1970, good until the year 3084) and 7 that count up from a
random start, so ids of one process sort by arrival. Orders and deliveries that
a message causes append ``-o1``, ``-d1`` …, which fits the 20 characters that
HL7 v2.5.1 gives MSH-10, so a delivery id can be the control id of what we send.
"""

from typing import NewType

MessageId = NewType("MessageId", str)
OrderId = NewType("OrderId", str)
DeliveryId = NewType("DeliveryId", str)

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [a + b for a in ALPHABET for b in ALPHABET]
_TAIL = 1 << 35

MOST = 99
"""Orders, and deliveries, one message may cause; see ADR 0009."""


def encode(milliseconds: int, tail: int) -> MessageId:
    """Write 45 bits of time and 35 bits of ``tail`` as 16 characters."""
    n = (milliseconds << 35) | (tail % _TAIL)
    high, low = n >> 40, n & _LOW
    return MessageId(
        _PAIRS[high >> 30 & 1023]
        + _PAIRS[high >> 20 & 1023]
        + _PAIRS[high >> 10 & 1023]
        + _PAIRS[high & 1023]
        + _PAIRS[low >> 30]
        + _PAIRS[low >> 20 & 1023]
        + _PAIRS[low >> 10 & 1023]
        + _PAIRS[low & 1023]
    )


_LOW = (1 << 40) - 1


class Minter:
    """Mints message ids that never repeat or go backwards within one process.

    The caller brings time and the random start, so that tests can fix both.
    """

    def __init__(self, start: int) -> None:
        """Begin counting at ``start``, any random number."""
        self._tail = start % _TAIL
        self._last = 0

    def mint(self, milliseconds: int) -> MessageId:
        """Return the next id for the time ``milliseconds`` since 1970."""
        self._last = max(self._last, milliseconds)
        self._tail = (self._tail + 1) % _TAIL
        if self._tail == 0:
            self._last += 1  # the count began anew; borrow from the next instant
        return encode(self._last, self._tail)


def order_id(message_id: str, n: int) -> OrderId:
    """Name the ``n``-th order (1 to 99) a message places.

    Raises:
        ValueError: ``n`` has no place in 20 characters.
    """
    return OrderId(_numbered(message_id, "o", n))


def delivery_id(origin: str, n: int) -> DeliveryId:
    """Name the ``n``-th delivery (1 to 99) that ``origin`` causes.

    ``origin`` is the message id, or the id minted for an attempt or a person's
    action that causes deliveries of its own.

    Raises:
        ValueError: ``n`` has no place in 20 characters.
    """
    return DeliveryId(_numbered(origin, "d", n))


def _numbered(origin: str, kind: str, n: int) -> str:
    if not 0 < n <= MOST:
        raise ValueError(f"a message causes at most {MOST} of a kind")
    return f"{origin}-{kind}{n}"
