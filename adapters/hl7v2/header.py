"""MSH: just enough of a message to say whose it is and to answer it.

Sources: HL7 v2.5.1 §2.14.9 (MSH), §2.9 (processing rules), §2.10.2 (continuation).
Fields are kept as the bytes that came, because an answer echoes them.
``peek`` never raises: what cannot be addressed gets a verdict instead.
"""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from adapters.hl7v2 import charset
from adapters.hl7v2.dialect import Dialect, dialect, standard
from gateway.core.errors import Problem, Unreadable
from gateway.core.verdict import MessageState, Refusal, Verdict
from gateway.ports import Header

MOST_SEGMENTS: Final = 10_000
LONGEST_MSH: Final = 8 * 1024
"""Bytes. What MSH says is looked up, compared and echoed before anybody is known."""

VERSIONS: Final = frozenset(
    b"2.1 2.2 2.3 2.3.1 2.4 2.5 2.5.1 2.6 2.7 2.7.1 2.8 2.8.1 2.8.2 2.9".split()
)
"""What MSH-12.1 may say."""

_BOM: Final = b"\xef\xbb\xbf"
_FIELDS: Final = 18
_VT: Final = b"\x0b"
_FS: Final = b"\x1c"
_ESC: Final = b"\x1b"
_NULL: Final = b'""'

# Lines after the first that make a frame more, or less, than one message. With
# no CR in the frame its lines can only end in LF.
_OTHER = re.compile(rb"\r\n?(MSH|DSC|ADD)(?![A-Za-z0-9])")
_OTHER_LF = re.compile(rb"\n(MSH|DSC|ADD)(?![A-Za-z0-9])")


@dataclass(frozen=True, slots=True)
class Msh:
    """The MSH segment as sent; what ``Header.native`` holds.

    Attributes:
        dialect: The delimiters MSH-1 and MSH-2 declare.
        fields: ``fields[n - 1]`` is MSH-n, from MSH-2 on; at least 18.
        start: Where MSH begins in ``body``: after a byte order mark, blank lines.
        body: The whole message, for answers that have to locate a problem in it.
        notes: What was tolerated.
    """

    dialect: Dialect
    fields: list[bytes] = field(repr=False)
    start: int = 0
    body: bytes = field(default=b"", repr=False)
    notes: tuple[Problem, ...] = ()


NO_MSH: Final = Msh(standard(), [b""] * _FIELDS)
"""What stands in for the header of a frame that has no usable one."""


def _rejected(refusal: Refusal, code: str, where: str) -> Verdict:
    return Verdict(MessageState.REJECTED, (Problem(code, where),), refusal)


_NO_HEADER = _rejected(Refusal.UNREADABLE, "message.no_header", "MSH")
_BATCH = _rejected(Refusal.UNREADABLE, "message.batch", "")
_NO_CONTROL_ID = _rejected(Refusal.UNREADABLE, "message.no_control_id", "MSH-10")
_FRAGMENT = _rejected(Refusal.UNREADABLE, "message.fragment", "MSH-14")
_TOO_MANY = _rejected(Refusal.UNREADABLE, "message.too_many_segments", "")
_VERSION = _rejected(Refusal.UNSUPPORTED, "message.unsupported_version", "MSH-12")
_NO_TYPE = _rejected(Refusal.UNSUPPORTED, "message.unsupported_type", "MSH-9")
_OTHERS = {
    b"MSH": _rejected(Refusal.UNREADABLE, "message.two_headers", "MSH[2]"),
    b"DSC": _rejected(Refusal.UNREADABLE, "message.fragment", "DSC"),
    b"ADD": _rejected(Refusal.UNREADABLE, "message.fragment", "ADD"),
}


def peek(body: bytes) -> tuple[Header, Verdict | None]:
    """Read MSH; see ``gateway.ports.Reader.peek``. Never raises."""
    start, notes = (0, ()) if body.startswith(b"MSH") else _front(body)
    end = _end_of_line(body, start)
    line = body[start:end]
    marks = _delimiters(line)
    if marks is None:
        batch = line.startswith((b"FHS", b"BHS"))
        return Header(native=NO_MSH), _BATCH if batch else _NO_HEADER
    plain = line.isascii() and _ESC not in line
    msh = Msh(marks, _split(line, marks, plain=plain), start, body, notes)
    return _header(msh, end, plain=plain), _objection(msh, end)


def _front(body: bytes) -> tuple[int, tuple[Problem, ...]]:
    """Where the first line begins; a mark and blank lines before it are no harm."""
    start = len(_BOM) if body.startswith(_BOM) else 0
    notes = (Problem("charset.mismatch", "", "note"),) if start else ()
    while body[start : start + 1] in (b"\r", b"\n"):
        start += 1
    return start, notes


def _end_of_line(body: bytes, start: int) -> int:
    end = body.find(b"\r", start)
    end = end if end >= 0 else len(body)
    feed = body.find(b"\n", start, end)
    return feed if feed >= 0 else end


