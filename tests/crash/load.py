"""Hospitals that do not give up: what is not acknowledged is sent again."""

import asyncio
import random
from collections import defaultdict
from dataclasses import dataclass, field, replace

from conformance.simulators.ehr import EhrSender, NoAnswer, WrongAnswer
from conformance.simulators.messages import Person, synthetic
from conformance.simulators.st_elm import StElm


@dataclass(slots=True)
class Acknowledged:
    """What the hospitals were told is safe."""

    control_ids: list[str] = field(default_factory=list)
    operations: defaultdict[str, list[str]] = field(
        default_factory=lambda: defaultdict(list)
    )
    resent: int = 0


class Load:
    """Some connections that place, change and cancel orders until told to stop.

    Args:
        pause: Seconds each connection rests after an order.
    """

    def __init__(
        self, port: int, *, connections: int, seed: int, pause: float = 0.0
    ) -> None:
        self.acknowledged = Acknowledged()
        self._port = port
        self._connections = connections
        self._seed = seed
        self._pause = pause
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._connection(n)) for n in range(self._connections)
        ]

    async def stop(self) -> None:
        """Let every connection finish what it has begun."""
        self._stopping = True
        await asyncio.gather(*self._tasks)

    async def _connection(self, n: int) -> None:
        chance = random.Random(self._seed * 1000 + n)
        writer = StElm(start=n * 1_000_000 + 1)
        async with EhrSender("127.0.0.1", self._port) as sender:
            count = 0
            while not self._stopping:
                count += 1
                person = synthetic(n * 1_000_000 + count)  # of one product one has one
                await self._one_order(sender, writer, f"K{n}-{count}", person, chance)
                await asyncio.sleep(self._pause)

    async def _one_order(
        self,
        sender: EhrSender,
        writer: StElm,
        number: str,
        person: Person,
        chance: random.Random,
    ) -> None:
        heavier = replace(person, weight_kg="150.5")
        steps = [("submit", writer.new_order(number, person))]
        if chance.random() < 0.5:
            steps.append(("change", writer.change_order(number, heavier)))
        if chance.random() < 0.3:
            steps.append(("cancel", writer.cancel_order(number, person)))
        for operation, message in steps:
            await self._until_acknowledged(sender, message)
            self.acknowledged.operations[number].append(operation)

    async def _until_acknowledged(self, sender: EhrSender, message: bytes) -> None:
        while True:
            try:
                ack = await sender.send(message, within=5)
            except (OSError, NoAnswer, WrongAnswer):
                self.acknowledged.resent += 1
                await asyncio.sleep(0.01)  # a refused connection costs no time
                continue
            assert ack.positive, ack.code
            self.acknowledged.control_ids.append(ack.control_id.decode())
            return
