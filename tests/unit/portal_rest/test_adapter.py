"""What discovery finds in the folder."""

import adapters.portal_rest
from adapters.portal_rest.sender import RestSender
from adapters.portal_rest.webhook import WebhookVerifier
from tests.unit.portal_rest.examples import Settings, StoppedClock, portal


def test_the_adapter_makes_what_the_application_asks_for() -> None:
    adapter = adapters.portal_rest.adapter

    sender = adapter.sender(
        portal(), "https://helix.example", Settings(), StoppedClock()
    )

    assert adapter.name == "portal_rest"
    assert isinstance(sender, RestSender)
    assert isinstance(adapter.webhook("whsec_AAAA", "SETTING"), WebhookVerifier)
