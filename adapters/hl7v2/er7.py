"""A lossless, lazy reader of ER7, the vertical-bar encoding of HL7 v2.

Sources: HL7 v2.5.1 §2.5 to §2.7. A message is decoded once and cut into lines;
fields are split when a segment is first looked at, the rest on access. Nothing
is trimmed or normalised: lines end only at CR (or, by site, LF), never at the
other characters that Python takes for line ends.
"""

from collections.abc import Iterable
from typing import Final

from adapters.hl7v2 import charset
from adapters.hl7v2.dialect import Dialect, dialect
from adapters.hl7v2.header import MOST_SEGMENTS, Msh
from adapters.hl7v2.nodes import ID, LineEnds, Message, Segment
from gateway.core.agreements import Conventions
from gateway.core.errors import Problem, Unreadable

_MOST_PROBLEMS: Final = 20
_VT: Final = b"\x0b"
_FS: Final = b"\x1c"
_FRAMING: Final = "\x0b\x1c"
_CR: Final = "\r"


def read(msh: Msh, conventions: Conventions) -> Message:
    """Read the message whose header ``peek`` has read.

    Raises:
        Unreadable: ``charset.unknown`` or ``charset.mismatch`` (hold);
            ``message.no_header``, ``segment.not_a_segment`` and, where only the
            site's line ends show it, what ``peek`` refuses (reject).
    """
    if not msh.body:
        raise Unreadable(Problem("message.no_header", "MSH"))
    marks = msh.dialect
    choices = charset.declared(
        msh.fields[17], marks.repetition_byte, conventions.charset
    )
    text = _decoded(msh, choices, conventions.line_ends)
    head = (marks.field + marks.encoding_characters).encode()
    marks = dialect(head, choices[0]) or marks
    segments = _segments(text, marks, conventions.line_ends)
    message = Message(segments, msh, marks, conventions.line_ends)
    if conventions.line_ends == "any":
        _one_message(message)
    _note(message, msh.body, text, choices[0])
    return message


def lines(text: str, line_ends: LineEnds) -> list[str]:
    """Cut a message into its lines, blank ones too.

    An LF after a CR belongs to the line end; any other is payload under ``cr``.
    """
    if line_ends == "any":
        return text.replace("\r\n", "\r").replace("\n", "\r").split("\r")
    found = text.split("\r")
    return [line.removeprefix("\n") for line in found] if "\r\n" in text else found


def place_at(text: str, separator: str, line_ends: LineEnds) -> str:
    """Name the field that the next character after ``text`` is in."""
    *before, last = lines(text, line_ends)
    name = last[:ID]
    field = last.count(separator) + (name == "MSH")
    if last[ID : ID + 1] != separator:
        return f"line {1 + sum(map(bool, before))}"
    nth = 1 + sum(line.startswith(name + separator) for line in before)
    return f"{name}-{field}" if nth == 1 else f"{name}[{nth}]-{field}"


def _decoded(msh: Msh, choices: tuple[str, ...], line_ends: LineEnds) -> str:
    data = msh.body[msh.start :] if msh.start else msh.body
    try:
        return charset.decode(data, choices)
    except UnicodeDecodeError as error:
        sound = data[: error.start].decode(choices[0], "ignore")
        place = place_at(sound, msh.dialect.field, line_ends)
    raise Unreadable(Problem("charset.mismatch", place, "hold"))


def _segments(text: str, marks: Dialect, line_ends: LineEnds) -> list[Segment]:
    if line_ends == "cr" and marks.sound.fullmatch(text):
        return [Segment(line, marks) for line in text.split(_CR) if line]
    every = lines(text, line_ends)
    # A file stored with its frame ends in a line of framing bytes: nothing is lost.
    found = [Segment(line, marks) for line in every if line.strip(_FRAMING)]
    mark = marks.field
    bad = [
        n
        for n, segment in enumerate(found, 1)
        if not (
            segment.text[ID : ID + 1] == mark
            and segment.id.isalnum()
            and segment.id.isascii()
        )
        and not _sound(segment, mark)
    ]
    if line_ends == "cr" and "\n" in found[0].text:
        bad.insert(0, 1)  # a whole file of LF lines, read as one MSH
    if bad:
        raise Unreadable(*_not_segments(bad[:_MOST_PROBLEMS]))
    return found


def _sound(segment: Segment, separator: str) -> bool:
    """Tell whether a line begins as a segment does, known or not."""
    name = segment.id
    return (
        segment.text[ID : ID + 1] in ("", separator)
        and len(name) == ID
        and name.isalnum()
        and name.isascii()
    )


def _not_segments(bad: Iterable[int]) -> list[Problem]:
    return [Problem("segment.not_a_segment", f"line {n}") for n in bad]


def _one_message(message: Message) -> None:
    """Refuse what ``peek`` could not see, since it does not know of LF lines."""
    if len(message.by_id["MSH"]) > 1:
        raise Unreadable(Problem("message.two_headers", "MSH[2]"))
    for name in ("DSC", "ADD"):
        if name in message.by_id:
            raise Unreadable(Problem("message.fragment", name))
    if len(message.segments) > MOST_SEGMENTS:
        raise Unreadable(Problem("message.too_many_segments"))


def _note(message: Message, body: bytes, text: str, codec: str) -> None:
    if _VT in body or _FS in body:
        message.notes += (Problem("payload.control_bytes", "", "note"),)
    at = charset.suspicious(text, codec)
    if at >= 0:
        place = place_at(text[:at], message.dialect.field, message.line_ends)
        message.notes += (Problem("charset.mismatch", place, "note"),)
