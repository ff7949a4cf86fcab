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
from typing import Final

from adapters.hl7v2.nodes import Node, Segment
from adapters.hl7v2.place import Place
from adapters.hl7v2.results import counts
from adapters.hl7v2.values import (
    Find,
    Value,
    chosen,
    first_of,
    number_of,
    reads_whole,
    repetitions,
    segment_test,
    take_of,
)
from gateway.mapping.places import ALONE, Beside, Doubt

More = Callable[[str, Segment], bool]
"""Tells of a repetition whether it has more than is read of it."""


def beside(place: Place, find: Find) -> Beside:
    """Compile what asks a node for more than ``place`` reads.

    Args:
        find: Finds the segment of ``place``, if it names one.
    """
    more = _MORE[min(place.component, 1), min(place.sub, 1)](place)
    if not place.segment:
        return Beside(parts=_of_this(more)) if place.component else ALONE
    if place.repetition:
        parts = _of_chosen(place, find, more)
        others = None if number_of(place.repetition) else _other_choices(place, find)
        return Beside(parts, others)
    others = _other_segments(place) if _by_value(place) else None
    return Beside(_of_field(place, find, more), others)


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


def _no_more(place: Place) -> More:  # noqa: ARG001 - as its neighbours
    return lambda text, segment: False  # noqa: ARG005 - as its neighbours


_MORE: Final = {
    (0, 0): _more_components,
    (1, 0): _more_subcomponents,
    (1, 1): _no_more,
}
"""By whether a place names a component, and a subcomponent."""


# ------------------------------------------------------------ parts


def _of_this(more: More) -> Doubt:
    return lambda node: more(node.text, node.segment)


def _of_field(place: Place, find: Find, more: More) -> Doubt:
    field, take, named = place.field, take_of(place), place.component > 0

    def doubt(node: Node) -> bool:
        segment = find(node)
        if segment is None or not segment.raw(field):
            return False
        if named and segment.simple and not segment.repeats:
            return False  # as nearly always
        texts = repetitions(segment, field)
        return _differ([take(t, segment) for t in texts]) or more(texts[0], segment)

    return doubt


def _of_chosen(place: Place, find: Find, more: More) -> Doubt:
    choose = chosen(place)

    def doubt(node: Node) -> bool:
        segment = find(node)
        if segment is None:
            return False
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
        texts = repetitions(segment, place.field)
        return _differ([take(texts[n], segment) for n in choose(segment)])

    return doubt


def _other_segments(place: Place) -> Doubt:
    test, take = segment_test(place.which), take_of(place)

    def doubt(node: Node) -> bool:
        fitting = filter(counts, filter(test, node.every(place.segment)))
        return _differ([take(first_of(s, place.field), s) for s in fitting])

    return doubt


def _differ(values: Sequence[Value]) -> bool:
    return any(value is not None and value != values[0] for value in values[1:])
