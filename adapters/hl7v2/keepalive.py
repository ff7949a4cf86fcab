"""Socket options of both MLLP ends: a dead peer is noticed, a small ACK not delayed."""

import socket
from typing import Final, Protocol

QUIET_SECONDS: Final = 60
"""Before the first probe: below the 5 minutes after which firewalls forget."""

PROBE_SECONDS: Final = 20
PROBES: Final = 3


class Options(Protocol):
    """As much of a socket as is needed; loops wrap theirs."""

    def setsockopt(self, level: int, option: int, value: int, /) -> None:
        """Set one option."""
        ...


# Not every system has every knob; a missing one leaves the system's default.
_PROBING: Final = (
    ("TCP_KEEPIDLE", QUIET_SECONDS),
    ("TCP_KEEPINTVL", PROBE_SECONDS),
    ("TCP_KEEPCNT", PROBES),
    ("TCP_USER_TIMEOUT", 1000 * (QUIET_SECONDS + PROBES * PROBE_SECONDS)),
)


def keep_alive(sock: Options) -> None:
    """Probe an idle peer and send small writes at once."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _PROBING:
        option = getattr(socket, name, None)
        if option is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
