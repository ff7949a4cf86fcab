"""Places with dots, shared by JSON and the canonical model.

data.status                 a member
items[2]                    an item, counted from 1
items[type=COI].value       the first item whose member has this value
order.extensions[a:b.c]     a member whose name holds other characters
.value                      inside each:, from the item that is walked
.                           that item itself
"""

import re
from dataclasses import dataclass
from typing import Final

from gateway.mapping.places import NotAPlace

_TOKEN: Final = re.compile(
    r"(?P<dot>\.)|\[(?P<inner>[^\[\]]+)\]|(?P<name>[^.\[\]=\s]+)"
)
_MATCH: Final = re.compile(r"([^.\[\]=]+)=(.+)")


@dataclass(frozen=True, slots=True)
class Member:
    """A member by name."""

    name: str


@dataclass(frozen=True, slots=True)
class Item:
    """An item by number, counted from 1."""

    number: int


@dataclass(frozen=True, slots=True)
class Match:
    """The first item whose member ``name`` reads ``value``."""

    name: str
    value: str


Step = Member | Item | Match


def steps(text: str) -> tuple[Step, ...]:
    """Split a place; a leading dot is left to whoever knows where it starts.

    Raises:
        NotAPlace: The text is written otherwise.
    """
    rest = text.removeprefix(".")
    if not rest:
        if text == ".":
            return ()
        raise NotAPlace("a place is written like data.items[1].value")
    found: list[Step] = []
    wants_name = not rest.startswith("[")
    at = 0
    while at < len(rest):
        token = _TOKEN.match(rest, at)
        if not token or (token.lastgroup == "name") is not wants_name:
            raise NotAPlace("a place is written like data.items[1].value")
        at = token.end()
        wants_name = token.lastgroup == "dot"
        if token["name"]:
            found.append(Member(token["name"]))
        elif token["inner"]:
            found.append(_inner(token["inner"]))
    if wants_name:
        raise NotAPlace("a place does not end in a dot")
    return tuple(found)


def _inner(text: str) -> Step:
    if text.isascii() and text.isdigit():
        if int(text) == 0:
            raise NotAPlace("items are counted from 1")
        return Item(int(text))
    match = _MATCH.fullmatch(text)
    return Match(match[1], match[2]) if match else Member(text)
