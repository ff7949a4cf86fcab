"""Puts the parts together: the one place that knows them all."""

import secrets as chance
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from gateway.app.clock import fresh_secret
from gateway.app.discovery import discover
from gateway.app.settings import EnvironmentSecrets, endpoint
from gateway.core.agreements import Patience
from gateway.core.errors import Misconfigured, Problem
from gateway.flow.dispatch import Target
from gateway.flow.outgoing import Outgoing
from gateway.flow.rules import Rules
from gateway.mapping.catalog import Catalog
from gateway.mapping.profile import Portal
from gateway.mapping.site import StatusBack
from gateway.ports import Clock, Reader, Secrets

HL7V2 = "hl7v2"
MARGIN = timedelta(seconds=30)
"""Of a lease, beyond what an attempt may take."""


class Parts:
    """The adapters found, and what is made of them."""

    def __init__(self) -> None:
        """Discover the adapters."""
        self.adapters: Mapping[str, Any] = discover()

    @property
    def hl7v2(self) -> Any:  # noqa: ANN401 - adapters are strangers to the application
        """The HL7 v2 adapter."""
        return self.adapters[HL7V2]

    def load(self, folder: Path) -> Catalog:
        """Compile a mappings folder; what does not compile is closed, not fatal.

        Raises:
            Misconfigured: There is no such folder.
        """
        if not folder.is_dir():
            raise Misconfigured(Problem("settings.no_mappings", str(folder)))
        return Catalog.load(folder, {HL7V2: self.hl7v2.format()})

    def rules(self, catalog: Catalog) -> Rules:
        """Return one consistent set of rules over ``catalog``."""
        formats = catalog.formats
        reader: Reader = self.hl7v2.reader()
        return Rules(catalog, formats, reader, Outgoing(catalog, formats), fresh_secret)


def opened(catalog: Catalog) -> Catalog:
    """Let the open test site take production traffic (``--open``)."""
    sites = {
        name: replace(site, processing_ids=site.processing_ids | {"P"})
        if site.catch_all
        else site
        for name, site in catalog.sites.items()
    }
    return replace(catalog, sites=sites)


def targets(
    parts: Parts, catalog: Catalog, clock: Clock, secrets: Secrets | None = None
) -> tuple[list[Target], list[tuple[str, Problem]]]:
    """Make every destination that is configured; name what the others lack.

    A missing setting leaves its destination *not configured*, visibly; a broken
    one stops the start.

    Raises:
        Misconfigured: A setting is there and cannot be used.
    """
    found = secrets or EnvironmentSecrets()
    ready: list[Target] = []
    lacking: list[tuple[str, Problem]] = []
    for portal in catalog.portals.values():
        missing = _missing(portal, found)
        if missing:
            lacking.append((portal.destination, missing))
        else:
            ready.append(_portal_target(parts, portal, found, clock))
    for site in catalog.sites.values():
        back = site.status_back
        if back is None:
            continue
        address = found.get(back.host_setting)
        if address:
            ready.append(_ehr_target(parts, back, address))
        else:
            problem = Problem("destination.not_configured", back.host_setting)
            lacking.append((back.destination, problem))
    return ready, lacking


def _missing(portal: Portal, secrets: Secrets) -> Problem | None:
    names = [portal.url_setting]
    if portal.auth.kind != "none":
        names += [portal.auth.client_id_setting, portal.auth.client_secret_setting]
    for name in names:
        if not secrets.get(name):
            return Problem("destination.not_configured", name)
    return None


def _portal_target(
    parts: Parts, portal: Portal, secrets: Secrets, clock: Clock
) -> Target:
    if portal.speaks not in parts.adapters:
        raise Misconfigured(Problem("destination.not_configured", portal.speaks))
    adapter = parts.adapters[portal.speaks]
    url = secrets.get(portal.url_setting) or ""
    return Target(
        destination=portal.destination,
        sender=adapter.sender(portal, url, secrets, clock),
        patience=portal.patience,
        concurrency=portal.concurrency,
        # Token, request, a renewed token, the request again.
        lease=MARGIN + 4 * (portal.connect_timeout + portal.read_timeout),
        manufacturer=portal.manufacturer,
        answer=portal.answer,
    )


def _ehr_target(parts: Parts, back: StatusBack, address: str) -> Target:
    host, port = endpoint(address)
    sender = parts.hl7v2.sender(
        host, port, codes=back.codes, answer_timeout=back.answer_timeout
    )
    return Target(
        destination=back.destination,
        sender=sender,
        patience=Patience(back.waits, "key" if back.repeats_safely else "no"),
        concurrency=1,
        lease=MARGIN + 2 * back.answer_timeout,
    )


def operator_token(folder: Path) -> str:
    """Return the operators' bearer token, made on the first start (mode 0600)."""
    path = folder / "token"
    if path.exists():
        return path.read_text(encoding="ascii").strip()
    token = chance.token_urlsafe(32)
    path.touch(mode=0o600)
    path.write_text(token + "\n", encoding="ascii")
    return token
