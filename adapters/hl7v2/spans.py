"""Where a place lies: which segment, which repetition, which bytes.

For people who ask "where did this come from" and for the error locations of an
answer; not for the hot path.
"""

import re
from dataclasses import dataclass
from typing import Final

from adapters.hl7v2 import charset
from adapters.hl7v2.format import Hl7v2Format
from adapters.hl7v2.nodes import LineEnds, Message, Node, Segment
from adapters.hl7v2.place import Place, parse
from adapters.hl7v2.values import chosen, find_of

_LINES: Final[dict[LineEnds, re.Pattern[str]]] = {
    "cr": re.compile(r"(?:\A|(?<=\r)\n?)([^\r]+)"),
    "any": re.compile(r"([^\r\n]+)"),
}


_INSIDE: Final = re.compile(
    r"(.*) in ([A-Z][A-Z0-9]{2}(?:\.\.\.|[-\[].*)?)\[([1-9][0-9]*)\]"
)


@dataclass(frozen=True, slots=True)
class Spot:
    """A place found in one message.

    Attributes:
        nth: The segment is the n-th of its id.
        repetition: Counted from 1; 0 if the field has no such repetition.
    """

    segment: Segment
    nth: int
    repetition: int


def apart(where: str) -> tuple[str, list[tuple[str, int]]]:
    """Take ``PID-7 in OBX[2] in ORC...[1]`` apart, the outermost group first."""
    groups: list[tuple[str, int]] = []
    while found := _INSIDE.fullmatch(where):
        where = found[1]
        groups.append((found[2], int(found[3])))
    return where, groups


def locate(message: Message, where: str) -> Spot | None:
    """Find what a problem's ``where`` names, if it is there.

    Raises:
        NotAPlace: It names no place.
    """
    text, groups = apart(where)
    place = parse(text)
    node: Node = message
    for group, number in groups:
        nodes = Hl7v2Format().group(group)(node)
        if number > len(nodes):
            return None
        node = nodes[number - 1]
    segment = find_of(place)(node)
    if segment is None:
        return None
    same = [each is segment for each in message.by_id[place.segment]]
    return Spot(
        segment, same.index(True) + 1, next(iter(chosen(place)(segment)), -1) + 1
    )


def span(message: Message, where: str) -> tuple[int, int] | None:
    """Return the bytes ``body[start:end]`` that a place means, as they were sent.

    A place that names no repetition and no component means the whole field.
    ``None`` if the message has no such place, or it is relative to an ``each:``.

    Raises:
        NotAPlace: ``where`` is not one.
    """
    place = parse(apart(where)[0])
    spot = locate(message, where)
    inside = None if spot is None else _inside(spot, place)
    if spot is None or inside is None:
        return None
    data, codec = message.body[message.start :], message.dialect.codec
    first = _start_of(message, spot.segment, data.decode(codec))
    ends = (message.start + charset.offset(data, codec, first + n) for n in inside)
    return next(ends), next(ends)


def _start_of(message: Message, segment: Segment, text: str) -> int:
    """Return the character at which a segment begins."""
    nth = [each is segment for each in message.segments].index(True)
    starts = [found.start(1) for found in _LINES[message.line_ends].finditer(text)]
    return starts[nth]


def _inside(spot: Spot, place: Place) -> tuple[int, int] | None:
    """Return the characters of a place, counted from its segment's first."""
    text = spot.segment.raw(place.field)
    if not text or not spot.repetition:
        return None
    start = _start_of_field(spot.segment, place.field)
    found: tuple[int, str] | None = (start, text)
    named = place.repetition or place.component
    dialect = spot.segment.dialect
    steps = (
        (dialect.repetition, spot.repetition if named else 0),
        (dialect.component, place.component),
        (dialect.subcomponent, place.sub),
    )
    for separator, number in steps:
        found = found and _piece(*found, separator, number)
    return found and (found[0], found[0] + len(found[1]))


def _start_of_field(segment: Segment, field: int) -> int:
    if segment.id == "MSH":  # MSH-1 is the separator, so none stands before it
        if field == 1:
            return len(segment.id)
        field -= 1
    before = segment.text.split(segment.dialect.field)[:field]
    return sum(map(len, before)) + len(before)


def _piece(
    start: int, text: str, separator: str, number: int
) -> tuple[int, str] | None:
    """Return the piece with that number, all of ``text`` for number 0."""
    if number == 0:
        return start, text
    pieces = text.split(separator)
    if number > len(pieces):
        return None
    before = pieces[: number - 1]
    return start + sum(map(len, before)) + len(before), pieces[number - 1]
