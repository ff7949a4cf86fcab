"""What a message is about may be known only once its waiting ones are read."""

from gateway.core.effects import Effects, Keys, OrderKey, StateNeeded, View
from tests.contract.store.backends import AnyBeside, AnyStore
from tests.contract.store.builders import (
    HELD,
    NOON,
    NOTHING,
    amending,
    key_of,
    message,
    placing,
    therapy_order,
)

ONE = therapy_order("ORDER-o1")
OTHER = therapy_order("ORDER-o2", mrn="2002")
BOTH = (key_of(ONE), key_of(OTHER))


def wants_both(view: View) -> Effects:
    """Decide over two orders, asking for the one that the keys did not name."""
    if view.asked.orders != BOTH:
        raise StateNeeded(Keys(orders=BOTH))
    state = view.orders[BOTH[1]]
    return amending(state, state.order)


async def test_more_state_is_read_in_the_same_transaction(store: AnyStore) -> None:
    await store.commit(message(placing(ONE, OTHER)))
    work = message(wants_both, control_id="C1", orders=BOTH[:1])

    await store.commit(work)

    assert [set(view.orders) for view in work.views] == [set(BOTH[:1]), set(BOTH)]
    shown = store.queries.order(OTHER.id)
    assert shown is not None
    assert len(shown["ledger"]) == 2


async def test_a_message_may_ask_again_and_again(store: AnyStore) -> None:
    def insatiable(view: View) -> Effects:
        known = len(view.asked.orders)
        if known < 5:
            more = OrderKey("st_elm", "ELM", f"P-{known}")
            raise StateNeeded(Keys(orders=(*view.asked.orders, more)))
        return NOTHING

    work = message(insatiable)
    receipt = await store.commit(work)

    assert len(work.views) == 6
    assert receipt.answer.code == "AA"


async def test_asking_for_what_was_given_is_a_fault_of_the_message(
    store: AnyStore,
) -> None:
    """It must not keep the writer for ever."""

    def stubborn(view: View) -> Effects:
        raise StateNeeded(view.asked)

    work = message(stubborn, control_id="C1")
    await store.commit(work)

    (row,) = store.queries.messages()
    assert row["state"] == "held"
    assert [p["code"] for p in row["problems"]] == ["message.failed"]


async def test_a_person_who_decides_again_has_the_state_too(
    store: AnyStore, desk: AnyBeside
) -> None:
    await store.commit(message(placing(ONE, OTHER)))
    held = message(Effects(HELD, NOTHING.answer), control_id="C2")
    await store.commit(held)
    work = message(wants_both, orders=BOTH[:1])

    verdict = desk.redecide(
        held.id, work, action="release", reason="compared", who="ward", now=NOON
    )

    assert verdict.accepted
    shown = store.queries.order(OTHER.id)
    assert shown is not None
    assert len(shown["ledger"]) == 2
