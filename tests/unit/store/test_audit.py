"""The audit notices whatever somebody does to the file behind our back."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.core.effects import Effects
from gateway.store.audit import Audit, BrokenLedger, Difference
from gateway.store.sqlite.store import SqliteStore
from tests.contract.store.builders import (
    ACCEPTED,
    HELD,
    REFUSED,
    REJECTED,
    amending,
    delivery,
    message,
    opens,
    placing,
    therapy_order,
)
from tests.unit.store.opening import migrated, store_on, tampering


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store is."""
    return migrated(tmp_path)


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    """A store with two orders of three events each, and one message of each kind."""
    store = store_on(path)
    for name in ("ORDER-o1", "ORDER-o2"):
        order = therapy_order(name)
        sent = (delivery(order), delivery(order, "cancel"))
        await store.commit(message(placing(order, deliveries=sent), control_id=name))
        state, _ = opens(order)
        for _ in range(2):
            effects = amending(state, order)
            await store.commit(message(effects))
            [state] = effects.orders
    await store.commit(message(Effects(HELD, ACCEPTED)))
    await store.commit(message(Effects(REJECTED, REFUSED)))
    yield store
    await store.close()


async def audited(store: SqliteStore, path: Path, sql: str) -> Audit:
    """Audit before and after somebody runs ``sql`` on the file."""
    assert (await store.audit()).clean
    with tampering(path) as db:
        db.execute(sql)
        assert db.total_changes() > 0
    return await store.audit()


async def test_an_untouched_store_is_clean(store: SqliteStore) -> None:
    audit = await store.audit()

    assert audit.clean
    assert (audit.orders, audit.events) == (2, 6)
    assert str(audit).splitlines() == [
        "messages received: 8 = 7 accepted + 1 rejected",
        "messages accepted: 7 = 6 applied + 0 no_effect + 0 waiting + 1 held",
        (
            "deliveries created: 4 = 4 ready + 0 leased + 0 held + 0 delivered"
            " + 0 rejected + 0 dead + 0 superseded"
        ),
        "2 ledgers with 6 events verified",
        "the books close",
    ]


@pytest.mark.parametrize(
    ("sql", "broken"),
    [
        pytest.param(
            "UPDATE events SET body = zeroblob(9) WHERE order_id = 'ORDER-o1' AND n=2",
            BrokenLedger("ORDER-o1", 2),
            id="a changed body",
        ),
        pytest.param(
            "UPDATE events SET header = CAST(replace(header, 'st_elm', 'st_oak')"
            " AS BLOB) WHERE order_id = 'ORDER-o2' AND n = 1",
            BrokenLedger("ORDER-o2", 1),
            id="a changed header",
        ),
        pytest.param(
            "UPDATE events SET salt = zeroblob(9) WHERE order_id = 'ORDER-o1' AND n=3",
            BrokenLedger("ORDER-o1", 3),
            id="a changed salt",
        ),
        pytest.param(
            "UPDATE orders SET head = zeroblob(32) WHERE id = 'ORDER-o1'",
            BrokenLedger("ORDER-o1", 4),
            id="an order that says its ledger ends otherwise",
        ),
        pytest.param(
            "UPDATE events SET n = 30 - 10 * n WHERE order_id = 'ORDER-o1' AND n > 1",
            BrokenLedger("ORDER-o1", 1),
            id="reordered events",
        ),
    ],
)
async def test_a_changed_ledger_is_found_where_it_changed(
    store: SqliteStore, path: Path, sql: str, broken: BrokenLedger
) -> None:
    audit = await audited(store, path, sql)

    assert audit.broken == (broken,)
    assert not audit.clean


@pytest.mark.parametrize(
    ("sql", "n"),
    [
        pytest.param(
            "DELETE FROM events WHERE order_id = 'ORDER-o2' AND n = 3", 3, id="the last"
        ),
        pytest.param(
            "DELETE FROM events WHERE order_id = 'ORDER-o2' AND n = 1",
            1,
            id="the first",
        ),
    ],
)
async def test_a_removed_event_is_found(
    store: SqliteStore, path: Path, sql: str, n: int
) -> None:
    audit = await audited(store, path, sql)

    assert audit.broken == (BrokenLedger("ORDER-o2", n),)
    assert audit.differences == (Difference("events.recorded", 6, 5),)


