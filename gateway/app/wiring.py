"""Puts the parts together: the one place that knows them all."""

import os
import secrets as chance
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from gateway.app.clock import fresh_secret
from gateway.app.discovery import discover
from gateway.app.settings import EnvironmentSecrets, Settings, endpoint
from gateway.core.agreements import Patience
from gateway.core.effects import Alarm
from gateway.core.errors import Misconfigured, Problem
from gateway.flow.dispatch import Target
from gateway.flow.outgoing import Outgoing
from gateway.flow.rules import Rules
from gateway.mapping.catalog import Catalog
from gateway.mapping.profile import Portal
from gateway.mapping.site import StatusBack
from gateway.ports import Clock, Reader, Secrets

HL7V2 = "hl7v2"
SHORTEST_TOKEN = 32
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


def mllp_limits(parts: Parts, settings: Settings) -> Any:  # noqa: ANN401 - an adapter's own type
    """Return the listener's limits."""
    return parts.hl7v2.limits(
        frame=settings.max_frame,
        junk=settings.junk_between_frames,
        first_byte=settings.first_byte_seconds,
        mid_frame=settings.mid_frame_seconds,
        idle=settings.idle_seconds,
        per_address=settings.connections_per_peer,
    )


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


def mended(catalog: Catalog, ready: list[Target]) -> list[Alarm]:
    """Name the alarms of an earlier start that this one shows to be mended."""
    open_sites = (s.name for s in catalog.sites.values() if not s.problems)
    return [
        *(Alarm("site.paused", name) for name in open_sites),
        *(Alarm("manufacturer.paused", name) for name in catalog.portals),
        *(Alarm("destination.not_configured", target.destination) for target in ready),
    ]


def _missing(portal: Portal, secrets: Secrets) -> Problem | None:
    """Name the first setting that is not there; all are read, to find a broken one."""
    names = [portal.url_setting]
    if portal.webhook is not None:
        names.append(portal.webhook.secret_setting)
    if portal.auth.kind != "none":
        names += [portal.auth.client_id_setting, portal.auth.client_secret_setting]
    missing = [name for name in names if not secrets.get(name)]
    return Problem("destination.not_configured", missing[0]) if missing else None


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


NOTED = "baton.mappings"


def note_mappings(settings: Settings) -> None:
    """Write down which mappings serve a data folder, for the command line."""
    path = settings.data / NOTED
    path.write_text(str(settings.mappings.resolve()), encoding="utf-8")


def mappings_of(settings: Settings) -> Path:
    """Return the mappings that serve a data folder.

    A person's decision must be made by the rules that held the message, so the
    command line uses what the server noted unless it is told otherwise.
    """
    noted = settings.data / NOTED
    if "mappings" in settings.model_fields_set or not noted.exists():
        return settings.mappings
    return Path(noted.read_text(encoding="utf-8"))


def operator_token(folder: Path) -> str:
    """Return the operators' bearer token, made on the first start (mode 0600).

    Raises:
        Misconfigured: The file is too short to be one, or others may read it.
    """
    path = folder / "token"
    if not path.exists():
        _write_token(path)
    token = path.read_text(encoding="ascii").strip()
    if len(token) < SHORTEST_TOKEN or path.stat().st_mode & 0o077:
        raise Misconfigured(Problem("settings.token_file", str(path)))
    return token


def _write_token(path: Path) -> None:
    """Write a new token so that the file is there whole or not at all."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(
        os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w"
    ) as f:
        f.write(chance.token_urlsafe(32) + "\n")
        f.flush()
        os.fsync(f.fileno())
    draft.replace(path)
