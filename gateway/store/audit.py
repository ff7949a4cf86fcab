"""What an audit finds: do the books close, and does every ledger verify (G2, G11).

The books were counted in the same transactions as the rows were written, but
never derived from them; so a row that vanished, or appeared, shows.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from gateway.core.effects import Alarm

Counts = Mapping[tuple[str, str], int]
"""By name and scope: ``("messages.held", "st_elm")``."""

ACCEPTED: Final = ("applied", "no_effect", "waiting", "held")
DELIVERY_STATES: Final = (
    "ready",
    "leased",
    "held",
    "delivered",
    "rejected",
    "dead",
    "superseded",
)
EQUATIONS: Final = (
    ("messages", "received", "messages", ("accepted", "rejected")),
    ("messages", "accepted", "messages", ACCEPTED),
    ("messages", "received", "answers", ("positive", "negative", "none")),
    ("deliveries", "created", "deliveries", DELIVERY_STATES),
)
"""Each whole, and the parts that make it up."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Two numbers that must be equal and are not.

    Attributes:
        what: What was counted, e.g. ``messages.held of st_elm``.
        expected: What the books say.
        found: What is there.
    """

    what: str
    expected: int
    found: int

    def __str__(self) -> str:
        """Write it as a person reads it."""
        return f"{self.what}: {self.expected} by the books, {self.found} found"


@dataclass(frozen=True, slots=True)
class BrokenLedger:
    """An order whose ledger does not verify from event ``n`` on."""

    order_id: str
    n: int

    def __str__(self) -> str:
        """Write it as a person reads it."""
        return f"ledger.broken: {self.order_id} at event {self.n}"


@dataclass(frozen=True, slots=True)
class Audit:
    """The result of one audit, over one consistent state of the store.

    Attributes:
        messages: Received, accepted and each state, by the books.
        deliveries: Created and each state, by the books.
        orders: Ledgers verified; ``events`` in them.
    """

    messages: Mapping[str, int]
    deliveries: Mapping[str, int]
    orders: int
    events: int
    differences: tuple[Difference, ...]
    broken: tuple[BrokenLedger, ...]

    @property
    def clean(self) -> bool:
        """Whether the books balance and every ledger verifies."""
        return not self.differences and not self.broken

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """What somebody must see."""
        books = (Alarm("books.open", "store"),) if self.differences else ()
        return (*books, *(Alarm("ledger.broken", bad.order_id) for bad in self.broken))

    def as_dict(self) -> dict[str, Any]:
        """Return the audit as JSON has it."""
        return {
            "clean": self.clean,
            **asdict(self),
            "differences": [asdict(found) for found in self.differences],
            "broken": [asdict(found) for found in self.broken],
        }

    def __str__(self) -> str:
        """Write the audit as a person reads it."""
        lines = [
            _sum("messages received", self.messages, ("accepted", "rejected")),
            _sum("messages accepted", self.messages, ACCEPTED),
            _sum("deliveries created", self.deliveries, DELIVERY_STATES),
            f"{self.orders} ledgers with {self.events} events verified",
            *(f"DIFFERENCE: {found}" for found in (*self.differences, *self.broken)),
            "the books close" if self.clean else "the books do not close",
        ]
        return "\n".join(lines)


def compare(books: Counts, rows: Counts) -> Iterator[Difference]:
    """Compare each counter with what is there, and the counters with each other."""
    for name, scope in sorted({*books, *rows}):
        expected, found = books.get((name, scope), 0), rows.get((name, scope), 0)
        if expected != found:
            yield Difference(f"{name} of {scope}" if scope else name, expected, found)
    for subject, whole, of, parts in EQUATIONS:
        expected = totals(books, subject).get(whole, 0)
        found = sum(totals(books, of).get(part, 0) for part in parts)
        if expected != found:
            terms = " + ".join(parts)
            yield Difference(f"{subject} {whole} = {of} {terms}", expected, found)


def totals(books: Counts, subject: str) -> dict[str, int]:
    """Add up one subject's counters over all scopes."""
    added: Counter[str] = Counter()
    for (name, _), value in books.items():
        about, _, entry = name.partition(".")
        if about == subject:
            added[entry] += value
    return dict(added)


def _sum(says: str, counted: Mapping[str, int], parts: tuple[str, ...]) -> str:
    whole = counted.get(says.split()[1], 0)
    terms = " + ".join(f"{counted.get(part, 0)} {part}" for part in parts)
    return f"{says}: {whole} = {terms}"
