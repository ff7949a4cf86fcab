"""Floor 1: which manufacturer's portal an order goes to, and why."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.agreements import Route


@dataclass(frozen=True, slots=True)
class Routing:
    """The answer for one order; ``reason`` is stored with it.

    ``manufacturer`` is ``""`` if the order goes nowhere.
    """

    manufacturer: str
    version: str
    reason: str


def route(product: str, country: str, routes: Sequence[Route]) -> Routing | None:
    """Find the one route for a product in a country, or ``None`` if none fits."""
    for candidate in routes:
        if candidate.product == product and country in candidate.countries:
            reason = f"{product} in {country} is made by {candidate.manufacturer}"
            return Routing(candidate.manufacturer, candidate.version, reason)
    return None
