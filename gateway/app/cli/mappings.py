"""``baton map`` and ``baton check``: what the mappings make of messages."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.app.cli.output import AsJson, complain, err, explained, out, print_json
from gateway.app.cli.serving import MappingsFolder, settings_with
from gateway.app.wiring import Parts
from gateway.core.errors import Problem, Refused, Unreadable
from gateway.flow.understand import STRANGER, conventions, may_send, understand
from gateway.mapping import examples
from gateway.mapping.catalog import Catalog
from gateway.mapping.problems import Finding, explain
from gateway.mapping.site import Site
from gateway.ports import Header


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("map")(map_)
    app.command()(check)


def map_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    site: Annotated[str, typer.Option(help="Name of the site's folder.")],
    mappings: MappingsFolder = None,
) -> None:
    """Print what one message asks for, as the expected file of an example has it.

    Exit status 0 if it maps, 1 if it does not, or if MSH-3 and MSH-4 are not the
    site's: then every problem is printed with its place, and what to do.

    Example: baton map order.hl7 --site st_elm
    """
    parts = Parts()
    catalog = parts.load(settings_with(mappings=mappings).mappings)
    chosen = catalog.sites.get(site)
    if chosen is None:
        known = ", ".join(sorted(catalog.sites))
        raise typer.BadParameter(f"known sites: {known}", param_hint="--site")
    _complain(chosen.problems)
    body = file.read_bytes()
    reader = parts.hl7v2.reader()
    header, unusable = reader.peek(_with_cr(body))
    understood = understand(reader, header, _with_cr(body), chosen)
    verdict = unusable or understood.verdict
    problems = verdict.problems if verdict else ()
    if understood.commands:
        typer.echo(examples.summary(understood.commands, problems), nl=False)
    for problem in problems or understood.notes:
        err.print(explained(problem), markup=False, soft_wrap=True)
    if verdict is not None and not understood.commands:
        err.print(f"verdict: {verdict.state}", markup=False)
        raise typer.Exit(0 if verdict.accepted else 1)
    _require_known(chosen, header)


def check(mappings: MappingsFolder = None, as_json: AsJson = False) -> None:
    """Compile every mapping and run every example.

    Prints one line for each problem, as a compiler would: file:line: code: what
    to do. What does not compile comes first, and its examples are not run. Exit
    status 0 if all is well, 2 if anything is wrong.

    Example: baton check --mappings /etc/baton/mappings
    """
    folder = settings_with(mappings=mappings).mappings
    parts = Parts()
    catalog = parts.load(folder)
    readers = {"hl7v2": _reading(parts)}
    results = examples.run_examples(folder, catalog, readers)
    found = [*sorted(catalog.problems, key=_place), *sorted(results, key=_place)]
    for problem in found:
        if as_json:
            detail = problem.detail if isinstance(problem, Finding) else ""
            facts = {"where": problem.where, "code": problem.code, "detail": detail}
            print_json(facts)
        else:
            out.print(explain(problem), markup=False, soft_wrap=True)
    _summarise(catalog, found)
    if found:
        raise typer.Exit(2)


def _place(problem: Problem) -> tuple[str, int]:
    file, _, line = problem.where.rpartition(":")
    return file, int(line) if line.isdecimal() else 0


def _summarise(catalog: Catalog, found: list[Problem]) -> None:
    for site in catalog.sites.values():
        if site.interface.application_answers:
            err.print(f"{site.name}: application answer not sent yet", markup=False)
    sites, portals = len(catalog.sites), len(catalog.portals)
    ran = len(catalog.mappings)
    err.print(
        f"{sites} sites, {portals} portals, {ran} mappings: {len(found)} problem(s)",
        markup=False,
    )


def _require_known(site: Site, header: Header) -> None:
    """Say where a server would not know the message for the site's."""
    if not site.catch_all and not may_send(site, header):
        complain(Refused(*STRANGER.problems))
        raise typer.Exit(1)


def _complain(found: tuple[Problem, ...]) -> None:
    for problem in found:
        err.print(explain(problem), markup=False, soft_wrap=True)
    if found:
        raise typer.Exit(2)


def _with_cr(body: bytes) -> bytes:
    """Read files as an editor leaves them; on the wire line ends are CR."""
    return body if b"\r" in body else body.replace(b"\n", b"\r")


def _reading(parts: Parts) -> examples.Read:
    reader = parts.hl7v2.reader()

    def read(body: bytes, site: Site | None) -> Any:  # noqa: ANN401 - the reader's own type
        header, unusable = reader.peek(_with_cr(body))
        if unusable is not None:
            raise Unreadable(*unusable.problems)
        return reader.read(header, _with_cr(body), conventions(site))

    return read
