"""The format ``hl7v2`` of the mapping language: places, groups, templates.

A place is compiled to a closure once and called per message. Groups:

    ORC...          windows from one ORC to the next; what stands before the first
                    is shared by all
    OBX             every visible OBX; ``OBX[3.1=x]`` those with that value
    PID-3           the repetitions of a field that are not empty

In a message with several PIDs a place of a PID is read inside ``each: PID`` or
``PID...`` only; elsewhere the message is refused (``segment.repeated``).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from adapters.hl7v2 import template
from adapters.hl7v2.beside import beside
from adapters.hl7v2.nodes import PATIENT, Current, Node, Repetition, Segment
from adapters.hl7v2.place import Place, parse, parse_segment, parse_window
from adapters.hl7v2.results import STATUS
from adapters.hl7v2.values import (
    Find,
    Take,
    Value,
    chosen,
    find_of,
    first_of,
    free_text,
    is_status,
    is_value,
    number_of,
    repetitions,
    segment_test,
    take_of,
    whole,
)
from gateway.mapping.places import ALONE, Beside, Getter, NotAPlace, Walker

_DELIMITERS: Final = frozenset({("MSH", 1), ("MSH", 2)})


class Hl7v2Format:
    """Places in ER7 and the way back; see ``gateway.mapping.places.Format``."""

    name = "hl7v2"

    def place(self, text: str) -> Getter:  # noqa: PLR0911 - one per kind of place
        """Compile a place, see ``adapters.hl7v2.place``.

        Raises:
            NotAPlace: ``text`` is not one.
        """
        place = parse(text)
        if not place.segment:
            return _relative(text, take_of(place) if place.component else whole)
        if (place.segment, place.field) in _DELIMITERS:
            return _delimiters(place)
        if is_status(place):
            return _status(_sole(place))
        if place.repetition:
            return _selected(place)
        if place.which:
            return _found(_sole(place), place.field, take_of(place))
        if place.sub <= 1 and not free_text(place) and not is_value(place):
            at = max(place.component - 1, 0)
            return _component(place.segment, place.field, at, take_of(place))
        return _plain(place.segment, place.field, take_of(place))

    def beside(self, text: str) -> Beside:
        """Compile what asks for more than a place reads, see ``beside``.

        Raises:
            NotAPlace: ``text`` is not a place.
        """
        place = parse(text)
        if (place.segment, place.field) in _DELIMITERS:
            return ALONE
        return beside(place, _sole(place))

    def group(self, text: str) -> Walker:
        """Compile what ``each:`` walks: ``ORC...``, ``OBX``, ``PID-3``.

        Raises:
            NotAPlace: ``text`` is not one.
        """
        anchor = parse_window(text)
        if anchor:
            return lambda node: node.scope.windows(anchor)
        if "-" in text.split("[", 1)[0] or "]-" in text:
            return _field(text)
        return _segments(parse_segment(text))

    def check(self, tree: object) -> Sequence[tuple[tuple[str | int, ...], str]]:
        """Check a template's shape, see ``adapters.hl7v2.template``."""
        return template.check(tree)

    def encode(self, tree: object, options: Mapping[str, str]) -> bytes:
        """Write a rendered template as one message.

        Raises:
            Unmappable: ``render.unrepresentable`` (hold).
        """
        return template.encode(tree, options)


def _sole(place: Place) -> Find:
    """Find the segment of a place; of several patients none, however selected.

    Which of them a window shows is chance: HL7 lets a PID follow the ORC whose
    order it is not. An ``each: PID`` stands at one and reads that.
    """
    name = place.segment
    if not place.which:
        return lambda node: node.segment if node.id == name else node.near.get(name)
    find = find_of(place)
    if name != PATIENT:
        return find

    def checked(node: Node) -> Segment | None:
        if node.scope.crowded:
            node.scope.near[PATIENT].split()
        return find(node)

    return checked


def _component(name: str, field: int, at: int, take: Take) -> Getter:
    """The commonest place, ``PID-5.1``; of most segments the text itself."""

    def get(node: Node) -> Value:
        segment = node.segment if node.id == name else node.near.get(name)
        if segment is None:
            return None
        try:
            text = (segment.parts or segment.split())[field]
        except IndexError:
            return None
        if not text:
            return None
        if segment.repeats and segment.dialect.repetition in text:
            text = text.partition(segment.dialect.repetition)[0]
        if not segment.simple:
            return take(text, segment)
        if not at:
            return text.partition(segment.component)[0] or None
        found = text.split(segment.component, at + 1)
        return (found[at] or None) if at < len(found) else None

    return get


def _plain(name: str, field: int, take: Take) -> Getter:
    """A place that is more than a component, with nothing it does not need."""

    def get(node: Node) -> Value:
        segment = node.segment if node.id == name else node.near.get(name)
        if segment is None:
            return None
        text = first_of(segment, field)
        return take(text, segment) if text else None

    return get


def _found(find: Find, field: int, take: Take) -> Getter:
    def get(node: Node) -> Value:
        segment = find(node)
        if segment is None:
            return None
        return take(first_of(segment, field), segment)

    return get


def _status(find: Find) -> Getter:
    """All of OBX-11: whether a result counts must not depend on what is cut away."""

    def get(node: Node) -> Value:
        segment = find(node)
        return None if segment is None else segment.raw(STATUS).strip() or None

    return get


def _selected(place: Place) -> Getter:
    find, choose, take = _sole(place), chosen(place), take_of(place)

    def get(node: Node) -> Value:
        segment = find(node)
        if segment is None:
            return None
        for n in choose(segment):
            return take(repetitions(segment, place.field)[n], segment)
        return None

    return get


def _relative(text: str, take: Take) -> Getter:
    def get(node: Node) -> Value:
        if isinstance(node, Repetition):
            return take(node.text, node.segment)
        raise NotAPlace(f"{text} is a repetition's: use it in an each: of a field")

    return get


def _delimiters(place: Place) -> Getter:
    """MSH-1 and MSH-2 hold the delimiters themselves, so they are not split."""
    if place.component or place.repetition:
        raise NotAPlace("MSH-1 and MSH-2 have no parts")

    def get(node: Node) -> Value:
        segment = node.near.get(place.segment)
        return None if segment is None else segment.raw(place.field) or None

    return get


def _segments(place: Place) -> Walker:
    if number_of(place.which):
        find = find_of(place)
        return lambda node: _nodes([each] if (each := find(node)) else [], node)
    if not place.which:
        return lambda node: _nodes(node.every(place.segment), node)
    test = segment_test(place.which)
    return lambda node: _nodes(filter(test, node.every(place.segment)), node)


def _nodes(segments: Iterable[Segment], node: Node) -> list[Current]:
    scope = node.scope
    return [Current(segment, scope) for segment in segments]


def _field(text: str) -> Walker:
    place = parse(text)
    if place.component or not place.segment:
        raise NotAPlace(f"{text!r} is a value; a group ends with its field: PID-3")
    find, choose = _sole(place), chosen(place)

    def walk(node: Node) -> list[Repetition]:
        segment = find(node)
        if segment is None:
            return []
        texts = repetitions(segment, place.field)
        found = (texts[n] for n in choose(segment))
        return [Repetition(each, segment, node.scope) for each in found if each]

    return walk
