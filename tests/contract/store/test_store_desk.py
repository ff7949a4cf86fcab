"""What a person does about messages beside a running server, and what is kept."""

import asyncio
from dataclasses import replace

import pytest

from gateway.core.effects import Alarm, Effects
from gateway.core.errors import NotAllowed, Problem
from gateway.core.verdict import MessageState
from tests.contract.store.backends import AnyBeside, AnyStore
from tests.contract.store.builders import (
    ACCEPTED,
    APPLIED,
    HELD,
    HOUR,
    NOON,
    REFUSED,
    REJECTED,
    SIGNED,
    WAITING,
    Message,
    codes,
    delivery,
    failing,
    message,
    operations,
    placing,
    therapy_order,
)

# ------------------------------------------------------------ messages


async def held_message(store: AnyStore) -> Message:
    """Store a held message."""
    work = message(Effects(HELD, ACCEPTED), control_id="A1", body=b"MSH|held")
    await store.commit(work)
    return work


async def test_a_held_message_can_be_decided_again(
    store: AnyStore, desk: AnyBeside
) -> None:
    held = await held_message(store)
    order = therapy_order()
    work = replace(held, follow=lambda _: placing(order, deliveries=(delivery(order),)))

    verdict = desk.redecide(held.id, work, action="release", **SIGNED)

    shown = desk.message(held.id)
    assert shown is not None
    assert verdict == APPLIED
    assert (shown["state"], shown["problems"]) == ("applied", [])
    assert await operations(store) == ["submit"]
    [entry] = desk.operator_log()
    assert (entry["action"], entry["subject"]) == ("message.release", held.id)


async def test_a_message_decided_again_is_shown_the_present_state(
    store: AnyStore, desk: AnyBeside
) -> None:
    held = await held_message(store)
    order = therapy_order()
    await store.commit(message(placing(order)))
    keys = replace(held.keys, order_ids=(order.id,))
    work = replace(held, keys=keys, follow=lambda _: Effects(APPLIED, ACCEPTED))

    desk.redecide(held.id, work, action="release", **SIGNED)

    assert list(work.views[-1].by_id) == [order.id]


async def test_the_answer_and_the_dedup_entry_of_a_released_message_stay(
    store: AnyStore, desk: AnyBeside
) -> None:
    held = await held_message(store)
    other = Effects(APPLIED, replace(ACCEPTED, body=b"MSH|another"))
    released = replace(held, follow=lambda _: other)
    desk.redecide(held.id, released, action="release", **SIGNED)

    receipt = await store.commit(message(failing, control_id="A1", body=b"MSH|held"))

    assert receipt.duplicate
    assert receipt.answer == ACCEPTED


async def test_an_accepted_message_cannot_be_refused_any_more(
    store: AnyStore, desk: AnyBeside
) -> None:
    held = await held_message(store)
    work = replace(held, follow=lambda _: Effects(REJECTED, REFUSED))

    with pytest.raises(NotAllowed) as refused:
        desk.redecide(held.id, work, action="release", **SIGNED)

    assert codes(refused) == ["message.refused_again", "field.missing"]
    kept = desk.kept(held.id)
    assert kept is not None
    assert (kept.state, kept.problems) == (
        MessageState.HELD,
        (Problem("message.failed", "", "hold"),),
    )
    assert desk.operator_log() == []


async def test_if_deciding_again_fails_nothing_changes(
    store: AnyStore, desk: AnyBeside
) -> None:
    held = await held_message(store)

    with pytest.raises(KeyError):
        desk.redecide(held.id, replace(held, follow=failing), action="x", **SIGNED)

    shown = desk.message(held.id)
    assert shown is not None
    assert shown["state"] == "held"


async def test_a_waiting_message_can_be_dismissed_and_waits_no_more(
    store: AnyStore, desk: AnyBeside
) -> None:
    early = message(Effects(WAITING, ACCEPTED, wait_for=("ORDER-o1",)))
    await store.commit(early)
    nothing = replace(APPLIED, state=MessageState.NO_EFFECT)
    work = replace(early, follow=lambda _: Effects(nothing, ACCEPTED))

    desk.redecide(early.id, work, action="dismiss", **SIGNED)

    shown = desk.message(early.id)
    assert shown is not None
    assert (shown["state"], shown["waits_for"]) == ("no_effect", [])


async def test_a_held_message_may_be_found_to_wait(
    store: AnyStore, desk: AnyBeside
) -> None:
    held = await held_message(store)
    waits = Effects(WAITING, ACCEPTED, wait_for=("ORDER-o1",))

    work = replace(held, follow=lambda _: waits)
    desk.redecide(held.id, work, action="release", **SIGNED)

    shown = desk.message(held.id)
    assert shown is not None
    assert (shown["state"], shown["waits_for"]) == ("waiting", ["ORDER-o1"])


@pytest.mark.parametrize(
    "effects", [Effects(APPLIED, ACCEPTED), Effects(REJECTED, REFUSED)]
)
async def test_only_what_is_held_or_waiting_is_decided_again(
    store: AnyStore, desk: AnyBeside, effects: Effects
) -> None:
    work = message(effects)
    await store.commit(work)

    with pytest.raises(NotAllowed) as refused:
        desk.redecide(work.id, work, action="release", **SIGNED)

    assert codes(refused) == ["message.not_held"]


async def test_a_message_nobody_has_cannot_be_decided(desk: AnyBeside) -> None:
    with pytest.raises(NotAllowed) as refused:
        desk.redecide("nobody", message(), action="release", **SIGNED)

    assert codes(refused) == ["message.unknown"]


# ------------------------------------------------------------ the rest


async def test_a_closed_alarm_opens_again_with_its_condition(
    store: AnyStore, desk: AnyBeside
) -> None:
    alarm = Alarm("site.paused", "st_elm")
    await store.raise_alarms([alarm, alarm], NOON)
    desk.close_alarm("site.paused", "st_elm", **SIGNED)
    [closed] = desk.alarms()

    await store.raise_alarms([alarm], NOON + HOUR)

    [again] = desk.alarms()
    assert (closed["state"], closed["count"]) == ("closed", 2)
    assert (again["state"], again["count"], again["first_at"]) == (
        "open",
        1,
        "2026-03-02T13:00:00.000Z",
    )


async def test_an_alarm_nobody_raised_cannot_be_closed(desk: AnyBeside) -> None:
    with pytest.raises(NotAllowed) as refused:
        desk.close_alarm("site.paused", "st_elm", **SIGNED)

    assert codes(refused) == ["alarm.not_open"]


async def test_a_mapping_is_kept_once_by_its_version(store: AnyStore) -> None:
    await store.keep_mappings({"v1": "text one"})
    await store.keep_mappings({"v1": "never this", "v2": "text two"})

    assert store.queries.mapping("v1") == {"version": "v1", "text": "text one"}
    assert store.queries.mapping("v2") == {"version": "v2", "text": "text two"}
    assert store.queries.mapping("v3") is None


async def test_only_the_newest_damage_is_kept_and_only_a_sample(
    store: AnyStore,
) -> None:
    damaged = [("mllp", "10.0.0.9", "stray", n, b"x" * 70_000) for n in range(203)]
    await asyncio.gather(*(store.keep_damage(*one) for one in damaged))

    rows = store.queries.damage(limit=1000)

    assert [row["size"] for row in rows] == list(range(202, 2, -1))
    assert {len(row["sample"]) for row in rows} == {64 * 1024}
