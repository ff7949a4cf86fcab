"""Which manufacturer's portal an order goes to."""

import pytest

from gateway.core.agreements import Route
from gateway.routing import Routing, route

HELIX = Route("helix-cart", frozenset({"US", "DE"}), "helix", "helix-7")
NORTH = Route("north-tcr", frozenset({"US"}), "north", "north-1")
NORTH_DE = Route("north-tcr", frozenset({"DE"}), "north-eu", "north-2")
ROUTES = (HELIX, NORTH, NORTH_DE)


@pytest.mark.parametrize(
    ("product", "country", "found"),
    [
        ("helix-cart", "US", HELIX),
        ("helix-cart", "DE", HELIX),
        ("north-tcr", "US", NORTH),
        ("north-tcr", "DE", NORTH_DE),
    ],
)
def test_a_product_goes_to_who_makes_it_in_that_country(
    product: str, country: str, found: Route
) -> None:
    routing = route(product, country, ROUTES)

    assert routing == Routing(found.manufacturer, found.version)


@pytest.mark.parametrize(
    ("product", "country"),
    [
        pytest.param("unknown", "US", id="product nobody makes"),
        pytest.param("helix-cart", "FR", id="country nobody serves"),
        pytest.param("helix-cart", "", id="facility without a country"),
        pytest.param("HELIX-CART", "US", id="codes are compared exactly"),
    ],
)
def test_what_nobody_makes_there_goes_nowhere(product: str, country: str) -> None:
    """There is no default manufacturer."""
    assert route(product, country, ROUTES) is None


def test_without_routes_nothing_goes_anywhere() -> None:
    assert route("helix-cart", "US", ()) is None
