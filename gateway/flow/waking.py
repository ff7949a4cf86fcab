"""Messages that came before their order, decided in the transaction that brings it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.core.decide import decide
from gateway.core.decide.orders import key_of
from gateway.core.effects import (
    Alarm,
    Effects,
    Keys,
    OrderKey,
    OrderState,
    PatientKey,
    StateNeeded,
    View,
    WaitingMessage,
)
from gateway.core.errors import Unmappable
from gateway.core.order import TherapyOrder
from gateway.core.verdict import Answer, AnswerKind, MessageState, Verdict
from gateway.flow.rules import Rules, understand_kept
from gateway.flow.understand import FAILED, Understood, keys_for, patient_keys

ANSWERED_LONG_AGO = Answer(AnswerKind.POSITIVE)


@dataclass(frozen=True, slots=True)
class Sleeper:
    """A waiting message, understood again by the rules in force."""

    message: WaitingMessage
    understood: Understood
    needs: Keys


def wake(effects: Effects, view: View, rules: Rules, now: datetime) -> Effects:
    """Add what follows for the messages that waited for an order just placed.

    They are decided in the order they came, each over what the earlier ones did; an
    order that one of them places wakes others in turn. One that still lacks an order
    goes on waiting.

    Args:
        effects: What follows from the message that placed an order.

    Raises:
        StateNeeded: They are about more orders than ``view`` was read for.
    """
    asleep = [_understood(rules, message) for message in view.waiting]
    known: frozenset[OrderKey] = frozenset()
    while (placed := _placed(effects)) != known:
        known = placed
        due = [sleeper for sleeper in asleep if _awaits(sleeper, placed)]
        _require_state(due, view)
        for sleeper in due:
            found = _followed(sleeper, _standing(view, effects.orders), rules, now)
            if found.verdict.state is not MessageState.WAITING:
                asleep.remove(sleeper)
                effects = _joined(effects, sleeper.message.message_id, found)
    return effects


def _understood(rules: Rules, message: WaitingMessage) -> Sleeper:
    try:
        understood = understand_kept(rules, message)
    except Exception:  # noqa: BLE001 - it must not hold up the order that came
        understood = Understood(verdict=FAILED)
    return Sleeper(message, understood, keys_for(understood.commands, message.site))


def _placed(effects: Effects) -> frozenset[OrderKey]:
    opened = {event.order_id for event in effects.events if event.n == 1}
    orders = (state.order for state in effects.orders if state.order.id in opened)
    return frozenset(key_of(order.site, order.placer_number) for order in orders)


def _awaits(sleeper: Sleeper, placed: frozenset[OrderKey]) -> bool:
    """Tell whether an order just placed concerns it.

    One that can no longer be read names no order; a person sees to it now.
    """
    unreadable = sleeper.understood.verdict is not None
    return unreadable or not placed.isdisjoint(sleeper.needs.orders)


def _require_state(due: Sequence[Sleeper], view: View) -> None:
    asked = view.asked
    for sleeper in due:
        asked = _union(asked, sleeper.needs)
    if asked != view.asked:
        raise StateNeeded(asked)


def _union(one: Keys, other: Keys) -> Keys:
    return replace(
        one,
        orders=tuple(dict.fromkeys((*one.orders, *other.orders))),
        order_ids=tuple(dict.fromkeys((*one.order_ids, *other.order_ids))),
        patients=tuple(dict.fromkeys((*one.patients, *other.patients))),
        numbers=tuple(dict.fromkeys((*one.numbers, *other.numbers))),
    )


def _standing(view: View, changed: Sequence[OrderState]) -> View:
    """Return the state as it will be once ``changed`` is written."""
    now = {state.order.id: state for state in changed}
    asked = frozenset(view.asked.patients)

    def current(state: OrderState) -> OrderState:
        return now.get(state.order.id, state)

    placed = {key_of(s.order.site, s.order.placer_number): s for s in changed}
    known = {s.order.id: current(s) for s in view.patients}
    known |= {i: s for i, s in now.items() if not asked.isdisjoint(_numbers(s.order))}
    return View(
        orders={k: current(s) for k, s in view.orders.items()} | placed,
        by_id={k: current(s) for k, s in view.by_id.items()} | now,
        patients=tuple(known.values()),
        numbered=tuple(map(current, view.numbered)),
    )


def _numbers(order: TherapyOrder) -> Mapping[PatientKey, None]:
    """Return what the store finds an order by, of its patient."""
    patient = order.patient
    return patient_keys(order.site, (patient.mrn, *patient.identifiers))


def _followed(sleeper: Sleeper, view: View, rules: Rules, now: datetime) -> Effects:
    try:
        return _decided(sleeper, view, rules, now)
    except Exception:  # noqa: BLE001 - it must not hold up the order that came
        return _held(FAILED, sleeper.message.site)


def _decided(sleeper: Sleeper, view: View, rules: Rules, now: datetime) -> Effects:
    message, understood = sleeper.message, sleeper.understood
    if understood.verdict is not None:
        return _held(understood.verdict, message.site)
    origin, site = message.message_id, message.site
    circumstances = rules.circumstances(
        origin, now, site, understood.mapping, received_at=message.received_at
    )
    decision = decide(understood.commands, view, circumstances)
    if not decision.verdict.accepted:
        return _held(decision.verdict, site)
    try:
        sent = rules.outgoing.freeze(decision.tellings, origin=origin, now=now)
    except Unmappable as error:
        return _held(Verdict(MessageState.HELD, error.problems), site)
    return Effects(
        decision.verdict,
        ANSWERED_LONG_AGO,
        decision.orders,
        decision.events,
        sent.deliveries,
        (*decision.alarms, *sent.alarms),
    )


def _held(verdict: Verdict, site: str) -> Effects:
    """Keep it for a person; what its sender owns no more cannot be refused."""
    if verdict.state is MessageState.NO_EFFECT:
        return Effects(verdict, ANSWERED_LONG_AGO)
    alarms = tuple(Alarm(problem.code, site) for problem in verdict.problems)
    held = Verdict(MessageState.HELD, verdict.problems)
    return Effects(held, ANSWERED_LONG_AGO, alarms=alarms)


def _joined(effects: Effects, message_id: str, woken: Effects) -> Effects:
    orders = {state.order.id: state for state in (*effects.orders, *woken.orders)}
    return replace(
        effects,
        orders=tuple(orders.values()),
        events=(*effects.events, *woken.events),
        deliveries=(*effects.deliveries, *woken.deliveries),
        alarms=(*effects.alarms, *woken.alarms),
        woken=(*effects.woken, (message_id, woken.verdict)),
    )
