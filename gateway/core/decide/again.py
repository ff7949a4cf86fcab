"""A person lets something be sent again that had been given up."""

from gateway.core.decide.book import Book, Circumstances, Decision, Stop
from gateway.core.decide.orders import CANCEL_PENDING, SUBMISSION_REFUSED
from gateway.core.effects import OrderState, View
from gateway.core.errors import Problem
from gateway.core.lifecycle import ENDED
from gateway.core.order import Status
from gateway.core.verdict import MessageState


def send_again(
    operation: str, order_id: str, code: str, view: View, circumstances: Circumstances
) -> Decision:
    """Take back what giving up meant for the order: it is on its way again.

    Without it a correction would submit the order a second time. The verdict is a
    rejection if the order has ended or went on without the delivery.
    """
    book = Book(view, circumstances)
    try:
        _take_back(operation, book.find_id(order_id), code, book)
    except Stop as stop:
        return Book(view, circumstances).stopped(stop)
    return book.closed(MessageState.APPLIED)


def _take_back(operation: str, state: OrderState | None, code: str, book: Book) -> None:
    if state is None or state.order.status in ENDED:
        raise Stop(Problem("delivery.overtaken", "order.status"))
    order = state.order
    if operation == "submit" and order.status is not Status.READY:
        raise Stop(Problem("delivery.overtaken", "order.status"))
    flags = [flag for flag in order.flags if flag != SUBMISSION_REFUSED]
    if operation == "cancel" and CANCEL_PENDING not in flags:
        flags.append(CANCEL_PENDING)
    after = order.model_copy(
        update={"flags": tuple(flags) if operation != "change" else order.flags}
    )
    kind = f"{operation}_sent_again"
    book.record(state, kind, after, body={"code": code}, asserted_by="baton")
