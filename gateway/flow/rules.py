"""The configuration as deciding sees it: one consistent set, asked for by message."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.core.decide import Circumstances
from gateway.core.decide.book import Destination
from gateway.core.effects import WaitingMessage
from gateway.core.order import OrderContent
from gateway.core.verdict import Refusal
from gateway.flow.outgoing import Outgoing
from gateway.flow.understand import (
    STRANGER,
    Understood,
    understand,
    understand_report,
)
from gateway.mapping.catalog import Catalog
from gateway.mapping.places import Format
from gateway.mapping.site import Site
from gateway.ports import Peer, Reader
from gateway.routing import route

PAUSED = Destination(problem="manufacturer.paused", refusal=Refusal.UNAVAILABLE)
"""Its files are broken, or those of some manufacturer whose routes nobody can read."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What deciding needs of the configuration, one consistent set.

    ``secret`` returns fresh random bytes; salts of ledger events come from it.
    """

    catalog: Catalog
    formats: Mapping[str, Format]
    reader: Reader
    outgoing: Outgoing
    secret: Callable[[], bytes]

    def destination(self, site: Site | None, content: OrderContent) -> Destination:
        """Say where an order of ``site`` goes."""
        if site is None or not site.routed:
            return Destination()
        facility = site.facilities.get(content.facility)
        country = facility.country if facility else ""
        found = route(content.product.code, country, self.catalog.routes)
        if found is None and not self.catalog.closed:
            return Destination(problem="product.not_routed")
        if found is None or found.manufacturer in self.catalog.closed:
            return PAUSED
        return Destination(found.manufacturer, found.version)

    def expects(self, peer: Peer) -> bool:
        """Tell whether some site's messages may come from where ``peer`` is."""
        sites = self.catalog.sites.values()
        return any(peer.address in site.networks for site in sites)

    def circumstances(
        self,
        origin: str,
        now: datetime,
        speaker: str,
        mapping: str,
        released: frozenset[str] = frozenset(),
        received_at: datetime | None = None,
    ) -> Circumstances:
        """Gather what deciding a message of ``speaker`` depends on."""
        site = self.catalog.sites.get(speaker)
        return Circumstances(
            origin=origin,
            now=now,
            site=speaker,
            mapping=mapping,
            secret=self.secret(),
            route=lambda content: self.destination(site, content),
            released=released,
            received_at=received_at,
        )


def understand_kept(rules: Rules, message: WaitingMessage) -> Understood:
    """Understand a stored message again, as its endpoint would have."""
    portal = rules.catalog.portals.get(message.endpoint.removeprefix("webhook:"))
    if message.endpoint.startswith("webhook:") and portal is not None:
        return understand_report(portal, message.body)
    header, unusable = rules.reader.peek(message.body)
    site = rules.catalog.sites.get(message.site)
    if unusable is not None or site is None:
        return Understood(verdict=unusable or STRANGER)
    return understand(rules.reader, header, message.body, site)
