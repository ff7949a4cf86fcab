"""Floor 1: which manufacturer's portal an order goes to."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.agreements import Route


@dataclass(frozen=True, slots=True)
class Routing:
    """The answer for one order: whose portal, by which version of the routes."""

    manufacturer: str
    version: str


def route(product: str, country: str, routes: Sequence[Route]) -> Routing | None:
    """Find the one route for a product in a country, or ``None`` if none fits."""
    for candidate in routes:
        if candidate.product == product and country in candidate.countries:
            return Routing(candidate.manufacturer, candidate.version)
    return None
