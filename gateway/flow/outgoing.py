"""What others must hear: rendered once, frozen, with the key it will always have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.core.decide import Telling
from gateway.core.decide.book import Event
from gateway.core.effects import Alarm, NewDelivery
from gateway.core.errors import Problem, Unmappable
from gateway.core.identity import identity_digest
from gateway.core.ids import MOST, delivery_id
from gateway.core.order import TherapyOrder
from gateway.mapping.catalog import Catalog
from gateway.mapping.compiled import Compiled
from gateway.mapping.places import Format
from gateway.mapping.profile import Portal
from gateway.mapping.site import Facility, Site, StatusBack

ALWAYS_TOLD = frozenset(
    {
        "identity_held",
        "order_cancelled",
        "submit_refused",
        "change_refused",
        "cancel_refused",
    }
)
"""Event kinds a site hears of whatever statuses it asked for."""

OF_OURS = frozenset({"destination.not_configured", "message.too_many_orders"})
"""Why something cannot be told whatever it says."""

MEDIA_TYPES = {"json": "application/json", "hl7v2": "x-application/hl7-v2+er7"}


@dataclass(frozen=True, slots=True)
class DeliveryFacts:
    """What a template may say about the delivery itself."""

    id: str
    key: str
    operation: str


@dataclass(frozen=True, slots=True)
class Occasion:
    """Everything a template can name."""

    order: TherapyOrder
    event: Event
    delivery: DeliveryFacts
    site: Site
    facility: Facility
    now: datetime


@dataclass(frozen=True, slots=True)
class Frozen:
    """What is sent, and alarms about what a site cannot be told."""

    deliveries: tuple[NewDelivery, ...] = ()
    alarms: tuple[Alarm, ...] = ()


class Outgoing:
    """Turns tellings into deliveries."""

    def __init__(self, catalog: Catalog, formats: Mapping[str, Format]) -> None:
        """Use the destinations of ``catalog`` and the ``formats`` to write in."""
        self._catalog = catalog
        self._formats = formats

    def freeze(
        self, tellings: Sequence[Telling], *, origin: str, now: datetime
    ) -> Frozen:
        """Render and freeze what ``origin`` causes, in order.

        What a site cannot be told is an alarm and keeps no fact out: the status
        is a courtesy to it (``docs/adr/0012-what-a-site-cannot-be-told.md``).

        Raises:
            Unmappable: A manufacturer cannot be told; nothing is replaced, a
                person decides (``render.unrepresentable``,
                ``destination.not_configured``).
        """
        made: list[NewDelivery] = []
        untold: dict[Alarm, None] = {}
        for telling in tellings:
            try:
                delivery = self._freeze_one(telling, _name(origin, len(made) + 1), now)
            except Unmappable as error:
                if telling.audience != "site":
                    raise
                untold |= _untold(error, telling.order.id)
                continue
            if delivery is not None:
                made.append(delivery)
        return Frozen(tuple(made), tuple(untold))

    def _freeze_one(
        self, telling: Telling, name: str, now: datetime
    ) -> NewDelivery | None:
        site = self._catalog.sites.get(telling.order.site)
        if site is None:
            raise _gone(telling.order.site)
        back = site.status_back
        to_site = telling.audience == "site"
        if to_site and back is None and site.problems:
            raise _gone(site.name)
        if to_site and (back is None or not _wanted(back, telling.event)):
            return None
        code = telling.order.facility
        facility = site.facilities.get(code) or Facility(code, code, "")
        facts = DeliveryFacts(name, name, telling.operation)
        occasion = Occasion(telling.order, telling.event, facts, site, facility, now)
        if to_site and back is not None:
            return self._to_site(back, occasion)
        portal = self._catalog.portals.get(telling.order.manufacturer)
        if portal is None:
            raise _gone(telling.order.manufacturer)
        return self._to_portal(portal, occasion)

    def _to_portal(self, portal: Portal, occasion: Occasion) -> NewDelivery:
        operation = occasion.delivery.operation
        if operation not in portal.operations:
            raise Unmappable(Problem("render.unrepresentable", operation, "hold"))
        mapping = portal.operations[operation].body
        return NewDelivery(
            delivery_id=occasion.delivery.id,
            order_id=occasion.order.id,
            destination=portal.destination,
            key=occasion.delivery.key,
            operation=operation,
            body=self._render(mapping, occasion, {}),
            content_type=MEDIA_TYPES[mapping.writes],
            guarded=operation != "cancel",
            identity=identity_digest(occasion.order),
            due=occasion.now,
            deadline=occasion.now + portal.deadline,
        )

    def _to_site(self, back: StatusBack, occasion: Occasion) -> NewDelivery:
        options = {
            **back.header(occasion),
            "type": back.message,
            "control_id": occasion.delivery.id,
            "sent_at": f"{occasion.now:%Y%m%d%H%M%S}+0000",
        }
        return NewDelivery(
            delivery_id=occasion.delivery.id,
            order_id=occasion.order.id,
            destination=back.destination,
            key=occasion.delivery.key,
            operation="status",
            body=self._render(back.mapping, occasion, options),
            content_type=MEDIA_TYPES[back.mapping.writes],
            guarded=occasion.event.kind != "identity_held",
            identity=identity_digest(occasion.order),
            due=occasion.now,
            deadline=occasion.now + back.deadline,
        )

    def _render(
        self, mapping: Compiled, occasion: Occasion, options: Mapping[str, str]
    ) -> bytes:
        trees, problems = mapping.run(occasion)
        if problems:
            raise Unmappable(*problems)
        return self._formats[mapping.writes].encode(trees[0], options)


def _name(origin: str, n: int) -> str:
    if n > MOST:
        raise Unmappable(Problem("message.too_many_orders", "", "hold"))
    return delivery_id(origin, n)


def _gone(name: str) -> Unmappable:
    """An order may outlive the files of its site or its manufacturer."""
    return Unmappable(Problem("destination.not_configured", name, "hold"))


def _untold(error: Unmappable, order_id: str) -> dict[Alarm, None]:
    """Say it of the order: what a template lacks, no sender can mend."""
    codes = {problem.code for problem in error.problems} & OF_OURS
    return {Alarm(code, order_id): None for code in codes or {"render.unrepresentable"}}


def _wanted(back: StatusBack, event: Event) -> bool:
    return event.kind in ALWAYS_TOLD or (
        event.status in back.when and event.kind != "name_changed"
    )
