"""From a place to the value, the segment and the repetition it means.

What a place does not say counts as the first (HL7 v2.5.1 §2.8.4: a receiver that
expects one component takes the first): ``PID-5`` is the family name, and the
whole field where it has but one component. Free text is the exception, so that
an unescaped ``&`` or ``^`` in it does not cut it short: NTE-3, and OBX-5 whose
OBX-2 is ST, TX or FT, are whole repetitions.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from adapters.hl7v2.nodes import Node, Scope, Segment
from adapters.hl7v2.place import Place, Selector
from adapters.hl7v2.results import GIVEN, OBSERVATION, STATUS, VALUE, counts, instead
from gateway.core.errors import Problem, Unmappable
from gateway.mapping.places import NULL, Null

Value = str | Null | None
"""A text, ``NULL``, or ``None`` if absent or empty."""

Take = Callable[[str, Segment], Value]
"""From one repetition of a field of a segment to a value."""

Find = Callable[[Node], Segment | None]

MOST_REPETITIONS: Final = 1000
"""Of one field. A patient has a dozen numbers."""

_NULL: Final = '""'
_FREE_TEXT: Final = frozenset({("NTE", 3), ("OBX", 5)})
_TEXT_TYPES: Final = frozenset({"ST", "TX", "FT"})


def unpadded(value: Value) -> Value:
    """Return a value as it is compared: without the blanks around it (ADR 0015)."""
    return value.strip() or None if isinstance(value, str) else value


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
    if component <= 1 and sub <= 1:
        return _first_part
    return _part(max(component - 1, 0), max(sub - 1, 0))


def _first_part(text: str, segment: Segment) -> Value:
    """Take the first component's first part, as nearly every place does."""
    dialect = segment.dialect
    if dialect.component in text:
        text = text.partition(dialect.component)[0]
    if segment.simple:
        return text or None
    if dialect.subcomponent in text:
        text = text.partition(dialect.subcomponent)[0]
    if not text:
        return None
    if dialect.escape in text:
        return dialect.unescape(text)
    return NULL if text == _NULL else text


def _part(at: int, below: int) -> Take:
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
        if not text:
            return None
        return whole(text, segment)

    return take


def take_of(place: Place) -> Take:
    """Compile what follows the repetition in ``place``.

    OBX-5 of an OBX that holds no result, or no more, is not what it says.
    """
    take = _take_of(place)
    if not is_value(place):
        return take

    def given(text: str, segment: Segment) -> Value:
        parts = segment.parts or segment.split()
        if len(parts) <= STATUS or parts[STATUS].strip() in GIVEN:
            return take(text, segment)
        return instead(segment)

    return given


def is_value(place: Place) -> bool:
    """Tell whether ``place`` means the value of an observation, or a part of it."""
    return place.segment == OBSERVATION and place.field == VALUE


def is_status(place: Place) -> bool:
    """Tell whether ``place`` means the status of an observation."""
    named = (place.segment, place.field) == (OBSERVATION, STATUS)
    return named and place.component <= 1 and not place.repetition


def _take_of(place: Place) -> Take:
    bare = part(place.component, place.sub)
    if not free_text(place):
        return bare
    if place.segment == "NTE":
        return whole
    return lambda text, segment: (whole if segment.raw(2) in _TEXT_TYPES else bare)(
        text, segment
    )


def reads_whole(place: Place, segment: Segment) -> bool:
    """Tell whether ``place`` means a text that is not split, in this segment."""
    if not free_text(place):
        return False
    return place.segment == "NTE" or segment.raw(2) in _TEXT_TYPES


def free_text(place: Place) -> bool:
    """Tell whether ``place`` may mean a text that is not split."""
    return not place.component and (place.segment, place.field) in _FREE_TEXT


def find_of(place: Place) -> Find:
    """Compile what finds the segment of ``place``; a value is sought nearest first."""
    name, number = place.segment, number_of(place.which)
    if not place.which:
        return lambda node: (
            node.segment if node.id == name else node.scope.nearest(name)
        )
    if not number and len(place.which) == 1:
        return _indexed(name, place.which[0])
    test = segment_test(place.which)
    if number:
        return lambda node: _nth(filter(test, node.every(name)), number)
    return lambda node: _preferred(filter(test, _outward(node.scope, name)))


