"""Reads the parts of a mapping around its tree, and puts the function together."""

from typing import Final

from gateway.core.errors import Problem
from gateway.core.problems import CATALOGUE
from gateway.mapping.building import Builder
from gateway.mapping.closures import all_hold, undivided
from gateway.mapping.conditions import condition
from gateway.mapping.document import ListNode, MapNode, Node, TextNode
from gateway.mapping.fields import Fields
from gateway.mapping.grammar import Grammar
from gateway.mapping.judging import MODELS, models_named, origin_of
from gateway.mapping.places import Format
from gateway.mapping.running import (
    Alternative,
    Commands,
    Guard,
    Otherwise,
    Runner,
    Windows,
    agree,
    refuse,
    template,
)
from gateway.mapping.scope import Scope
from gateway.mapping.spec import Condition, Const, Group, Leaf, Spec, origins
from gateway.mapping.targets import Targets
from gateway.mapping.templates import check_template
from gateway.mapping.whole import MORE_THAN_ONE, marked

MISMATCH: Final = "order.placer_mismatch"

NOTHING = "nothing"
"""``otherwise: nothing``: what fits no alternative asks for nothing."""


def read_template(
    fields: Fields, source: Format, target: Format, grammar: Grammar
) -> Runner | None:
    """Read a mapping that writes a body."""
    node = fields.node("tree", needed=True)
    if node is None:
        return None
    spec = grammar.tree(node, Scope(source))
    check_template(spec, target, grammar.findings)
    return template(Builder().root(spec))


def read_commands(fields: Fields, source: Format, grammar: Grammar) -> Runner | None:
    """Read a mapping that writes commands."""
    windows, scope = _windows(fields, Scope(source), grammar)
    guards = _guards(fields, scope, grammar)
    node = fields.node("tree", needed=True)
    otherwise = _otherwise(fields, node, scope, grammar)
    if node is None:
        return None
    alternatives = [
        _alternative(conditions, spec, grammar)
        for conditions, spec in _variants(node, scope, grammar)
    ]
    return Commands(alternatives, guards, otherwise, windows)


def _windows(
    fields: Fields, scope: Scope, grammar: Grammar
) -> tuple[Windows | None, Scope]:
    text = fields.text("each", "")
    if not text:
        return None, scope
    group = scope.group(text, fields.line_of("each"), grammar.findings)
    if group is None:
        return None, scope
    walk, _, inner = group
    return Windows(walk, text.rstrip(".")), inner


def _variants(
    node: Node, scope: Scope, grammar: Grammar
) -> list[tuple[tuple[Condition, ...], Spec]]:
    if not isinstance(node, ListNode):
        return [((), grammar.tree(node, scope))]
    found = []
    for item in node.items:
        fields = Fields(item, grammar.findings)
        when = grammar.conditions(fields.node("when", needed=True), scope)
        tree = fields.node("tree", needed=True)
        fields.done()
        if tree is not None:
            found.append((when, grammar.tree(tree, scope)))
    return found


def _alternative(
    conditions: tuple[Condition, ...], spec: Spec, grammar: Grammar
) -> Alternative:
    mandatory: set[tuple[str, ...]] = set()
    free: set[tuple[str, ...]] = set()
    codes: dict[tuple[str, ...], str] = {}
    for model in models_named(_commands_of(spec, conditions, grammar)):
        targets = Targets(grammar.findings)
        targets.check(spec, model)
        mandatory |= targets.mandatory
        free |= targets.free
        codes |= targets.whole
    build = Builder(frozenset(mandatory), frozenset(free)).root(marked(spec, codes))
    deciding = [condition.source for condition in conditions]
    build = undivided(build, deciding, MORE_THAN_ONE)
    test = all_hold(conditions) if conditions else None
    return Alternative(test, build, origin_of(origins(spec)))


def _commands_of(
    spec: Spec, conditions: tuple[Condition, ...], grammar: Grammar
) -> frozenset[str]:
    """Return the names of the commands a tree can become."""
    entry = spec.entries.get("command") if isinstance(spec, Group) else None
    match entry:
        case Const(value=str(name)):
            names = {name}
        case Leaf(table=table, sources=sources) if table:
            names = {
                name
                for code, name in table.entries.items()
                if all(
                    code in c.allowed
                    for c in conditions
                    if c.allowed is not None and c.source.place == sources[0].place
                )
            }
        case _:
            grammar.findings.add(
                "not_covered", spec.line, "command: {const: ...}, or with codes:"
            )
            return frozenset()
    for name in sorted(names - MODELS.keys()) or ([] if names else ["no command"]):
        detail = f"{name}: one of {', '.join(MODELS)}"
        grammar.findings.add("bad_value", entry.line, detail)
    return frozenset(names)


# ------------------------------------------------------------ guards


def _guards(fields: Fields, scope: Scope, grammar: Grammar) -> list[Guard]:
    found = [_same(Fields(n, grammar.findings), scope) for n in fields.items("same")]
    for key, consequence in (("refuse_when", "reject"), ("hold_when", "hold")):
        for node in fields.items(key):
            each = Fields(node, grammar.findings)
            held = condition(each, scope, grammar.table)
            problem = Problem(_code(each), held.source.place, consequence)
            found.append(refuse(all_hold((held,)), problem))
            each.done()
    return found


def _same(fields: Fields, scope: Scope) -> Guard:
    line = fields.line_of("places")
    texts = fields.texts("places", needed=True)
    sources = [scope.source(text, line, fields.findings) for text in texts]
    if len(sources) < 2:  # noqa: PLR2004 - agreeing takes two
        fields.findings.add("bad_value", line, "two places or more")
    place = texts[-1] if texts else ""
    problem = Problem(_code(fields, MISMATCH), place)
    fields.done()
    return agree(sources, problem)


def _otherwise(
    fields: Fields, tree: Node | None, scope: Scope, grammar: Grammar
) -> Otherwise | None:
    several = isinstance(tree, ListNode)
    node = fields.node("otherwise", needed=several)
    if node is None:
        return None
    if isinstance(tree, MapNode):
        grammar.findings.add("unreachable", fields.line_of("otherwise"))
    if isinstance(node, TextNode) and node.text == NOTHING:
        return None
    each = Fields(node, grammar.findings)
    place, line = each.text("place"), each.line_of("place")
    code = _code(each)
    each.done()
    return Otherwise(scope.source(place, line, grammar.findings).get, place, code)


def _code(fields: Fields, default: str | None = None) -> str:
    code = fields.text("code", default)
    if code and code not in CATALOGUE:
        fields.findings.add("unknown_problem", fields.line_of("code"), code)
    return code
