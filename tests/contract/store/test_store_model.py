"""Lanes against a model simple enough to be right."""

import asyncio
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
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
ORDERS = [therapy_order(f"ORDER-o{number}") for number in range(3)]


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

    def of(self, claimed: Claim) -> Sent:
        """Find the delivery of a claim."""
        return next(s for s in self.sent if s.new.delivery_id == claimed.delivery_id)


class Lanes(RuleBasedStateMachine):
    """Put, claim, settle, resolve and wait in any order."""

    backend = BACKENDS[0]
    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="lanes-")
        self.runner = asyncio.Runner()
        self.location = locate(self.backend, Path(self.folder.name))
        self.store = self.run(self._open())
        self.model = Model()

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
        minutes=st.integers(-2, 3),
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
        target=claims,
        destination=st.sampled_from([PORTAL, EHR]),
        limit=st.integers(1, 4),
    )
    def claim(self, destination: str, limit: int) -> Any:  # noqa: ANN401 - hypothesis's own
        now = self.model.now
        due = self.model.due(destination)

        taken = self.run(
            self.store.claim(destination, now=now, until=now + MINUTE, limit=limit)
        )

        assert len(taken) == min(limit, len(due))
        claimed = [self.model.of(one) for one in taken]
        assert claimed == [one for one in due if one in claimed]
        for one, sent in zip(taken, claimed, strict=True):
            lapsed = sent.state == "leased"
            sent.uncertain |= lapsed
            sent.attempts += 1
            assert (one.attempt, one.lapsed, one.uncertain) == (
                sent.attempts,
                lapsed,
                sent.uncertain,
            )
            assert one.lease > sent.lease
            sent.state, sent.lease = "leased", one.lease
            sent.lease_until = now + MINUTE
        return multiple(*taken)

    @rule(claimed=claims, step=st.sampled_from(["done", "refuse", "hold", "dead"]))
    def settle(self, claimed: Claim, step: str) -> None:
        self._settle(claimed, STEPS[step], "delivered" if step == "done" else "other")

    @rule(claimed=claims, unknown=st.booleans())
    def give_up(self, claimed: Claim, *, unknown: bool) -> None:
        step = GiveUp("http.500", certain=not unknown)
        self._settle(claimed, step, "unknown" if unknown else "not_taken")

    @rule(claimed=claims, minutes=st.integers(0, 3), pause=st.booleans())
    def retry(self, claimed: Claim, minutes: int, *, pause: bool) -> None:
        due = self.model.now + minutes * MINUTE
        self._settle(claimed, RetryAt(due, "http.503", pause=pause), "unknown")

    def _settle(self, claimed: Claim, step: NextStep, outcome: str) -> None:
        sent = self.model.of(claimed)
        holds = sent.state == "leased" and sent.lease == claimed.lease
        telling = self.store.settle(report(claimed, outcome), step)
        if not holds:
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
            case RetryAt(due, _, pause):
                sent.state, sent.due = "ready", due
                if pause:
                    paused = self.model.paused
                    where = sent.new.destination
                    paused[where] = max(paused.get(where, NOON), due)

    @rule(data=st.data(), found=st.sampled_from(["delivered", "rejected", "ready"]))
    def resolve(self, data: st.DataObject, found: Any) -> None:  # noqa: ANN401 - a resolution
        if not self.model.sent:
            return
        sent = data.draw(st.sampled_from(self.model.sent))
        allowed = sent.state in (["held"] if found == "ready" else STUCK)
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
        if found == "ready":
            sent.state, sent.due = "ready", self.model.now
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


STEPS: dict[str, NextStep] = {
    "done": Done(),
    "refuse": Refuse("http.422"),
    "hold": Hold("delivery.outcome_unknown"),
    "dead": GiveUp("http.503", certain=True),
}
STUCK = ["held", "dead", "ready"]


def with_deliveries(new: list[NewDelivery]) -> Any:  # noqa: ANN401 - effects
    """Effects that only make deliveries."""
    return placing(deliveries=tuple(new)) if new else NOTHING


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_lanes_behave_as_the_model_says(backend: str) -> None:
    case = type("LanesOf", (Lanes,), {"backend": backend}).TestCase  # type: ignore[attr-defined]  # made by hypothesis
    case.settings = settings(
        max_examples=40,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    case("runTest").runTest()
