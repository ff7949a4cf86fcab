"""Listings: what is in a row, which rows, and which page of them."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.core.effects import Alarm, Effects
from gateway.core.order import Status
from gateway.delivery.policy import Done, Hold, RetryAt
from tests.contract.store.backends import AnyStore
from tests.contract.store.builders import (
    ACCEPTED,
    APPLIED,
    EHR,
    HELD,
    HOUR,
    MINUTE,
    NOON,
    PORTAL,
    REFUSED,
    REJECTED,
    amending,
    coi,
    delivery,
    message,
    opens,
    placing,
    report,
    therapy_order,
)


async def test_the_keys_of_a_message(store: AnyStore) -> None:
    """They are a public contract: change them only with a changelog entry."""
    work = message(Effects(HELD, ACCEPTED), control_id="A1", mapping="v1")
    await store.commit(work)

    [row] = store.queries.messages()
    shown = store.queries.message(work.id)

    assert row == {
        "id": work.id,
        "received_at": "2026-03-02T12:00:00.000Z",
        "site": "st_elm",
        "endpoint": "mllp",
        "type": "OMG^O19",
        "control_id": "A1",
        "sha256": work.envelope.digest.hex(),
        "size": 8,
        "state": "held",
        "answer": "positive",
        "ack_code": "AA",
        "problems": [{"code": "message.failed", "where": "", "consequence": "hold"}],
        "resends": 0,
    }
    assert shown == row | {
        "media_type": "x-application/hl7-v2+er7",
        "mapping": "v1",
        "refusal": None,
        "last_resend_at": None,
        "waits_for": [],
        "orders": [],
    }


async def test_the_keys_of_an_order(store: AnyStore) -> None:
    order = therapy_order(
        coi=coi(), flags=("name_changed",), manufacturer_number="HX-000017"
    )
    await store.commit(message(placing(order)))

    [row] = store.queries.orders()
    shown = store.queries.order(order.id)

    assert row == {
        "id": "ORDER-o1",
        "site": "st_elm",
        "facility": "ELMHURST",
        "placer_number": "P-ORDER-o1",
        "namespace": "ELM",
        "manufacturer": "helix",
        "manufacturer_number": "HX-000017",
        "product": "axi-cel",
        "status": "ready",
        "coi": {"issuer": "helix", "value": "HX-1"},
        "flags": ["name_changed"],
        "updated_at": "2026-03-02T12:00:00.000Z",
    }
    assert shown is not None
    assert shown["order"]["patient"]["name"]["family"] == "Exemplar"
    assert [(event["n"], event["kind"]) for event in shown["ledger"]] == [
        (1, "something_held")
    ]
    assert shown["ledger"][0]["hash"] == opens(order)[0].head.hex()
    assert shown.items() >= row.items()


async def test_an_order_without_a_coi(store: AnyStore) -> None:
    await store.commit(message(placing(therapy_order())))

    [row] = store.queries.orders()

    assert row["coi"] is None


async def test_the_keys_of_a_delivery(store: AnyStore) -> None:
    order = therapy_order()
    sent = delivery(order)
    await store.commit(message(placing(order, deliveries=(sent,))))

    [row] = store.queries.deliveries()
    shown = store.queries.delivery(sent.delivery_id)

    assert row == {
        "id": sent.delivery_id,
        "order_id": "ORDER-o1",
        "destination": "portal:helix",
        "lane": "ORDER-o1@portal:helix",
        "operation": "submit",
        "key": sent.key,
        "state": "ready",
        "attempts": 0,
        "due_at": "2026-03-02T12:00:00.000Z",
        "code": "",
        "created_at": "2026-03-02T12:00:00.000Z",
    }
    assert shown == row | {
        "head": True,
        "guarded": True,
        "deadline": "2026-03-05T12:00:00.000Z",
        "content_type": "application/json",
        "attempts_made": [],
    }


async def test_what_is_not_there_is_shown_as_nothing(store: AnyStore) -> None:
    queries = store.queries

    assert queries.message("nobody") is None
    assert queries.body("nobody") is None
    assert queries.kept("nobody") is None
    assert queries.order("nobody") is None
    assert queries.delivery("nobody") is None


async def test_a_message_names_the_orders_it_touched(store: AnyStore) -> None:
    work = message()
    placed = therapy_order(f"{work.id}-o1")
    changed = therapy_order("OTHER-o1")
    told = delivery(changed, "change", delivery_id=f"{work.id}-d1")
    await store.commit(message(placing(changed)))
    follow = amending(opens(changed)[0], changed, deliveries=(told,))
    opened, event = opens(placed)
    both = replace(
        follow, orders=(*follow.orders, opened), events=(*follow.events, event)
    )

    await store.commit(replace(work, follow=lambda _: both))

    shown = store.queries.message(work.id)
    assert shown is not None
    assert shown["orders"] == sorted([placed.id, changed.id])


# ------------------------------------------------------------ which rows


async def test_messages_by_state_site_and_control_id(store: AnyStore) -> None:
    works = {
        "applied": message(control_id="A1"),
        "held": message(Effects(HELD, ACCEPTED), control_id="A2"),
        "elsewhere": message(site="st_oak", control_id="A2"),
        "rejected": message(Effects(REJECTED, REFUSED), control_id="A3"),
    }
    for work in works.values():
        await store.commit(work)
    names = {work.id: name for name, work in works.items()}

    def found(**filters: Any) -> list[str]:  # noqa: ANN401 - as the listing has them
        return [names[row["id"]] for row in store.queries.messages(**filters)]

    assert found() == ["rejected", "elsewhere", "held", "applied"]
    assert found(state="held") == ["held"]
    assert found(state="applied", site="st_elm") == ["applied"]
    assert found(site="st_oak") == ["elsewhere"]
    assert found(control_id="A2") == ["elsewhere", "held"]
    assert found(state="rejected", site="st_oak") == []


async def test_orders_by_status_site_and_placer_number(store: AnyStore) -> None:
    elm = therapy_order("ORDER-o1")
    oak = therapy_order("ORDER-o2", site="st_oak", status=Status.ACCEPTED)
    await store.commit(message(placing(elm, oak)))

    def found(**filters: Any) -> list[str]:  # noqa: ANN401 - as the listing has them
        return [row["id"] for row in store.queries.orders(**filters)]

    assert found() == ["ORDER-o2", "ORDER-o1"]
    assert found(status="accepted") == ["ORDER-o2"]
    assert found(site="st_elm") == ["ORDER-o1"]
    assert found(placer_number="P-ORDER-o2") == ["ORDER-o2"]
    assert found(placer_number="P-ORDER-o2", site="st_elm") == []


async def test_deliveries_by_state_destination_order_and_site(store: AnyStore) -> None:
    one = therapy_order("ORDER-o1")
    two = therapy_order("ORDER-o2", site="st_oak")
    sent = (
        delivery(one, "submit"),
        delivery(one, "status", destination=EHR),
        delivery(two, "submit"),
    )
    await store.commit(message(placing(one, two, deliveries=sent)))
    first, _ = await store.claim(PORTAL, now=NOON, until=NOON + MINUTE, limit=9)
    await store.settle(report(first), Done())

    def found(**filters: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - as above
        rows = store.queries.deliveries(**filters)
        return [(row["order_id"], row["operation"]) for row in rows]

    assert len(found()) == 3
    assert found(state="delivered") == [("ORDER-o1", "submit")]
    assert found(state="leased") == [("ORDER-o2", "submit")]
    assert found(destination=EHR) == [("ORDER-o1", "status")]
    assert found(order_id="ORDER-o2") == [("ORDER-o2", "submit")]
    assert found(site="st_oak") == [("ORDER-o2", "submit")]
    assert found(open_only=True) == [("ORDER-o2", "submit"), ("ORDER-o1", "status")]


@pytest.mark.parametrize("kind", ["messages", "orders", "deliveries"])
async def test_pages_meet_without_gap_or_overlap(store: AnyStore, kind: str) -> None:
    for number in range(7):
        order = therapy_order(f"ORDER-o{number}")
        await store.commit(message(placing(order, deliveries=(delivery(order),))))
    listing = getattr(store.queries, kind)
    everything = [row["id"] for row in listing()]

    pages, after = [], ""
    while page := listing(limit=3, after=after):
        pages.append([row["id"] for row in page])
        after = page[-1]["id"]

    assert [len(page) for page in pages] == [3, 3, 1]
    assert [row for page in pages for row in page] == everything


async def test_open_alarms_come_first_and_the_latest_of_them(store: AnyStore) -> None:
    for minutes, subject in ((0, "a"), (2, "b"), (1, "c")):
        await store.raise_alarms(
            [Alarm("site.paused", subject)], NOON + minutes * MINUTE
        )

    assert [row["subject"] for row in store.queries.alarms()] == ["b", "c", "a"]
    assert store.queries.alarms(state="closed") == []
    assert len(store.queries.alarms(limit=2)) == 2


# ------------------------------------------------------------ figures


async def test_the_figures_behind_the_metrics(store: AnyStore) -> None:
    order = therapy_order()
    sent = (delivery(order, "submit"), delivery(order, "status", destination=EHR))
    await store.commit(message(placing(order, deliveries=sent)))
    await store.commit(message(Effects(APPLIED, ACCEPTED), received_at=NOON + HOUR))
    [claimed] = await store.claim(PORTAL, now=NOON, until=NOON + MINUTE, limit=9)
    pause = RetryAt(NOON + HOUR, "http.429", pause_until=NOON + HOUR)
    await store.settle(report(claimed, "not_taken"), pause)

    counts = store.queries.counts()

    books = {(name, scope): value for name, scope, value in counts["books"] if value}
    assert books == {
        ("answers.positive", "st_elm"): 2,
        ("deliveries.created", "ehr:st_elm"): 1,
        ("deliveries.created", "portal:helix"): 1,
        ("deliveries.ready", "ehr:st_elm"): 1,
        ("deliveries.ready", "portal:helix"): 1,
        ("events.recorded", ""): 1,
        ("messages.accepted", "st_elm"): 2,
        ("messages.applied", "st_elm"): 2,
        ("messages.received", "st_elm"): 2,
        ("orders.opened", ""): 1,
    }
    assert counts["oldest_open"] == [
        ("ehr:st_elm", "2026-03-02T12:00:00.000Z"),
        ("portal:helix", "2026-03-02T12:00:00.000Z"),
    ]
    assert counts["paused"] == [("portal:helix", "2026-03-02T13:00:00.000Z")]
    assert counts["orders_by_status"] == [("ready", 1)]
    assert counts["open_alarms"] == [(0,)]


async def test_a_destination_with_nothing_open_has_no_oldest(store: AnyStore) -> None:
    order = therapy_order()
    await store.commit(message(placing(order, deliveries=(delivery(order),))))
    [claimed] = await store.claim(PORTAL, now=NOON, until=NOON + MINUTE, limit=9)
    await store.settle(report(claimed), Done())

    assert store.queries.counts()["oldest_open"] == [("portal:helix", None)]


async def test_whether_anything_will_go_on_without_a_person(store: AnyStore) -> None:
    order = therapy_order()
    sent = (delivery(order, "submit"), delivery(order, "cancel"))
    before = store.queries.moving()
    await store.commit(message(placing(order, deliveries=sent)))
    ready = store.queries.moving()
    [claimed] = await store.claim(PORTAL, now=NOON, until=NOON + MINUTE, limit=9)
    leased = store.queries.moving()
    await store.settle(report(claimed, "unknown"), Hold("delivery.outcome_unknown"))

    held = store.queries.moving()

    assert (before, ready, leased, held) == (False, True, True, False)


async def test_whether_other_sites_have_sent_messages(store: AnyStore) -> None:
    await store.commit(message(site="st_elm"))
    await store.commit(message(site="st_oak"))

    assert store.queries.sites() == {"st_elm", "st_oak"}
    assert await store.has_messages_of_other_sites({"st_elm"})
    assert not await store.has_messages_of_other_sites({"st_elm", "st_oak", "other"})
