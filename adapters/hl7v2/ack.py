"""Acknowledgements: from a verdict to the one answer a frame gets, and back.

Sources: HL7 v2.5.1 §2.9 (original and enhanced mode), §2.14.8 (MSA), tables 0008
and 0155; ``docs/acknowledgements.md`` has the laws and the table implemented here.
An answer echoes the sender's bytes and is never decoded, so that it also answers
what cannot be read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Final, Literal

from adapters.hl7v2 import err
from adapters.hl7v2.header import NO_MSH, Msh, peek
from gateway.core.agreements import Conventions
from gateway.core.verdict import Answer, AnswerKind, Refusal, Verdict
from gateway.ports import Header

Kind = Literal["application", "accept", ""]

CLOSING: Final = frozenset({"message.too_large", "store.unavailable"})
"""Problems after which the connection ends, answered or not."""

_POSITIVE: Final[dict[Kind, str]] = {"application": "AA", "accept": "CA"}
_NEGATIVE: Final[dict[Kind, dict[Refusal | None, str]]] = {
    "application": {Refusal.CONTENT: "AE"},
    "accept": {Refusal.UNSUPPORTED: "CR"},
}
_OTHERWISE: Final[dict[Kind, str]] = {"application": "AR", "accept": "CE"}
CODES: Final = frozenset({"AA", "AE", "AR", "CA", "CE", "CR"})

_STRUCTURED: Final[dict[str, tuple[bytes, bytes, bytes]]] = {
    "ORM^O01": (b"ORR", b"O02", b"ORR_O02"),
    "OMG^O19": (b"ORG", b"O20", b"ORG_O20"),
    "OML^O21": (b"ORL", b"O22", b"ORL_O22"),
    "OMP^O09": (b"ORP", b"O10", b"ORP_O10"),
    "RDE^O11": (b"RRE", b"O12", b"RRE_O12"),
    "RAS^O17": (b"RRA", b"O18", b"RRA_O18"),
    "OMB^O27": (b"ORB", b"O28", b"ORB_O28"),
    "BPS^O29": (b"BRP", b"O30", b"BRP_O30"),
    "BTS^O31": (b"BRT", b"O32", b"BRT_O32"),
}
_NO_TRIGGER: Final = frozenset({"2.1", "2.2"})
_DIGITS: Final = frozenset("123456789")
_OUR_VERSION: Final = b"2.5.1"
_OUR_MINOR: Final = 5
_NEVER: Final = b"NE"
_NULL: Final = b'""'
_ERR_3: Final = 3
_WORD: Final = re.compile(rb"[A-Za-z0-9]{1,8}")


def answer(
    header: Header,
    verdict: Verdict,
    conventions: Conventions,
    *,
    message_id: str,
    now: datetime,
) -> Answer:
    """Build the answer a verdict deserves; see ``gateway.ports.Reader.answer``.

    A content error is told in the accept acknowledgement even where MSH-16 asks
    for an application answer: nothing is ever sent separately yet.
    """
    msh = header.native if isinstance(header.native, Msh) else NO_MSH
    accepted = verdict.accepted
    close = any(problem.code in CLOSING for problem in verdict.problems)
    kind = due(msh, accepted=accepted)
    if not kind:
        return Answer(AnswerKind.NONE, close=close)
    code = _code(kind, verdict)
    code = conventions.codes.get(code, code)
    structured = conventions.structured_answers and _original(msh)
    minor = _minor(header.version)
    lines = [
        _msh(msh, _type(header, msh, structured=structured), message_id, now),
        _msa(msh, code, verdict.text if minor < err.NO_TEXT_IN_MSA_FROM else ""),
    ]
    if not accepted:
        errors = err.segments(msh, verdict, conventions, minor)
        lines += [line.encode("ascii", "replace") for line in errors]
    sign = AnswerKind.POSITIVE if accepted else AnswerKind.NEGATIVE
    return Answer(sign, code, b"\r".join(lines) + b"\r", close)


def due(msh: Msh, *, accepted: bool) -> Kind:
    """Return which acknowledgement MSH-15 and MSH-16 ask for, ``""`` if none.

    Both blank: original mode. Otherwise a blank one counts as NE, and an
    application answer goes at once only where no accept acknowledgement may. A
    value that is not in table 0155 counts as AL: to answer is the safe reading.
    """
    if _original(msh):
        return "application"
    kind: Kind = "accept"
    condition = _condition(msh.fields[14]) or _NEVER
    if condition == _NEVER:
        kind, condition = "application", _condition(msh.fields[15]) or _NEVER
    silent = {_NEVER: True, b"ER": accepted, b"SU": not accepted}
    return "" if silent.get(condition, False) else kind


def _original(msh: Msh) -> bool:
    return not _condition(msh.fields[14]) and not _condition(msh.fields[15])


def _condition(data: bytes) -> bytes:
    return b"" if data == _NULL else data.strip(b" ").upper()


def _code(kind: Kind, verdict: Verdict) -> str:
    if verdict.accepted:
        return _POSITIVE[kind]
    return _NEGATIVE[kind].get(verdict.refusal, _OTHERWISE[kind])


def _minor(version: str) -> int:
    """Return the n of 2.n; an unknown version is answered as 2.5 would be."""
    digit = version.removeprefix("2.")[:1]
    return int(digit) if version.startswith("2.") and digit in _DIGITS else _OUR_MINOR


@lru_cache(maxsize=4)  # thousands of answers share a second
def _stamp(second: datetime) -> bytes:
    return second.strftime("%Y%m%d%H%M%S%z").encode()


def _msh(msh: Msh, message_type: bytes, message_id: str, now: datetime) -> bytes:
    _, _, theirs, at, ours, here, *_ = fields = msh.fields
    stamp, own_id = _stamp(now.replace(microsecond=0)), message_id.encode()
    encoding = msh.dialect.encoding_characters.encode()
    mode, version = fields[10] or b"P", fields[11] or _OUR_VERSION
    parts = [b"MSH", encoding, ours, here, theirs, at, stamp, b"", message_type]
    parts += [own_id, mode, version]
    if fields[17]:
        parts += [b"", b"", b"", b"", b"", fields[17]]
    return msh.dialect.field_byte.join(parts)


def _type(header: Header, msh: Msh, *, structured: bool) -> bytes:
    """Return MSH-9: with a trigger from 2.3, with a structure from 2.3.1."""
    component = msh.dialect.component_byte
    trigger = (*msh.fields[8].split(component, 2), b"", b"")[1]
    parts = (b"ACK", trigger, b"ACK")
    if structured:
        parts = _STRUCTURED.get(header.type, parts)
    if header.version in _NO_TRIGGER or not trigger:
        return parts[0]
    return component.join(parts[:2] if header.version == "2.3" else parts)


def _msa(msh: Msh, code: str, text: str) -> bytes:
    parts = [b"MSA", code.encode(), msh.fields[9]]
    if text:
        parts.append(msh.dialect.escaped(text).encode("ascii", "replace"))
    return msh.dialect.field_byte.join(parts)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the other side said about a message of ours.

    Attributes:
        code: MSA-1 as sent; ``""`` if there is not exactly one MSA to read it in.
        matched: Whether MSA-2 is byte-equal to our MSH-10; without that the code
            says nothing about our message.
        problems: Codes of its ERR segments (table 0357), without their texts.
        text: MSA-3, for the person who sent the message; never logged or kept.
    """

    code: str = ""
    matched: bool = False
    problems: tuple[str, ...] = ()
    text: str = field(default="", repr=False, compare=False)

    @property
    def known(self) -> bool:
        """Whether this is an answer to our message in the words of table 0008."""
        return self.matched and self.code in CODES