async def test_a_cut_ledger_is_found_even_if_its_order_agrees(
    store: SqliteStore, path: Path
) -> None:
    """Who cuts the tail and mends the order forgets the books."""
    audit = await audited(
        store,
        path,
        "DELETE FROM events WHERE order_id = 'ORDER-o1' AND n = 3;"
        "UPDATE orders SET length = 2, head = (SELECT hash FROM events"
        " WHERE order_id = 'ORDER-o1' AND n = 2) WHERE id = 'ORDER-o1'",
    )

    assert audit.broken == ()
    assert audit.differences == (Difference("events.recorded", 6, 5),)


@pytest.mark.parametrize(
    ("sql", "differences"),
    [
        pytest.param(
            "DELETE FROM messages WHERE state = 'held'",
            {"answers.positive", "messages.accepted", "messages.held"}
            | {"messages.received"},
            id="a message that vanished",
        ),
        pytest.param(
            "UPDATE messages SET state = 'applied' WHERE state = 'held'",
            {"messages.applied", "messages.held"},
            id="a message that changed its state",
        ),
        pytest.param(
            "UPDATE messages SET answer = 'negative' WHERE state = 'held'",
            {"answers.negative", "answers.positive"},
            id="an accepted message answered negatively",
        ),
    ],
)
async def test_messages_are_missed(
    store: SqliteStore, path: Path, sql: str, differences: set[str]
) -> None:
    audit = await audited(store, path, sql)

    found = {d.what.removesuffix(" of st_elm") for d in audit.differences}
    assert found - {"accepted_but_refused"} == differences


async def test_an_accepted_message_is_never_answered_negatively(
    store: SqliteStore, path: Path
) -> None:
    audit = await audited(
        store, path, "UPDATE messages SET answer = 'negative' WHERE state = 'held'"
    )

    assert Difference("accepted_but_refused", 0, 1) in audit.differences


async def test_a_rejected_message_is_never_remembered(
    store: SqliteStore, path: Path
) -> None:
    audit = await audited(
        store,
        path,
        "INSERT INTO accepted SELECT 'K', zeroblob(32), NULL, seq FROM messages"
        " WHERE state = 'rejected'",
    )

    assert audit.differences == (Difference("rejected_but_remembered", 0, 1),)


async def test_a_delivery_that_vanished_is_missed(
    store: SqliteStore, path: Path
) -> None:
    audit = await audited(
        store, path, "DELETE FROM deliveries WHERE operation = 'cancel'"
    )

    assert audit.differences == (
        Difference("deliveries.created of portal:helix", 4, 2),
        Difference("deliveries.ready of portal:helix", 4, 2),
    )


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param(
            "UPDATE deliveries SET head = 0 WHERE operation = 'submit'", id="none"
        ),
        pytest.param(
            "UPDATE deliveries SET head = 1 WHERE operation = 'cancel'", id="two"
        ),
        pytest.param(
            "UPDATE deliveries SET head = (operation = 'cancel')", id="not the first"
        ),
    ],
)
async def test_every_open_lane_has_its_head(
    store: SqliteStore, path: Path, sql: str
) -> None:
    audit = await audited(store, path, sql)

    assert audit.differences == (Difference("lanes_without_their_head", 0, 2),)


async def test_books_that_were_cooked_do_not_add_up(
    store: SqliteStore, path: Path
) -> None:
    audit = await audited(
        store,
        path,
        "UPDATE books SET value = value + 1 WHERE name = 'messages.received'",
    )

    found = [difference.what for difference in audit.differences]
    assert found == [
        "messages.received of st_elm",
        "messages received = messages accepted + rejected",
        "messages received = answers positive + negative + none",
    ]


async def test_an_audit_as_json(store: SqliteStore, path: Path) -> None:
    audit = await audited(
        store, path, "DELETE FROM events WHERE order_id = 'ORDER-o1' AND n = 3"
    )

    assert audit.as_dict() == {
        "clean": False,
        "messages": {
            "accepted": 7,
            "applied": 6,
            "held": 1,
            "received": 8,
            "rejected": 1,
        },
        "deliveries": {"created": 4, "ready": 4},
        "orders": 2,
        "events": 5,
        "differences": [{"what": "events.recorded", "expected": 6, "found": 5}],
        "broken": [{"order_id": "ORDER-o1", "n": 3}],
    }
    assert str(audit).splitlines()[-3:] == [
        "DIFFERENCE: events.recorded: 6 by the books, 5 found",
        "DIFFERENCE: ledger.broken: ORDER-o1 at event 3",
        "the books do not close",
    ]
