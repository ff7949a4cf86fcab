import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.hl7v2.dialect import Dialect, dialect, standard

CODECS = ["utf-8", "ascii", "iso8859-1", "cp1252", "iso2022_jp_ext", "big5", "gb18030"]
MARKS = standard("utf-8")


@given(st.text(), st.sampled_from(CODECS), st.sampled_from(["^~\\&", "^~\\&#", "$%*!"]))
@settings(deadline=None, max_examples=50)
def test_escaping_and_unescaping_gives_the_text_back(
    text: str, codec: str, marks: str
) -> None:
    """For every text, delimiters, line ends and control characters included."""
    found = Dialect("|", marks, codec)

    assert found.unescape(found.escaped(text)) == text


@given(st.text())
@settings(deadline=None, max_examples=50)
def test_escaped_text_cannot_break_its_field(text: str) -> None:
    """No delimiter, no line end and no framing byte is left in it."""
    escaped = MARKS.escaped(text)

    assert not set(escaped) & set("|^~&\r\n\x0b\x1c\0")


@given(st.text(alphabet="\\FSTREPXHN.br0D^&| "))
@settings(deadline=None, max_examples=50)
def test_unescaping_never_fails(text: str) -> None:
    """Broken escapes are text."""
    MARKS.unescape(text)


@pytest.mark.parametrize(
    ("sent", "means"),
    [
        (r"R\T\D 5\S\3", "R&D 5^3"),
        (r"\F\\R\\E\\P\ ", r"|~\\P\ "),
        (r"\E\E\E\ ", "\\E\\ "),
        (r"a\.br\b", "a\nb"),
        (r"\X0D\ ", "\r "),
        (r"\X000d\ ", "\0\r "),
        (r"\XC3A9\ ", "é "),
        (r"\XC3\ ", r"\XC3\ "),
        (r"\XZZ\ ", r"\XZZ\ "),
        (r"\X\ ", r"\X\ "),
        (r"\H\bold\N\ ", r"\H\bold\N\ "),
        (r"\.sp2\ ", r"\.sp2\ "),
        (r"\C2842\ ", r"\C2842\ "),
        (r"\Z1\ ", r"\Z1\ "),
        ("C:\\temp", "C:\\temp"),
        ("end\\", "end\\"),
        ("\\", "\\"),
        ("\\\\", "\\\\"),
    ],
)
def test_escape_sequences(sent: str, means: str) -> None:
    """Read once, in one pass; what is unknown stays as it is."""
    assert MARKS.unescape(sent) == means


def test_the_truncation_character_is_escaped_where_msh_2_names_it() -> None:
    """Five encoding characters, HL7 v2.7 §2.5.5.2."""
    five = Dialect("|", "^~\\&#", "utf-8")

    assert five.escaped("#1") == r"\P\1"
    assert five.unescape(r"\P\1") == "#1"
    assert MARKS.escaped("#1") == "#1"


def test_hexadecimal_bytes_are_in_the_messages_charset() -> None:
    """Not in Latin-1, which is what a byte by byte reading would give."""
    assert standard("big5").unescape(r"\XB35C\ ") == "許 "
    assert standard("iso8859-1").unescape(r"\XE9\ ") == "é "


def test_one_dialect_serves_all_messages_that_share_it() -> None:
    """Tables and patterns are made once."""
    assert dialect(b"|^~\\&", "utf-8") is dialect(b"|^~\\&", "utf-8")
