"""Who may connect, and how much memory all of an address's connections share."""

import asyncio
from typing import Protocol

from adapters.hl7v2.limits import Limits


class Guest(Protocol):
    """A connection, as far as its coming and going is concerned."""

    lost: asyncio.Future[None]
    """Done when the connection is gone."""

    @property
    def idle_since(self) -> float | None:
        """Loop time since which nothing is under way, ``None`` if something is."""
        ...

    def end(self, reason: str) -> None:
        """Answer what is under way, then close."""
        ...

    def drop(self, reason: str) -> None:
        """Close at once."""
        ...

    def abort(self, reason: str) -> None:
        """Cut."""
        ...


class Account:
    """Bytes held for one address, and through it for the whole listener."""

    __slots__ = ("_limit", "_whole", "used")

    def __init__(self, limit: int, whole: "Account | None" = None) -> None:
        self._limit = limit
        self._whole = whole
        self.used = 0

    def charge(self, size: int) -> None:
        """Add ``size`` bytes, negative to give back."""
        self.used += size
        if self._whole is not None:
            self._whole.charge(size)

    @property
    def overdrawn(self) -> bool:
        """Whether more is held than this address, or everyone, may hold."""
        if self.used > self._limit:
            return True
        return self._whole is not None and self._whole.overdrawn


class Admission:
    """Counts connections, per address and in all, and evicts the one idle longest.

    Evicting rather than refusing lets an EHR come back after a network fault
    left its old connections open here. Where all places are taken, the address
    with the most of them gives one up.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._guests: dict[str, dict[Guest, None]] = {}
        self._accounts: dict[str, Account] = {}
        self._total = Account(limits.total_bytes)

    @property
    def guests(self) -> list[Guest]:
        """Everyone present."""
        return [guest for present in self._guests.values() for guest in present]

    def admit(self, guest: Guest, address: str) -> Account | None:
        """Return the account ``guest`` is charged to, ``None`` if it is refused."""
        present = self._guests.get(address, {})
        if len(present) >= self._limits.per_address and not self._evict(present):
            return None
        if not self._has_room() and not self._evict(self._largest()):
            return None
        present = self._guests.setdefault(address, present)
        present[guest] = None
        if address not in self._accounts:
            self._forget_strangers()
            limit = self._limits.address_bytes
            self._accounts[address] = Account(limit, self._total)
        return self._accounts[address]

    def leave(self, guest: Guest, address: str) -> None:
        """Forget ``guest``; what is still held of it stays charged."""
        present = self._guests.get(address, {})
        present.pop(guest, None)
        if not present:
            self._guests.pop(address, None)

    def _forget_strangers(self) -> None:
        self._accounts = {
            address: account
            for address, account in self._accounts.items()
            if account.used or address in self._guests
        }

    def _has_room(self) -> bool:
        return sum(map(len, self._guests.values())) < self._limits.total_connections

    def _largest(self) -> dict[Guest, None]:
        return max(self._guests.values(), key=len)

    @staticmethod
    def _evict(present: dict[Guest, None]) -> bool:
        idle = [
            (since, guest)
            for guest in present
            if (since := guest.idle_since) is not None
        ]
        if not idle:
            return False
        _, guest = min(idle, key=lambda pair: pair[0])
        del present[guest]
        guest.drop("mllp.evicted")
        return True
