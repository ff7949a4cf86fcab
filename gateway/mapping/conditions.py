"""Conditions: equality, inequality, presence, membership in a code table.

An absent value equals nothing, so ``is_not`` holds for it: a message that leaves
a place blank is refused by ``refuse_when: {is_not: P}``, as it should be.
"""

from collections.abc import Callable
from typing import Any, Final

from gateway.mapping.codes import FindTable
from gateway.mapping.document import Findings, ListNode, Node
from gateway.mapping.fields import Fields
from gateway.mapping.places import NULL
from gateway.mapping.scope import Scope
from gateway.mapping.spec import Condition

TESTS: Final = ("is", "is_not", "present", "listed_in")
Passes = Callable[[Any], bool]


def read_conditions(
    node: Node | None, scope: Scope, findings: Findings, table: FindTable
) -> tuple[Condition, ...]:
    """Read one condition, or a list of which all must hold."""
    if node is None:
        return ()
    nodes = node.items if isinstance(node, ListNode) else (node,)
    found = []
    for each in nodes:
        fields = Fields(each, findings)
        found.append(condition(fields, scope, table))
        fields.done()
    return tuple(found)


def condition(fields: Fields, scope: Scope, table: FindTable) -> Condition:
    """Read the place and the test of one condition."""
    place = fields.text("place")
    source = scope.source(place, fields.line_of("place"), fields.findings)
    tests = [key for key in TESTS if key in fields]
    if len(tests) != 1:
        detail = f"exactly one of {', '.join(TESTS)}"
        fields.findings.add("missing_key", fields.line, detail)
        return Condition(source, _never)
    passes, allowed = _test(tests[0], fields, table)
    return Condition(source, passes, allowed)


def _test(
    test: str, fields: Fields, table: FindTable
) -> tuple[Passes, frozenset[str] | None]:
    if test == "present":
        return (_present if fields.flag("present") else _not_present), None
    if test == "listed_in":
        codes = table(fields.text("listed_in"), fields.line_of("listed_in"))
        listed = frozenset(codes.entries if codes else ())
        return _one_of(listed), listed
    texts = frozenset(fields.texts(test))
    return (_one_of(texts), texts) if test == "is" else (_none_of(texts), None)


def _present(value: object) -> bool:
    return value is not None and value is not NULL


def _not_present(value: object) -> bool:
    return value is None or value is NULL


def _one_of(texts: frozenset[str]) -> Passes:
    def listed(value: object) -> bool:
        if type(value) is str:
            return value in texts
        return _text(value) in texts

    return listed


def _none_of(texts: frozenset[str]) -> Passes:
    return lambda value: _text(value) not in texts


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else None


def _never(value: object) -> bool:  # noqa: ARG001 - stands in for a broken test
    return False
