"""What may stand beside the one value a place reads, and would go unread.

A place means the first of what fits it. That is right for a name, and wrong for a
number that decides whose cells these are. So here is asked whether there is more:

    parts     PID-7       another repetition of it, another component, a subcomponent
              ORC-2.1     another repetition of it, a subcomponent
              PID-3.4.1   another repetition of it
    others    PID-3[5=MR].1, OBX[3.1=x]-5
                          another repetition, or segment, that fits as well

What stands there twice and is the same is no matter, and ``[2]`` picks for itself.
"""

from collections.abc import Callable, Sequence

from adapters.hl7v2.nodes import Node, Segment
from adapters.hl7v2.place import Place
from adapters.hl7v2.results import counts
from adapters.hl7v2.values import (
    Find,
    Value,
    all_of,
    chosen,
    first_of,
    number_of,
    reads_whole,
    repetitions,
    take_of,
    unpadded,
)
from gateway.mapping.places import ALONE, Beside, Doubt

More = Callable[[str, Segment], bool]
"""Tells of a repetition whether it has more than is read of it."""


def beside(place: Place, find: Find) -> Beside:
    """Compile what asks a node for more than ``place`` reads.

    Args:
        find: Finds the segment of ``place``, if it names one.
    """
    more = _more(place)
    if not place.segment:
        return Beside(_of_this(more)) if more and place.component else ALONE
    if place.repetition:
        parts = _of_chosen(place, find, more) if more else None
        others = None if number_of(place.repetition) else _other_choices(place, find)
        return Beside(parts, others, _divided(place, find))
    if not _by_value(place):
        return Beside(_of_field(place, find, more), None, _divided(place, find))
    doubts = _of_field(place, find, more), _other_segments(place)
    return Beside(*doubts, _several_or_divided(place))


# ------------------------------------------------------------ nearly always not


def _divided(place: Place, find: Find) -> Doubt:
    """Ask the segment for any delimiter that more would need."""
    if place.which:
        return _divided_found(place, find)
    if not place.component:
        return _divided_field(place.segment, place.field)
    name = place.segment

    def divided(node: Node) -> bool:
        segment = node.segment if node.id == name else node.near.get(name)
        if segment is None:
            return False
        if segment.parts is None:
            segment.split()
        return segment.divided

    return divided


def _divided_field(name: str, field: int) -> Doubt:
    def divided(node: Node) -> bool:
        segment = node.segment if node.id == name else node.near.get(name)
        if segment is None:
            return False
        parts = segment.parts or segment.split()
        if segment.divided:
            return True
        return field < len(parts) and segment.component in parts[field]

    return divided


def _divided_found(place: Place, find: Find) -> Doubt:
    field, bare = place.field, not place.component

    def divided(node: Node) -> bool:
        segment = find(node)
        if segment is None:
            return False
        text = segment.raw(field)
        return segment.divided or (bare and segment.component in text)

    return divided


def _several_or_divided(place: Place) -> Doubt:
    every, field, bare = all_of(place), place.field, not place.component

    def perhaps(node: Node) -> bool:
        fitting = every(node)
        if len(fitting) != 1:
            return bool(fitting)
        segment = fitting[0]
        return segment.divided or (bare and segment.component in segment.raw(field))

    return perhaps


def _by_value(place: Place) -> bool:
    return bool(place.which) and not number_of(place.which)


# ------------------------------------------------------------ more in a repetition


def _more_components(place: Place) -> More:
    def more(text: str, segment: Segment) -> bool:
        marks = segment.dialect
        if reads_whole(place, segment):
            return False
        rest = text.replace(marks.subcomponent, marks.component)
        return bool(rest.partition(marks.component)[2].strip(marks.component))

    return more


def _more_subcomponents(place: Place) -> More:
    at = place.component - 1

    def more(text: str, segment: Segment) -> bool:
        mark = segment.dialect.subcomponent
        if mark not in text:
            return False
        parts = text.split(segment.dialect.component, at + 1)
        return at < len(parts) and bool(parts[at].partition(mark)[2].strip(mark))

    return more


def _more(place: Place) -> More | None:
    """Return what a place leaves of a repetition; of a subcomponent it leaves none."""
    if place.sub:
        return None
    return (_more_subcomponents if place.component else _more_components)(place)


# ------------------------------------------------------------ parts


def _of_this(more: More) -> Doubt:
    return lambda node: more(node.text, node.segment)


def _of_field(place: Place, find: Find, more: More | None) -> Doubt:
    field, take, bare = place.field, take_of(place), not place.component

    def doubt(node: Node) -> bool:
        segment = find(node)
        text = "" if segment is None else segment.raw(field)
        if segment is None or not text:
            return False
        marks = segment.dialect
        if marks.repetition in text:
            texts = repetitions(segment, field)
            if _differ([take(each, segment) for each in texts]):
                return True
            text = texts[0]
        elif marks.subcomponent not in text and not (bare and marks.component in text):
            return False  # as nearly always
        return more is not None and more(text, segment)

    return doubt


def _of_chosen(place: Place, find: Find, more: More) -> Doubt:
    choose, bare = chosen(place), not place.component

    def doubt(node: Node) -> bool:
        segment = find(node)
        if segment is None:
            return False
        if not bare and segment.dialect.subcomponent not in segment.raw(place.field):
            return False  # as nearly always
        texts = repetitions(segment, place.field)
        return any(more(texts[n], segment) for n in choose(segment)[:1])

    return doubt


# ------------------------------------------------------------ others that fit


def _other_choices(place: Place, find: Find) -> Doubt:
    choose, take = chosen(place), take_of(place)

    def doubt(node: Node) -> bool:
        segment = find(node)
        if segment is None:
            return False
        if segment.dialect.repetition not in segment.raw(place.field):
            return False  # as nearly always
        texts = repetitions(segment, place.field)
        return _differ([take(texts[n], segment) for n in choose(segment)])

    return doubt


def _other_segments(place: Place) -> Doubt:
    every, take = all_of(place), take_of(place)

    def doubt(node: Node) -> bool:
        fitting = every(node)
        if len(fitting) < 2:  # noqa: PLR2004 - it takes two to differ
            return False
        given = filter(counts, fitting)
        return _differ([take(first_of(s, place.field), s) for s in given])

    return doubt


def _differ(values: Sequence[Value]) -> bool:
    said = [unpadded(value) for value in values]
    return any(value is not None and value != said[0] for value in said[1:])
