"""Lanes against a model simple enough to be right."""

import asyncio
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from gateway.core.effects import NewDelivery
from gateway.core.errors import LeaseLost, NotAllowed
from gateway.core.order import TherapyOrder
from gateway.delivery.policy import Done, GiveUp, Hold, NextStep, Refuse, RetryAt
from gateway.ports import Claim
from tests.contract.store.backends import BACKENDS, beside, locate, opened
from tests.contract.store.builders import (
    EHR,
    MINUTE,
    NOON,
    NOTHING,
    PORTAL,
    delivery,
    message,
    placing,
    report,
    therapy_order,
)

T = TypeVar("T")

STUCK = ["held", "dead", "ready"]
FATES: dict[str, Callable[[datetime], tuple[NextStep, str]]] = {
    "delivered": lambda _: (Done(), "delivered"),
    "refused": lambda _: (Refuse("http.422"), "rejected"),
    "held": lambda _: (Hold("delivery.outcome_unknown"), "unknown"),
    "dead": lambda _: (GiveUp("http.503", certain=True), "not_taken"),
    "dead, unknown": lambda _: (GiveUp("http.500", certain=False), "unknown"),
    "at once": lambda now: (RetryAt(now, "http.500"), "unknown"),
    "later": lambda now: (RetryAt(now + MINUTE, "http.503"), "not_taken"),
    "all later": lambda now: (
        RetryAt(now + MINUTE, "http.429", pause_until=now + 2 * MINUTE),
        "fault",
    ),
}
"""What may become of an attempt, and what follows it."""
MIXED = [*FATES, "lost", *["delivered"] * 6]
"""Most attempts succeed, or every lane would soon be stuck."""
ORDERS = [therapy_order(f"ORDER-o{number}") for number in range(5)]


@dataclass
class Sent:
    """What the model knows of one delivery."""

    new: NewDelivery
    due: datetime
    state: str = "ready"
    blocks: bool = True
    lease: int = 0
    lease_until: datetime = NOON
    attempts: int = 0
    uncertain: bool = False

    def claim(self, claimed: Claim, now: datetime) -> tuple[int, bool, bool]:
        """Lease it; return its attempt, whether it lapsed, whether it may be there."""
        lapsed = self.state == "leased"
        self.uncertain |= lapsed
        self.attempts += 1
        self.state, self.lease, self.lease_until = "leased", claimed.lease, now + MINUTE
        return self.attempts, lapsed, self.uncertain

    def may_have(self, found: str) -> bool:
        """Whether a person may say so; what never left has not arrived."""
        return self.state in STUCK and (found != "delivered" or self.attempts > 0)

    def close(self, state: str, *, blocks: bool = False) -> None:
        """Give it a state; it keeps what follows waiting if it ``blocks``."""
        self.state, self.blocks = state, blocks


@dataclass
class Model:
    """Deliveries in the order they were stored; nothing is ever forgotten."""

    now: datetime = NOON
    sent: list[Sent] = field(default_factory=list)
    paused: dict[str, datetime] = field(default_factory=dict)

    def heads(self, destination: str) -> list[Sent]:
        """The first delivery of each lane that keeps others waiting."""
        lanes: dict[str, Sent] = {}
        for sent in self.sent:
            if sent.new.destination == destination and sent.blocks:
                lanes.setdefault(sent.new.order_id, sent)
        return list(lanes.values())

    def due(self, destination: str) -> list[Sent]:
        """What may be claimed, oldest first."""
        if self.paused.get(destination, NOON) > self.now:
            return []
        found = [s for s in self.heads(destination) if self._is_due(s)]
        return sorted(found, key=lambda s: (s.due, self.sent.index(s)))

    def _is_due(self, sent: Sent) -> bool:
        if sent.state == "leased":
            return sent.lease_until <= self.now
        return sent.state == "ready" and sent.due <= self.now

    def may_go_again(self, sent: Sent) -> bool:
        """Whether a person may send it again: its lane did not go on without it."""
        if sent.state == "held" or (sent.state == "dead" and sent.blocks):
            return True
        later = self.sent[self.sent.index(sent) + 1 :]
        lane = [s for s in later if s.new.lane == sent.new.lane]
        return sent.state == "dead" and not any(s.attempts for s in lane)

    def of(self, claimed: Claim) -> Sent:
        """Find the delivery of a claim."""
        return next(s for s in self.sent if s.new.delivery_id == claimed.delivery_id)


