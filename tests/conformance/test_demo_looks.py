"""What the demo says it has looked at, it has looked at."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from conformance.demo.looks import Looks
from conformance.demo.stage import Stage
from conformance.simulators.ehr_answers import Ack
from conformance.simulators.portal_book import HELIX, Book, Effect
from tests.conformance.scene import stopped

ACK = Ack("AA", b"C-1", body=b"MSH|^~\\&|||||||ACK|M1|P|2.3\rMSA|AA|C-1\r")
REUSED = "message.control_id_reused"


class Kept:
    """Lists one order's deliveries, newest first, and shows one message."""

    def __init__(self, message: dict[str, Any] | None = None) -> None:
        self.message = message

    async def rows(self, *_: str, **__: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - filters
        return [{"order_id": "o", "key": key} for key in ("k2", "k1")]

    async def row(self, _: str, row_id: str) -> dict[str, Any] | None:
        return self.message if row_id == "M1" else None


def looks(kept: Kept, *keys: str) -> Looks:
    """Look at a portal that acted on ``keys``."""
    book = Book(replace(HELIX, products=None), stopped())
    book.submit({"clientReference": "o", "product": {"code": "p"}, "patient": {}}, "")
    book.effects = [Effect("submit", "o", key) for key in keys]
    portal, server = (
        SimpleNamespace(book=book),
        SimpleNamespace(gateway=SimpleNamespace(looks=kept)),
    )
    return Looks(cast("Stage", SimpleNamespace(portal=portal, server=server)))


@pytest.mark.parametrize(
    ("keys", "in_order"),
    [
        (["k1", "k2"], True),
        (["k2", "k1"], False),
        (["k1"], False),
        (["k1", "k1", "k2"], False),
    ],
)
async def test_lanes_are_in_order_if_the_portal_did_all_that_was_delivered_in_order(
    keys: list[str],
    in_order: bool,  # noqa: FBT001 - the expectation
) -> None:
    assert (await looks(Kept(), *keys).lanes_in_order())[0] is in_order


@pytest.mark.parametrize(
    ("message", "held"),
    [
        ({"state": "held", "problems": [{"code": REUSED}]}, True),
        ({"state": "held", "problems": [{"code": "code.unknown"}]}, False),
        ({"state": "applied", "problems": [{"code": REUSED}]}, False),
        (None, False),
    ],
)
async def test_a_message_is_held_if_that_very_message_is(
    message: dict[str, Any] | None,
    held: bool,  # noqa: FBT001 - the expectation
) -> None:
    assert (await looks(Kept(message)).held(ACK, REUSED))[0] is held