def _delimiters(line: bytes) -> Dialect | None:
    """Return what MSH-1 and MSH-2 say; what cannot be echoed spoils MSH."""
    if not line.startswith(b"MSH") or len(line) > LONGEST_MSH:
        return None
    if _VT in line or _FS in line:
        return None
    stop = line.find(line[3:4], 4)
    return dialect(line[3:stop]) if stop >= 0 else None


def _split(line: bytes, marks: Dialect, *, plain: bool) -> list[bytes]:
    separator = marks.field_byte
    fields = line.split(separator)
    if not plain:
        fields = _split_decoded(line, separator) or fields
    if len(fields) < _FIELDS:
        fields += [b""] * (_FIELDS - len(fields))
    return fields


def _split_decoded(line: bytes, separator: bytes) -> list[bytes] | None:
    """Split where a character may contain the separator, if MSH-18 then says so.

    MSH-18 names the charset that is needed to find MSH-18, so each is tried: the
    right one is named by the very field it leads to. A site's own default for a
    blank MSH-18 is not known here, so such a site keeps its header to ASCII.
    """
    for codec in sorted(charset.DECODE_FIRST):
        try:
            fields = charset.split(line, separator, codec)
            if codec in charset.declared(fields[17], b"~", ""):
                return fields
        except (IndexError, Unreadable, UnicodeDecodeError):
            continue
    return None


def _header(msh: Msh, end: int, *, plain: bool) -> Header:
    fields, marks = msh.fields, msh.dialect
    codec = "ascii" if plain else _codec(msh)
    same = (fields[2], fields[3], fields[8], fields[10], fields[11])
    short = sum(map(len, same)) < _LONG
    application, facility, sender, type_, processing_id, version = (
        _remembered if short else _interface
    )(same, marks, codec)
    return Header(
        application,
        facility,
        sender,
        type_,
        _text(fields[9], codec),
        processing_id,
        version,
        _moment(fields[6].split(marks.component_byte, 1)[0]),
        _digest(msh, end),
        msh,
    )


def _interface(
    same: tuple[bytes, ...], marks: Dialect, codec: str
) -> tuple[str, str, str, str, str, str]:
    """Read what is the same in all messages of one type that one sender sends."""
    application, facility, type_, processing_id, version = same
    component = marks.component_byte
    trigger = type_.split(component, 2)
    return (
        _text(application.split(component, 1)[0], codec),
        _text(facility.split(component, 1)[0], codec),
        # The separator cannot occur in either, so two senders never share a scope.
        _text(application + marks.field_byte + facility, codec),
        _text(b"^".join(trigger[:2]), codec),
        _text(processing_id.split(component, 1)[0], codec),
        _text(version.split(component, 1)[0], codec),
    )


_LONG: Final = 400
"""Bytes; longer ones are read anew, so that a stranger cannot fill the memory."""
_remembered = lru_cache(maxsize=1024)(_interface)


def _codec(msh: Msh) -> str:
    repetition = msh.dialect.repetition_byte
    try:
        return charset.declared(msh.fields[17], repetition, "")[0]
    except Unreadable:
        return "latin-1"


def _text(data: bytes, codec: str) -> str:
    """Decode; what the charset cannot is kept one to one, for look-ups only."""
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _moment(data: bytes) -> datetime | None:
    """Read MSH-7 as UTC.

    A time without offset is taken as UTC: it only serves the 24-hour window of a
    reused control id, where both times come from one sender.
    """
    if not data[:8].isdigit():
        return None
    text = data.decode("latin-1")
    try:
        moment = datetime.fromisoformat(f"{text[:8]}T{text[8:]}" if text[8:] else text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _digest(msh: Msh, end: int) -> bytes:
    """SHA-256 without what a resend may change: MSH-7, MSH-8 and MSH-13."""
    kept = msh.fields.copy()
    kept[6] = kept[7] = kept[12] = b""
    digest = hashlib.sha256(msh.dialect.field_byte.join(kept))
    digest.update(memoryview(msh.body)[end:])
    return digest.digest()


def _objection(msh: Msh, end: int) -> Verdict | None:
    """Return why the message cannot be addressed, the gravest reason first."""
    fields, body = msh.fields, msh.body
    by_cr = b"\r" in body
    other = (_OTHER if by_cr else _OTHER_LF).search(body, end)
    if other is not None:
        return _OTHERS[other[1]]
    if not fields[9].strip(b" ") or fields[9] == _NULL:
        return _NO_CONTROL_ID
    if fields[13] not in (b"", _NULL):
        return _FRAGMENT
    if body.count(b"\r" if by_cr else b"\n") > MOST_SEGMENTS:
        return _TOO_MANY
    component = msh.dialect.component_byte
    if fields[11].split(component, 1)[0] not in VERSIONS:
        return _VERSION
    return None if fields[8].split(component, 1)[0] else _NO_TYPE
