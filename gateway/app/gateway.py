"""One running gateway: store, intake, dispatchers and listener, wired together."""

import asyncio
from datetime import timedelta
from importlib.metadata import version
from typing import Any

from gateway.app import wiring
from gateway.app.clock import SystemClock, new_minter
from gateway.app.destinations import Destinations
from gateway.app.door import Door
from gateway.app.looks import Looks
from gateway.app.overdue import Overdue
from gateway.app.settings import EnvironmentSecrets, Settings, endpoint
from gateway.app.telemetry import Telemetry
from gateway.app.telemetry_gauges import present
from gateway.app.webhooks import Webhooks
from gateway.core.envelope import Envelope
from gateway.core.errors import (
    Misconfigured,
    OutcomeUnknown,
    Problem,
    Unavailable,
)
from gateway.flow.dispatch import Dispatcher, Target
from gateway.flow.intake import Intake
from gateway.flow.recovery import recover
from gateway.flow.rules import Rules
from gateway.mapping.catalog import Catalog
from gateway.notifier.local import LocalNotifier
from gateway.ports import Receipt
from gateway.store.sqlite import SqliteStore, open_store

MOST_KEEPING = 16
"""Samples of damage on their way to the store; of more at a time a count is enough."""


class Gateway:
    """What the HTTP API and the server act on.

    Attributes:
        token: The operators' bearer token.
        max_body: Largest HTTP body taken, in bytes.
    """

    def __init__(
        self, settings: Settings, *, telemetry: Telemetry | None = None
    ) -> None:
        """Prepare; nothing is opened yet."""
        self.settings = settings
        self.telemetry = telemetry or Telemetry()
        self.max_body = settings.max_body
        self.version = version("baton-gateway")
        self.token = ""
        self._parts = wiring.Parts()
        self._clock = SystemClock()
        self._notifier = LocalNotifier()
        self._minter = new_minter()
        self._targets: list[Target] = []
        self._dispatchers: list[Dispatcher] = []
        self._running: list[asyncio.Task[None]] = []
        self._keeping: set[asyncio.Task[None]] = set()
        self._listener: Any = None
        self._door: Door | None = None
        self._watching: list[asyncio.Task[None]] = []
        self._store: SqliteStore | None = None
        self._rules: Rules | None = None

    # ------------------------------------------------------------ life

    async def open(self) -> None:
        """Open the store, load the mappings and recover; nothing is sent yet.

        Raises:
            Misconfigured: Something an operator must mend first.
        """
        self._store = open_store(self.settings.data, report=self.failed)
        self.token = wiring.operator_token(self.settings.data)
        catalog = self._parts.load(self.settings.mappings)
        if self.settings.open:
            await self._refuse_beside_real_sites()
            catalog = wiring.opened(catalog)
        self._rules = self._parts.rules(catalog)
        lapsed = await recover(self._store, catalog.texts)
        self.telemetry.event("store.recovered", lapsed_leases=lapsed)
        made = Destinations(self._parts, catalog, self._clock, EnvironmentSecrets())
        self._targets = made.targets
        await self._tell_what_is_closed(catalog, made)
        wiring.note_mappings(self.settings)
        self.intake = Intake(
            store=self._store,
            rules=self.rules,
            clock=self._clock,
            minter=self._minter,
            notifier=self._notifier,
            observe=self._observed,
            failed=self.failed,
        )
        self.looks = Looks(self._store, self._clock, self.failed)
        self.webhooks = Webhooks(catalog, made.verifiers, self.intake, self._clock)

    async def _tell_what_is_closed(self, catalog: Catalog, made: Destinations) -> None:
        """Log what must be mended; raise its alarms and close those of before."""
        for problem in catalog.problems:
            self.telemetry.warning(
                "mapping.problem", code=problem.code, where=problem.where
            )
        for destination, lacking in made.lacking.items():
            self.telemetry.warning(
                "destination.not_configured",
                destination=destination,
                settings=" ".join(problem.where for problem in lacking),
            )
        alarms = wiring.closed(catalog, made.lacking)
        await self.store.raise_alarms(alarms, self._clock.now())
        await self.store.close_alarms(wiring.mended(catalog, made.targets))

    async def _refuse_beside_real_sites(self) -> None:
        store = self.store
        if await store.has_messages_of_other_sites({"", "anyone"}):
            raise Misconfigured(Problem("settings.open_beside_real_sites", "--open"))

    def deliver(self) -> None:
        """Begin to send what is due, and to look for what waits too long."""
        patience = timedelta(seconds=self.settings.overdue_seconds)
        overdue = Overdue(self.store, self._clock, patience, self.failed)
        self._watching.append(asyncio.create_task(overdue.watch(), name="overdue"))
        for target in self._targets:
            self._start_dispatcher(target)

    def _start_dispatcher(self, target: Target) -> None:
        dispatcher = Dispatcher(
            target,
            store=self.store,
            clock=self._clock,
            notifier=self._notifier,
            rules=self.rules,
            mint=lambda now: self._minter.mint(int(now.timestamp() * 1000)),
            watch=self.telemetry.attempt,
            failed=self.failed,
        )
        self._dispatchers.append(dispatcher)
        task = asyncio.create_task(dispatcher.run(), name=target.destination)
        task.add_done_callback(self._dispatcher_ended)
        self._running.append(task)

    def _dispatcher_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self.failed(f"{type(task.exception()).__name__} in {task.get_name()}")

    async def listen(self) -> None:
        """Begin to take HL7 v2 messages.

        Raises:
            Misconfigured: The address cannot be bound.
        """
        host, port = endpoint(self.settings.mllp, "BATON_MLLP")
        try:
            self._listener = await self._parts.hl7v2.listen(
                host,
                port,
                self.intake.receive,
                receive_oversize=self.intake.receive_oversize,
                limits=wiring.mllp_limits(self._parts, self.settings),
                on_damage=self._damage,
            )
        except OSError:
            raise unusable(self.settings.mllp) from None
        say = self.telemetry.warning
        self._door = Door(self._listener, self.store, self._clock, say)
        self._watching.append(asyncio.create_task(self._door.watch(), name="door"))

    async def stop_listening(self) -> None:
        """Answer what is in flight and take no more."""
        for task in self._watching:
            task.cancel()
        if self._listener is not None:
            await self._listener.close(self.settings.drain_seconds / 2)

    async def close(self) -> None:
        """Finish attempts, then close the store, whatever came of them.

        Attempts have two fifths of the drain's seconds, after the listener's half;
        one that takes longer is cut off, and its outcome is unknown.
        """
        within = self.settings.drain_seconds * 2 / 5
        stops = [
            asyncio.create_task(dispatcher.stop(within=within))
            for dispatcher in self._dispatchers
        ]
        try:
            await self._end([*stops, *self._running, *self._keeping], within + 1)
        finally:
            if self._store is not None:
                await self._store.close()

    async def _end(self, tasks: list[asyncio.Task[None]], within: float) -> None:
        """Wait for ``tasks``, then cancel what goes on; none of them fails a stop."""
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=within)
        for task in late:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                self.failed(f"{type(ended).__name__} in closing")

    # ------------------------------------------------------------ acting

    @property
    def store(self) -> SqliteStore:
        """The open store."""
        if self._store is None:
            raise RuntimeError("not open")
        return self._store

    def rules(self) -> Rules:
        """The rules in force."""
        if self._rules is None:
            raise RuntimeError("not open")
        return self._rules

    @property
    def mllp_port(self) -> int:
        """The MLLP port bound."""
        port: int = self._listener.port
        return port

    # ------------------------------------------------------------ seeing

    def not_ready(self) -> list[str]:
        """Return why messages cannot be taken; empty if they can."""
        reasons = []
        if self._listener is None or not self._listener.accepting:
            reasons.append("not listening")
        if self._store is None or not self._store.writable:
            reasons.append("the store does not take writes")
        return reasons

    async def metrics(self) -> bytes:
        """Return the metrics, with the store's counts of this moment."""
        counts = await asyncio.to_thread(self.store.queries.counts)
        listener = None if self._listener is None else self._listener.counters
        return self.telemetry.exposition() + present(
            counts, listener, self._clock.now()
        )

    def _damage(self, kind: str, size: int, sample: bytes, peer: Any) -> None:  # noqa: ANN401 - a peer, only printed
        """Count it, and keep a sample unless many are being kept already."""
        kept = len(self._keeping) < MOST_KEEPING
        self.telemetry.damage(kind, size, logged=kept)
        if not kept:
            return
        address = getattr(peer, "address", "")
        task = asyncio.create_task(self._keep_damage(address, kind, size, sample))
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)

    async def _keep_damage(
        self, address: str, kind: str, size: int, sample: bytes
    ) -> None:
        try:
            await self.store.keep_damage("mllp", address, kind, size, sample)
        except (Unavailable, OutcomeUnknown):
            self.failed("keep_damage")  # evidence only; its count is in the metrics

    def _observed(
        self, envelope: Envelope, receipt: Receipt | None, seconds: float
    ) -> None:
        self.telemetry.message(envelope, receipt, seconds)
        if receipt is None and self._door is not None:
            self._door.look()

    def failed(self, where: str) -> None:
        """Log where something of our own failed; ``where`` holds no value."""
        self.telemetry.failed(where)


def unusable(address: str) -> Misconfigured:
    """Say that nothing can listen at ``address``."""
    return Misconfigured(Problem("settings.address_unusable", address))
