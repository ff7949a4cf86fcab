"""From a place to the value, the segment and the repetition it means.

What a place does not say counts as the first (HL7 v2.5.1 §2.8.4: a receiver that
expects one component takes the first): ``PID-5`` is the family name, and the
whole field where it has but one component. Free text is the exception, so that
an unescaped ``&`` or ``^`` in it does not cut it short: NTE-3, and OBX-5 whose
OBX-2 is ST, TX or FT, are whole repetitions.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from adapters.hl7v2.nodes import Node, Scope, Segment
from adapters.hl7v2.place import Place, Selector
from gateway.mapping.places import NULL, Null

Value = str | Null | None
"""A text, ``NULL``, or ``None`` if absent or empty."""

Take = Callable[[str, Segment], Value]
"""From one repetition of a field of a segment to a value."""

Find = Callable[[Node], Segment | None]

_NULL: Final = '""'
_TEXT_TYPES: Final = frozenset({"ST", "TX", "FT"})


def whole(text: str, segment: Segment) -> Value:
    """Return what a text stands for that is not split any further."""
    if not text:
        return None
    if text == _NULL:
        return NULL
    dialect = segment.dialect
    return dialect.unescape(text) if dialect.escape in text else text


def part(component: int, sub: int) -> Take:
    """Compile what takes a component, or its part, out of a repetition.

    ``""`` deletes all that is inside, so the parts of a null are null.
    """
    at, below = max(component - 1, 0), max(sub - 1, 0)

    def take(text: str, segment: Segment) -> Value:
        dialect = segment.dialect
        if dialect.component in text:
            parts = text.split(dialect.component, at + 1)
            text = parts[at] if at < len(parts) else ""
        elif at and text != _NULL:
            return None
        if dialect.subcomponent in text:
            parts = text.split(dialect.subcomponent, below + 1)
            text = parts[below] if below < len(parts) else ""
        elif below and text != _NULL:
            return None
        return whole(text, segment)

    return take


def take_of(place: Place) -> Take:
    """Compile what follows the repetition in ``place``."""
    bare = part(place.component, place.sub)
    if place.component:
        return bare
    if (place.segment, place.field) == ("NTE", 3):
        return whole
    if (place.segment, place.field) == ("OBX", 5):
        return lambda text, segment: (whole if segment.raw(2) in _TEXT_TYPES else bare)(
            text, segment
        )
    return bare


def find_of(place: Place) -> Find:
    """Compile what finds the segment of ``place``; a value is sought nearest first."""
    name, which = place.segment, place.which
    if which is None:
        return lambda node: node.first(name)
    if which.number:
        return lambda node: _nth(node.every(name), which.number)
    test = segment_test(which)

    def find(node: Node) -> Segment | None:
        return next(filter(test, _outward(node.scope, name)), None)

    return find


def segment_test(selector: Selector) -> Callable[[Segment], bool]:
    """Compile the question whether a segment has the selector's value."""
    field, component, sub = (*selector.path, 0, 0)[:3]
    take = part(component, sub)

    def test(segment: Segment) -> bool:
        text = segment.raw(field).split(segment.dialect.repetition, 1)[0]
        return take(text, segment) == selector.text

    return test


def repetitions(segment: Segment, field: int) -> list[str]:
    """Split a field into its repetitions, as sent."""
    text = segment.raw(field)
    return text.split(segment.dialect.repetition) if text else []


def chosen(place: Place) -> Callable[[Segment], Iterator[int]]:
    """Compile which repetitions of its field ``place`` selects, from 0."""
    field = place.field
    if not place.repetition:
        return lambda segment: iter(range(len(repetitions(segment, field))))
    number = place.repetition[0].number
    tests = [
        (part(*(*each.path, 0)[:2]), each.text)
        for each in place.repetition
        if each.path
    ]

    def choose(segment: Segment) -> Iterator[int]:
        for n, text in enumerate(repetitions(segment, field)):
            if number in (0, n + 1) and all(
                take(text, segment) == wanted for take, wanted in tests
            ):
                yield n

    return choose


def _nth(segments: Sequence[Segment], number: int) -> Segment | None:
    return segments[number - 1] if number <= len(segments) else None


def _outward(scope: Scope | None, name: str) -> Iterator[Segment]:
    while scope is not None:
        yield from scope.by_id.get(name, ())
        scope = scope.outer