def parse_answer(body: bytes, control_id: bytes) -> Reply:
    """Read an acknowledgement, whatever its line ends. Never raises.

    ``control_id`` is MSH-10 of what was sent. Whether a code means delivered,
    rejected or unknown is the site's table's business (law 8).
    """
    msh = peek(body)[0].native
    lines = body[msh.start :].replace(b"\n", b"\r").split(b"\r")
    mark = msh.dialect.field_byte
    named = [line.split(mark) for line in lines]
    said = [fields for fields in named if fields[0] == b"MSA"]
    headers = sum(fields[0] == b"MSH" for fields in named)
    if msh is NO_MSH or headers != 1 or len(said) != 1:
        return Reply()
    _, code, echoed, text, *_ = (*said[0], b"", b"", b"")
    errors = [fields for fields in named if fields[0] == b"ERR"]
    return Reply(
        _word(code),
        matched=bool(control_id) and echoed == control_id,
        problems=tuple(code for fields in errors for code in _conditions(fields, msh)),
        text=text.decode("latin-1"),
    )


def _conditions(fields: list[bytes], msh: Msh) -> Iterator[str]:
    """Yield the codes of one ERR: ERR-3 from 2.5, ERR-1.4 of each repetition before."""
    marks = msh.dialect
    component = marks.component_byte
    if len(fields) > _ERR_3 and fields[_ERR_3]:
        yield _word(fields[_ERR_3].split(component, 1)[0])
        return
    for each in b"".join(fields[1:2]).split(marks.repetition_byte):
        condition = (each.split(component) + [b""] * 4)[3]
        yield _word(condition.split(marks.subcomponent.encode(), 1)[0])


def _word(data: bytes) -> str:
    """Return a code; what is no short word is not repeated, since it may be PHI."""
    return data.decode("ascii") if _WORD.fullmatch(data) else ""
