"""Moving deliveries from one state to the next, and their lanes along with them."""

from gateway.delivery.outcome import BY_REPORT
from gateway.store.sqlite.transaction import Transaction
from gateway.store.statements import statements

_SQL = statements("sqlite", "deliveries")
_PROMOTE = _SQL["promote"]
_CLOSE = _SQL["close"]
_SETTLE_BY_REPORT = _SQL["settle_by_report"]
_PROVE = _SQL["prove"]


def move(tx: Transaction, destination: str, before: str, after: str) -> None:
    """Enter a change of state in the books."""
    tx.count("deliveries." + before, destination, -1)
    tx.count("deliveries." + after, destination)


def close(
    tx: Transaction, seq: int, destination: str, *, before: str, after: str, code: str
) -> None:
    """Give a delivery a state that nothing follows; its lane is still to go on."""
    tx.execute(_CLOSE, (seq, after, code))
    move(tx, destination, before, after)


def promote(tx: Transaction, order_id: str, destination: str) -> bool:
    """Make the first open delivery of a lane its head; tell whether one became it."""
    return tx.change(_PROMOTE, (order_id, destination)) > 0


def settle_by_report(tx: Transaction, proven: str) -> frozenset[str]:
    """Close what a report proves to have arrived: ``order_id@destination:operation``.

    What a worker holds a lease on is settled by that worker, who will find it
    proven. Returns the destination if its lane goes on.
    """
    lane, _, operation = proven.rpartition(":")
    order_id, _, destination = lane.partition("@")
    for seq, state in tx.rows(_SETTLE_BY_REPORT, (order_id, destination, operation)):
        if state == "leased":
            tx.execute(_PROVE, (seq,))
            continue
        close(tx, seq, destination, before=state, after="delivered", code=BY_REPORT)
    went_on = promote(tx, order_id, destination)
    return frozenset([destination] if went_on else [])
