"""A client of the simulated portal that knows only its published contract."""

from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from conformance.simulators.portal import CLIENT, PortalSimulator


@dataclass
class Caller:
    """A client of the portal that knows only its published contract."""

    portal: PortalSimulator
    session: aiohttp.ClientSession
    token: str = ""

    async def authorise(self) -> int:
        async with self.session.post(
            f"{self.portal.url}/oauth2/token",
            data={"grant_type": "client_credentials"},
            headers={"Authorization": aiohttp.encode_basic_auth(*CLIENT)},
        ) as response:
            self.token = (await response.json())["access_token"]
            return response.status

    async def ask(
        self, method: str, path: str, tree: object = None, *, key: str = ""
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.token}"}
        if key:
            headers["Idempotency-Key"] = f'"{key}"'
        async with self.session.request(
            method,
            f"{self.portal.url}/v1/orders{path}",
            data=None if tree is None else orjson.dumps(tree),
            headers=headers,
        ) as response:
            return response.status, orjson.loads(await response.read())

    async def submit(self, name: str = "o-1", *, key: str = "k-1") -> tuple[int, Any]:
        return await self.ask("POST", "", order(name), key=key)


def order(name: str = "o-1", **more: object) -> dict[str, object]:
    return {
        "clientReference": name,
        "product": {"code": "HELIX-CART-19"},
        "patient": {},
    } | more
