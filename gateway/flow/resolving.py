"""What a person found out about a delivery, as far as its order goes."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from gateway.core.decide import Ending
from gateway.core.decide.again import send_again
from gateway.core.effects import RESOLVED, Effects, Keys, Resolution, Sequel, View
from gateway.core.errors import NotAllowed
from gateway.flow.concluding import Grounds, effects, sequel
from gateway.flow.rules import Rules


def found(
    resolution: Resolution,
    delivery: Mapping[str, Any],
    *,
    rules: Rules,
    origin: str,
    now: datetime,
) -> Sequel:
    """Say what follows from a person's finding about ``delivery``, a row as shown.

    What was superseded never happened, to the order the same as refused. A status
    to a site means nothing for the order. Sent again, a delivery has as much time
    as a new one.
    """
    grounds = Grounds(rules, origin, now, "baton")
    if resolution == "ready":
        patience = _deadline(rules, delivery["destination"])
        return _again(delivery, grounds, None if patience is None else now + patience)
    if delivery["operation"] == "status":
        return Sequel()
    ending = Ending(
        outcome="delivered" if resolution == "delivered" else "rejected",
        delivery_id=delivery["id"],
        order_id=delivery["order_id"],
        operation=delivery["operation"],
        code=RESOLVED,
        asserted_by="baton",
    )
    return sequel(ending, grounds)


def _again(
    delivery: Mapping[str, Any], grounds: Grounds, deadline: datetime | None
) -> Sequel:
    if delivery["operation"] == "status":
        return Sequel(deadline=deadline)
    order_id = delivery["order_id"]
    circumstances = grounds.circumstances()

    def decide(view: View) -> Effects:
        decision = send_again(
            delivery["operation"], order_id, RESOLVED, view, circumstances
        )
        if not decision.verdict.accepted:
            raise NotAllowed(*decision.verdict.problems)
        return effects(decision, grounds, order_id)

    return Sequel(decide, Keys(order_ids=(order_id,)), deadline)


def _deadline(rules: Rules, destination: str) -> timedelta | None:
    for portal in rules.catalog.portals.values():
        if portal.destination == destination:
            return portal.deadline
    for site in rules.catalog.sites.values():
        back = site.status_back
        if back is not None and back.destination == destination:
            return back.deadline
    return None
