"""Deliveries leave in order per lane, once per claim, and never past an open head."""

import pytest

from gateway.delivery.policy import Done, GiveUp, Hold, NextStep, Refuse, RetryAt
from gateway.ports import Claim
from tests.contract.store.backends import AnyBeside, AnyStore
from tests.contract.store.builders import (
    DAY,
    EHR,
    HOUR,
    MINUTE,
    NOON,
    PORTAL,
    SECOND,
    amending,
    delivery,
    message,
    opens,
    placing,
    report,
    therapy_order,
)
from tests.contract.store.dispatching import claim, operations, put

# ------------------------------------------------------------ claiming


async def test_a_claim_is_the_frozen_delivery(store: AnyStore) -> None:
    [sent] = await put(store, "submit")

    [claimed] = await claim(store)

    assert claimed == Claim(
        delivery_id=sent.delivery_id,
        order_id="ORDER-o1",
        destination=PORTAL,
        lane="ORDER-o1@portal:helix",
        key=sent.key,
        operation="submit",
        body=sent.body,
        content_type="application/json",
        attempt=1,
        lease=1,
        deadline=sent.deadline,
    )


async def test_a_leased_delivery_is_not_offered_again(store: AnyStore) -> None:
    await put(store, "submit")
    await claim(store)

    assert await operations(store) == []


async def test_nothing_is_offered_before_it_is_due(store: AnyStore) -> None:
    await put(store, "submit", due=NOON + MINUTE)

    assert await operations(store) == []
    assert await operations(store, now=NOON + MINUTE) == ["submit"]


async def test_a_claim_takes_the_oldest_and_no_more_than_asked(store: AnyStore) -> None:
    for number, minutes in enumerate((3, 1, 2)):
        due = NOON + minutes * MINUTE
        await put(store, f"due {minutes}", order_id=f"ORDER-o{number}", due=due)

    claims = await claim(store, now=NOON + HOUR, limit=2)

    assert [claimed.operation for claimed in claims] == ["due 1", "due 2"]


async def test_destinations_do_not_share_claims(store: AnyStore) -> None:
    await put(store, "status", destination=EHR)

    assert await operations(store) == []


async def test_a_lane_leaves_in_order_even_if_a_later_one_is_due_first(
    store: AnyStore,
) -> None:
    order = therapy_order()
    sent = (delivery(order, "submit"), delivery(order, "cancel", due=NOON - HOUR))
    await store.commit(message(placing(order, deliveries=sent)))
    await put(store, "other order", order_id="ORDER-o2")

    assert await operations(store) == ["submit", "other order"]


async def test_one_order_has_one_lane_at_each_destination(store: AnyStore) -> None:
    order = therapy_order()
    sent = (delivery(order), delivery(order, "status", destination=EHR))
    await store.commit(message(placing(order, deliveries=sent)))

    [submit] = await claim(store)
    [status] = await claim(store, destination=EHR)

    assert (submit.operation, status.operation) == ("submit", "status")


async def test_a_lane_goes_on_across_messages(store: AnyStore) -> None:
    order = therapy_order()
    await store.commit(message(placing(order, deliveries=(delivery(order),))))
    later = (delivery(order, "cancel"),)
    await store.commit(message(amending(opens(order)[0], order, deliveries=later)))

    [submit] = await claim(store)
    woken = await store.settle(report(submit), Done())

    assert woken == {PORTAL}
    assert await operations(store) == ["cancel"]


async def test_a_lane_that_was_empty_begins_again(store: AnyStore) -> None:
    order = therapy_order()
    await store.commit(message(placing(order, deliveries=(delivery(order),))))
    [submit] = await claim(store)
    await store.settle(report(submit), Done())
    later = (delivery(order, "change"), delivery(order, "cancel"))
    await store.commit(message(amending(opens(order)[0], order, deliveries=later)))

    assert await operations(store) == ["change"]


# ------------------------------------------------------------ next steps


