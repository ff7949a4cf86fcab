import pytest

from adapters.hl7v2 import charset
from gateway.core.agreements import Conventions
from gateway.core.errors import Problem, Unreadable
from tests.unit.hl7v2.samples import MSH, message, value

NAME = MSH.replace("UNICODE UTF-8", "{}") + "\rPID|1||7||{}\r"


def sent(name: str, family: str, codec: str) -> bytes:
    """Return a message that declares ``name`` and is written in ``codec``."""
    return NAME.format(name, family).encode(codec)


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("UNICODE UTF-8", "utf-8"),
        ("utf-8", "utf-8"),
        ("UTF8", "utf-8"),
        ("8859/1", "iso8859-1"),
        ("ISO-8859-1", "iso8859-1"),
        ("iso_8859-15", "iso8859-15"),
        ("8859/15", "iso8859-15"),
        ("ISO IR 100", "iso8859-1"),
        ("ISO_IR 144", "iso8859-5"),
        ("ASCII", "ascii"),
        ("", "ascii"),
        ("ISO IR6", "ascii"),
        ("WINDOWS-1252", "cp1252"),
        ("CP1252", "cp1252"),
        ("ISO IR87", "iso2022_jp_ext"),
        ("ISO IR14", "iso2022_jp_ext"),
        ("GB 18030-2000", "gb18030"),
        ("BIG-5", "big5"),
        ("KS X 1001", "euc_kr"),
        ("UNICODE UTF-16", None),
        ("UNICODE", None),
        ("CNS 11643-1992", None),
        ("???", None),
    ],
)
def test_names_of_table_0211(name: str, codec: str | None) -> None:
    """Spelling varies between EHRs; what cannot be meant over MLLP is unknown."""
    assert charset.codec(name) == codec


@pytest.mark.parametrize(
    ("name", "codec", "family"),
    [
        ("UNICODE UTF-8", "utf-8", "Müller"),
        ("8859/1", "latin-1", "Müller"),
        ("8859/5", "iso8859-5", "Иванова"),
        ("KS X 1001", "euc_kr", "김"),
        ("GB 18030-2000", "gb18030", "王亅"),
        ("BIG-5", "big5", "許功蓋"),
        ("SHIFT_JIS", "cp932", "表示"),
        ("~ISO IR87", "iso2022_jp", "山淫"),
        ("ASCII~ISO IR14~ISO IR87~ISO IR159", "iso2022_jp", "山田"),
    ],
)
def test_a_name_arrives_code_point_by_code_point(
    name: str, codec: str, family: str
) -> None:
    """Also where a character has the byte of a delimiter or the escape in it."""
    assert value("PID-5.1", sent(name, family, codec)) == family


def test_trail_bytes_really_equal_delimiters() -> None:
    """The samples above would prove nothing otherwise."""
    assert b"\\" in "許功蓋".encode("big5")
    assert b"\\" in "表示".encode("cp932")
    assert b"|" in "亅".encode("gb18030")
    assert b"|" in "淫".encode("iso2022_jp")


def test_a_blank_msh_18_means_ascii() -> None:
    """UTF-8 is never assumed silently: the first other byte holds the message."""
    with pytest.raises(Unreadable) as caught:
        message(sent("", "Müller", "utf-8"))

    assert caught.value.problems == (Problem("charset.mismatch", "PID-5", "hold"),)


def test_a_blank_msh_18_means_what_the_site_says() -> None:
    """The interface agreement fills what the standard leaves open."""
    site = Conventions(charset="WINDOWS-1252")

    assert value("PID-5", sent("", "O\u2019Neil", "cp1252"), site) == "O\u2019Neil"


@pytest.mark.parametrize("name", ["KLINGON", "UNICODE UTF-16", "8859/1~KLINGON"])
def test_an_unknown_charset_holds(name: str) -> None:
    """A person decides; bytes are never decoded by a guess."""
    with pytest.raises(Unreadable) as caught:
        message(sent(name, "Muller", "ascii"))

    assert caught.value.problems == (Problem("charset.unknown", "MSH-18", "hold"),)


def test_a_site_default_that_is_unknown_holds_too() -> None:
    """A typing error in a site's file must not become a guess."""
    with pytest.raises(Unreadable) as caught:
        message(sent("", "Muller", "ascii"), Conventions(charset="KLINGON"))

    assert caught.value.problems == (charset.UNKNOWN,)


@pytest.mark.parametrize(
    ("family", "place"),
    [("M\xfcller", "PID-5"), ("^\xfc", "PID-5"), ("Muller|\xfc", "PID-6")],
)
def test_bytes_outside_the_charset_hold_at_their_field(family: str, place: str) -> None:
    """They are neither dropped nor replaced by U+FFFD."""
    with pytest.raises(Unreadable) as caught:
        message(sent("UNICODE UTF-8", family, "latin-1"))

    assert caught.value.problems == (Problem("charset.mismatch", place, "hold"),)


def test_the_place_counts_segments() -> None:
    """The second OBX is named as such."""
    data = sent("ASCII", "Muller", "ascii") + b"OBX|1\rOBX|2||x|\xe9\r"

    with pytest.raises(Unreadable) as caught:
        message(data)

    assert caught.value.problems[0].where == "OBX[2]-4"


def test_bytes_outside_any_segment_are_located_by_line() -> None:
    """Garbage after the last segment is in no field."""
    data = sent("ASCII", "Muller", "ascii") + b"\r\xff\xfe"

    with pytest.raises(Unreadable) as caught:
        message(data)

    assert caught.value.problems[0].where == "line 3"


def test_several_charsets_that_agree_are_one() -> None:
    """Many interfaces list what they could send and then send ASCII."""
    data = sent("ASCII~8859/1~UNICODE UTF-8", "Muller", "ascii")

    assert value("PID-5", data) == "Muller"


@pytest.mark.parametrize("family", ["Müller", "\x1b-AMuller"])
def test_several_charsets_that_differ_are_unknown(family: str) -> None:
    """We do not read the escape sequences that would tell them apart."""
    with pytest.raises(Unreadable) as caught:
        message(sent("ASCII~8859/1", family, "latin-1"))

    assert caught.value.problems == (charset.UNKNOWN,)


def test_windows_bytes_declared_as_iso_8859_are_kept_and_noted() -> None:
    """They are legal controls there, so nothing stops; a person may look."""
    found = message(sent("8859/1", "O\x92Neil", "latin-1"))

    assert found.nearest("PID").raw(5) == "O\x92Neil"  # type: ignore[union-attr]
    assert found.notes == (Problem("charset.mismatch", "PID-5", "note"),)


def test_a_byte_order_mark_is_no_harm() -> None:
    """It is removed before MSH is looked for, and noted."""
    found = message(b"\xef\xbb\xbf" + sent("UNICODE UTF-8", "Müller", "utf-8"))

    assert found.nearest("PID").raw(5) == "Müller"  # type: ignore[union-attr]
    assert [note.consequence for note in found.notes] == ["note"]


@pytest.mark.parametrize("codec", sorted(charset.DECODE_FIRST))
def test_splitting_bytes_never_cuts_a_character(codec: str) -> None:
    """The pieces join again, and each decodes by itself."""
    data = "a|表亅|b||功淫".encode(codec, "ignore")

    pieces = charset.split(data, b"|", codec)

    assert len(pieces) == 5
    assert b"|".join(pieces) == data
