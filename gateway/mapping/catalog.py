"""A mappings folder becomes sites, portals and routes; what is broken is closed.

A site that does not compile is in ``sites`` with its problems, so that its
messages are refused as its own and by nobody else. A portal that does not
compile is closed, too: orders for its products are refused until it is mended.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from gateway.core.agreements import Route
from gateway.core.errors import Problem
from gateway.mapping.canonical import CanonicalFormat
from gateway.mapping.compiled import Compiled
from gateway.mapping.json_format import JsonFormat
from gateway.mapping.library import Library
from gateway.mapping.places import Format
from gateway.mapping.portal_file import read_portal, read_routes
from gateway.mapping.problems import Finding
from gateway.mapping.profile import Portal
from gateway.mapping.site import Site
from gateway.mapping.site_file import read_site


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything a mappings folder says.

    Attributes:
        sites: By name, the closed ones too.
        portals: By manufacturer; only those that compiled.
        closed: Manufacturers whose files are broken.
        routes: All that can be read, the closed manufacturers' too.
        problems: All that is wrong, as ``file:line``; ``problems.explain`` says it.
        texts: What each mapping was compiled from, by version; the store keeps it.
        formats: All formats by name, ``json`` and ``canonical`` included.
        mappings: Every mapping that compiled, by its path in the folder. A common
            one is there once for each site that uses it, and once for itself.
    """

    sites: Mapping[str, Site]
    portals: Mapping[str, Portal]
    routes: tuple[Route, ...]
    problems: tuple[Problem, ...]
    texts: Mapping[str, str]
    formats: Mapping[str, Format]
    closed: frozenset[str] = frozenset()
    mappings: Mapping[str, list[Compiled]] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path, formats: Mapping[str, Format]) -> Self:
        """Read and compile a folder. Never raises for what is written in it.

        Args:
            formats: What the adapters read and write, by name.
        """
        every: dict[str, Format] = {
            "json": JsonFormat(),
            "canonical": CanonicalFormat(),
            **formats,
        }
        library = Library(folder, every)
        sites = {name: read_site(library, name) for name in library.folders("sites")}
        problems: list[Problem] = [p for site in sites.values() for p in site.problems]
        problems.extend(_shared_senders(library, sites))
        portals, routes, found = _manufacturers(library)
        problems.extend(found)
        closed = frozenset(library.folders("manufacturers")) - portals.keys()
        problems.extend(_common(library))
        return cls(
            sites=sites,
            portals=portals,
            routes=tuple(routes),
            problems=tuple(dict.fromkeys(problems)),
            texts=library.texts,
            formats=every,
            closed=closed,
            mappings=library.compiled,
        )


def _manufacturers(
    library: Library,
) -> tuple[dict[str, Portal], list[Route], list[Finding]]:
    portals: dict[str, Portal] = {}
    routes: list[Route] = []
    problems: list[Finding] = []
    for name in library.folders("manufacturers"):
        portal, found = read_portal(library, name)
        own, wrong = read_routes(library, name)
        twice = list(_taken(library, own, routes))
        problems += [*found, *wrong, *twice]
        routes += own
        if portal and not wrong and not twice:
            portals[name] = portal
    return portals, routes, problems


def _taken(
    library: Library, own: list[Route], others: list[Route]
) -> Iterator[Finding]:
    for route in own:
        for other in others:
            common = route.countries & other.countries
            if route.product == other.product and common:
                detail = f"{route.product} in {', '.join(sorted(common))}"
                findings = library.findings(
                    f"manufacturers/{route.manufacturer}/routes.yaml"
                )
                findings.add("route_twice", 1, f"{detail}, as {other.manufacturer}")
                yield from findings.found


def _shared_senders(library: Library, sites: Mapping[str, Site]) -> Iterator[Finding]:
    """Find senders that two sites would take from the same network."""
    named: dict[tuple[str, str], str] = {}
    for name, site in sites.items():
        for sender in sorted(site.senders):
            other = named.setdefault(sender, name)
            if other != name and _meet(site, sites[other]):
                findings = library.findings(f"sites/{name}/site.yaml")
                findings.add("sender_twice", 1, f"{'|'.join(sender)}, as {other}")
                yield from findings.found


def _meet(one: Site, other: Site) -> bool:
    return any(
        a.version == b.version and a.overlaps(b)
        for a in one.networks.ranges
        for b in other.networks.ranges
    )


def _common(library: Library) -> Iterator[Finding]:
    """Compile the common mappings for themselves too, used or not."""
    folder = library.folder / "base"
    for file in sorted(folder.glob("*.yaml")):
        yield from library.compile(f"base/{file.name}", zone="UTC").findings
