"""Whatever is reported, in whatever order: what never happens."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.core.lifecycle import CUT_SHORT, ENDED, OWNER, RANK, RETURNS
from gateway.core.order import Alias, Status
from gateway.core.verdict import MessageState
from tests.unit.core.builders import NOON, cancel, change, coi, report, update
from tests.unit.core.story import Story

MAKERS = sorted(status for status in Status if OWNER[status] == "manufacturer")
numbers = st.none() | st.sampled_from(["COI-1", "COI-2"]).map(coi)
times = st.none() | st.integers(-60, 60).map(lambda n: NOON + timedelta(minutes=n))


class AnyHistory(RuleBasedStateMachine):
    """One order, and everything that can be said of it.

    ``Story`` checks after every step that the ledger verifies and that the order
    reads back as it was written.
    """

    def __init__(self) -> None:
        super().__init__()
        self.story = Story()
        self.order_id = self.story.placed()
        self.before = self.story.order()

    @rule(status=st.sampled_from(Status), when=times, number=numbers)
    def the_manufacturer_reports(
        self, status: Status, when: datetime | None, number: Alias | None
    ) -> None:
        """Any status, its own to assert or not, at any time, with any number."""
        said = report(self.order_id, status, occurred_at=when, coi=number)
        decision = self.story.report(said)
        moved = self.story.order().status is not self.before.status
        assert not moved or OWNER[status] == "manufacturer"
        assert decision.verdict.accepted

    @rule(status=st.sampled_from(MAKERS))
    def a_person_releases_what_was_held(self, status: Status) -> None:
        """Overruling records what was said; it does not turn the order back."""
        overruled = {"order.backward_step", "order.impossible_step"}
        decision = self.story.report(report(self.order_id, status), released=overruled)
        assert decision.verdict.state is not MessageState.HELD

    @rule(operation=st.sampled_from(["submit", "change", "cancel"]))
    def the_manufacturer_refuses(self, operation: str) -> None:
        """A refusal of something never ends the order, unless it was cancelled."""
        self.story.end_delivery("rejected", operation, self.order_id)
        assert self.story.order().status in {self.before.status, Status.CANCELLED}

    @rule()
    def a_delivery_arrives(self) -> None:
        """Taken without a word."""
        self.story.end_delivery("delivered", "submit", self.order_id)

    @rule(note=st.sampled_from(["a", "b"]))
    def the_site_changes(self, note: str) -> None:
        """A change is the site's, and the status is not."""
        self.story.hear(change(notes=(note,)))
        assert self.story.order().status is self.before.status

    @rule()
    def the_site_cancels(self) -> None:
        """Asked of the manufacturer, or done here if there is none to ask."""
        self.story.hear(cancel())

    @rule()
    def the_patient_is_in_doubt(self) -> None:
        """Once an order is held, nothing here lets it go."""
        self.story.hear(update(sex="male"))

    @invariant()
    def the_status_keeps_its_direction(self) -> None:
        """Forward, or back from an answered question; never out of an end."""
        was, now = self.before.status, self.story.order().status
        if was in ENDED:
            assert now is was
        if RANK[now] < RANK[was]:
            assert (was, now) in RETURNS

    @invariant()
    def what_is_bound_or_held_stays(self) -> None:
        """The chain-of-identity number, the patient, and an identity hold."""
        now = self.story.order()
        assert self.before.coi in (None, now.coi)
        assert now.patient == self.before.patient
        assert ("hold.identity" in self.before.flags) <= ("hold.identity" in now.flags)
        assert len(set(now.flags)) == len(now.flags)
        self.before = now


AnyHistory.TestCase.settings = settings(
    max_examples=40, stateful_step_count=20, deadline=None
)
TestAnyHistory = pytest.mark.slow(AnyHistory.TestCase)


def possible(statuses: set[Status]) -> list[Status]:
    """Order some of a manufacturer's statuses as they can come to pass."""
    line = sorted(statuses - CUT_SHORT, key=RANK.__getitem__)
    line = [s for s in line if RANK[s] > RANK[Status.READY]]
    if Status.MFG_FAILED in line:
        line = [s for s in line if RANK[s] <= RANK[Status.MFG_FAILED]]
    if Status.REJECTED in statuses:
        line = [s for s in line if RANK[s] <= RANK[Status.ACCEPTED]]
    return line + sorted(statuses & CUT_SHORT, key=str)[-1:]


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(st.data())
def test_every_order_of_arrival_gives_the_same_final_status(
    data: st.DataObject,
) -> None:
    """Webhooks overtake each other; what happened is known by when it happened."""
    happened = possible(data.draw(st.sets(st.sampled_from(MAKERS), max_size=5)))
    timed = [(NOON - timedelta(hours=9 - n), s) for n, s in enumerate(happened)]
    story = Story()
    order_id = story.placed()

    for when, status in data.draw(st.permutations(timed)):
        decision = story.report(report(order_id, status, occurred_at=when))
        assert decision.verdict.state is MessageState.APPLIED

    assert story.order().status is (happened[-1] if happened else Status.READY)
