"""The bench's own site and portal can be served."""

from adapters.portal_rest.sender import check
from gateway.app.wiring import Parts
from tests.bench.baton import MAPPINGS


def test_the_stub_may_be_sent_to_in_clear() -> None:
    catalog = Parts().load(MAPPINGS)

    assert catalog.problems == ()
    for portal in catalog.portals.values():
        check(portal, "http://127.0.0.1:1")
