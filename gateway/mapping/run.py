"""One run of a mapping over one source: what it has found wrong so far."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from gateway.core.errors import Problem
from gateway.mapping.places import NULL

MISSING: Final = "field.missing"


class Run:
    """What a run collects.

    Attributes:
        root: The whole source.
        faults: Problems that leave the tree without a value it needs.
        remarks: Problems whose value stands, for a person to confirm.
        nulls: Whether the sender deletes anything.
    """

    __slots__ = ("faults", "nulls", "remarks", "root")

    def __init__(self, root: Any) -> None:  # noqa: ANN401 - a source of any format
        self.root = root
        self.faults: list[Problem] = []
        self.remarks: list[Problem] = []
        self.nulls = False

    def blame(self, problem: Problem) -> None:
        """Record a fault, unless one is known at its very place."""
        if all(known.where != problem.where for known in self.faults):
            self.faults.append(problem)

    def forgive(self, since: int) -> None:
        """Take back what is missing in a group that is absent as a whole."""
        if all(problem.code == MISSING for problem in self.faults[since:]):
            del self.faults[since:]

    def locate(self, faults: int, remarks: int, group: str, n: int) -> None:
        """Say of the latest problems that they are in the ``n``-th of ``group``."""
        for problems, since in ((self.faults, faults), (self.remarks, remarks)):
            problems[since:] = [
                replace(p, where=located(p.where, group, n)) for p in problems[since:]
            ]


Build = Callable[[Any, Run], Any]
"""From a node to a value, ``None`` if there is none, ``NULL`` if it is deleted."""


def located(where: str, group: str, n: int) -> str:
    """Name the place ``where`` in the ``n``-th node of ``group``, counted from 1."""
    if where.startswith("."):
        return f"{group}[{n}]{where.removesuffix('.')}"
    rest = where.removeprefix(group)
    if rest != where and not rest[:1].isalnum():
        return f"{group}[{n}]{rest}"
    return f"{where} in {group}[{n}]"


def settle_nulls(tree: Any, *, explicit: bool) -> Any:  # noqa: ANN401 - any tree
    """Replace every ``NULL``: by ``None`` if ``explicit``, else by its absence."""
    if isinstance(tree, dict):
        return {
            key: None if value is NULL else settle_nulls(value, explicit=explicit)
            for key, value in tree.items()
            if explicit or value is not NULL
        }
    if isinstance(tree, list):
        return [settle_nulls(item, explicit=explicit) for item in tree]
    return tree
