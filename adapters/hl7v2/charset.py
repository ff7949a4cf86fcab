"""MSH-18: from the names of HL7 table 0211 to Python's codecs, strictly.

Sources: HL7 v2.9 §2.14.9.18 and table 0211, with the spellings that EHRs send.
Bytes that are not in the declared charset are never replaced: the message is
held (``docs/acknowledgements.md``). A blank MSH-18 means ASCII, as the standard
says, unless the site's file names another default.
"""

import codecs
import re
from functools import lru_cache
from itertools import pairwise
from typing import Final

from gateway.core.errors import Problem, Unreadable

UNKNOWN: Final = Problem("charset.unknown", "MSH-18", "hold")

_JAPANESE: Final = "iso2022_jp_ext"
"""ASCII and ISO IR 13, 14, 87 and 159, switched by ISO 2022 escape sequences."""

_ISO_8859: Final = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16)
_REGISTERED: Final = {
    100: 1,
    101: 2,
    109: 3,
    110: 4,
    144: 5,
    127: 6,
    126: 7,
    138: 8,
    148: 9,
    166: 11,
    203: 15,
}
"""ISO registration number of the upper half -> part of ISO 8859."""

_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "ascii": ("ASCII", "US ASCII", "ISO IR 6", "ISO 646"),
    "utf-8": ("UNICODE UTF-8", "UTF-8", "ISO IR 192"),
    _JAPANESE: (
        *(f"ISO IR {n}" for n in (13, 14, 87, 159)),
        *(f"ISO 2022 IR {n}" for n in (13, 14, 87, 159)),
        "ISO-2022-JP",
    ),
    "cp932": ("SHIFT_JIS", "SJIS", "WINDOWS-31J", "MS932", "CP932"),
    "euc_jp": ("EUC-JP",),
    "gb18030": ("GB 18030-2000", "GB 18030", "GB 18030-2005", "GBK"),
    "gb2312": ("GB 2312", "EUC-CN"),
    "big5": ("BIG-5",),
    "euc_kr": ("KS X 1001", "KS C 5601", "EUC-KR", "ISO IR 149"),
    "iso8859-1": ("LATIN-1",),
    **{f"cp{n}": (f"WINDOWS-{n}", f"CP{n}") for n in range(1250, 1259)},
}

DECODE_FIRST: Final = frozenset({_JAPANESE, "cp932", "gb18030", "big5"})
"""Codecs whose characters may contain bytes that equal a delimiter."""

_NOISE = re.compile(r"[^A-Z0-9]")
_UPPER_CONTROLS = re.compile("[\x80-\x9f]")
_ESC = b"\x1b"
_ABSENT: Final = ' "'


def _key(name: str) -> str:
    return _NOISE.sub("", name.upper())


_CODECS: Final = (
    {_key(name): known for known, names in _NAMES.items() for name in names}
    | {f"8859{part}": f"iso8859-{part}" for part in _ISO_8859}
    | {f"ISO8859{part}": f"iso8859-{part}" for part in _ISO_8859}
    | {f"ISOIR{number}": f"iso8859-{part}" for number, part in _REGISTERED.items()}
)


def codec(name: str) -> str | None:
    """Return the Python codec for one name of table 0211, ``None`` if unknown.

    Case, blanks and punctuation do not matter; a blank name is ASCII. Names that
    cannot be meant over MLLP (UNICODE UTF-16) or that Python cannot decode
    (CNS 11643-1992) are unknown.
    """
    return _CODECS.get(_key(name)) if name.strip(_ABSENT) else "ascii"


@lru_cache(maxsize=256)
def declared(msh_18: bytes, repetition: bytes, default: str) -> tuple[str, ...]:
    """Return the codecs that MSH-18 asks for, without repeats.

    ``default`` is the site's name for a blank field.

    Raises:
        Unreadable: ``charset.unknown`` (hold).
    """
    names = msh_18.decode("latin-1").split(repetition.decode("latin-1"))
    if not msh_18.strip(_ABSENT.encode()):
        names = [default]
    found = tuple(dict.fromkeys(map(codec, names)))
    known = tuple(name for name in found if name is not None)
    if known != found:
        raise Unreadable(UNKNOWN)
    if _JAPANESE in known and set(known) <= {_JAPANESE, "ascii"}:
        return (_JAPANESE,)
    return known


def decode(data: bytes, choices: tuple[str, ...]) -> str:
    """Decode strictly; by several charsets only if all give the same text.

    Several charsets are told apart by escape sequences, which we read for the
    Japanese sets only. Elsewhere the message is understood if it has none.

    Raises:
        Unreadable: ``charset.unknown`` (hold).
        UnicodeDecodeError: The bytes are not in the one charset declared.
    """
    if len(choices) == 1:
        return data.decode(choices[0])
    readings = {_reading(data, choice) for choice in choices}
    text = readings.pop()
    if text is None or readings or _ESC in data:
        raise Unreadable(UNKNOWN)
    return text


def _reading(data: bytes, choice: str) -> str | None:
    try:
        return data.decode(choice)
    except UnicodeDecodeError:
        return None


def suspicious(text: str, name: str) -> int:
    """Return where ``text`` has a control of ISO 8859's upper half, else -1.

    No EHR means one: the bytes 0x80 to 0x9F in what is declared as ISO 8859 are
    nearly always Windows-1252. They are kept and flagged.
    """
    if text.isascii() or not name.startswith("iso8859"):
        return -1
    found = _UPPER_CONTROLS.search(text)
    return found.start() if found else -1


def split(data: bytes, separator: bytes, name: str) -> list[bytes]:
    """Split bytes at a delimiter, but never inside a character of ``name``.

    Raises:
        UnicodeDecodeError: The bytes are not in that charset.
    """
    decoder = codecs.getincrementaldecoder(name)()
    mark = separator.decode("ascii")
    found = (n for n in range(len(data)) if decoder.decode(data[n : n + 1]) == mark)
    return [data[a + 1 : b] for a, b in pairwise((-1, *found, len(data)))]
