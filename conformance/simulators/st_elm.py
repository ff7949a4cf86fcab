"""Writes what St Elm University Hospital's EHR sends: HL7 v2.5.1 in UTF-8.

Orders are OMG^O19, identities ADT^A08 and ADT^A40. The counterpart of
``mappings/sites/st_elm``; St Elm is fictional.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from conformance.simulators.messages import Person, er7, message, stamp

ZONE: Final = ZoneInfo("America/Chicago")

SEROLOGY: Final = (
    ("56888-1", "HIV 1+2 Ab+p24 Ag"),
    ("5196-1", "HBsAg"),
    ("13955-0", "HCV Ab"),
    ("24110-9", "Treponema pallidum Ab"),
)


class StElm:
    """One facility of the hospital; its control ids count up.

    Args (of the constructor):
        facility: ``STELM``, ``STELM_NORTH`` or ``RIVERSIDE`` (MSH-4).
        acks: MSH-15 and MSH-16.
    """

    def __init__(
        self,
        facility: str = "STELM",
        *,
        acks: tuple[str, str] = ("AL", "NE"),
        start: int = 1,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._facility = facility
        self._acks = acks
        self._count = start
        self._now = now

    def new_order(
        self, number: str, person: Person, *, product: str = "CART19H"
    ) -> bytes:
        """Order ``product`` (a code of the site) for ``person``: ORC-1 NW."""
        return self._order("NW", number, person, product)

    def change_order(
        self, number: str, person: Person, *, product: str = "CART19H"
    ) -> bytes:
        """Say the order again as it is now: ORC-1 XO."""
        return self._order("XO", number, person, product)

    def cancel_order(
        self,
        number: str,
        person: Person,
        *,
        product: str = "CART19H",
        reason: str = "Patient's wish",
    ) -> bytes:
        """Cancel an order: ORC-1 CA."""
        orc = f"ORC|CA|{number}^ELMCARE|||||||{self._stamp()}|||||||PTW^{er7(reason)}"
        obr = f"OBR|1|{number}^ELMCARE||{product}^^99ELM"
        return self._message("OMG^O19^OMG_O19", _pid(person), _pv1(), orc, obr)

    def update_person(self, person: Person) -> bytes:
        """Say what the hospital now knows of a patient: ADT^A08."""
        evn = f"EVN||{self._stamp()}"
        return self._message("ADT^A08^ADT_A01", evn, _pid(person), _pv1())

    def merge(self, survivor: Person, retired_mrn: str) -> bytes:
        """Merge ``retired_mrn`` into ``survivor``: ADT^A40."""
        evn = f"EVN||{self._stamp()}"
        mrg = f"MRG|{retired_mrn}^^^STELM^MR"
        return self._message("ADT^A40^ADT_A39", evn, _pid(survivor), mrg)

    def _order(self, control: str, number: str, person: Person, product: str) -> bytes:
        return self._message(
            "OMG^O19^OMG_O19",
            _pid(person),
            _pv1(),
            _in1(),
            "DG1|1||C83.30^Diffuse large B-cell lymphoma, unspecified^I10C||20251104|F",
            "AL1|1|DA|7980^Penicillin^RXNORM",
            self._orc(control, number),
            f"TQ1|1||||||{self._ahead(18)[:8]}080000||R^Routine^HL70485",
            f"OBR|1|{number}^ELMCARE||{product}^Cell therapy^99ELM",
            "NTE|1|P|Please call the coordinator before collection.",
            *self._observations(person),
        )

    def _orc(self, control: str, number: str) -> str:
        return (
            f"ORC|{control}|{number}^ELMCARE|||||||{self._stamp()}"
            "|E1042^Ortega^Luz||1999999984^Vesterholm^Ingrid^^^Dr^^^NPI"
            "||^^^^^^^^^^^+1 312 555 0100"
        )

    def _observations(self, person: Person) -> list[str]:
        seen = self._stamp(days_ago=1)
        tests = [
            f"OBX|{n}|CWE|{code}^{name}^LN||NEG^Non-reactive^99ELM||||||F|||{seen}"
            for n, (code, name) in enumerate(SEROLOGY, start=3)
        ]
        consents = [
            f"OBX|{n}|CWE|{code}^Consent^99ELM||Y^Yes^HL70136||||||F|||{seen[:8]}"
            for n, code in enumerate(("CONS_TX", "CONS_DATA"), start=7)
        ]
        weight = f"{person.weight_kg}|kg^kilogram^UCUM|||||F|||{seen}"
        return [
            f"OBX|1|NM|29463-7^Body weight^LN||{weight}",
            f"OBX|2|NM|8302-2^Body height^LN||168|cm^centimeter^UCUM|||||F|||{seen}",
            *tests,
            *consents,
            "OBX|9|ST|TB_DATE^Tumour board^99ELM||2026-02-20, unanimous||||||F",
            f"OBX|10|DT|PLAN_INF^Planned infusion^99ELM||{self._ahead(63)[:8]}||||||F",
        ]

    def _message(self, kind: str, *segments: str) -> bytes:
        control_id = f"ELM{self._count:010d}"
        self._count += 1
        sent = stamp(self._now(), ZONE, offset=True)
        accept, application = self._acks
        msh = (
            f"MSH|^~\\&|ELMCARE|{self._facility}|BATON|BATON|{sent}||{kind}"
            f"|{control_id}|P|2.5.1|||{accept}|{application}|USA|UNICODE UTF-8"
        )
        return message([msh, *segments], "utf-8")

    def _stamp(self, *, days_ago: int = 0) -> str:
        return stamp(self._now() - timedelta(days=days_ago), ZONE, offset=True)

    def _ahead(self, days: int) -> str:
        return stamp(self._now() + timedelta(days=days), ZONE, offset=True)


def _pid(person: Person) -> str:
    ids = f"{person.mrn}^^^STELM^MR~E-{person.mrn}^^^ELMHIE^PI~000-00-0000^^^^SS"
    name = "^".join(er7(part) for part in (person.family, person.given, person.middle))
    born = person.birth_date.strftime("%Y%m%d")
    home = "12 Orchard Way^Apt 3^Elmton^IL^60999^USA"
    phone = f"^PRN^PH^^1^312^5550147^^^^^{person.phone}"
    return f"PID|1||{ids}||{name}||{born}|{person.sex}|||{home}||{phone}"


def _pv1() -> str:
    return "PV1|1|O|HEMONC^^^STELM"


def _in1() -> str:
    fields = [""] * 50
    fields[0], fields[1] = "IN1", "1"
    fields[2], fields[3] = "GOLD^Gold plan", "PAY01"
    fields[4], fields[8] = "Prairie Mutual (fictional)", "GRP-88"
    fields[14], fields[49] = "AUTH-5521", "MEM-4471902"
    return "|".join(fields)
