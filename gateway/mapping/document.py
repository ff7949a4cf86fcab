"""YAML text becomes a tree of texts with line numbers; nothing else.

Every scalar stays text: ``no`` is a country code and ``2026-01-02`` a string.
What YAML offers beyond maps, lists and texts is refused, so that a file means
what it looks like (``docs/adr/0010-yaml-with-line-numbers.md``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import yaml

from gateway.mapping.problems import Finding

MOST_BYTES: Final = 1024 * 1024
MOST_LEVELS: Final = 32


@dataclass(frozen=True, slots=True)
class TextNode:
    """A single value, as written."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class ListNode:
    """A list."""

    items: "tuple[Node, ...]"
    line: int


@dataclass(frozen=True, slots=True)
class MapNode:
    """Keys and values in the order written; ``lines`` has each key's line."""

    entries: "Mapping[str, Node]"
    lines: Mapping[str, int]
    line: int


Node = TextNode | ListNode | MapNode


@dataclass(slots=True)
class Findings:
    """Collects what is wrong with one file, each at its line."""

    path: str
    found: list[Finding] = field(default_factory=list)

    def add(
        self,
        code: str,
        line: int,
        detail: str = "",
        *,
        consequence: Literal["reject", "note"] = "reject",
    ) -> None:
        """Record one finding."""
        finding = Finding(f"mapping.{code}", f"{self.path}:{line}", consequence, detail)
        if finding not in self.found:
            self.found.append(finding)


class Unread:
    """Stands for the bytes of a file that is there and cannot be read."""


def read_text(raw: bytes | Unread, findings: Findings) -> str | None:
    """Decode one file, or return ``None`` with the reason in ``findings``."""
    if isinstance(raw, Unread):
        findings.add("unreadable", 1)
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        findings.add("not_utf8", raw.count(b"\n", 0, error.start) + 1)
        return None


def read_document(text: str, findings: Findings) -> MapNode | None:
    """Read one YAML text, or return ``None`` with the reasons in ``findings``."""
    if len(text.encode()) > MOST_BYTES:
        findings.add("too_large", 1)
        return None
    try:
        if not _is_plain(text, findings):
            return None
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        line = min(_line_of(error), text.count("\n") + 1)
        findings.add("not_yaml", line, _reason(error))
        return None
    before = len(findings.found)
    node = _convert(root, findings) if root else None
    if not isinstance(node, MapNode):
        findings.add("not_a_map", 1)
        return None
    return node if len(findings.found) == before else None


def _is_plain(text: str, findings: Findings) -> bool:
    """Refuse what is not used here, before anything recursive sees it."""
    depth = 0
    before = len(findings.found)
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        line = _line(event)
        if getattr(event, "anchor", None) is not None:
            findings.add("anchor", line)
        if getattr(event, "tag", None) is not None:
            findings.add("tag", line)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MOST_LEVELS:
            findings.add("too_deep", line)
            return False
    return len(findings.found) == before


def _convert(node: yaml.Node, findings: Findings) -> Node:
    line = _line(node)
    if isinstance(node, yaml.ScalarNode):
        return TextNode(node.value, line)
    if isinstance(node, yaml.SequenceNode):
        return ListNode(tuple(_convert(n, findings) for n in node.value), line)
    entries: dict[str, Node] = {}
    lines: dict[str, int] = {}
    for key, value in node.value:
        at = _line(key)
        if not isinstance(key, yaml.ScalarNode):
            findings.add("not_a_text", at)
        elif key.value in entries:
            findings.add("duplicate_key", at, key.value)
        else:
            entries[key.value] = _convert(value, findings)
            lines[key.value] = at
    return MapNode(entries, lines, line)


def _line(marked: yaml.Node | yaml.Event) -> int:
    return marked.start_mark.line + 1 if marked.start_mark else 1


def _line_of(error: yaml.YAMLError) -> int:
    mark = _mark_of(error)
    return mark.line + 1 if mark else 1


def _mark_of(error: yaml.YAMLError) -> yaml.Mark | None:
    return getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)


def _reason(error: yaml.YAMLError) -> str:
    """Say where and why the parser stopped, in its own words on one line."""
    said = [getattr(error, name, None) for name in ("context", "problem", "reason")]
    words = ", ".join(str(each) for each in said if each)
    mark = _mark_of(error)
    return f"column {mark.column + 1}: {words}" if mark else words
