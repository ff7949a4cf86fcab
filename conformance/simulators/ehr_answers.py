"""HL7 v2 as an EHR reads and writes it, just enough to talk over MLLP.

Literal on purpose and independent of the gateway's reader: a fault shared by
both would let a wrong acknowledgement pass.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Ack:
    """One acknowledgement as received.

    Attributes:
        code: MSA-1; ``control_id`` MSA-2, byte for byte; ``text`` MSA-3.
        body: The whole message.
    """

    code: str
    control_id: bytes
    text: str = ""
    body: bytes = field(default=b"", repr=False)

    @property
    def positive(self) -> bool:
        """Whether the receiver owns the message now."""
        return self.code in {"AA", "CA"}


def segments(message: bytes) -> list[list[bytes]]:
    """Split a message into segments of fields, by what MSH-1 says."""
    separator = message[3:4] or b"|"
    return [line.split(separator) for line in message.split(b"\r") if line]


def control_id(message: bytes) -> bytes:
    """Return MSH-10."""
    return _field(segments(message)[0], 9)


def read_ack(message: bytes) -> Ack | None:
    """Read an acknowledgement, or return ``None`` if there is no MSA."""
    found = [fields for fields in segments(message) if fields[0] == b"MSA"]
    if not found:
        return None
    code, identifier, text = (_field(found[0], n) for n in (1, 2, 3))
    return Ack(code.decode("latin-1"), identifier, text.decode("latin-1"), message)


def write_ack(message: bytes, code: str, *, answering: bytes | None = None) -> bytes:
    """Answer ``message`` with ``code``; ``answering`` puts another id in MSA-2."""
    header = segments(message)[0]
    separator, version = message[3:4] or b"|", _field(header, 11) or b"2.5.1"
    identifier = control_id(message) if answering is None else answering
    ours = [b"MSH", message[4:8], _field(header, 4), _field(header, 5)]
    ours += [_field(header, 2), _field(header, 3), _field(header, 6), b""]
    ours += [b"ACK", b"A" + identifier[:19], _field(header, 10) or b"P", version]
    verdict = [b"MSA", code.encode(), identifier]
    return b"".join(separator.join(line) + b"\r" for line in (ours, verdict))


def with_time(message: bytes, stamp: str) -> bytes:
    """Return ``message`` with another MSH-7, as an EHR sends it a second time."""
    separator = message[3:4]
    header, _, rest = message.partition(b"\r")
    fields = header.split(separator)
    fields[6] = stamp.encode()
    return separator.join(fields) + b"\r" + rest


def _field(fields: list[bytes], n: int) -> bytes:
    return fields[n] if n < len(fields) else b""
