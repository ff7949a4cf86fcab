"""What the canonical models look like, as far as a mapping has to know.

A *kind* says what a leaf yields and what a field takes: ``text``, ``boolean``,
``number``, ``decimal``, ``date``, ``instant`` (date, time and offset), ``when``
(either of the two) and ``quantity``. Kinds are compared when a mapping is
compiled, because a library that coerces would read the text ``19800214`` as
seconds since 1970 and call it a birth date.
"""

import types
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import AwareDatetime, BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from gateway.core.order import Quantity

WHEN: Final = frozenset({"date", "instant", "when"})
_KINDS: Final[dict[Any, str]] = {
    str: "text",
    bool: "boolean",
    int: "number",
    Decimal: "decimal",
    date: "date",
    datetime: "instant",
    AwareDatetime: "instant",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """The type of one canonical field.

    Attributes:
        kinds: The kinds of leaf it takes.
        model: The class, if it is a group of named fields.
        item: The shape of an item, if it is a list.
        value: The shape of a value, if its keys are free.
        annotation: The type as declared, to check constants by.
    """

    annotation: Any  # a type; typing has no name for all of them
    kinds: frozenset[str] = frozenset()
    model: type | None = None
    item: "Shape | None" = None
    value: "Shape | None" = None

    @property
    def says(self) -> str:
        """Name what fits here, for a finding."""
        if self.item:
            return "a list"
        if self.value:
            return "a map with keys of its own"
        if self.model and not self.kinds:
            return f"a map: {', '.join(members(self.model))}"
        return " or ".join(sorted(self.kinds))


@dataclass(frozen=True, slots=True)
class Member:
    """One named field: its shape, and whether the model needs it."""

    shape: Shape
    required: bool


@cache
def members(model: type) -> dict[str, Member]:
    """Return the fields of a pydantic model or a dataclass."""
    if issubclass(model, BaseModel):
        return {
            name: Member(shape_of(_declared(f)), f.is_required())
            for name, f in model.model_fields.items()
        }
    if is_dataclass(model):
        return {f.name: Member(shape_of(f.type), required=True) for f in fields(model)}
    return {}


def _declared(field: FieldInfo) -> Any:  # noqa: ANN401 - a type of any form
    limits = tuple(field.metadata)
    return Annotated[(field.annotation, *limits)] if limits else field.annotation


def shape_of(annotation: Any) -> Shape:  # noqa: ANN401, PLR0911 - one per type
    """Describe a declared type."""
    plain = _bare(annotation)
    if _is_union(plain):
        return _union(annotation, [a for a in get_args(plain) if a is not type(None)])
    origin, arguments = get_origin(plain), get_args(plain)
    if origin is tuple:
        return Shape(annotation, item=shape_of(arguments[0]))
    if origin is dict:
        return Shape(annotation, value=shape_of(arguments[1]))
    if origin is Literal:
        return Shape(annotation, frozenset({_KINDS[type(arguments[0])]}))
    if plain in _KINDS:
        return Shape(annotation, frozenset({_KINDS[plain]}))
    if isinstance(plain, type) and issubclass(plain, Quantity):
        return Shape(annotation, frozenset({"quantity"}), plain)
    if isinstance(plain, type) and issubclass(plain, Enum):
        return Shape(annotation, frozenset({"text"}))
    return Shape(annotation, model=plain)


def _union(annotation: Any, options: list[Any]) -> Shape:  # noqa: ANN401 - as above
    shapes = [shape_of(option) for option in options]
    kinds = frozenset[str]().union(*(shape.kinds for shape in shapes))
    if {"date", "instant"} <= kinds:
        kinds |= WHEN
    only = shapes[0] if len(shapes) == 1 else Shape(annotation)
    return Shape(annotation, kinds, only.model, only.item, only.value)


def _bare(annotation: Any) -> Any:  # noqa: ANN401 - as above
    while get_origin(annotation) is Annotated and annotation is not AwareDatetime:
        annotation = get_args(annotation)[0]
    return annotation


def _is_union(annotation: Any) -> bool:  # noqa: ANN401 - as above
    return get_origin(annotation) in (Union, types.UnionType)


@cache
def adapter(annotation: Any) -> TypeAdapter[Any]:  # noqa: ANN401 - as above
    """Return what checks a value against a declared type."""
    return TypeAdapter(annotation)


def kind_of(shape: Shape) -> str:
    """Return what a place of this shape yields when it is read."""
    if shape.kinds:
        return "when" if shape.kinds >= WHEN else min(shape.kinds)
    if shape.item:
        return "list"
    return "map"
