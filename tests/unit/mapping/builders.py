"""Short ways to a compiled mapping, and to the sources it reads."""

from collections.abc import Mapping
from textwrap import dedent
from typing import Any

from adapters.hl7v2.format import Hl7v2Format
from adapters.hl7v2.reader import Hl7v2Reader
from gateway.core.agreements import Conventions
from gateway.core.errors import Problem
from gateway.mapping.canonical import CanonicalFormat
from gateway.mapping.compiled import Compiled
from gateway.mapping.compiler import Compiler, Outcome
from gateway.mapping.json_format import JsonFormat
from gateway.mapping.places import Format
from gateway.mapping.problems import Finding

FORMATS: Mapping[str, Format] = {
    "hl7v2": Hl7v2Format(),
    "json": JsonFormat(),
    "canonical": CanonicalFormat(),
}
REPORT = """\
mapping: 1
reads: { format: json }
writes: command
tree:
  command: { const: report_status }
  party: { const: helix }
  order_id: order
  status: { const: accepted }
"""
"""The least mapping that can run; tests append lines to its tree."""

FACTS = """\
mapping: 1
reads: { format: hl7v2 }
writes: command
tree:
  command: { const: update_patient }
  patient:
    identifiers:
      each: PID-3
      item: { value: .1, authority: .4.1, type: .5 }
"""
"""As ``REPORT``, for messages; tests append lines to its patient."""


def outcome(text: str, *, zone: str = "", **tables: str) -> Outcome:
    """Compile ``text`` as ``m.yaml``; ``tables`` are code tables by name."""
    files = {f"codes/{name}.csv": table for name, table in tables.items()}
    files["m.yaml"] = dedent(text)
    found = {path: body.encode() for path, body in files.items()}
    return Compiler(found.get, FORMATS).compile("m.yaml", zone=zone)


def compiled(text: str, *, zone: str = "", **tables: str) -> Compiled:
    """Compile a text that is right."""
    made = outcome(text, zone=zone, **tables)
    assert made.findings == []
    assert made.compiled is not None
    return made.compiled


def table(*rows: str) -> str:
    """Write a code table of these rows."""
    return "\n".join(["# source: a test", "from,to,display", *rows, ""])


def said(problems: list[Problem]) -> list[str]:
    """Write problems the way the examples do."""
    return [f"{p.consequence}: {p}" for p in problems]


def found(findings: list[Finding]) -> list[str]:
    """Write findings as ``line: code``, without the family's name."""
    return [
        f"{f.where.rpartition(':')[2]}: {f.code.removeprefix('mapping.')}"
        for f in findings
    ]


def message(*segments: str, type_: str = "ADT^A08", zone: str = "") -> object:
    """Read a message with these segments after its MSH."""
    msh = f"MSH|^~\\&|APP|FAC|B|B|20260101||{type_}|1|T|2.5.1"
    body = "\r".join([msh, *segments, ""]).encode()
    reader = Hl7v2Reader()
    header, verdict = reader.peek(body)
    assert verdict is None
    return reader.read(header, body, Conventions(zone=zone))


def report(**members: object) -> dict[str, object]:
    """Return a source for ``REPORT``."""
    return {"order": "M1-o1", **members}


def run(line: str, source: object, **tables: str) -> tuple[list[Any], list[str]]:
    """Run ``REPORT`` with one more line; return commands and problems."""
    commands, problems = compiled(REPORT + line + "\n", **tables).run(source)
    return commands, said(problems)
