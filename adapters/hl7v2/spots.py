"""Where a place lies: which segment, which repetition.

For the error locations of an answer; not for the hot path.
"""

import re
from dataclasses import dataclass
from typing import Final

from adapters.hl7v2.format import Hl7v2Format
from adapters.hl7v2.nodes import Message, Node, Segment
from adapters.hl7v2.place import parse
from adapters.hl7v2.values import chosen, find_of

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
