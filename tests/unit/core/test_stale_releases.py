"""A held message that is released after a newer one was applied."""

import pytest

from gateway.core.verdict import MessageState
from tests.unit.core.builders import (
    MINUTE,
    NOON,
    alarms,
    change,
    place,
    problems,
    told,
)
from tests.unit.core.story import Story

REUSED = "message.control_id_reused"
NEWER = "order.newer_change"


def changed_since() -> Story:
    """Return an order that a change received at 12:02 made ``stat``, at 12:03."""
    story = Story()
    story.placed()
    story.now = NOON + 3 * MINUTE
    said = change(priority="stat")
    story.hear(said, received_at=NOON + 2 * MINUTE)
    return story


def test_a_released_change_does_not_overtake_a_newer_one() -> None:
    story = changed_since()

    decision = story.hear(
        change(priority="routine"), released={REUSED}, received_at=NOON + MINUTE
    )

    assert decision.verdict.state is MessageState.HELD
    assert problems(decision) == ["order.newer_change at order.placer_number"]
    assert alarms(decision) == [f"order.newer_change:{story.order().id}"]
    assert told(decision) == []
    assert story.order().priority == "stat"


def test_a_released_second_new_order_does_not_overtake_a_newer_change() -> None:
    story = changed_since()

    decision = story.hear(
        place(priority="routine"),
        released={"order.second_new"},
        received_at=NOON + MINUTE,
    )

    assert problems(decision) == ["order.newer_change at order.placer_number"]
    assert story.order().priority == "stat"


def test_a_second_release_lets_the_older_change_overrule() -> None:
    story = changed_since()

    decision = story.hear(
        change(priority="routine"), released={REUSED, NEWER}, received_at=NOON
    )

    assert told(decision) == [("manufacturer", "change", "order_changed")]
    assert story.order().priority == "routine"


def test_an_older_change_that_overruled_leaves_the_newer_ones_time() -> None:
    """Else a third one, received between the two, would pass unseen."""
    story = changed_since()
    older = change(priority="routine")
    story.hear(older, released={REUSED, NEWER}, received_at=NOON)

    decision = story.hear(
        change(priority="urgent"), released={REUSED}, received_at=NOON + MINUTE
    )

    assert problems(decision) == ["order.newer_change at order.placer_number"]


@pytest.mark.parametrize("minutes", [2, 3])
def test_a_released_change_that_is_the_newest_is_applied(minutes: int) -> None:
    story = changed_since()

    decision = story.hear(
        change(priority="routine"),
        released={REUSED},
        received_at=NOON + minutes * MINUTE,
    )

    assert decision.verdict.state is MessageState.APPLIED
    assert story.order().priority == "routine"


def test_a_released_change_that_says_nothing_else_has_no_effect() -> None:
    story = changed_since()

    decision = story.hear(
        change(priority="stat"), released={REUSED}, received_at=NOON + MINUTE
    )

    assert decision.verdict.state is MessageState.NO_EFFECT


def test_what_waited_is_no_release() -> None:
    """Waiting messages are decided oldest first, in the order they came."""
    story = changed_since()

    decision = story.hear(change(priority="routine"), received_at=NOON + MINUTE)

    assert decision.verdict.state is MessageState.APPLIED


def test_an_order_nothing_changed_is_overtaken_by_nobody() -> None:
    story = Story()
    story.placed()

    decision = story.hear(
        change(priority="stat"), released={REUSED}, received_at=NOON - MINUTE
    )

    assert decision.verdict.state is MessageState.APPLIED
