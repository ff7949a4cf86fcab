"""Builds the closures that run a tree. What can be decided is decided here.

What is required in a group that is absent as a whole is not missing. A field its
model needs is required whether or not its line says so.
"""

from collections.abc import Sequence
from typing import Any

from gateway.core.errors import Problem
from gateway.mapping import closures
from gateway.mapping.closures import Child
from gateway.mapping.places import ALONE
from gateway.mapping.run import MISSING, Build
from gateway.mapping.spec import (
    ITEM,
    Const,
    Each,
    FirstOf,
    Group,
    Items,
    Leaf,
    Path,
    Spec,
    When,
    bare,
    is_static,
)


class Builder:
    """Turns the specs of one tree into closures.

    Args:
        mandatory: Fields that their model needs.
        free: Maps whose keys are free.
    """

    def __init__(
        self,
        mandatory: frozenset[Path] = frozenset(),
        free: frozenset[Path] = frozenset(),
    ) -> None:
        self._mandatory = mandatory
        self._free = free

    def root(self, spec: Spec) -> Build:
        """Build the root of a tree."""
        if not isinstance(spec, Group):
            return self._any(spec, ())
        children, constants = self._members(spec, ())
        build = closures.group(children, constants, needed=True)
        return closures.always(build, constants, instead={})

    def _any(self, spec: Spec, path: Path) -> Build:  # noqa: PLR0911 - one per case
        match spec:
            case Const(value=value):
                return lambda node, run: value  # noqa: ARG005 - a closure like the others
            case Leaf():
                return closures.leaf(spec, self._missing(spec, path))
            case FirstOf(options=options):
                first = closures.first([self._any(option, ()) for option in options])
                missing = None if spec.fallback else self._missing(spec, path)
                return closures.needed(first, missing) if missing else first
            case When(conditions=conditions, then=then):
                return closures.when(conditions, self._any(then, path))
            case Each():
                return self._each(spec, path)
            case Items(items=items):
                return self._items(items, path)
            case Group():
                return self._group(spec, path)

    def _missing(self, spec: Leaf | FirstOf, path: Path) -> Problem | None:
        if spec.required or path in self._mandatory:
            return Problem(MISSING, first_place(spec))
        return None

    def _group(self, spec: Group, path: Path) -> Build:
        children, constants = self._members(spec, path)
        if not children:
            fixed = dict(constants)
            return lambda node, run: fixed  # noqa: ARG005 - as above
        build = closures.group(children, constants, needed=path in self._mandatory)
        if path in self._free:
            return closures.free_map(build)
        if all(path[: n + 1] in self._mandatory for n in range(len(path))):
            return closures.always(build, constants)
        return build

    def _members(
        self, spec: Group, path: Path
    ) -> tuple[list[Child], list[tuple[str, Any]]]:
        children: list[Child] = []
        constants: list[tuple[str, Any]] = []
        for key, entry in spec.entries.items():
            if is_static(entry):
                constants.append((key, _static(entry)))
                continue
            children.append(self._child(key, entry, (*path, key)))
            if isinstance(entry, FirstOf) and entry.fallback:
                constants.append((key, entry.fallback.value))
        return children, constants

    def _child(self, key: str, spec: Spec, path: Path) -> Child:
        if _is_plain(spec) and path not in self._mandatory:
            return key, spec.sources[0].get, None  # type: ignore[union-attr]  # a leaf
        return key, None, self._any(spec, path)

    def _items(self, items: Sequence[Spec], path: Path) -> Build:
        parts = []
        for item in items:
            spliced = isinstance(bare(item), Each)
            inner = path if spliced else (*path, ITEM)
            parts.append((self._any(item, inner), spliced))
        return closures.items(parts)

    def _each(self, spec: Each, path: Path) -> Build:
        flat = isinstance(bare(spec.item), Each)
        make = self._any(spec.item, path if flat else (*path, ITEM))
        build = closures.each(
            spec.walk,
            make,
            name=spec.group,
            where=spec.where,
            gone=spec.deleted,
            from_root=spec.from_root,
            flat=flat,
        )
        missing = Problem(MISSING, spec.group.rstrip("."))
        return closures.needed(build, missing) if spec.required else build


def first_place(spec: Spec) -> str:
    """Name the first place a leaf reads."""
    match bare(spec):
        case Leaf(sources=sources):
            return sources[0].place
        case FirstOf(options=options):
            return first_place(options[0])
        case _:
            return ""


def _is_plain(spec: Spec) -> bool:
    if not isinstance(spec, Leaf) or spec.convert or spec.table or spec.required:
        return False
    if spec.whole and spec.sources[0].beside != ALONE:
        return False
    return len(spec.sources) == 1 and not spec.sources[0].from_root


def _static(spec: Spec) -> Any:  # noqa: ANN401 - whatever the mapping says
    match spec:
        case Group(entries=entries):
            return {key: _static(entry) for key, entry in entries.items()}
        case Items(items=items):
            return [_static(item) for item in items]
        case _:
            return spec.value if isinstance(spec, Const) else None
