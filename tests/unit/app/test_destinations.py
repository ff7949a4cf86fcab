"""Destinations: what is made of the settings, and what is said of the others."""

from datetime import timedelta

import pytest

from adapters.hl7v2.client import Timeouts
from adapters.portal_rest.auth import LONGEST
from conformance.demo.stage import WEBHOOK_SECRET
from gateway.app.destinations import Destinations
from gateway.app.settings import packaged_mappings
from gateway.app.wiring import Parts
from gateway.core.errors import Misconfigured, Problem
from tests.unit.portal_rest.examples import Settings, StoppedClock

WHOLE = {
    "BATON_HELIX_URL": "https://portal.example",
    "BATON_HELIX_CLIENT_ID": "baton",
    "BATON_HELIX_CLIENT_SECRET": "secret",
    "BATON_HELIX_WEBHOOK_SECRET": WEBHOOK_SECRET,
    "BATON_ST_ELM_EHR": "ehr.example:6661",
    "BATON_RHEINTAL_EHR": "kis.example:6661",
}


def made(**changes: str) -> Destinations:
    """Make the samples' destinations of sound settings with ``changes``."""
    parts = Parts()
    settings = Settings(WHOLE | {f"BATON_{k}": v for k, v in changes.items()})
    return Destinations(
        parts, parts.load(packaged_mappings()), StoppedClock(), settings
    )


def test_what_lacks_nothing_can_be_sent_to() -> None:
    found = made()

    assert {target.destination for target in found.targets} == {
        *("portal:helix", "ehr:st_elm", "ehr:rheintal")
    }
    assert found.lacking == {}


def test_every_missing_setting_is_named() -> None:
    found = made(HELIX_URL="", HELIX_WEBHOOK_SECRET="", ST_ELM_EHR="")

    assert [target.destination for target in found.targets] == ["ehr:rheintal"]
    assert {name: list(problems) for name, problems in found.lacking.items()} == {
        "portal:helix": [
            Problem("settings.missing", "BATON_HELIX_URL"),
            Problem("settings.missing", "BATON_HELIX_WEBHOOK_SECRET"),
        ],
        "ehr:st_elm": [Problem("settings.missing", "BATON_ST_ELM_EHR")],
    }


def test_a_broken_setting_stops_the_start_with_all_that_is_wrong() -> None:
    with pytest.raises(Misconfigured) as stop:
        made(
            HELIX_URL="foo",
            HELIX_CLIENT_ID="",
            HELIX_WEBHOOK_SECRET="not base64",
            ST_ELM_EHR="hunter2",
        )

    assert list(stop.value.problems) == [
        Problem("settings.not_a_portal", "BATON_HELIX_URL"),
        Problem("settings.missing", "BATON_HELIX_CLIENT_ID"),
        Problem("settings.not_a_webhook_secret", "BATON_HELIX_WEBHOOK_SECRET"),
        Problem("settings.not_an_endpoint", "BATON_ST_ELM_EHR"),
    ]


def test_a_lease_outlasts_all_that_one_attempt_may_take() -> None:
    """Or a second worker would send what the first is still sending."""
    leases = {target.destination: target.lease for target in made().targets}
    catalog = Parts().load(packaged_mappings())
    portal = catalog.portals["helix"]
    back = catalog.sites["st_elm"].status_back
    assert back is not None

    request = portal.connect_timeout + portal.read_timeout
    token = timedelta(seconds=LONGEST)
    assert leases["portal:helix"] > 2 * (token + request)
    assert leases["ehr:st_elm"] > Timeouts().connect + back.answer_timeout
