"""Reads the tree of a mapping: which words may stand where, and what they name."""

from typing import Final

from gateway.mapping.codes import FindTable
from gateway.mapping.conditions import read_conditions
from gateway.mapping.document import Findings, ListNode, MapNode, Node, TextNode
from gateway.mapping.fields import Fields
from gateway.mapping.leaves import Leaves
from gateway.mapping.scope import Scope
from gateway.mapping.shapes import WHEN
from gateway.mapping.spec import (
    Condition,
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

LEAF_KEYS: Final = ("from", "const", "first_of")


class Grammar:
    """Reads one document's tree; what is wrong goes to its findings."""

    def __init__(
        self, findings: Findings, table: FindTable, *, zone: str, timing: str
    ) -> None:
        self.findings = findings
        self.table = table
        self._leaves = Leaves(findings, table, zone, timing)

    def conditions(self, node: Node | None, scope: Scope) -> tuple[Condition, ...]:
        """Read ``when:`` or ``where:``."""
        return read_conditions(node, scope, self.findings, self.table)

    def tree(self, node: Node, scope: Scope) -> Spec:
        """Read any node of the tree."""
        if isinstance(node, TextNode):
            source = scope.source(node.text, node.line, self.findings)
            return Leaf(node.line, (source,), source.kind)
        if isinstance(node, ListNode):
            items = tuple(self.tree(item, scope) for item in node.items)
            return Items(node.line, items)
        if "each" in node.entries:
            return self._each(Fields(node, self.findings), scope)
        if any(key in node.entries for key in LEAF_KEYS):
            return self._leaf(Fields(node, self.findings), scope)
        if node.entries.keys() == {"when", "tree"}:
            then = self.tree(node.entries["tree"], scope)
            return self._guarded(Fields(node, self.findings), then, scope)
        return self._group(node, scope)

    def _group(self, node: MapNode, scope: Scope) -> Group:
        entries: dict[str, Spec] = {}
        lines = dict(node.lines)
        for key, value in node.entries.items():
            entry = entries[key] = self.tree(value, scope)
            inner = bare(entry)
            if isinstance(inner, Leaf) and inner.measured:
                beside = "observed_at" if key == "value" else f"{key}_at"
                if beside in node.entries:
                    self.findings.add("duplicate_key", node.lines[beside], beside)
                entries[beside] = _alike(entry, inner.measured)
                lines[beside] = inner.line
        return Group(node.line, entries, lines)

    def _each(self, fields: Fields, scope: Scope) -> Spec:
        text, line = fields.text("each"), fields.line_of("each")
        item = fields.node("item", needed=True)
        where = fields.node("where")
        deleted = fields.node("deleted_when")
        required = fields.flag("required")
        fields.done()
        group = scope.group(text, line, self.findings)
        if group is None or item is None:
            return Items(line, ())
        walk, from_root, inner = group
        return Each(
            line,
            text,
            walk,
            self.tree(item, inner),
            self.conditions(where, inner),
            from_root,
            self.conditions(deleted, inner),
            required,
        )

    def _leaf(self, fields: Fields, scope: Scope) -> Spec:
        if "const" in fields:
            spec: Spec = self._leaves.const(fields)
        elif "first_of" in fields:
            spec = self._first_of(fields, scope)
        else:
            spec = self._leaves.place(fields, scope)
        spec = self._guarded(fields, spec, scope)
        fields.done()
        return spec

    def _guarded(self, fields: Fields, spec: Spec, scope: Scope) -> Spec:
        conditions = self.conditions(fields.node("when"), scope)
        return When(spec.line, conditions, spec) if conditions else spec

    def _first_of(self, fields: Fields, scope: Scope) -> Spec:
        line = fields.line_of("first_of")
        options = [self.tree(item, scope) for item in fields.items("first_of")]
        required = fields.flag("required")
        last = options[-1] if options else None
        fallback = last if isinstance(last, Const) else None
        places = tuple(options[:-1] if fallback else options)
        if not places:
            self.findings.add("missing_key", line, "first_of: [a place, ...]")
            return Items(line, ())
        for option in places:
            self._check_option(option)
        return FirstOf(line, places, self._kind(options, line), fallback, required)

    def _check_option(self, option: Spec) -> None:
        if isinstance(option, Const):
            self.findings.add("unreachable", option.line)
        elif not isinstance(bare(option), Leaf | Const | FirstOf):
            self.findings.add("not_a_text", option.line)

    def _kind(self, options: list[Spec], line: int) -> str:
        kinds = {getattr(bare(option), "kind", "text") for option in options}
        if len(kinds) == 1:
            return str(kinds.pop())
        if not kinds <= WHEN:
            self.findings.add("wrong_kind", line, " or ".join(sorted(kinds)))
        return "when"


def _alike(spec: Spec, leaf: Leaf) -> Spec:
    """Guard ``leaf`` by the conditions that guard ``spec``."""
    if isinstance(spec, When):
        return When(leaf.line, spec.conditions, _alike(spec.then, leaf))
    return leaf
