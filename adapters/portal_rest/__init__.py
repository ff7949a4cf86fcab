"""Portals that take orders as JSON over HTTP and report back by signed webhooks."""

from collections.abc import Callable
from dataclasses import dataclass

from adapters.portal_rest.webhook import WebhookVerifier
from gateway.mapping.profile import Portal
from gateway.ports import Clock, Secrets, Sender


@dataclass(frozen=True, slots=True)
class Adapter:
    """What discovery finds in a folder of adapters.

    Attributes:
        name: What a portal's profile calls it under ``speaks:``.
        sender: From a profile, the portal's base URL, the secrets its settings
            name and a clock to a sender; raises ``Misconfigured``.
        webhook: From a secret and the name of its setting to what verifies
            webhooks; raises ``Misconfigured``.
    """

    name: str
    sender: Callable[[Portal, str, Secrets, Clock], Sender]
    webhook: Callable[[str, str], WebhookVerifier]


def _open(portal: Portal, base_url: str, secrets: Secrets, clock: Clock) -> Sender:
    # aiohttp is slow to import; commands that send nothing skip it.
    from adapters.portal_rest.sender import RestSender

    return RestSender(portal, base_url, secrets=secrets, clock=clock)


adapter = Adapter("portal_rest", sender=_open, webhook=WebhookVerifier)
