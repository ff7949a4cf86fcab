"""Helix's profile and the simulated Helix are about the same portal."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import orjson
import pytest

from adapters.hl7v2.format import Hl7v2Format
from adapters.portal_rest import adapter
from conformance.simulators.portal import CLIENT, PortalSimulator
from conformance.simulators.portal_book import HELIX, JOURNEY, Book
from conformance.simulators.portal_faults import Refuse, Slow
from gateway.core.commands import ReportStatus
from gateway.core.order import (
    Identifier,
    Name,
    Patient,
    PlacerNumber,
    Product,
    Status,
    TherapyOrder,
)
from gateway.delivery.outcome import Delivered, NotTaken, Outcome, Rejected
from gateway.mapping.canonical import FacilityFacts, Occasion, SiteFacts, Told
from gateway.mapping.catalog import Catalog
from gateway.mapping.compiled import Compiled
from gateway.mapping.json_format import read_json
from gateway.mapping.profile import Portal
from tests.unit.portal_rest.examples import NOON, Settings, StoppedClock, claim

MAPPINGS = Path(__file__).parents[2] / "mappings"

ORDER = TherapyOrder(
    id="o-1",
    site="st_elm",
    status=Status.READY,
    placer_number=PlacerNumber(value="N-1", namespace="ELMCARE"),
    facility="STELM",
    patient=Patient(
        mrn=Identifier(value="4711008", authority="STELM"),
        name=Name(family="Beispiel", given="Åsa"),
        birth_date=date(1971, 4, 9),
        sex="female",
    ),
    product=Product(code="HELIX-CART-19"),
)
OCCASION = Occasion(
    order=ORDER,
    now=NOON,
    event=Told("order_cancelled", Status.CANCELLED, NOON, reason="her wish"),
    site=SiteFacts("st_elm", "St Elm"),
    facility=FacilityFacts("STELM", "St Elm", "US"),
)
SECRETS = Settings(
    dict(
        zip(("BATON_HELIX_CLIENT_ID", "BATON_HELIX_CLIENT_SECRET"), CLIENT, strict=True)
    )
)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load(MAPPINGS, {"hl7v2": Hl7v2Format()})


@pytest.fixture
def profile(catalog: Catalog) -> Portal:
    return catalog.portals["helix"]


class Baton:
    """Sends what the profile renders, as the profile says."""

    def __init__(self, catalog: Catalog, url: str) -> None:
        self._profile = catalog.portals["helix"]
        self._json = catalog.formats["json"]
        self.sender = adapter.sender(self._profile, url, SECRETS, StoppedClock())

    async def send(
        self, operation: str, *, key: str = "k-1", order: TherapyOrder = ORDER
    ) -> Outcome:
        template = self._profile.operations[operation].body
        (tree,), problems = template.run(replace(OCCASION, order=order))
        assert problems == []
        body = self._json.encode(tree, {})
        return await self.sender.send(claim(operation, key=key, body=body))


@asynccontextmanager
async def connected(catalog: Catalog) -> AsyncIterator[tuple[Baton, PortalSimulator]]:
    async with PortalSimulator() as helix:
        baton = Baton(catalog, helix.url)
        yield baton, helix
        await baton.sender.close()


def report(mapping: Compiled | None, body: bytes) -> ReportStatus:
    """Return the one report a mapping makes of what Helix said."""
    assert mapping is not None
    (command,), problems = mapping.run(read_json(body))
    assert problems == []
    assert isinstance(command, ReportStatus)
    return command


async def test_helix_takes_what_the_profile_renders(
    catalog: Catalog, profile: Portal
) -> None:
    async with connected(catalog) as (baton, helix):
        outcomes = [
            await baton.send(operation, key=f"k-{operation}")
            for operation in ("submit", "change", "cancel")
        ]

    assert {type(outcome) for outcome in outcomes} == {Delivered}
    assert helix.book.effects_of("o-1") == ["submit", "change", "cancel"]
    answer = orjson.loads(outcomes[0].evidence.body)
    about = {"order_id": "o-1", "operation": "submit", "answer": answer}
    said = report(profile.answer, orjson.dumps(about))
    assert said.order_id == "o-1"
    assert said.manufacturer_number == "HX-000001"


async def test_the_profile_knows_the_codes_of_helix(catalog: Catalog) -> None:
    other = ORDER.model_copy(update={"product": Product(code="OTHER")})
    gate = asyncio.Event()
    async with connected(catalog) as (baton, helix):
        unmade = await baton.send("submit", key="k-0", order=other)
        helix.faults.next(Refuse(429, retry_after="9"))
        throttled = await baton.send("submit")
        helix.faults.next(Slow(gate=gate))
        first = asyncio.create_task(baton.send("submit"))
        await helix.until(lambda: len(helix.requests) == 3)
        meanwhile = await baton.send("submit")
        gate.set()
        taken = await first
        await baton.send("cancel", key="k-2")
        too_late = await baton.send("change", key="k-3")

    assert isinstance(unmade, Rejected)
    assert isinstance(throttled, NotTaken)
    assert isinstance(meanwhile, NotTaken)
    assert isinstance(taken, Delivered)
    assert isinstance(too_late, Rejected)


@pytest.mark.parametrize(
    "step",
    [
        *JOURNEY,
        "order.rejected",
        "order.cancelled",
        "product.out_of_specification",
        "manufacturing.failed",
    ],
)
def test_every_event_of_helix_is_a_status(profile: Portal, step: str) -> None:
    """Each is sent on its own, as it would arrive."""
    event = told(step)

    said = report(events_of(profile), event)

    assert said.order_id == "o-1"
    assert said.manufacturer_number == "HX-000001"
    assert said.occurred_at is not None


def test_acceptance_binds_the_chain_of_identity(profile: Portal) -> None:
    said = report(events_of(profile), told("order.accepted"))

    assert said.coi is not None
    assert (said.coi.issuer, said.coi.value) == ("HELIX", "HELIX-COI-000001")


def events_of(profile: Portal) -> Compiled | None:
    return profile.webhook.mapping if profile.webhook else None


def told(step: str) -> bytes:
    """Return what Helix sends when an order reaches ``step``."""
    book = Book(HELIX, lambda: NOON)
    book.submit(
        {
            "clientReference": "o-1",
            "product": {"code": "HELIX-CART-19"},
            "patient": {},
        },
        "k-1",
    )
    return orjson.dumps(book.report("o-1", step))
