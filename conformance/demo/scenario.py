"""What happens in the demo, in acts; each act promises what must have come of it.

About forty orders from two hospitals. Everything a gateway must survive happens to
some of them: messages sent twice, early, wrong, about somebody else, and a portal
that fails in every way it can be told to.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace

from conformance.demo.looks import Look, Looks
from conformance.demo.stage import Hospital, Stage
from conformance.simulators.ehr_answers import Ack
from conformance.simulators.messages import Person, synthetic
from conformance.simulators.portal_faults import Break, Fault, Refuse, Reset, Vanish
from conformance.simulators.rheintal import Rheintal
from conformance.simulators.st_elm import StElm

ORDERS_EACH = 14
LATIN = "iso8859-1"
SETTLED = ("delivered", "rejected", "held", "superseded")

FAULTS: tuple[tuple[str, Fault], ...] = (
    ("503 with Retry-After", Refuse(503, "portal.maintenance", "1")),
    ("500 after doing the work", Break(500)),
    ("a reset in mid-answer", Reset("answering")),
    ("a reset before reading", Reset("unread")),
    ("silence after doing the work", Vanish()),
)


@dataclass(frozen=True, slots=True)
class Expectation:
    """One thing that was supposed to happen, and whether it did."""

    says: str
    held: bool
    found: str = ""


Check = Callable[[], Awaitable[Expectation]]


@dataclass(slots=True)
class Scenario:
    """One run on a stage."""

    stage: Stage
    st_elm: StElm = field(default_factory=StElm)
    rheintal: Rheintal = field(default_factory=Rheintal)
    checks: list[Check] = field(default_factory=list)
    act: str = "starting"
    sent: int = 0
    looks: Looks = field(init=False)
    _people: Iterator[Person] = field(
        default_factory=lambda: map(synthetic, itertools.count())
    )
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1001))

    def __post_init__(self) -> None:
        """Look at the stage it is played on."""
        self.looks = Looks(self.stage)

    # ------------------------------------------------------------ the acts

    async def play(self) -> None:
        """Play every act."""
        await self._act("two hospitals order", self._orders())
        await self._act("changes and cancellations", self._changes())
        await self._act("sent twice", self._resends())
        await self._act("a control id used again", self._reused_id())
        await self._act("an unknown product", self._unknown_code())
        await self._act("a change for another patient", self._wrong_patient())
        await self._act("a change before its order", self._early_change())
        await self._act("the portal fails in every way", self._faults())
        await self._act("the portal refuses an order", self._refusal())
        await self._act("a merge during an open order", self._merge())
        await self._act("the gateway restarts", self._restart())
        await self._act("the cells' journey", self._journey())
        await self._act("closing the books", self.quiet())

    async def _act(self, title: str, play: Awaitable[None]) -> None:
        self.act = title
        await play

    async def trickle(self) -> None:
        """Place one more order, for a demo that goes on."""
        await self._new(*self._hospital_turn())
        await self.stage.portal.advance_all()

    def _hospital_turn(self) -> tuple[Hospital, StElm | Rheintal]:
        names = ("st_elm", "rheintal")
        name = names[self.sent % 2]
        writer = self.st_elm if name == "st_elm" else self.rheintal
        return self.stage.hospitals[name], writer

    async def _orders(self) -> None:
        acks = []
        for _ in range(ORDERS_EACH):
            acks.append(await self._new(self._elm, self.st_elm))
            acks.append(await self._new(self._rhein, self.rheintal))
        codes = sorted({ack.code for _, _, ack in acks})
        self._expect(
            f"{len(acks)} orders: St Elm hears CA, Rheintal AA",
            codes == ["AA", "CA"],
            ", ".join(codes),
        )

    async def _changes(self) -> None:
        for _ in range(3):
            number, person, _ = await self._new(self._elm, self.st_elm)
            heavier = self._heavier(person)
            change = self.st_elm.change_order(number, heavier)
            await self._send(self._elm, change)
            self._later(
                f"{number} was submitted, then changed, in this order",
                self.looks.done_at_portal,
                number,
                ["submit", "change"],
            )
        for _ in range(2):
            number, person, _ = await self._new(self._rhein, self.rheintal)
            await self._send(self._rhein, self.rheintal.cancel_order(number, person))
            self._later(
                f"{number} was submitted, then cancelled",
                self.looks.done_at_portal,
                number,
                ["submit", "cancel"],
            )

    async def _resends(self) -> None:
        person, number = self._next_person(), self._next_number()
        message = self.st_elm.new_order(number, person)
        first = await self._send(self._elm, message)
        again = await self._elm.sender.resend(message, "20260301120000")
        same = first.body == again.body
        self._expect("a resend with a new MSH-7 gets the first answer's bytes", same)
        self._later(
            f"{number}, sent twice, was ordered once",
            self.looks.done_at_portal,
            number,
            ["submit"],
        )

    async def _reused_id(self) -> None:
        message = self.rheintal.new_order(self._next_number(), self._next_person())
        await self._send(self._rhein, message)
        other = self.rheintal.new_order(self._next_number(), self._next_person())
        clash = other.replace(_control_id(other), _control_id(message), 1)
        ack = await self._send(self._rhein, clash)
        self._expect("a reused control id is answered AA", ack.code == "AA", ack.code)
        says = "… and its message is held"
        self._later(says, self.looks.held, ack, "message.control_id_reused")

    async def _unknown_code(self) -> None:
        message = self.st_elm.new_order(
            self._next_number(), self._next_person(), product="NO-SUCH"
        )
        ack = await self._send(self._elm, message)
        located = b"OBR" in ack.body and b"103" in ack.body
        self._expect(
            "an unknown product is refused with its place (CE, 103 at OBR-4)",
            ack.code == "CE" and located,
            ack.code,
        )

    async def _wrong_patient(self) -> None:
        number, _, _ = await self._new(self._elm, self.st_elm)
        await self._settled(number)
        stranger = self._next_person()
        ack = await self._send(self._elm, self.st_elm.change_order(number, stranger))
        self._expect("a change for another patient is kept (CA)", ack.code == "CA")
        self._later("… held, not applied", self.looks.held, ack, "identity.conflict")
        self._later(
            f"… {number} never changed at the portal",
            self.looks.done_at_portal,
            number,
            ["submit"],
        )
        self._later(
            f"… {number} has an identity hold", self.looks.flag, number, "hold.identity"
        )
        self._later(
            "… and St Elm was told (ORC-1 OH)", self.looks.told, "st_elm", b"|OH|"
        )

    async def _early_change(self) -> None:
        number, person = self._next_number(), self._next_person()
        change = self.rheintal.change_order(number, self._heavier(person))
        ack = await self._send(self._rhein, change)
        self._expect("a change before its order is kept (AA)", ack.code == "AA")
        await self._send(self._rhein, self.rheintal.new_order(number, person))
        self._later(
            f"… {number} was submitted first and changed second",
            self.looks.done_at_portal,
            number,
            ["submit", "change"],
        )

    async def _faults(self) -> None:
        for says, fault in FAULTS:
            await self.quiet()
            self.stage.portal.faults.next(fault)
            number, _, _ = await self._new(self._elm, self.st_elm)
            self._later(
                f"despite {says}, {number} was ordered once",
                self.looks.done_at_portal,
                number,
                ["submit"],
            )

    async def _refusal(self) -> None:
        await self.quiet()
        self.stage.portal.faults.next(Refuse(422, "validation.failed"))
        number, person, _ = await self._new(self._rhein, self.rheintal)
        await self._settled(number)
        refused, flags = await self.looks.flag(number, "submission_refused")
        self._expect(f"a 422 leaves {number} open, marked as refused", refused, flags)
        says = "… Rheintal was told (ORC-1 UA)"
        self._later(says, self.looks.told, "rheintal", b"ORC|UA|")
        corrected = self.rheintal.change_order(number, self._heavier(person))
        await self._send(self._rhein, corrected)
        self._later(
            "… and its correction is submitted anew",
            self.looks.done_at_portal,
            number,
            ["submit"],
        )

    async def _merge(self) -> None:
        number, person, _ = await self._new(self._rhein, self.rheintal)
        survivor = self._next_person()
        ack = await self._send(self._rhein, self.rheintal.merge(survivor, person.mrn))
        self._expect("a merge (ADT^A40) is answered AA", ack.code == "AA", ack.code)
        self._later(f"… and {number} is held", self.looks.flag, number, "hold.identity")

    async def _restart(self) -> None:
        before = len(await self.looks.rows("orders"))
        await self.stage.stop_gateway()
        await self.stage.start_gateway()
        await self.stage.reconnect()
        after = len(await self.looks.rows("orders"))
        self._expect(
            "a restart loses nothing", before == after, f"{before} and {after} orders"
        )
        number, _, _ = await self._new(self._elm, self.st_elm)
        self._later(
            f"… and {number} goes through after it",
            self.looks.done_at_portal,
            number,
            ["submit"],
        )

    async def _journey(self) -> None:
        await self.quiet()
        while await self.stage.portal.advance_all():
            self.act = "the cells' journey"
        for name in self.stage.hospitals:
            self._later(
                f"{name} heard the chain-of-identity number",
                self.looks.told,
                name,
                b"HELIX-COI-",
            )
        self._later("every order in order at the portal", self.looks.lanes_in_order)
        self._later("no order twice at the portal", self.looks.once_each)

    # ------------------------------------------------------------ acting

    @property
    def _elm(self) -> Hospital:
        return self.stage.hospitals["st_elm"]

    @property
    def _rhein(self) -> Hospital:
        return self.stage.hospitals["rheintal"]

    def _next_number(self) -> str:
        return f"CT{next(self._numbers)}"

    def _next_person(self) -> Person:
        """Return somebody whose name both hospitals can write."""
        for person in self._people:
            try:
                f"{person.family}{person.given}".encode(LATIN)
            except UnicodeEncodeError:
                continue
            return person
        raise AssertionError("people never run out")

    @staticmethod
    def _heavier(person: Person) -> Person:
        return replace(person, weight_kg="99.5")

    async def _new(
        self, hospital: Hospital, writer: StElm | Rheintal
    ) -> tuple[str, Person, Ack]:
        number, person = self._next_number(), self._next_person()
        ack = await self._send(hospital, writer.new_order(number, person))
        return number, person, ack

    async def _send(self, hospital: Hospital, message: bytes) -> Ack:
        self.sent += 1
        return await hospital.sender.send(message)

    async def quiet(self, *, within: float = 60.0) -> None:
        """Wait until nothing is on its way that is not held by a person's hold."""
        async with asyncio.timeout(within):
            while await self._moving():
                await asyncio.sleep(0.05)

    async def _moving(self) -> bool:
        return (
            bool(await self.looks.rows("deliveries", state="leased", limit=1))
            or await self.stage.server.gateway.looks.moving()
        )

    async def _settled(self, number: str) -> None:
        async with asyncio.timeout(30):
            while True:
                order = await self.looks.order(number)
                rows = await self.looks.rows("deliveries") if order else []
                mine = [r for r in rows if order and r["order_id"] == order["id"]]
                if mine and all(r["state"] in SETTLED for r in mine):
                    return
                await asyncio.sleep(0.05)

    # ------------------------------------------------------------ checking

    def _expect(self, says: str, held: bool, found: str = "") -> None:  # noqa: FBT001 - the fact itself
        async def known() -> Expectation:
            return Expectation(says, held, found)

        self.checks.append(known)

    def _later(
        self, says: str, look: Callable[..., Awaitable[Look]], *args: object
    ) -> None:
        async def known() -> Expectation:
            held, found = await look(*args)
            return Expectation(says, held, found)

        self.checks.append(known)


def _control_id(message: bytes) -> bytes:
    return message.split(b"|", 10)[9]