@pytest.mark.parametrize(
    ("step", "outcome", "state", "goes_on"),
    [
        pytest.param(Done(), "delivered", "delivered", True, id="delivered"),
        pytest.param(Refuse("http.422"), "rejected", "rejected", True, id="rejected"),
        pytest.param(
            GiveUp("http.503", certain=True),
            "not_taken",
            "dead",
            True,
            id="dead, and certainly not taken",
        ),
        pytest.param(
            GiveUp("http.500", certain=False),
            "unknown",
            "dead",
            False,
            id="dead, and nobody knows",
        ),
        pytest.param(
            Hold("delivery.outcome_unknown"), "unknown", "held", False, id="held"
        ),
    ],
)
async def test_what_follows_an_attempt_and_whether_its_lane_goes_on(
    store: AnyStore, step: NextStep, outcome: str, state: str, *, goes_on: bool
) -> None:
    [sent, _] = await put(store, "submit", "cancel")
    [submit] = await claim(store)

    woken = await store.settle(report(submit, outcome), step)

    shown = store.queries.delivery(sent.delivery_id)
    assert shown is not None
    assert shown["state"] == state
    assert woken == ({PORTAL} if goes_on else set())
    assert await operations(store, now=NOON + 9 * DAY) == (
        ["cancel"] if goes_on else []
    )


async def test_an_attempt_is_kept_with_what_came_back(store: AnyStore) -> None:
    [sent] = await put(store, "submit")
    [claimed] = await claim(store)

    await store.settle(report(claimed, "delivered"), Done())

    shown = store.queries.delivery(sent.delivery_id)
    assert shown is not None
    assert shown["attempts_made"] == [
        {
            "n": 1,
            "outcome": "delivered",
            "code": "http.200",
            "status": "200",
            "started_at": "2026-03-02T12:00:00.000Z",
            "ended_at": "2026-03-02T12:00:01.000Z",
            "answer": {"reference": "HX-1"},
            "encoding": "json",
        }
    ]


async def test_no_more_evidence_is_kept_than_64_kib(store: AnyStore) -> None:
    [sent] = await put(store, "submit")
    [claimed] = await claim(store)

    await store.settle(report(claimed, body=b"x" * 100_000), Done())

    shown = store.queries.delivery(sent.delivery_id)
    assert shown is not None
    assert len(shown["attempts_made"][0]["answer"]) == 64 * 1024


async def test_a_retry_waits_for_its_time_and_counts(store: AnyStore) -> None:
    await put(store, "submit")
    [first] = await claim(store)
    retry = RetryAt(NOON + HOUR, "http.503")

    await store.settle(report(first, "not_taken"), retry)

    assert await operations(store, now=NOON + HOUR - SECOND) == []
    [second] = await claim(store, now=NOON + HOUR)
    assert (first.attempt, second.attempt) == (1, 2)
    assert (second.key, second.body) == (first.key, first.body)
    assert (second.lapsed, second.uncertain) == (False, False)


async def test_after_an_unknown_outcome_every_later_claim_is_uncertain(
    store: AnyStore,
) -> None:
    await put(store, "submit")
    [first] = await claim(store)
    await store.settle(report(first, "unknown"), RetryAt(NOON, "http.500"))
    [second] = await claim(store)
    await store.settle(report(second, "not_taken"), RetryAt(NOON, "http.503"))

    [third] = await claim(store)

    assert (first.uncertain, second.uncertain, third.uncertain) == (False, True, True)


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (Hold("identity.hold"), "identity.hold"),
        (GiveUp("http.503", certain=True), "delivery.retries_spent"),
        (GiveUp("http.500", certain=False), "delivery.retries_spent"),
    ],
)
async def test_what_needs_a_person_raises_one_alarm(
    store: AnyStore, step: NextStep, code: str
) -> None:
    [sent] = await put(store, "submit")
    [claimed] = await claim(store)

    await store.settle(report(claimed, "unknown"), step)

    [alarm] = store.queries.alarms()
    assert (alarm["code"], alarm["subject"], alarm["count"]) == (
        code,
        sent.delivery_id,
        1,
    )


# ------------------------------------------------------------ a person's hand


async def test_a_held_head_goes_on_when_a_person_resolves_it(
    store: AnyStore, desk: AnyBeside
) -> None:
    [sent, _] = await put(store, "submit", "cancel")
    [claimed] = await claim(store)
    await store.settle(report(claimed, "unknown"), Hold("delivery.outcome_unknown"))
    assert await operations(store) == []

    desk.resolve(
        sent.delivery_id, as_="delivered", reason="portal has it", who="ana", now=NOON
    )

    assert await operations(store) == ["cancel"]
