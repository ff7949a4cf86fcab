"""What the HTTP API and the demo see of a running gateway's store."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from gateway.core.errors import OutcomeUnknown, Unavailable
from gateway.ports import Clock
from gateway.store.sqlite import SqliteStore

_ACTIONS: Final = {
    "messages": "message.show",
    "orders": "order.show",
    "deliveries": "delivery.show",
}
"""What the operator log calls a look at one row of a patient."""


class Looks:
    """Reads on threads of their own, so that no message waits for them."""

    def __init__(
        self, store: SqliteStore, clock: Clock, failed: Callable[[str], None]
    ) -> None:
        """Look at ``store``; ``failed`` is told where something of our own failed."""
        self._store = store
        self._clock = clock
        self._failed = failed

    async def rows(self, kind: str, **filters: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - of each listing its own
        """Return a listing."""
        listing = getattr(self._store.queries, kind)
        return await asyncio.to_thread(lambda: list(listing(**filters)))

    async def row(self, kind: str, row_id: str) -> dict[str, Any] | None:
        """Return one message, order, delivery or mapping, with all that is its."""
        show = {
            "messages": self._store.queries.message,
            "orders": self._store.queries.order,
            "deliveries": self._store.queries.delivery,
            "mappings": self._store.queries.mapping,
        }.get(kind)
        return None if show is None else await asyncio.to_thread(show, row_id)

    async def shown(self, kind: str, row_id: str, *, who: str) -> dict[str, Any] | None:
        """Return one row for ``who``; a look at a patient's is entered in the log.

        While the store takes no writes a person most needs to look: the row is
        shown all the same, and that no entry was made is logged.
        """
        found = await self.row(kind, row_id)
        if found is not None and kind in _ACTIONS:
            await self._note(_ACTIONS[kind], row_id, who)
        return found

    async def moving(self) -> bool:
        """Tell whether any delivery will go on without a person."""
        return await asyncio.to_thread(self._store.queries.moving)

    async def _note(self, action: str, row_id: str, who: str) -> None:
        now = self._clock.now()
        try:
            await self._store.note_look(action, row_id, who=who, now=now)
        except (Unavailable, OutcomeUnknown):
            self._failed("note_look")
