"""What a negative answer tells a person: the place, code and text of each error.

For whoever sent the message, at their own terminal: the texts may quote it, so
nothing here is logged or kept. Sources as for ``adapters.hl7v2.err``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from adapters.hl7v2.dialect import Dialect
from adapters.hl7v2.header import Msh, peek

_CONTROL_ID = 9  # MSH-10 in the fields after MSH-1
_FIELDS = 9  # up to ERR-8


@dataclass(frozen=True, slots=True)
class Told:
    """One error, as its ERR says it."""

    place: str = field(repr=False)
    code: str = field(repr=False)
    text: str = field(repr=False)


def control_id(body: bytes) -> str:
    """Return MSH-10 of an answer, by which its sender knows the message."""
    return _readable(peek(body)[0].native.fields[_CONTROL_ID])


def errors(body: bytes) -> list[Told]:
    """Read every error of an answer, in any version. Never raises."""
    msh: Msh = peek(body)[0].native
    lines = _readable(body).replace("\n", "\r").split("\r")
    named = [line.split(msh.dialect.field) for line in lines]
    return [
        told for fields in named if fields[0] == "ERR" for told in _told(fields, msh)
    ]


def _told(fields: list[str], msh: Msh) -> Iterator[Told]:
    marks = msh.dialect
    _, before, where, condition, _, _, _, details, remark = (
        *fields[:_FIELDS],
        *[""] * (_FIELDS - len(fields)),
    )
    if condition:
        code, text, *_ = (*condition.split(marks.component), "")
        said = [marks.unescape(each) for each in (text, details, remark) if each]
        yield Told(_place(where.split(marks.component)), code, "; ".join(said))
        return
    for each in before.split(marks.repetition) if before else ():
        yield _short(each.split(marks.component), marks)


def _short(parts: list[str], marks: Dialect) -> Told:
    """Read ERR-1 as it was before 2.5: segment, its number, field, condition."""
    condition = "".join(parts[3:4])
    code, text, *_ = (*condition.split(marks.subcomponent), "")
    return Told(_place(parts[:3]), code, marks.unescape(text))


def _place(parts: list[str]) -> str:
    """Write an ERL as a place of the mapping language."""
    name, nth, field, repetition, component, sub, *_ = (*parts, *[""] * 6)
    place = name + _numbered(nth)
    if field:
        place += f"-{field}{_numbered(repetition)}"
    return place + "".join(f".{each}" for each in (component, sub) if each)


def _numbered(n: str) -> str:
    return f"[{n}]" if n not in ("", "1") else ""


def _readable(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")
