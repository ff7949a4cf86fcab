"""What happens before the first message after a start."""

from collections.abc import Mapping
from typing import Protocol


class Recoverable(Protocol):
    """The part of an embedded store that a start needs."""

    async def lapse_leases(self) -> int:
        """End every lease: their holders died with the last process.

        Returns how many there were. Each of those deliveries may have been sent,
        so its next claim is marked ``lapsed``.
        """
        ...

    async def keep_mappings(self, texts: Mapping[str, str]) -> None:
        """Remember mapping texts by their version, for ever."""
        ...


async def recover(store: Recoverable, texts: Mapping[str, str]) -> int:
    """Make a store ready to serve; returns how many attempts died unreported.

    Only for a store that no other server uses: the embedded one, whose lock file
    was just taken.
    """
    await store.keep_mappings(texts)
    return await store.lapse_leases()
