"""The real clock and the real chance; the only place they come from."""

import os
import secrets
from datetime import UTC, datetime

from gateway.core.ids import Minter


class SystemClock:
    """Implements ``ports.Clock``."""

    def now(self) -> datetime:
        """Return the present, in UTC."""
        return datetime.now(UTC)


def new_minter() -> Minter:
    """Return a minter that starts at a random place."""
    return Minter(secrets.randbits(35))


def fresh_secret() -> bytes:
    """Return 16 random bytes."""
    return os.urandom(16)
