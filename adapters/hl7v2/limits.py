"""What one MLLP peer may cost us, and the plain counts a listener keeps."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a listener, defaults from architecture §9; times in seconds.

    Attributes:
        frame: Bytes between VT and FS CR.
        junk: Bytes that may stand between two frames.
        first_byte: From connecting to the first frame's VT; junk does not count.
        mid_frame: From a frame's VT to its end, however steadily bytes trickle.
        idle: Without a frame on an open connection; TCP keepalive finds dead peers.
        stalled: How long a peer may leave its answers unread.
        linger: How long we listen on after our last answer, so that a reset does
            not overtake it; what arrives then is thrown away.
        per_address: Connections of one peer address.
        pipeline: Frames of one connection that may wait for their answers.
        pipeline_bytes: The same in bytes; one frame may always wait.
        address_bytes: Held for all connections of one address, read and not yet
            answered. Who asks for more is cut and sends again.
        total_bytes: The same for the whole listener.
        total_connections: Of all peers together.
        empty_frames: The empty frame in a row that ends the connection.
        damage: The run of bytes that form no frame, with no frame between them,
            that ends it.
    """

    frame: int = 16 * MIB
    junk: int = 4096
    first_byte: float = 60.0
    mid_frame: float = 30.0
    idle: float = 3600.0
    stalled: float = 60.0
    linger: float = 1.0
    per_address: int = 128
    pipeline: int = 64
    pipeline_bytes: int = 16 * MIB
    address_bytes: int = 128 * MIB
    total_bytes: int = 512 * MIB
    total_connections: int = 512
    empty_frames: int = 3
    damage: int = 16


@dataclass(slots=True)
class Counters:
    """What a listener has seen since it started; read by the metrics.

    Attributes:
        connections: Open now; all others only grow.
        opened: Connections taken.
        refused: Connections turned away because none of the peer's was idle.
        frames: Complete frames with content.
        empty: Frames without content, which get no answer.
        damage: Runs of bytes that formed no frame.
        answers: Handed to the operating system; a peer may still miss them.
        undelivered: Made for a peer that was gone.
        failed: Frames whose decision failed here; their connection was closed.
        ended: Connections by why they ended (``mllp.idle_timeout`` …).
    """

    connections: int = 0
    opened: int = 0
    refused: int = 0
    frames: int = 0
    empty: int = 0
    damage: int = 0
    answers: int = 0
    undelivered: int = 0
    failed: int = 0
    ended: Counter[str] = field(default_factory=Counter)
