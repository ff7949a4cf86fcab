"""Places in ER7, such as ``PID-3[5=MR].1`` and ``OBX[3.1=29463-7]-5``.

    place      = segment "-" field selectors ["." component ["." sub]]
               | "." [component ["." sub]]
    segment    = id selectors
    group      = segment | id "..." | segment "-" field selectors
    selectors  = {"[" path "=" [text] "]"} ["[" number "]"]

A path counts as the rest of a place does: ``field.component.sub`` for a segment,
``component.sub`` for a repetition. Of those whose values are all as written, the
n-th is meant, or the first; ``[5=]`` is of those where nothing is. A place that
begins with ``.`` means the repetition an ``each:`` stands at, a lone ``.`` all of it.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from gateway.mapping.places import NotAPlace

_SELECTORS: Final = r"(?:\[[^\[\]]+\])"
_SEGMENT: Final = rf"(?P<id>[A-Z][A-Z0-9]{{2}})(?P<which>{_SELECTORS}*)"
_FIELD: Final = rf"-(?P<field>[1-9][0-9]*)(?P<repetition>{_SELECTORS}*)"
_PART: Final = r"(?P<component>[1-9][0-9]*)(?:\.(?P<sub>[1-9][0-9]*))?"

_ABSOLUTE: Final = re.compile(rf"{_SEGMENT}{_FIELD}(?:\.{_PART})?")
_RELATIVE: Final = re.compile(rf"\.(?:{_PART})?")
_WINDOW: Final = re.compile(r"([A-Z][A-Z0-9]{2})\.\.\.")
_SEGMENTS: Final = re.compile(_SEGMENT)
_SELECTOR: Final = re.compile(r"([1-9][0-9]*)|([1-9][0-9]*(?:\.[1-9][0-9]*)*)=(.*)")

_DEEPEST_OF_A_SEGMENT: Final = 3
_DEEPEST_OF_A_REPETITION: Final = 2


@dataclass(frozen=True, slots=True)
class Selector:
    """``[2]`` has a ``number``; ``[3.1=MR]`` has the path 3, 1 and a text.

    ``[3.1=]`` has the text ``None``: nothing is there.
    """

    number: int = 0
    path: tuple[int, ...] = ()
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A place or a group, parsed; what is not written is empty or 0."""

    segment: str
    which: tuple[Selector, ...] = ()
    field: int = 0
    repetition: tuple[Selector, ...] = ()
    component: int = 0
    sub: int = 0


@lru_cache(maxsize=4096)
def parse(text: str) -> Place:
    """Read a place.

    Raises:
        NotAPlace: It is none.
    """
    found = (_RELATIVE if text.startswith(".") else _ABSOLUTE).fullmatch(text)
    if found is None:
        raise NotAPlace(
            f"{text!r} is no place; "
            "write PID-5, PID-5.1, PID-3[5=MR].1, OBX[3.1=x]-5 or, in an each:, .1"
        )
    return _place(found.groupdict())


def parse_segment(text: str) -> Place:
    """Read the name of segments: ``OBX``, ``OBX[2]``, ``OBX[3.1=29463-7]``.

    Raises:
        NotAPlace: It is none.
    """
    found = _SEGMENTS.fullmatch(text)
    if found is None:
        raise NotAPlace(f"{text!r} is no group; write ORC..., OBX, OBX[3.1=x] or PID-3")
    return _place(found.groupdict())


def parse_window(text: str) -> str:
    """Return the anchor of ``ORC...``, ``""`` if ``text`` names no windows."""
    found = _WINDOW.fullmatch(text)
    return found[1] if found else ""


def _place(found: dict[str, str | None]) -> Place:
    return Place(
        segment=found.get("id") or "",
        which=_selectors(found.get("which"), _DEEPEST_OF_A_SEGMENT),
        field=int(found.get("field") or 0),
        repetition=_selectors(found.get("repetition"), _DEEPEST_OF_A_REPETITION),
        component=int(found.get("component") or 0),
        sub=int(found.get("sub") or 0),
    )


def _selectors(text: str | None, deepest: int) -> tuple[Selector, ...]:
    texts = re.findall(_SELECTORS, text or "")
    found = tuple(_selector(each[1:-1], deepest) for each in texts)
    if any(each.number for each in found[:-1]):
        raise NotAPlace(f"{text}: the number comes last")
    return found


def _selector(text: str, deepest: int) -> Selector:
    found = _SELECTOR.fullmatch(text)
    if found is None:
        raise NotAPlace(f"[{text}] selects nothing; write [2] or [5=MR]")
    if found[1]:
        return Selector(number=int(found[1]))
    path = tuple(map(int, found[2].split(".")))
    if len(path) > deepest:
        raise NotAPlace(f"[{text}] goes deeper than {deepest} numbers")
    return Selector(path=path, text=found[3] or None)
