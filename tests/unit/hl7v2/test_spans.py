import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.hl7v2.spans import span
from gateway.core.agreements import Conventions
from gateway.mapping.places import NotAPlace
from tests.unit.hl7v2.samples import MSH, OMG, body, message


def sent(place: str, data: bytes, conventions: Conventions = Conventions()) -> bytes:  # noqa: B008
    """Return the very bytes a place means."""
    found = span(message(data, conventions), place)
    return b"" if found is None else data[slice(*found)]


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("PID-3", b"00123^^^STE^MR~987-65-4321^^^USSSA^SS"),
        ("PID-3.1", b"00123"),
        ("PID-3[2]", b"987-65-4321^^^USSSA^SS"),
        ("PID-3[5=SS].4.1", b"USSSA"),
        ("PID-5.1.2", b"van"),
        ("PID-5.1", b"van Berg&van&Berg"),
        ("OBX[3.1=29463-7]-5", b"71.4"),
        ("OBX[4]-5", b"72.0"),
        ("NTE-3", rb"Bring \T\ keep cold\.br\second line"),
        ("MSH-1", b"|"),
        ("MSH-2", b"^~\\&"),
        ("MSH-3", b"EPIC"),
        ("MSH-9.2", b"O19"),
        ("PID-3[9].1", b""),
        ("PID-5.9", b""),
        ("PID-99", b""),
        ("ZZZ-1", b""),
        (".1", b""),
    ],
)
def test_a_place_is_found_in_the_bytes(place: str, expected: bytes) -> None:
    """Escapes and all."""
    assert sent(place, OMG) == expected


@pytest.mark.parametrize(
    ("front", "end"),
    [(b"", b"\r"), (b"\xef\xbb\xbf", b"\r\n"), (b"\r\n", b"\n\n"), (b"", b"\r\r")],
)
def test_line_ends_and_marks_are_counted(front: bytes, end: bytes) -> None:
    """Offsets are those of the stored body."""
    data = front + OMG.replace(b"\r", end)

    assert sent("OBX[4]-5", data, Conventions(line_ends="any")) == b"72.0"


def test_strict_line_ends_are_counted() -> None:
    """An LF after CR is no part of a segment, any other is."""
    data = OMG.replace(b"\r", b"\r\n").replace(b"keep cold", b"keep\ncold")

    assert sent("OBX[4]-5", data) == b"72.0"


@pytest.mark.parametrize(
    ("name", "codec", "family"),
    [
        ("UNICODE UTF-8", "utf-8", "Müller 山"),
        ("8859/1", "latin-1", "Müller"),
        ("BIG-5", "big5", "許功蓋"),
        ("~ISO IR87", "iso2022_jp_ext", "山淫"),
    ],
)
def test_offsets_count_bytes_not_characters(name: str, codec: str, family: str) -> None:
    """Also where characters take several bytes, or share theirs with delimiters."""
    msh = MSH.replace("UNICODE UTF-8", name)
    data = f"{msh}\rPID|1||7||{family}^{family}|x\r".encode(codec)

    assert sent("PID-5.2", data).decode(codec) == family
    assert sent("PID-6", data) == b"x"


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n|~^&\\"))))
@settings(deadline=None, max_examples=50)
def test_every_field_is_found(fields: list[str]) -> None:
    """Byte for byte."""
    data = body("ZXT|" + "|".join(fields))

    for n, text in enumerate(fields, 1):
        assert sent(f"ZXT-{n}", data) == text.encode()


def test_what_is_no_place_has_no_span() -> None:
    """The caller typed it."""
    with pytest.raises(NotAPlace):
        span(message(OMG), "PID")
