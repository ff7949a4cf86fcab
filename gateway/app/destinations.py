"""Destinations: those that are configured, and which settings the others lack."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from gateway.app.settings import endpoint
from gateway.app.wiring import Parts
from gateway.core.agreements import Patience
from gateway.core.errors import Misconfigured, Problem
from gateway.flow.dispatch import Target
from gateway.mapping.catalog import Catalog
from gateway.mapping.profile import Portal
from gateway.mapping.site import StatusBack
from gateway.ports import Clock, Secrets

T = TypeVar("T")

MARGIN = timedelta(seconds=30)
"""Of a lease, beyond what an attempt may take."""


class Destinations:
    """Makes what it can of the settings, and keeps what is wrong with them.

    Attributes:
        targets: Every destination that lacks nothing.
        verifiers: By manufacturer, what verifies its webhooks.
        lacking: By destination, what is wrong with its settings.
    """

    def __init__(
        self, parts: Parts, catalog: Catalog, clock: Clock, secrets: Secrets
    ) -> None:
        """Make every destination of ``catalog``.

        A missing setting leaves its destination *not configured*, visibly; a
        broken one stops the start.

        Raises:
            Misconfigured: A setting cannot be used; with all that is wrong.
        """
        self.targets: list[Target] = []
        self.verifiers: dict[str, Any] = {}
        self.lacking: dict[str, dict[Problem, None]] = {}
        self._parts = parts
        self._clock = clock
        self._secrets = secrets
        for portal in catalog.portals.values():
            self._add_portal(portal)
        for site in catalog.sites.values():
            if site.status_back is not None:
                self._add_ehr(site.status_back)
        self._require_usable()

    def _add_portal(self, portal: Portal) -> None:
        read = partial(self._read, portal.destination)
        target = read(portal.url_setting, partial(self._portal_target, portal))
        if portal.auth.kind != "none":
            read(portal.auth.client_id_setting, str)
            read(portal.auth.client_secret_setting, str)
        if portal.webhook is not None:
            verify = partial(self._verifier, portal, portal.webhook.secret_setting)
            verifier = read(portal.webhook.secret_setting, verify)
            self.verifiers[portal.manufacturer] = verifier
        self._add(portal.destination, target)

    def _add_ehr(self, back: StatusBack) -> None:
        make = partial(self._ehr_target, back)
        self._add(
            back.destination, self._read(back.destination, back.host_setting, make)
        )

    def _add(self, destination: str, target: Target | None) -> None:
        if target is not None and destination not in self.lacking:
            self.targets.append(target)

    def _read(self, destination: str, name: str, make: Callable[[str], T]) -> T | None:
        """Make something of a setting, unless it is missing or cannot be used."""
        problems: tuple[Problem, ...] = (Problem("settings.missing", name),)
        try:
            if value := self._secrets.get(name):
                return make(value)
        except Misconfigured as error:
            problems = error.problems
        self.lacking.setdefault(destination, {}).update(dict.fromkeys(problems))
        return None

    def _require_usable(self) -> None:
        wrong = [problem for found in self.lacking.values() for problem in found]
        if any(problem.code != "settings.missing" for problem in wrong):
            raise Misconfigured(*wrong)

    def _adapter(self, portal: Portal) -> Any:  # noqa: ANN401 - adapters are strangers to the application
        if portal.speaks not in self._parts.adapters:
            raise Misconfigured(Problem("destination.not_configured", portal.speaks))
        return self._parts.adapters[portal.speaks]

    def _verifier(self, portal: Portal, setting: str, secret: str) -> Any:  # noqa: ANN401 - an adapter's own type
        return self._adapter(portal).webhook(secret, setting)

    def _portal_target(self, portal: Portal, url: str) -> Target:
        return Target(
            destination=portal.destination,
            sender=self._adapter(portal).sender(
                portal, url, self._secrets, self._clock
            ),
            patience=portal.patience,
            concurrency=portal.concurrency,
            # Token, request, a renewed token, the request again.
            lease=MARGIN + 4 * (portal.connect_timeout + portal.read_timeout),
            manufacturer=portal.manufacturer,
            answer=portal.answer,
        )

    def _ehr_target(self, back: StatusBack, address: str) -> Target:
        host, port = endpoint(address, back.host_setting)
        sender = self._parts.hl7v2.sender(
            host, port, codes=back.codes, answer_timeout=back.answer_timeout
        )
        return Target(
            destination=back.destination,
            sender=sender,
            patience=Patience(back.waits, "key" if back.repeats_safely else "no"),
            concurrency=1,
            lease=MARGIN + 2 * back.answer_timeout,
        )
