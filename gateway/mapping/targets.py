"""Checks a mapping's tree against the models it fills, before any message comes."""

from collections.abc import Iterable
from typing import Final

from pydantic import ValidationError

from gateway.mapping.document import Findings
from gateway.mapping.shapes import Shape, adapter, members
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
)
from gateway.mapping.transforms import Convert, Unfit
from gateway.mapping.whole import whole

DISCRIMINATOR: Final = "command"
"""Names the model itself, and has been used to find it."""


class Targets:
    """Walks a tree beside a model; what does not fit goes to its findings.

    Attributes:
        mandatory: Paths of fields their model needs, as far as the tree has them.
        free: Paths of maps whose keys are free.
        whole: By path, what a field is called of which nothing may be cut away.
    """

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.whole: dict[Path, str] = {}
        self.mandatory: set[Path] = set()
        self.free: set[Path] = set()

    def check(self, spec: Spec, model: type) -> None:
        """Check the root of a tree against ``model``."""
        if isinstance(spec, Group):
            self._group(spec, model, ())
        else:
            self.findings.add("wrong_shape", spec.line, f"a {model.__name__}")

    def _group(self, spec: Group, model: type, path: Path) -> None:
        known = members(model)
        for key, entry in spec.entries.items():
            line = spec.lines.get(key, spec.line)
            if key not in known:
                self.findings.add("unknown_field", line, ".".join((*path, key)))
                continue
            if known[key].required:
                self.mandatory.add((*path, key))
            self.whole[*path, key] = whole(model, key)
            if path or key != DISCRIMINATOR:
                self._visit(entry, known[key].shape, (*path, key))
        for key, member in known.items():
            if member.required and key not in spec.entries:
                self.findings.add("not_covered", spec.line, ".".join((*path, key)))

    def _visit(self, spec: Spec, shape: Shape, path: Path) -> None:
        match spec:
            case When(then=then):
                self._visit(then, shape, path)
            case Leaf() | Const() | FirstOf():
                self._leaf(spec, shape, path)
            case Each(item=item) if shape.item:
                if isinstance(bare(item), Each):
                    self._visit(item, shape, path)
                else:
                    self._visit(item, shape.item, (*path, ITEM))
            case Items(items=items) if shape.item:
                for item in items:
                    inner = isinstance(bare(item), Each)
                    deeper = shape if inner else shape.item
                    self._visit(item, deeper, path if inner else (*path, ITEM))
            case Group(entries=entries) if shape.value:
                self.free.add(path)
                for key, entry in entries.items():
                    self._free_key(key, spec.lines.get(key, spec.line), shape)
                    self._visit(entry, shape.value, (*path, key))
            case Group() if shape.model:
                self._group(spec, shape.model, path)
            case _:
                self._wrong(spec, shape, path)

    def _leaf(self, spec: Leaf | Const | FirstOf, shape: Shape, path: Path) -> None:
        if not shape.kinds:
            self._wrong(spec, shape, path)
            return
        if spec.kind not in shape.kinds:
            detail = f"{'.'.join(path)} takes {shape.says}, not {spec.kind}"
            self.findings.add("wrong_kind", spec.line, detail)
            return
        for text in _known_values(spec):
            self._value(text, shape, spec.line)

    def _value(self, value: object, shape: Shape, line: int) -> None:
        try:
            adapter(shape.annotation).validate_python(value)
        except ValidationError:
            self.findings.add("bad_value", line, f"{value} is not a value of the field")

    def _free_key(self, key: str, line: int, shape: Shape) -> None:
        try:
            adapter(shape.annotation).validate_python({key: "x"})
        except ValidationError:
            self.findings.add("unknown_field", line, f"{key}: write namespace:name")

    def _wrong(self, spec: Spec, shape: Shape, path: Path) -> None:
        detail = f"{'.'.join(path)} is {shape.says}"
        self.findings.add("wrong_shape", spec.line, detail)


def _tried(convert: Convert, text: str) -> object:
    try:
        return convert(text)
    except Unfit:
        return text


def _known_values(spec: Leaf | Const | FirstOf) -> Iterable[object]:
    """Yield the values a leaf can have, if they are known beforehand."""
    match spec:
        case Const(value=value):
            return (value,) if value is not None else ()
        case Leaf(table=table, convert=convert):
            texts = sorted(set(table.entries.values())) if table else ()
            return [_tried(convert, text) for text in texts] if convert else texts
        case FirstOf(options=options, fallback=fallback):
            every = (*options, fallback) if fallback else options
            leaves = (bare(option) for option in every)
            return [
                value
                for leaf in leaves
                if isinstance(leaf, Leaf | Const | FirstOf)
                for value in _known_values(leaf)
            ]
