"""The books of a simulated manufacturer: orders, keys, effects. No I/O.

Written against the portal's published behaviour and not against the gateway, so
that a test which counts effects here does not ask the gateway about itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

Tree = dict[str, Any]

JOURNEY: Final = (
    "order.acknowledged",
    "order.accepted",
    "order.scheduled",
    "material.collected",
    "material.shipped",
    "material.received",
    "manufacturing.started",
    "product.in_release",
    "product.released",
    "product.shipped",
    "product.delivered",
    "product.infused",
)
"""What a manufacturer reports of an order that goes well, in order."""

LAST: Final = frozenset({"order.cancelled", "order.rejected", "product.infused"})
"""After these nothing more is reported."""

POINT_OF_NO_RETURN: Final = JOURNEY.index("manufacturing.started")
"""From here on a cancellation is a request that a person answers."""


@dataclass(frozen=True, slots=True)
class Maker:
    """Who the simulated manufacturer is.

    Attributes:
        products: The product codes it makes; ``None`` takes any.
    """

    name: str
    issuer: str
    prefix: str
    products: frozenset[str] | None = None


HELIX: Final = Maker(
    "Helix Cell Works",
    issuer="HELIX",
    prefix="HX",
    products=frozenset({"HELIX-CART-19", "HELIX-TIL-2"}),
)


@dataclass(frozen=True, slots=True)
class Reply:
    """A status and a JSON body."""

    status: int
    tree: Tree


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that was really done, once for each time it was done."""

    operation: Literal["submit", "change", "cancel"]
    client_reference: str
    key: str


@dataclass(slots=True)
class Order:
    """One order as the manufacturer knows it."""

    client_reference: str
    reference: str
    coi: str
    received_at: str
    updated_at: str
    content: Tree = field(repr=False)
    status: str = "received"
    reported: list[str] = field(default_factory=list)
    cancellation: Literal["", "done", "requested"] = ""

    @property
    def lot(self) -> str:
        """The lot number, given when manufacturing starts."""
        return self.reference.replace("-", "-LOT-")

    @property
    def closed(self) -> bool:
        """Whether nothing may follow."""
        return self.cancellation == "done" or bool(LAST.intersection(self.reported))

    @property
    def upcoming(self) -> str | None:
        """What is reported next if nothing happens in between."""
        if LAST.intersection(self.reported):
            return None
        if self.cancellation:
            return "order.cancelled"
        return next((step for step in JOURNEY if step not in self.reported), None)

    @property
    def in_manufacturing(self) -> bool:
        """Whether the point of no return is behind it."""
        return bool(set(JOURNEY[POINT_OF_NO_RETURN:]).intersection(self.reported))


def error(status: int, code: str, *fields: tuple[str, str]) -> Reply:
    """Build an error answer, with one reason for each field at fault."""
    reasons = [{"field": name, "reason": reason} for name, reason in fields]
    return Reply(status, {"code": code, "errors": reasons})


class Book:
    """Orders by client reference, and every effect in the order it happened."""

    def __init__(self, maker: Maker, now: Callable[[], datetime]) -> None:
        self.orders: dict[str, Order] = {}
        self.effects: list[Effect] = []
        self._maker = maker
        self._now = now

    def submit(self, tree: Tree, key: str) -> Reply:
        """Take a new order; 422 names each field at fault."""
        faults = self._faults(tree)
        if faults:
            return error(422, "validation.failed", *faults)
        name = str(tree["clientReference"])
        if name in self.orders:
            return error(409, "order.exists")
        number = len(self.orders) + 1
        reference = f"{self._maker.prefix}-{number:06d}"
        coi = f"{self._maker.issuer}-COI-{number:06d}"
        at = self._now().isoformat()
        self.orders[name] = Order(name, reference, coi, at, at, content=tree)
        self.effects.append(Effect("submit", name, key))
        return self._standing(name, 201)

    def change(self, name: str, tree: Tree, key: str) -> Reply:
        """Replace an open order's content."""
        missing = self._missing(name)
        if missing:
            return missing
        faults = self._faults({**tree, "clientReference": name})
        if faults:
            return error(422, "validation.failed", *faults)
        self.orders[name].content = tree
        self.orders[name].updated_at = self._now().isoformat()
        self.effects.append(Effect("change", name, key))
        return self._standing(name, 200)

    def cancel(self, name: str, key: str) -> Reply:
        """Cancel at once before manufacturing; afterwards take it as a request."""
        missing = self._missing(name)
        if missing:
            return missing
        order = self.orders[name]
        order.cancellation = "requested" if order.in_manufacturing else "done"
        order.status = (
            "cancellation_requested" if order.in_manufacturing else "cancelled"
        )
        order.updated_at = self._now().isoformat()
        self.effects.append(Effect("cancel", name, key))
        return self._standing(name, 200)

    def look_up(self, name: str) -> Reply:
        """Say where an order stands."""
        if name not in self.orders:
            return error(404, "order.unknown")
        return self._standing(name, 200)

    def report(self, name: str, step: str, **more: str) -> Tree:
        """Enter ``step`` and return the event that tells of it."""
        order = self.orders[name]
        order.reported.append(step)
        order.status = step
        order.updated_at = self._now().isoformat()
        data = {"clientReference": name, "reference": order.reference, **more}
        if "order.accepted" in order.reported:
            data.setdefault("coi", order.coi)
        if order.in_manufacturing:
            data.setdefault("lot", order.lot)
        return {"type": step, "occurredAt": self._now().isoformat(), "data": data}

    def effects_of(self, name: str) -> list[str]:
        """List what was done to one order, in order."""
        return [e.operation for e in self.effects if e.client_reference == name]

    def _missing(self, name: str) -> Reply | None:
        if name not in self.orders:
            return error(404, "order.unknown")
        return error(409, "order.closed") if self.orders[name].closed else None

    def _standing(self, name: str, status: int) -> Reply:
        order = self.orders[name]
        tree = {
            "clientReference": name,
            "reference": order.reference,
            "status": order.status,
            "receivedAt": order.received_at,
            "updatedAt": order.updated_at,
        }
        return Reply(status, tree)

    def _faults(self, tree: Tree) -> list[tuple[str, str]]:
        product = tree.get("product")
        code = product.get("code") if isinstance(product, dict) else None
        made = self._maker.products
        found = []
        if not isinstance(tree.get("clientReference"), str):
            found.append(("clientReference", "required"))
        if not isinstance(code, str):
            found.append(("product.code", "required"))
        elif made is not None and code not in made:
            found.append(("product.code", "not a product of ours"))
        if not isinstance(tree.get("patient"), dict):
            found.append(("patient", "required"))
        return found
