r"""The delimiters and the charset of one message, and escaping by them.

Sources: HL7 v2.5.1 §2.5.4 (delimiters) and §2.7 (escape sequences), v2.7 §2.5.5.2
(the truncation character). Escape sequences are read in one pass and once:

    \F\ \S\ \T\ \R\ \E\     the delimiter they stand for
    \P\                     the truncation character, if MSH-2 names one
    \Xhh…\                  bytes in the message's charset
    \.br\                   a line feed
    anything else           kept as it stands: highlighting, indents, \C, \M, \Z,
                            a lone escape character, bytes that do not decode

Writing escapes every delimiter, writes a line feed as ``\.br\`` and the other
control characters but the tab as ``\Xhh\``, so that reading gives the text back.
"""

import re
from functools import lru_cache
from typing import Final

_BREAK: Final = "\n"
_HEXED: Final = [chr(n) for n in range(0x20) if chr(n) not in "\t\n"]
_ENCODING_CHARACTERS: Final = (4, 5)


class Dialect:
    """How one message is delimited, escaped and encoded. Made by ``dialect``.

    The delimiters are there as text and, for headers and answers, as bytes.
    ``sound`` fully matches a message of nothing but segments, ended by CR.
    """

    __slots__ = (
        "_escaped",
        "_sequence",
        "_table",
        "codec",
        "component",
        "component_byte",
        "encoding_characters",
        "escape",
        "field",
        "field_byte",
        "repetition",
        "repetition_byte",
        "sound",
        "subcomponent",
    )

    def __init__(self, field: str, encoding_characters: str, codec: str) -> None:
        self.field = field
        self.encoding_characters = encoding_characters
        self.codec = codec
        self.component = encoding_characters[0]
        self.repetition = encoding_characters[1]
        self.escape = escape = encoding_characters[2]
        self.subcomponent = encoding_characters[3]
        self.field_byte = field.encode()
        self.component_byte = self.component.encode()
        self.repetition_byte = self.repetition.encode()
        self._table = dict(zip("SRETP", encoding_characters, strict=False))
        self._table |= {"F": field, ".br": _BREAK}
        f = re.escape(field)
        first, more = rf"MSH{f}[^\r\n]*+\r*+", rf"[A-Za-z0-9]{{3}}(?:{f}[^\r]*+)?+"
        self.sound = re.compile(rf"{first}(?:{more}(?:\r++|\Z))*+")
        e = re.escape(escape)
        self._sequence = re.compile(f"{e}([^{e}]*){e}")
        self._escaped = str.maketrans(
            {char: f"{escape}X{ord(char):02X}{escape}" for char in _HEXED}
            | {char: escape + name + escape for name, char in self._table.items()}
        )

    def unescape(self, text: str) -> str:
        """Return what ``text`` stands for; unknown sequences stay as they are."""
        return self._sequence.sub(self._meaning, text)

    def escaped(self, text: str) -> str:
        """Return ``text`` so that it may stand in a field; undone by ``unescape``."""
        return text.translate(self._escaped)

    def _meaning(self, found: re.Match[str]) -> str:
        name = found[1]
        if name in self._table:
            return self._table[name]
        meant = self._hex(name[1:]) if name[:1] == "X" else ""
        return meant or found[0]

    def _hex(self, digits: str) -> str:
        """Decode; a lone control (ESC in ISO 2022) is one byte in every charset."""
        for codec in (self.codec, "ascii"):
            try:
                return bytes.fromhex(digits).decode(codec)
            except ValueError:
                continue
        return ""


@lru_cache(maxsize=64)
def dialect(head: bytes, codec: str = "ascii") -> Dialect | None:
    r"""Return the dialect that MSH-1 and MSH-2 declare, e.g. ``b"|^~\\&"``.

    ``None`` if they are unusable: not four or five encoding characters (five in
    any version, since the truncation character is common before 2.7), not
    different ones, or such as occur in data (letters, digits, blanks, quotes).
    """
    if len(head) - 1 not in _ENCODING_CHARACTERS or len(set(head)) != len(head):
        return None
    text = head.decode("latin-1")
    if not text.isascii() or not text.isprintable():
        return None
    if any(char.isalnum() or char in ' "' for char in text):
        return None
    return Dialect(text[0], text[1:], codec)


def standard(codec: str = "ascii") -> Dialect:
    r"""Return the delimiters HL7 recommends, ``|^~\&``, with ``codec``."""
    return Dialect("|", "^~\\&", codec)
