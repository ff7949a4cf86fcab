"""Three orders with nothing wrong, and a mark in every text that says something.

One for each sample site and one for the open test site. Tests spoil them.
"""

import itertools
from dataclasses import dataclass
from typing import Any

from tests.conformance.line import Said, calling, framed
from tests.conformance.scene import Scene

SITES = ("st_elm", "rheintal", "anyone")
ACCEPTED = {"st_elm": "CA", "rheintal": "AA", "anyone": "AA"}
Edit = tuple[bytes, bytes]
_COUNT = itertools.count(1)

MARK = b"CANARY"
"""Stands in every value that must never leave the store."""

_ST_ELM = """\
MSH|^~\\&|ELMCARE|STELM|BATON|BATON|20260301120000-0600||OMG^O19^OMG_O19|{id}|P|2.5.1\
|||AL|NE|USA|UNICODE UTF-8
PID|1||CANARY{id}^^^STELM^MR||CANARYFAMILY^CANARYGIVEN^CANARYMIDDLE||19710409|F|||\
CANARYSTREET^CANARYFLAT^CANARYCITY^IL^60999^USA||^PRN^PH^^^^^^^^^CANARYPHONE
PV1|1|O|CANARYWARD
NK1|1|CANARYKIN^CANARYKINGIVEN|SPO
DG1|1||C83.30^CANARYDIAGNOSIS^I10C||20251104|F
ORC|NW|{number}^ELMCARE|||||||20260301120000-0600|||1999999984^CANARYDOCTOR^X^^^^^^NPI
OBR|1|{number}^ELMCARE||CART19H^CANARYTHERAPY^99ELM
OBX|1|NM|29463-7^Body weight^LN||71.4|kg^kilogram^UCUM|||||F|||20260301
OBX|2|ST|TB_DATE^Tumour board^99ELM||CANARYBOARD||||||F
NTE|1|P|CANARYNOTE
"""
_RHEINTAL = """\
MSH|^~\\&|KIS|RHEIN|BATON|BATON|20260301120000||ORM^O01|{id}|P|2.3||||||8859/1
PID|1||CANARY{id}||CANARYFAMILY^CANARYGIVEN||19710409|W|||\
CANARYSTREET^^CANARYCITY^^79999^DE||CANARYPHONE
PV1|1|I|CANARYWARD
NK1|1|CANARYKIN^CANARYKINGIVEN
DG1|1|I10|C83.3^CANARYDIAGNOSIS^I10
ORC|NW|{number}|||||^^^20260401090000^^R||20260301120000|||9999991^CANARYDOCTOR^X
OBR|1|{number}||CT-019^CANARYTHERAPY^L
OBX|1|NM|GEW^Gewicht^L||157.4|lb|||||F|||20260228
OBX|2|TX|ANAM^Anamnese^L||CANARYHISTORY||||||F
ZCT|1|J|2026-02-24|CANARYVOTE
"""
_ANYONE = """\
MSH|^~\\&|SOMEONE|CLINIC|BATON|BATON|20260301120000||ORM^O01^ORM_O01|{id}|T|2.5.1
PID|1||CANARY{id}^^^CLINIC^MR||CANARYFAMILY^CANARYGIVEN||19710409|F|||\
CANARYSTREET^^CANARYCITY||CANARYPHONE
PV1|1|I|CANARYWARD
NK1|1|CANARYKIN^CANARYKINGIVEN
ORC|NW|{number}|||||||20260301120000
OBR|1|{number}||HELIX-CART-19^CANARYTHERAPY^L
OBX|1|NM|29463-7^Body weight^LN||71.4|kg^kilogram^UCUM|||||F|||20260301
OBX|2|TX|HISTORY^History^L||CANARYHISTORY||||||F
NTE|1|P|CANARYNOTE
"""
TEXTS = {"st_elm": _ST_ELM, "rheintal": _RHEINTAL, "anyone": _ANYONE}


@dataclass(frozen=True, slots=True)
class Order:
    """One message, spoilt or not; ``number`` is its placer number."""

    site: str
    control_id: str
    number: str
    body: bytes

    def spoilt(self, *edits: Edit) -> "Order":
        """Return it with the first of each text replaced; each must be there."""
        body = self.body
        for old, new in edits:
            assert old in body, old
            body = body.replace(old, new, 1)
        return Order(self.site, self.control_id, self.number, body)


def order(site: str, *edits: Edit) -> Order:
    """Return another order of ``site``, for a patient of its own, and spoil it."""
    n = next(_COUNT)
    control_id, number = f"B{n:05d}", f"N{n:05d}"
    text = TEXTS[site].format(id=control_id, number=number).replace("\n", "\r")
    return Order(site, control_id, number, text.encode("ascii")).spoilt(*edits)


async def send(scene: Scene, order: Order) -> tuple[Said, dict[str, Any]]:
    """Send an order; return its one answer, and the message as stored."""
    async with calling(scene.stage.server.mllp_port) as line:
        line.send(framed(order.body))
        said = await line.answer()
    assert said is not None
    assert said.control_id == order.control_id.encode()
    (row,) = await scene.rows("messages", control_id=order.control_id)
    assert scene.queries.body(row["id"]) == order.body
    return said, row


def found(row: dict[str, Any]) -> list[tuple[str, str]]:
    """Return code and place of every problem of a stored message."""
    return [(p["code"], p["where"]) for p in row["problems"]]
