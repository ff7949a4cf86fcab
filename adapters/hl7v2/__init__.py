"""HL7 v2 over MLLP: framing, reading, answering; all pure except the sockets."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from adapters.hl7v2.format import Hl7v2Format
from adapters.hl7v2.limits import Limits
from adapters.hl7v2.listener import MllpListener
from adapters.hl7v2.reader import Hl7v2Reader
from adapters.hl7v2.sender import MllpSender


@dataclass(frozen=True, slots=True)
class Adapter:
    """What discovery finds in a folder of adapters.

    Attributes:
        name: What mappings and sites call the format.
        reader: Reads messages and answers them.
        format: The language of places.
        limits: What a listener's peers may cost; every limit has a default.
        listen: Binds a listener; see ``MllpListener.start``.
        sender: From host and port to a sender; see ``MllpSender``.
    """

    name: str
    reader: type[Hl7v2Reader]
    format: type[Hl7v2Format]
    limits: type[Limits]
    listen: Callable[..., Awaitable[MllpListener]]
    sender: type[MllpSender]


adapter: Final = Adapter(
    "hl7v2", Hl7v2Reader, Hl7v2Format, Limits, MllpListener.start, MllpSender
)
