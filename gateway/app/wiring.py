"""Puts the parts together: the one place that knows them all."""

import os
import secrets as chance
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway.app.clock import fresh_secret
from gateway.app.discovery import discover
from gateway.app.settings import Settings
from gateway.core.effects import Alarm
from gateway.core.errors import Misconfigured, Problem
from gateway.flow.dispatch import Target
from gateway.flow.outgoing import Outgoing
from gateway.flow.rules import Rules
from gateway.flow.understand import PRODUCTION
from gateway.mapping.catalog import Catalog
from gateway.ports import Reader

HL7V2 = "hl7v2"
SHORTEST_TOKEN = 32


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
        total_connections=settings.connections,
    )


def opened(catalog: Catalog) -> Catalog:
    """Let the open test site take production traffic (``--open``)."""
    sites = {
        name: replace(site, processing_ids=site.processing_ids | {PRODUCTION})
        if site.catch_all
        else site
        for name, site in catalog.sites.items()
    }
    return replace(catalog, sites=sites)


def closed(catalog: Catalog, lacking: Iterable[str]) -> tuple[Alarm, ...]:
    """Name the alarms of what cannot be served, as its files and settings are."""
    sites = (s.name for s in catalog.sites.values() if s.problems)
    return (
        *(Alarm("site.paused", name) for name in sites),
        *(Alarm("manufacturer.paused", name) for name in sorted(catalog.closed)),
        *(Alarm("destination.not_configured", name) for name in lacking),
    )


def mended(catalog: Catalog, ready: list[Target]) -> list[Alarm]:
    """Name the alarms of an earlier start that this one shows to be mended."""
    open_sites = (s.name for s in catalog.sites.values() if not s.problems)
    return [
        *(Alarm("site.paused", name) for name in open_sites),
        *(Alarm("manufacturer.paused", name) for name in catalog.portals),
        *(Alarm("destination.not_configured", target.destination) for target in ready),
    ]


NOTED = "baton.mappings"


def note_mappings(settings: Settings) -> None:
    """Write down which mappings serve a data folder, for the command line."""
    _write(settings.data / NOTED, str(settings.mappings.resolve()))


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
        _write(path, chance.token_urlsafe(32) + "\n")
    token = path.read_text(encoding="ascii").strip()
    if len(token) < SHORTEST_TOKEN or path.stat().st_mode & 0o077:
        raise Misconfigured(Problem("settings.token_file", str(path)))
    return token


def _write(path: Path, text: str) -> None:
    """Write a file only we can read, so that it is there whole or not at all."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    private = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(private, "w", encoding="utf-8") as f:
        f.write(text)
        f.flush()
        os.fsync(f.fileno())
    draft.replace(path)
