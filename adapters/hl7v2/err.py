"""ERR segments: what is wrong and where, in the sender's own version.

Sources: HL7 v2.5.1 §2.14.5 (ERR, ERL), v2.3.1 §2.24.5 (ELD), table 0357. An ERR
has codes, places and our own sentences; never a value of the message.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from adapters.hl7v2.dialect import Dialect
from adapters.hl7v2.er7 import read
from adapters.hl7v2.header import Msh
from adapters.hl7v2.nodes import Message
from adapters.hl7v2.place import Place, Selector, parse
from adapters.hl7v2.spots import Spot, apart, locate
from gateway.core.agreements import Conventions
from gateway.core.errors import Problem, Unreadable
from gateway.core.problems import CATALOGUE, Meaning
from gateway.core.verdict import Verdict
from gateway.mapping.places import NotAPlace

MOST_ERRORS: Final = 50

_REPEATS_FROM: Final = 5
"""From 2.5 the segment repeats; before it, its first field does."""

NO_TEXT_IN_MSA_FROM: Final = 7
"""From 2.7 MSA-3 is withdrawn; ERR-8 says it instead."""

_TABLE_0357: Final = {
    100: "Segment sequence error",
    101: "Required field missing",
    102: "Data type error",
    103: "Table value not found",
    200: "Unsupported message type",
    201: "Unsupported event code",
    202: "Unsupported processing id",
    203: "Unsupported version id",
    204: "Unknown key identifier",
    205: "Duplicate key identifier",
    206: "Application record locked",
    207: "Application internal error",
}
_UNLISTED: Final = Meaning(207, "The message was refused.", "")
_SEGMENT: Final = re.compile(r"([A-Z][A-Z0-9]{2})(?:\[([1-9][0-9]*)\])?")

Location = tuple[str, ...]
"""Segment, its number, field, repetition, component, subcomponent."""


@dataclass(frozen=True, slots=True)
class _Fault:
    """One problem, ready to be written."""

    code: str
    meaning: Meaning
    said: str
    location: Location

    @property
    def condition(self) -> tuple[str, str, str]:
        """Code, text and name of the table 0357."""
        number = self.meaning.hl7
        return str(number), _TABLE_0357.get(number, ""), "HL70357"


def segments(
    msh: Msh, verdict: Verdict, conventions: Conventions, minor: int
) -> Iterator[str]:
    """Write the ERR segments of a rejection, for version 2.``minor``."""
    problems = [each for each in verdict.problems if each.consequence != "note"]
    problems = problems[:MOST_ERRORS] or [Problem("message.failed")]
    message = _message(msh, conventions, problems)
    faults = [_fault(each, message) for each in problems]
    marks = msh.dialect
    if minor < _REPEATS_FROM:
        yield marks.field.join(("ERR", marks.repetition.join(_eld(faults, marks))))
        return
    remark = verdict.text if minor >= NO_TEXT_IN_MSA_FROM else ""
    for fault in faults:
        yield _err(fault, remark or fault.meaning.then, marks)
        remark = ""


def _eld(faults: list[_Fault], marks: Dialect) -> Iterator[str]:
    for fault in faults:
        condition = marks.subcomponent.join(map(marks.escaped, fault.condition))
        segment, nth, field = (*fault.location, "", "", "")[:3]
        yield marks.component.join((segment, nth, field, condition))


def _err(fault: _Fault, remark: str, marks: Dialect) -> str:
    ours = (fault.code, fault.meaning.says, "99BATON")
    return marks.field.join(
        (
            "ERR",
            "",
            _components(fault.location, marks),
            _components(fault.condition, marks),
            "E",
            _components(ours, marks),
            "",
            marks.escaped(fault.said),
            marks.escaped(remark),
        )
    )


def _components(texts: tuple[str, ...], marks: Dialect) -> str:
    return marks.component.join(map(marks.escaped, texts))


def _fault(problem: Problem, message: Message | None) -> _Fault:
    meaning = CATALOGUE.get(problem.code, _UNLISTED)
    return _Fault(problem.code, meaning, str(problem), location(problem.where, message))


def location(where: str, message: Message | None) -> Location:
    """Turn a place into the components of an ERL, trailing empty ones left out.

    What is selected by value or in a group needs the message it is selected in;
    without one, or if it is not there, its number stays empty.
    """
    text, groups = apart(where)
    try:
        place = parse(text)
        spot = None if message is None else locate(message, where)
    except NotAPlace:
        found = _SEGMENT.fullmatch(text)
        return (found[1], found[2] or "1") if found else ()
    if not place.segment:
        return ()
    nth = spot.nth if spot else 0 if groups else _plain(place.which)
    parts = (nth, place.field, _repetition(place, spot), place.component, place.sub)
    texts = (place.segment, *(str(n or "") for n in parts))
    while texts[-1] == "":
        texts = texts[:-1]
    return texts


def _repetition(place: Place, spot: Spot | None) -> int:
    if not place.repetition:
        return 1 if place.component else 0
    return (spot.repetition if spot else 0) or _plain(place.repetition)


def _plain(selectors: Sequence[Selector]) -> int:
    """Return the number that can be told without looking: 1 if none is written."""
    if len(selectors) > 1:
        return 0
    return selectors[0].number if selectors else 1


def _message(
    msh: Msh, conventions: Conventions, problems: list[Problem]
) -> Message | None:
    """Read the message again, if a place can only be numbered by looking."""
    if not any("=" in each.where or " in " in each.where for each in problems):
        return None
    try:
        return read(msh, conventions)
    except Unreadable:
        return None
