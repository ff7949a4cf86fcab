"""Checks a tree that is written out: as JSON, or as the segments of a message."""

from collections.abc import Sequence
from typing import Any, Final

from gateway.mapping.document import Findings
from gateway.mapping.places import Format
from gateway.mapping.spec import (
    Const,
    Each,
    FirstOf,
    Group,
    Items,
    Leaf,
    Spec,
    When,
    bare,
)

WRITTEN: Final[dict[str, frozenset[str]]] = {
    "json": frozenset({"text", "number", "boolean"}),
    "hl7v2": frozenset({"text", "number"}),
}
"""The kinds of value each format can write."""


def check_template(spec: Spec, format: Format, findings: Findings) -> None:  # noqa: A002 - the word of the language
    """Check the kinds of all leaves, and the shape by the format itself."""
    _check_kinds(spec, WRITTEN.get(format.name, frozenset({"text"})), findings)
    for path, says in format.check(skeleton(spec)):
        findings.add("template", line_at(spec, path), says)


def _check_kinds(spec: Spec, written: frozenset[str], findings: Findings) -> None:
    match spec:
        case Leaf(kind=kind) | Const(kind=kind) | FirstOf(kind=kind):
            if kind not in written:
                detail = f"{kind}; the format writes {' or '.join(sorted(written))}"
                findings.add("wrong_kind", spec.line, detail)
        case When(then=inner) | Each(item=inner):
            _check_kinds(inner, written, findings)
        case Items(items=items):
            for item in items:
                _check_kinds(item, written, findings)
        case Group(entries=entries):
            for entry in entries.values():
                _check_kinds(entry, written, findings)


def skeleton(spec: Spec) -> Any:  # noqa: ANN401 - maps, lists and None
    """Return the tree with every leaf replaced by ``None``."""
    match bare(spec):
        case Group(entries=entries):
            return {key: skeleton(entry) for key, entry in entries.items()}
        case Items(items=items):
            return [skeleton(item) for item in items]
        case Each(item=item):
            return [skeleton(item)]
        case _:
            return None


def line_at(spec: Spec, path: Sequence[str | int]) -> int:
    """Return the line of the node that ``path`` of the skeleton leads to."""
    line = spec.line
    for step in path:
        match bare(spec):
            case Group(entries=entries, lines=lines) if step in entries:
                spec, line = entries[str(step)], lines[str(step)]
            case Items(items=items) if isinstance(step, int) and step < len(items):
                spec = items[step]
                line = spec.line
            case Each(item=item):
                spec, line = item, item.line
            case _:
                return line
    return line
