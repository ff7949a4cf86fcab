"""Writes what Klinikum Rheintal's EHR sends: HL7 v2.3 in ISO 8859-1.

Orders are ORM^O01 in original mode, with the hospital's own product codes, weight
in pounds, local times without offset and a Z segment. The counterpart of
``mappings/sites/rheintal``; Rheintal is fictional.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from conformance.simulators.messages import Person, er7, message, stamp

ZONE: Final = ZoneInfo("Europe/Berlin")

SEX: Final = {"F": "W", "M": "M", "O": "D", "U": "X"}
"""HL7 table 0001 to the hospital's own."""

POUND: Final = Decimal("0.45359237")
"""Kilograms, exactly (international avoirdupois pound)."""


class Rheintal:
    """The hospital's one interface; its control ids count up."""

    def __init__(
        self,
        *,
        start: int = 1,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._count = start
        self._now = now

    def new_order(
        self, number: str, person: Person, *, product: str = "CT-019"
    ) -> bytes:
        """Order ``product`` (a code of the site) for ``person``: ORC-1 NW."""
        return self._order("NW", number, person, product)

    def change_order(
        self, number: str, person: Person, *, product: str = "CT-019"
    ) -> bytes:
        """Say the order again as it is now: ORC-1 XO."""
        return self._order("XO", number, person, product)

    def cancel_order(
        self,
        number: str,
        person: Person,
        *,
        product: str = "CT-019",
        reason: str = "Wunsch der Patientin",
    ) -> bytes:
        """Cancel an order: ORC-1 CA."""
        orc = f"ORC|CA|{number}|||||||{self._stamp()}|||||||{er7(reason)}"
        obr = f"OBR|1|{number}||{product}^^L"
        return self._message("ORM^O01", _pid(person), _pv1(), orc, obr)

    def update_person(self, person: Person) -> bytes:
        """Say what the hospital now knows of a patient: ADT^A08."""
        evn = f"EVN|A08|{self._stamp()}"
        return self._message("ADT^A08", evn, _pid(person), _pv1())

    def merge(self, survivor: Person, retired_mrn: str) -> bytes:
        """Merge ``retired_mrn`` into ``survivor``: ADT^A40."""
        evn = f"EVN|A40|{self._stamp()}"
        mrg = f"MRG|{retired_mrn}"
        return self._message("ADT^A40", evn, _pid(survivor), mrg)

    def _order(self, control: str, number: str, person: Person, product: str) -> bytes:
        pounds = (Decimal(person.weight_kg) / POUND).quantize(Decimal("0.1"))
        planned = f"^^^{self._stamp(days=18)[:8]}090000^^R"
        doctor = "9999991^Grünwald^Käthe^^^Dr."
        orc = f"ORC|{control}|{number}|||||{planned}||{self._stamp()}|||{doctor}"
        yesterday = self._stamp(days=-1)[:8]
        return self._message(
            "ORM^O01",
            _pid(person),
            _pv1(),
            "DG1|1|I10|C83.3^Diffuses großzelliges B-Zell-Lymphom^I10",
            orc,
            f"OBR|1|{number}||{product}^Zelltherapie^L",
            f"OBX|1|NM|GEW^Gewicht^L||{pounds}|lb|||||F|||{yesterday}",
            "ZCT|1|J|2026-02-24|angenommen",
        )

    def _message(self, kind: str, *segments: str) -> bytes:
        control_id = f"R{self._count:08d}"
        self._count += 1
        msh = (
            f"MSH|^~\\&|KIS|RHEIN|BATON|BATON|{self._stamp()}||{kind}"
            f"|{control_id}|P|2.3||||||8859/1"
        )
        return message([msh, *segments], "iso8859-1")

    def _stamp(self, *, days: int = 0) -> str:
        return stamp(self._now() + timedelta(days=days), ZONE, offset=False)


def _pid(person: Person) -> str:
    name = f"{er7(person.family)}^{er7(person.given)}"
    born, sex = person.birth_date.strftime("%Y%m%d"), SEX[person.sex]
    home = "Uferstraße 7^^Rheintal^^79999^DE"
    return f"PID|1||{person.mrn}||{name}||{born}|{sex}|||{home}||+49 7000 5550101"


def _pv1() -> str:
    return "PV1|1|I|HAEM"
