"""Looking at a stage afterwards: did what was promised come about?

Each look returns whether it did and what was found; found values are counts,
states and codes.
"""

from typing import Any

from conformance.demo.stage import Stage

Look = tuple[bool, str]


class Looks:
    """Looks at the parties of a run from outside."""

    def __init__(self, stage: Stage) -> None:
        """Look at ``stage``."""
        self._stage = stage

    async def rows(self, kind: str, **filters: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - a listing's own filters
        """Return one of the gateway's listings."""
        filters.setdefault("limit", 1000)
        return await self._stage.server.gateway.rows(kind, **filters)

    async def order(self, number: str) -> dict[str, Any] | None:
        """Return the order with this placer number, if it is there."""
        rows = await self.rows("orders")
        return next((r for r in rows if r["placer_number"] == number), None)

    async def done_at_portal(self, number: str, expected: list[str]) -> Look:
        """Whether exactly this was done to an order, in this order."""
        order = await self.order(number)
        done = self._stage.portal.book.effects_of(order["id"]) if order else []
        return done == expected, ", ".join(done) or "nothing"

    async def held(self, code: str) -> Look:
        """Whether a message is held for ``code``."""
        rows = await self.rows("messages", state="held")
        codes = {p["code"] for row in rows for p in row["problems"]}
        return code in codes, ", ".join(sorted(codes))

    async def flag(self, number: str, flag: str) -> Look:
        """Whether an order has a flag."""
        order = await self.order(number)
        flags = order["flags"] if order else []
        return flag in flags, ", ".join(flags) or "no flags"

    async def told(self, hospital: str, text: bytes) -> Look:
        """Whether a hospital was sent ``text``."""
        received = self._stage.hospitals[hospital].receiver.received
        return any(text in message for message in received), f"{len(received)} statuses"

    async def lanes_in_order(self) -> Look:
        """Whether every order began with its submission."""
        book = self._stage.portal.book
        broken = [n for n in book.orders if book.effects_of(n)[:1] != ["submit"]]
        return not broken, f"{len(book.orders)} orders"

    async def once_each(self) -> Look:
        """Whether nothing was done twice."""
        effects = self._stage.portal.book.effects
        keys = [effect.key for effect in effects]
        submits = [e.client_reference for e in effects if e.operation == "submit"]
        once = len(keys) == len(set(keys)) and len(submits) == len(set(submits))
        return once, f"{len(effects)} effects, {len(set(keys))} keys"
