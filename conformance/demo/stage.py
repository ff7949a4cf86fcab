"""Everything the demo and the tests of the whole loop run: two EHRs, gateway, portal.

The parties talk over real loopback sockets. The gateway is the server that
``baton serve`` runs, in this process, on a data folder of its own.
"""

import base64
import os
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from conformance.simulators.ehr import EhrReceiver, EhrSender
from conformance.simulators.portal import CLIENT, PortalSimulator
from gateway.app.server import Server
from gateway.app.settings import Settings, packaged_mappings

WEBHOOK_SECRET = (
    "whsec_" + base64.b64encode(b"a secret for demonstrations only").decode()
)
HOSPITALS = ("st_elm", "rheintal")


@dataclass(slots=True)
class Hospital:
    """One EHR: its sending end, kept open, and its listener for statuses."""

    name: str
    sender: EhrSender
    receiver: EhrReceiver


class Stage:
    """The parties of one run, started together.

    async with Stage(folder) as stage:
        ack = await stage.hospitals["st_elm"].sender.send(message)
    """

    def __init__(self, data: Path, *, mappings: Path | None = None) -> None:
        """Prepare a run on the data folder ``data``."""
        self.portal = PortalSimulator()
        self.hospitals: dict[str, Hospital] = {}
        self._settings = Settings(
            data=data,
            mappings=mappings or packaged_mappings(),
            http="127.0.0.1:0",
            mllp="127.0.0.1:0",
        )
        self.server = Server(self._settings)
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._open.enter_async_context(self.portal)
        receivers = {name: EhrReceiver() for name in HOSPITALS}
        for receiver in receivers.values():
            await self._open.enter_async_context(receiver)
        self._open.enter_context(environment(self._addresses(receivers)))
        await self.start_gateway()
        self._open.push_async_callback(self.stop_gateway)
        for name, receiver in receivers.items():
            sender = EhrSender("127.0.0.1", self.server.mllp_port)
            await self._open.enter_async_context(sender)
            self.hospitals[name] = Hospital(name, sender, receiver)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    async def start_gateway(self) -> None:
        """Start the gateway on the stage's data folder."""
        self.server = Server(self._settings)
        await self.server.start()
        self.portal.call_back(
            f"http://127.0.0.1:{self.server.http_port}/webhooks/helix", WEBHOOK_SECRET
        )

    async def reconnect(self) -> None:
        """Let the hospitals send to the gateway's present port."""
        for hospital in self.hospitals.values():
            await hospital.sender.close()
            hospital.sender.go_to("127.0.0.1", self.server.mllp_port)

    async def stop_gateway(self) -> None:
        """Drain and stop the gateway; the other parties stay."""
        await self.server.stop()

    def _addresses(self, receivers: dict[str, EhrReceiver]) -> dict[str, str]:
        client_id, client_secret = CLIENT
        return {
            "BATON_HELIX_URL": self.portal.url,
            "BATON_HELIX_CLIENT_ID": client_id,
            "BATON_HELIX_CLIENT_SECRET": client_secret,
            "BATON_HELIX_WEBHOOK_SECRET": WEBHOOK_SECRET,
            **{
                f"BATON_{name.upper()}_EHR": receiver.address
                for name, receiver in receivers.items()
            },
        }


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """Set environment variables for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
