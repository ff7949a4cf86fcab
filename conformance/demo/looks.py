"""Looking at a stage afterwards: did what was promised come about?

Each look returns whether it did and what was found; found values are counts,
states and codes.
"""

from typing import Any

from conformance.demo.stage import Stage
from conformance.simulators.ehr_answers import Ack, control_id

Look = tuple[bool, str]
PORTAL = "portal:helix"


class Looks:
    """Looks at the parties of a run from outside."""

    def __init__(self, stage: Stage) -> None:
        """Look at ``stage``."""
        self._stage = stage

    async def rows(self, kind: str, **filters: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - a listing's own filters
        """Return one of the gateway's listings."""
        filters.setdefault("limit", 1000)
        return await self._stage.server.gateway.looks.rows(kind, **filters)

    async def order(self, number: str) -> dict[str, Any] | None:
        """Return the order with this placer number, if it is there."""
        rows = await self.rows("orders")
        return next((r for r in rows if r["placer_number"] == number), None)

    async def done_at_portal(self, number: str, expected: list[str]) -> Look:
        """Whether exactly this was done to an order, in this order."""
        order = await self.order(number)
        done = self._stage.portal.book.effects_of(order["id"]) if order else []
        return done == expected, ", ".join(done) or "nothing"

    async def held(self, ack: Ack, code: str) -> Look:
        """Whether the message that ``ack`` answered is held for ``code``."""
        answered = control_id(ack.body).decode()
        row = await self._stage.server.gateway.looks.row("messages", answered)
        state, problems = (row["state"], row["problems"]) if row else ("", [])
        codes = dict.fromkeys(problem["code"] for problem in problems)
        return state == "held" and code in codes, ", ".join(codes)

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
        """Whether the portal did what was delivered of each order, in that order."""
        rows = await self.rows("deliveries", destination=PORTAL, state="delivered")
        made = [(row["order_id"], row["key"]) for row in reversed(rows)]
        book = self._stage.portal.book
        done = [(effect.client_reference, effect.key) for effect in book.effects]
        broken = [n for n in book.orders if _of(n, made) != _of(n, done)]
        return not broken, f"{len(book.orders)} orders"

    async def once_each(self) -> Look:
        """Whether nothing was done twice."""
        effects = self._stage.portal.book.effects
        keys = [effect.key for effect in effects]
        submits = [e.client_reference for e in effects if e.operation == "submit"]
        once = len(keys) == len(set(keys)) and len(submits) == len(set(submits))
        return once, f"{len(effects)} effects, {len(set(keys))} keys"


def _of(order_id: str, keys: list[tuple[str, str]]) -> list[str]:
    return [key for of, key in keys if of == order_id]
