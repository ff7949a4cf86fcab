"""Two manufacturers: none learns of the other's orders or speaks for them."""

import base64
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

import pytest
import pytest_asyncio

from conformance.demo.stage import WEBHOOK_SECRET, Stage
from conformance.simulators.ehr import EhrReceiver
from conformance.simulators.portal import PortalSimulator
from conformance.simulators.portal_book import Maker
from tests.conformance.scene import Placed, Scene, rewrite, staged

pytestmark = pytest.mark.asyncio(loop_scope="module")

ORION = Maker("Orion", issuer="ORION", prefix="OR", products=frozenset({"HELIX-TIL-2"}))
ORION_CLIENT = ("baton-at-orion", "another-secret")
ORION_SECRET = "whsec_" + base64.b64encode(b"orion's own secret, made up too").decode()


class TwoMakers(Stage):
    """The stage with a second manufacturer, Orion, that makes the TIL product."""

    def __init__(self, data: Path, *, mappings: Path | None = None) -> None:
        super().__init__(data, mappings=mappings)
        self.orion = PortalSimulator(ORION, client=ORION_CLIENT)

    async def __aenter__(self) -> Self:
        await self._open.enter_async_context(self.orion)
        return await super().__aenter__()

    def _addresses(self, receivers: dict[str, EhrReceiver]) -> dict[str, str]:
        return {
            **super()._addresses(receivers),
            "BATON_ORION_URL": self.orion.url,
            "BATON_ORION_CLIENT_ID": ORION_CLIENT[0],
            "BATON_ORION_CLIENT_SECRET": ORION_CLIENT[1],
            "BATON_ORION_WEBHOOK_SECRET": ORION_SECRET,
        }


def with_orion(mappings: Path) -> None:
    """Give Orion what Helix has, and the route of the TIL product."""
    makers = mappings / "manufacturers"
    shutil.copytree(makers / "helix", makers / "orion")
    rewrite(makers / "orion" / "portal.yaml", {"HELIX_": "ORION_"})
    for file in ("answer", "webhook"):
        rewrite(makers / "orion" / f"{file}.yaml", {"const: helix": "const: orion"})
    rewrite(makers / "orion" / "routes.yaml", {r"  HELIX-CART-19: .*\n": ""})
    rewrite(makers / "helix" / "routes.yaml", {r"  HELIX-TIL-2: .*\n": ""})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    folder = tmp_path_factory.mktemp("makers")
    async with staged(folder, edit=with_orion, stage=TwoMakers) as scene:
        yield scene


def orion_of(scene: Scene) -> PortalSimulator:
    assert isinstance(scene.stage, TwoMakers)
    return scene.stage.orion


async def ordered_at_orion(scene: Scene) -> tuple[Placed, str]:
    number, person = scene.number(), scene.person()
    order = scene.st_elm.new_order(number, person, product="TIL2H")
    placed = Placed("st_elm", number, person, await scene.send("st_elm", order))
    return placed, (await scene.rests(number))["id"]


async def test_each_order_goes_to_the_maker_of_its_product(scene: Scene) -> None:
    at_orion, order_id = await ordered_at_orion(scene)
    at_helix, helix_order = await scene.settled()

    orion, helix = orion_of(scene), scene.stage.portal
    assert orion.book.effects_of(order_id) == ["submit"]
    assert helix.book.effects_of(helix_order["id"]) == ["submit"]
    assert order_id not in helix.book.orders
    assert helix_order["id"] not in orion.book.orders
    assert (await scene.order(at_orion.number))["manufacturer"] == "orion"
    assert (await scene.order(at_helix.number))["manufacturer"] == "helix"


@pytest.mark.parametrize("step", ["order.accepted", "order.cancelled"])
async def test_a_maker_cannot_touch_anothers_order(scene: Scene, step: str) -> None:
    """It is told no more than of an order that does not exist."""
    placed, order = await scene.settled()
    ledger = await scene.ledger(placed.number)

    status = await scene.webhook(
        order["id"], step, secret=ORION_SECRET, manufacturer="orion"
    )
    unknown = await scene.webhook(
        "0000000000000000-o1", step, secret=ORION_SECRET, manufacturer="orion"
    )

    assert status == unknown == 422
    assert await scene.ledger(placed.number) == ledger
    assert (await scene.order(placed.number))["coi"] is None


async def test_a_makers_signature_opens_its_own_door_only(scene: Scene) -> None:
    _, order_id = await ordered_at_orion(scene)

    status = await scene.webhook(
        order_id, "order.accepted", secret=WEBHOOK_SECRET, manufacturer="orion"
    )

    assert status == 401