def _preferred(segments: Iterable[Segment]) -> Segment | None:
    """Return the first that counts, else the first."""
    first = None
    for segment in segments:
        if counts(segment):
            return segment
        first = first or segment
    return first


def _indexed(name: str, selector: Selector) -> Find:
    """Find by one value: many places ask the same of a window, so it is indexed."""
    fitting = _index(name, selector)

    def find(node: Node) -> Segment | None:
        scope: Scope | None = node.scope
        while scope is not None:
            found = fitting(scope)
            if found:
                return found[0] if len(found) == 1 else _preferred(found)
            scope = scope.outer
        return None

    return find


def _index(name: str, selector: Selector) -> Callable[[Scope], Sequence[Segment]]:
    """Compile what returns the segments of one window that have a value.

    What windows share is indexed once for all of them.
    """
    path, value = selector.path, selector.text
    field, take = path[0], part(*(*path[1:], 0, 0)[:2])
    key = ".".join(map(str, (name, *path)))  # text keeps its hash

    def fitting(scope: Scope) -> Sequence[Segment]:
        index = scope.indexes.get(key)
        if index is None:
            index = scope.indexes[key] = {}
            for segment in scope.by_id.get(name, ()):
                found = take(first_of(segment, field), segment)
                index.setdefault(unpadded(found), []).append(segment)
        return index.get(value, ())

    return fitting


def all_of(place: Place) -> Callable[[Node], Sequence[Segment]]:
    """Compile what returns every segment that ``place`` selects by value."""
    if len(place.which) > 1:
        test = segment_test(place.which)
        return lambda node: list(filter(test, node.every(place.segment)))
    name, fitting = place.segment, _index(place.segment, place.which[0])

    def every(node: Node) -> Sequence[Segment]:
        scope = node.scope
        found = fitting(scope)
        while scope.outer is not None:
            scope = scope.outer
            if name in scope.by_id:
                found = [*fitting(scope), *found]
        return found

    return every


def number_of(selectors: Sequence[Selector]) -> int:
    """Return the number among ``selectors``, 0 if there is none."""
    return selectors[-1].number if selectors else 0


def segment_test(selectors: Sequence[Selector]) -> Callable[[Segment], bool]:
    """Compile the question whether a segment has the values of ``selectors``."""
    wanted = [
        (path[0], part(*(*path[1:], 0, 0)[:2]), each.text)
        for each in selectors
        if (path := each.path)
    ]

    def test(segment: Segment) -> bool:
        return all(
            unpadded(take(first_of(segment, field), segment)) == text
            for field, take, text in wanted
        )

    return test


def first_of(segment: Segment, field: int) -> str:
    """Return the first repetition of a field, as sent."""
    parts = segment.parts or segment.split()
    text = parts[field] if field < len(parts) else ""
    return text.split(segment.dialect.repetition, 1)[0] if segment.repeats else text


def repetitions(segment: Segment, field: int) -> list[str]:
    """Split a field into its repetitions, as sent.

    Raises:
        Unmappable: There are more than ``MOST_REPETITIONS`` (``field.too_many``).
    """
    text, mark = segment.raw(field), segment.dialect.repetition
    if mark not in text:
        return [text] if text else []
    if text.count(mark) >= MOST_REPETITIONS:
        raise Unmappable(Problem("field.too_many", f"{segment.id}-{field}"))
    return text.split(mark)


def chosen(place: Place) -> Callable[[Segment], Sequence[int]]:
    """Compile which repetitions of its field ``place`` selects, from 0."""
    field, number = place.field, number_of(place.repetition)
    wanted = [
        (part(*(*each.path, 0)[:2]), each.text)
        for each in place.repetition
        if each.path
    ]

    def choose(segment: Segment) -> Sequence[int]:
        found = []
        for n, text in enumerate(repetitions(segment, field)):
            for take, value in wanted:
                if unpadded(take(text, segment)) != value:
                    break
            else:
                found.append(n)
        return found[number - 1 : number] if number else found

    return choose


def _nth(segments: Iterator[Segment], number: int) -> Segment | None:
    return next(islice(segments, number - 1, None), None)


def _outward(scope: Scope | None, name: str) -> Iterator[Segment]:
    while scope is not None:
        yield from scope.by_id.get(name, ())
        scope = scope.outer
