"""MLLP framing without I/O: bytes in, blocks out.

A block is ``VT body FS CR`` (0x0B … 0x1C 0x0D). Source: HL7 Transport
Specification, MLLP Release 2. The body must be in an encoding that never
produces the bytes 0x0B or 0x1C as part of a character, such as UTF-8, ISO 8859
or Shift_JIS; UTF-16 does not travel over MLLP.

Beyond the specification, all tested: inside a block a VT starts a new block only
before ``MSH``, ``FHS`` or ``BHS`` (what came before it is damage); any other VT,
and an FS without CR, is payload. A lone FS never ends a block, because that
would turn a corrupted order into a shorter, valid-looking one.

Nothing here reads a socket, a clock or a setting, so every case a peer can
cause is reachable from a test with a byte string.
"""

import re
from dataclasses import dataclass, field
from typing import Final, Literal

from gateway.core.errors import Problem, Unreadable

VT: Final = b"\x0b"
FS: Final = b"\x1c"
CR: Final = b"\r"
END: Final = FS + CR

DEFAULT_MAX_BODY: Final = 16 * 1024 * 1024
"""Bytes. Our choice, to bound memory per connection; no standard sets one."""

DEFAULT_MAX_JUNK: Final = 4 * 1024
"""Bytes that may stand between two blocks: line ends, NULs, a banner, a log line."""

SAMPLE: Final = 4 * 1024
"""Bytes of damage kept for a person to look at."""

_START = re.compile(rb"\x0b(?:MSH|FHS|BHS)")
_UNDECIDED = re.compile(rb"(?:\x1c|\x0b(?:MS?|FH?|BH?)?)\Z")
_LONGEST_UNDECIDED = 3
_BLANK = b"\r\n"


@dataclass(frozen=True, slots=True)
class Block:
    """One complete block; ``body`` is exactly what stood between VT and FS CR."""

    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Empty:
    """A block without content: nothing, or line ends only. There is no message."""


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes that form no block. The stream can still be read after them.

    Attributes:
        kind: ``stray`` between blocks; ``cut_short``: a block that never ended.
        size: Of the damage, in bytes.
        sample: Its head, for the forensic buffer; never in ``repr``, may be PHI.
    """

    kind: Literal["stray", "cut_short"]
    size: int
    sample: bytes = field(default=b"", repr=False)


Event = Block | Empty | Damage


class StreamLost(Unreadable):
    """No later boundary of the stream can be trusted: close the connection.

    ``head`` has up to 4 KiB of what arrived. It is no part of ``str`` or
    ``repr``, since it may be PHI.
    """

    def __init__(self, head: bytes, *problems: Problem) -> None:
        super().__init__(*problems)
        self.head = head


class BlockTooLarge(StreamLost):
    """The open block is over the limit; ``head`` begins at its first byte."""

    code = "mllp.block_too_large"


class JunkTooLong(StreamLost):
    """What stands between two blocks is over the limit: this is no MLLP peer."""

    code = "mllp.junk_too_long"


class MllpFramer:
    """Splits one peer's byte stream into blocks; make one per connection.

    The events do not depend on how the stream was cut into reads. Time is
    linear in the bytes received, and memory is bounded by the limit plus one
    read. After a ``StreamLost`` the framer is spent.
    """

    def __init__(
        self, max_body: int = DEFAULT_MAX_BODY, max_junk: int = DEFAULT_MAX_JUNK
    ) -> None:
        self._max_body = max_body
        self._max_junk = max_junk
        self._buffer = bytearray()
        self._searched = 1  # no start of a next block stands before this
        self._endless = 1  # no END stands before this; outlives a block cut short
        self._junk = 0  # bytes dropped since the last complete block
        self._at_eof = False

    @property
    def in_block(self) -> bool:
        """Whether a block is open, once ``next_event`` has returned ``None``.

        The mid-frame deadline runs while it is, the idle one while it is not.
        """
        return self._buffer.startswith(VT)

    def receive(self, data: bytes) -> None:
        """Add bytes as read from the peer; ``b""`` means the peer hung up."""
        self._at_eof = not data
        self._buffer += data

    def next_event(self) -> Event | None:
        """Return the next event, or ``None`` when more bytes are needed.

        Raises:
            BlockTooLarge: The open block is over ``max_body``.
            JunkTooLong: More than ``max_junk`` bytes since the last block.
        """
        if not self._buffer:
            return None
        return self._inside() if self.in_block else self._between()

    def _between(self) -> Damage | None:
        start = self._buffer.find(VT)
        size = start if start >= 0 else len(self._buffer)
        if self._junk + size > self._max_junk:
            problem = Problem("message.no_header")
            raise JunkTooLong(bytes(self._buffer[:SAMPLE]), problem)
        if start < 0 and not self._at_eof:
            return None
        self._junk += size
        return self._drop("stray", size)

    def _inside(self) -> Event | None:
        end = self._buffer.find(END, self._endless)
        self._endless = end if end >= 0 else max(1, len(self._buffer) - 1)
        cut = self._restart(end if end >= 0 else len(self._buffer))
        edge = cut if cut >= 0 else end
        size = (edge if edge >= 0 else self._settled()) - 1
        if size > self._max_body:
            head = bytes(self._buffer[1 : 1 + min(SAMPLE, self._max_body)])
            raise BlockTooLarge(head, Problem("message.too_large"))
        if cut >= 0:
            return self._drop("cut_short", cut)
        if end >= 0:
            return self._complete(end)
        if self._at_eof:
            return self._drop("cut_short", len(self._buffer))
        self._searched = size + 1
        return None

    def _restart(self, stop: int) -> int:
        if self._buffer.find(VT, self._searched, stop) < 0:
            return -1
        found = _START.search(self._buffer, self._searched, stop)
        return found.start() if found else -1

    def _settled(self) -> int:
        """Where the tail begins that may yet turn out to be a boundary."""
        tail = max(1, len(self._buffer) - _LONGEST_UNDECIDED)
        found = _UNDECIDED.search(self._buffer, tail)
        return found.start() if found else len(self._buffer)

    def _complete(self, end: int) -> Block | Empty:
        with memoryview(self._buffer) as view:
            body = bytes(view[1:end])
        self._discard(end + len(END))
        self._junk = 0
        blank = not body[:1].strip(_BLANK) and not body.strip(_BLANK)
        return Empty() if blank else Block(body)

    def _drop(self, kind: Literal["stray", "cut_short"], size: int) -> Damage:
        sample = bytes(self._buffer[: min(size, SAMPLE)])
        self._discard(size)
        return Damage(kind, size, sample)

    def _discard(self, size: int) -> None:
        del self._buffer[:size]
        self._searched = 1
        self._endless = max(1, self._endless - size)


def encode(body: bytes) -> bytes:
    """Wrap one HL7 text for the wire.

    Raises:
        ValueError: ``body`` holds VT or FS; the caller built it wrongly.
    """
    if VT in body or FS in body:
        raise ValueError("an MLLP body cannot contain VT or FS")
    return VT + body + END
