from datetime import datetime, timedelta

import pytest

from gateway.core.effects import Alarm, Effects
from gateway.core.errors import Unavailable
from gateway.core.verdict import Answer, AnswerKind
from tests.contract.store.backends import AnyStore, opened
from tests.contract.store.builders import (
    ACCEPTED,
    DAY,
    EHR,
    HELD,
    MINUTE,
    NOON,
    NOTHING,
    PORTAL,
    REFUSED,
    REJECTED,
    delivery,
    failing,
    message,
    placing,
    therapy_order,
)


async def test_a_message_is_kept_as_it_came(store: AnyStore) -> None:
    work = message(control_id="A1", body=b"MSH|\xff\x00exact")

    receipt = await store.commit(work)

    kept = store.queries.kept(work.id)
    assert receipt.answer == ACCEPTED
    assert kept is not None
    assert kept.message.body == b"MSH|\xff\x00exact"
    assert kept.message.headers == {"x-trace": "1"}
    assert kept.message.received_at == NOON


async def test_a_resend_gets_the_stored_bytes_and_has_no_second_effect(
    store: AnyStore,
) -> None:
    first = message(placing(therapy_order()), control_id="A1")
    answered = await store.commit(first)
    resend = message(failing, control_id="A1", received_at=NOON + MINUTE)

    receipt = await store.commit(resend)

    assert receipt.duplicate
    assert (receipt.message_id, receipt.answer) == (first.id, answered.answer)
    assert resend.views == []
    shown = store.queries.message(first.id)
    assert shown is not None
    assert (shown["resends"], shown["last_resend_at"]) == (
        1,
        "2026-03-02T12:01:00.000Z",
    )
    assert store.queries.message(resend.id) is None


async def test_the_stored_answer_is_returned_whole(store: AnyStore) -> None:
    answer = Answer(AnswerKind.POSITIVE, "CA", b"MSH|\xe9", close=True)
    await store.commit(message(Effects(NOTHING.verdict, answer), control_id="A1"))

    receipt = await store.commit(message(control_id="A1"))

    assert receipt.answer == answer


async def test_a_rejected_message_is_judged_anew_when_it_comes_again(
    store: AnyStore,
) -> None:
    refused = Effects(REJECTED, REFUSED)
    await store.commit(message(refused, control_id="A1"))

    receipt = await store.commit(message(control_id="A1"))

    assert not receipt.duplicate
    assert receipt.answer == ACCEPTED


async def test_what_is_not_deduplicated_is_decided_every_time(store: AnyStore) -> None:
    works = [message(control_id=""), message(control_id="")]

    receipts = [await store.commit(work) for work in works]

    assert [receipt.duplicate for receipt in receipts] == [False, False]
    assert [len(work.views) for work in works] == [1, 1]


@pytest.mark.parametrize(
    ("first", "second", "collision"),
    [
        pytest.param(NOON, NOON + MINUTE, True, id="a minute later"),
        pytest.param(NOON, NOON - DAY, True, id="a day before, to the second"),
        pytest.param(NOON, NOON + DAY, True, id="a day later, to the second"),
        pytest.param(
            NOON, NOON + DAY + timedelta(microseconds=1), False, id="over a day later"
        ),
        pytest.param(None, NOON + 9 * DAY, True, id="the first did not say when"),
        pytest.param(NOON, None, True, id="the second does not say when"),
    ],
)
async def test_a_control_id_used_again_for_other_content(
    store: AnyStore,
    first: datetime | None,
    second: datetime | None,
    *,
    collision: bool,
) -> None:
    """Within a day it is a collision, later a counter that began anew."""
    await store.commit(message(control_id="A1", body=b"one", sent_at=first))
    other = message(control_id="A1", body=b"two", sent_at=second)

    await store.commit(other)

    [view] = other.views
    assert (view.collision, view.reused) == (collision, not collision)


async def test_a_held_collision_is_accepted_and_its_resend_gets_its_own_answer(
    store: AnyStore,
) -> None:
    await store.commit(message(control_id="A1", body=b"one"))
    held = Answer(AnswerKind.POSITIVE, "AA", b"MSH|held")
    collides = message(Effects(HELD, held), control_id="A1", body=b"two")
    await store.commit(collides)

    receipt = await store.commit(message(failing, control_id="A1", body=b"two"))

    assert receipt.duplicate
    assert (receipt.message_id, receipt.answer) == (collides.id, held)


async def test_control_ids_of_two_sites_do_not_meet(store: AnyStore) -> None:
    await store.commit(message(control_id="A1", site="st_elm", body=b"one"))
    other = message(control_id="A1", site="st_oak", body=b"two")

    await store.commit(other)

    [view] = other.views
    assert not view.collision


async def test_a_receipt_names_who_has_new_work(store: AnyStore) -> None:
    order = therapy_order()
    sent = (delivery(order), delivery(order, "status", destination=EHR))

    receipt = await store.commit(message(placing(order, deliveries=sent)))

    assert receipt.destinations == {PORTAL, EHR}


async def test_an_alarm_is_one_per_condition_with_a_count(store: AnyStore) -> None:
    alarm = Alarm("site.paused", "st_elm")
    times = [NOON, NOON + MINUTE, NOON + 2 * MINUTE]
    for at in times:
        effects = Effects(HELD, ACCEPTED, alarms=(alarm,))
        await store.commit(message(effects, received_at=at))
    await store.raise_alarms([Alarm("site.paused", "st_oak")], NOON)

    rows = {row["subject"]: row for row in store.queries.alarms()}

    elm = rows["st_elm"]
    assert {name: row["count"] for name, row in rows.items()} == {
        "st_elm": 3,
        "st_oak": 1,
    }
    assert (elm["first_at"], elm["last_at"]) == (
        "2026-03-02T12:00:00.000Z",
        "2026-03-02T12:02:00.000Z",
    )


async def test_what_was_stored_is_there_after_a_restart(location: str) -> None:
    before = opened(location)
    work = message(placing(therapy_order()), control_id="A1")
    await before.commit(work)
    await before.close()

    after = opened(location)
    receipt = await after.commit(message(failing, control_id="A1"))
    await after.close()

    assert receipt.duplicate
    assert receipt.message_id == work.id


async def test_a_closed_store_stores_nothing(location: str) -> None:
    store = opened(location)
    await store.close()

    with pytest.raises(Unavailable):
        await store.commit(message())
