"""Webhooks of manufacturers: verified over their raw bytes, then taken in."""

from collections.abc import Mapping
from typing import Any

from gateway.core.errors import Problem, Refused, Unavailable
from gateway.core.verdict import Answer
from gateway.flow.intake import Intake
from gateway.mapping.catalog import Catalog
from gateway.ports import Clock


class Webhooks:
    """The way in for portals that call us."""

    def __init__(
        self,
        catalog: Catalog,
        verifiers: Mapping[str, Any],
        intake: Intake,
        clock: Clock,
    ) -> None:
        """Take webhooks of the portals in ``catalog``.

        Args:
            verifiers: One for each portal with webhooks; ``None`` lacks its secret.
        """
        self._catalog = catalog
        self._verifiers = verifiers
        self._intake = intake
        self._clock = clock

    def expected(self, manufacturer: str) -> bool:
        """Tell whether a portal of that name calls us."""
        portal = self._catalog.portals.get(manufacturer)
        calls = portal is not None and portal.webhook is not None
        return calls or manufacturer in self._catalog.closed

    async def take(
        self, manufacturer: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """Verify and take one webhook.

        Raises:
            Refused: It is not genuine, or nobody of that name calls us.
            Unavailable: Its files or its secret must be mended here first.
        """
        if manufacturer in self._catalog.closed:
            raise Unavailable(Problem("manufacturer.paused", manufacturer))
        portal = self._catalog.portals.get(manufacturer)
        if portal is None or portal.webhook is None:
            raise Refused(Problem("webhook.signature", "path"))
        verifier = self._verifiers[manufacturer]
        if verifier is None:
            setting = portal.webhook.secret_setting
            raise Unavailable(Problem("settings.missing", setting))
        webhook_id = verifier.verify(headers, body, self._clock.now())
        return await self._intake.receive_report(portal, webhook_id, body, headers)
