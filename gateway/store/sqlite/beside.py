"""The store as the command line has it: beside a server, or without one."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import apsw

from gateway.core.effects import Alarm, Resolution, Sequel
from gateway.core.errors import Problem, Unavailable
from gateway.core.verdict import Verdict
from gateway.ports import Work
from gateway.store.sqlite import actions
from gateway.store.sqlite.actions import Signed
from gateway.store.sqlite.connect import connect, existing, require_migrated
from gateway.store.sqlite.effects import raise_alarms
from gateway.store.sqlite.queries import Queries
from gateway.store.sqlite.transaction import Transaction

T = TypeVar("T")

NOTHING_FOLLOWS: Final = Sequel()


class Beside(Queries):
    """Looks, and acts in short transactions that wait their turn; blocking.

    Whatever a person does is entered in the operator log with it. Every action
    raises ``Unavailable`` if nothing was stored.
    """

    def redecide(
        self,
        message_id: str,
        work: Work,
        *,
        action: str,
        reason: str,
        who: str,
        now: datetime,
    ) -> Verdict:
        """Decide a held or waiting message again, over the present state.

        Its state and problems change; the answer its sender got and its dedup
        entry do not.

        Args:
            action: What the log calls it: ``release``, ``dismiss``.

        Raises:
            NotAllowed: ``message.unknown``, ``message.not_held``, or
                ``message.refused_again`` with the new verdict's problems.
        """
        signed = Signed(who, reason, now)
        return self._act(
            lambda tx: actions.redecide(tx, message_id, work, action, signed)
        )

    def resolve(
        self,
        delivery_id: str,
        *,
        as_: Resolution,
        reason: str,
        who: str,
        now: datetime,
        sequel: Sequel = NOTHING_FOLLOWS,
    ) -> None:
        """Give a delivery the state a person found out; its lane goes on.

        Only a held, dead or ready one can be resolved, only a held or dead one sent
        again (``ready``), and only one that was attempted be ``delivered``.

        Args:
            sequel: What it means for the order, decided in the same transaction;
                left out where the order has it already, because the delivery was
                given up for certain.

        Raises:
            NotAllowed: ``delivery.unknown``, ``delivery.leased``,
                ``delivery.final``, ``delivery.never_sent``, ``delivery.not_held``,
                ``delivery.overtaken``.
        """
        signed = Signed(who, reason, now)
        self._act(lambda tx: actions.resolve(tx, delivery_id, as_, signed, sequel))

    def keep_mappings(self, texts: Mapping[str, str]) -> None:
        """Remember mapping texts by their version, for ever."""
        self._act(lambda tx: actions.keep_mappings(tx, texts))

    def raise_alarms(self, alarms: Sequence[Alarm], now: datetime) -> None:
        """Open alarms, or count them once more."""
        self._act(lambda tx: raise_alarms(tx, alarms, now))

    def close_alarm(
        self, code: str, subject: str, *, reason: str, who: str, now: datetime
    ) -> None:
        """Close an alarm; it opens again when its condition comes again.

        Raises:
            NotAllowed: ``alarm.not_open``.
        """
        signed = Signed(who, reason, now)
        condition = f"{code}:{subject}"
        self._act(lambda tx: actions.close_alarm(tx, condition, signed))

    def note_look(self, action: str, subject: str, *, who: str, now: datetime) -> None:
        """Enter in the operator log that somebody saw what is kept under an id."""
        signed = Signed(who, "", now)
        self._act(lambda tx: actions.note_look(tx, action, subject, signed))

    def _act(self, action: Callable[[Transaction], T]) -> T:
        db = self._connect()
        try:
            db.execute("BEGIN IMMEDIATE")
            tx = Transaction(db)
            result = action(tx)
            tx.close_books()
            db.execute("COMMIT")
        except apsw.Error as error:
            problem = Problem("store.unavailable", type(error).__name__)
            raise Unavailable(problem) from None
        finally:
            db.close(force=True)  # rolls back what was not committed
        return result


def open_beside(folder: Path) -> Beside:
    """Open an existing store for the command line.

    Raises:
        Misconfigured: There is no store (``store.missing``), or its schema is not
            this release's.
    """
    path = existing(folder)
    db = connect(path)
    try:
        require_migrated(db)
    finally:
        db.close()
    return Beside(partial(connect, path))