class Lanes(RuleBasedStateMachine):
    """Put, claim, settle, resolve and wait in any order."""

    backend = BACKENDS[0]

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="lanes-")
        self.runner = asyncio.Runner()
        self.location = locate(self.backend, Path(self.folder.name))
        self.store = self.run(self._open())
        self.model = Model()
        self.claims: list[Claim] = []

    async def _open(self) -> Any:  # noqa: ANN401 - any store
        return opened(self.location)

    def run(self, waiting: Coroutine[Any, Any, T]) -> T:
        """Wait for the store."""
        return self.runner.run(waiting)

    @initialize()
    def place_the_orders(self) -> None:
        self.run(self.store.commit(message(placing(*ORDERS))))

    @rule(
        order=st.sampled_from(ORDERS),
        destination=st.sampled_from([PORTAL, EHR]),
        minutes=st.sampled_from([0, 0, 0, -1, 2]),
        together=st.integers(1, 3),
    )
    def put(
        self, order: TherapyOrder, destination: str, minutes: int, together: int
    ) -> None:
        due = self.model.now + minutes * MINUTE
        new = [
            delivery(order, f"step{n}", destination=destination, due=due)
            for n in range(together)
        ]
        effects = message(with_deliveries(new))
        self.run(self.store.commit(effects))
        self.model.sent.extend(Sent(one, due) for one in new)

    @rule(
        destination=st.sampled_from([PORTAL, EHR]),
        fates=st.lists(st.sampled_from(MIXED), min_size=1, max_size=4),
    )
    def work(self, destination: str, fates: list[str]) -> None:
        """Claim as many as there are fates, and let each meet its own."""
        self.model.now += MINUTE / 2
        taken = self._claim(destination, limit=len(fates))
        for claimed, fate in zip(taken, fates, strict=False):
            if fate != "lost":
                self._settle(claimed, fate)

    def _claim(self, destination: str, *, limit: int) -> list[Claim]:
        now = self.model.now
        due = self.model.due(destination)

        taken = self.run(
            self.store.claim(destination, now=now, until=now + MINUTE, limit=limit)
        )

        claimed = [self.model.of(one) for one in taken]
        assert claimed == due[:limit]
        for one, sent in zip(taken, claimed, strict=True):
            assert one.lease > sent.lease
            assert (one.attempt, one.lapsed, one.uncertain) == sent.claim(one, now)
        self.claims.extend(taken)
        return list(taken)

    @precondition(lambda self: self.claims)
    @rule(pick=st.integers(0, 99), fate=st.sampled_from(list(FATES)))
    def settle_late(self, pick: int, fate: str) -> None:
        """A worker comes back that may have lost its lease long ago."""
        self._settle(self.claims[pick % len(self.claims)], fate)

    def _settle(self, claimed: Claim, fate: str) -> None:
        step, outcome = FATES[fate](self.model.now)
        sent = self.model.of(claimed)
        telling = self.store.settle(report(claimed, outcome), step)
        if sent.state != "leased" or sent.lease != claimed.lease:
            with pytest.raises(LeaseLost):
                self.run(telling)
            return
        self.run(telling)
        sent.uncertain |= outcome == "unknown"
        self._follow(sent, step)

    def _follow(self, sent: Sent, step: NextStep) -> None:
        match step:
            case Done():
                sent.close("delivered")
            case Refuse():
                sent.close("rejected")
            case Hold():
                sent.close("held", blocks=True)
            case GiveUp(_, certain):
                sent.close("dead", blocks=not certain)
            case RetryAt(due, _, until):
                sent.state, sent.due = "ready", due
                if until is not None:
                    paused = self.model.paused
                    where = sent.new.destination
                    paused[where] = max(paused.get(where, NOON), until)

    @rule(data=st.data(), found=st.sampled_from(["delivered", "rejected", "ready"]))
    def resolve(self, data: st.DataObject, found: Any) -> None:  # noqa: ANN401 - a resolution
        if not self.model.sent:
            return
        sent = data.draw(st.sampled_from(self.model.sent))
        again = found == "ready"
        allowed = self.model.may_go_again(sent) if again else sent.may_have(found)
        desk = beside(self.location)
        signed: dict[str, Any] = {
            "who": "ana",
            "reason": "asked",
            "now": self.model.now,
        }
        if not allowed:
            with pytest.raises(NotAllowed):
                desk.resolve(sent.new.delivery_id, as_=found, **signed)
            return
        desk.resolve(sent.new.delivery_id, as_=found, **signed)
        if again:
            sent.state, sent.due, sent.blocks = "ready", self.model.now, True
        else:
            sent.close(found)

    @rule(minutes=st.integers(1, 3))
    def wait(self, minutes: int) -> None:
        self.model.now += minutes * MINUTE

    @invariant()
    def states_agree(self) -> None:
        rows = {r["id"]: r for r in self.store.queries.deliveries(limit=1000)}
        assert {
            sent.new.delivery_id: (sent.state, sent.attempts)
            for sent in self.model.sent
        } == {name: (row["state"], row["attempts"]) for name, row in rows.items()}

    def teardown(self) -> None:
        audit = self.store.queries.audit()
        self.run(self.store.close())
        self.runner.close()
        self.folder.cleanup()
        assert audit.clean, str(audit)


def with_deliveries(new: list[NewDelivery]) -> Any:  # noqa: ANN401 - effects
    """Effects that only make deliveries."""
    return placing(deliveries=tuple(new)) if new else NOTHING


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_lanes_behave_as_the_model_says(backend: str) -> None:
    case = type("LanesOf", (Lanes,), {"backend": backend}).TestCase  # type: ignore[attr-defined]  # made by hypothesis
    case.settings = settings(
        max_examples=60,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    case("runTest").runTest()
