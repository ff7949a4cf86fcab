"""A portal that is watched while the gateway sends to it."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from conformance.demo.stage import Stage
from conformance.simulators.portal import PortalSimulator
from conformance.simulators.portal_answers import Seen
from tests.conformance.scene import Scene, rewrite

PORTAL = "portal:helix"


class Watched(PortalSimulator):
    """A portal that keeps every body, and counts what is in flight for an order.

    Attributes:
        asked: Key and body of every request, repeats included.
        look: Called for every key before its request is served.
        most_in_flight: The most requests at a time about one order.
    """

    def __init__(self, *, honours_keys: bool = True) -> None:
        super().__init__(honours_keys=honours_keys)
        self.asked: list[tuple[str, bytes]] = []
        self.look: Callable[[str], bytes] = lambda _: b""
        self.found: list[bytes] = []
        self.most_in_flight = 0
        self._flying: Counter[str] = Counter()

    async def _serve(self, request: web.Request, seen: Seen) -> web.StreamResponse:
        body = await request.read()
        self.asked.append((seen.key, body))
        self.found.append(self.look(seen.key))
        lane = body.partition(b'"clientReference":"')[2].partition(b'"')[0].decode()
        self._flying[lane] += 1
        self.most_in_flight = max(self.most_in_flight, self._flying[lane])
        try:
            return await super()._serve(request, seen)
        finally:
            self._flying[lane] -= 1


class WatchedStage(Stage):
    def __init__(self, data: Path, *, mappings: Path | None = None) -> None:
        super().__init__(data, mappings=mappings)
        self.portal: Watched = Watched()


class Forgetful(WatchedStage):
    """The portal honours no keys."""

    def __init__(self, data: Path, *, mappings: Path | None = None) -> None:
        super().__init__(data, mappings=mappings)
        self.portal = Watched(honours_keys=False)


def without_keys(mappings: Path) -> None:
    """Take the idempotency keys out of the portal's profile."""
    profile = mappings / "manufacturers" / "helix" / "portal.yaml"
    rewrite(profile, {r"idempotency:.*\n(  .*\n)+": ""})


def watched(scene: Scene) -> Watched:
    assert isinstance(scene.stage.portal, Watched)
    return scene.stage.portal
