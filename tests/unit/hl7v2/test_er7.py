import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.hl7v2.nodes import Segment
from gateway.core.agreements import Conventions
from gateway.core.errors import Problem, Unreadable
from tests.unit.hl7v2.samples import MSH, OMG, body, message, value

LENIENT = Conventions(line_ends="any")
TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\n|"), min_size=1
).filter(lambda text: text != '""')


def ids(data: bytes, conventions: Conventions = Conventions()) -> list[str]:  # noqa: B008
    """Return the segment ids of a message."""
    return [segment.id for segment in message(data, conventions).segments]


def problems(data: bytes, conventions: Conventions = Conventions()) -> list[Problem]:  # noqa: B008
    """Return why a message cannot be read."""
    with pytest.raises(Unreadable) as caught:
        message(data, conventions)
    return list(caught.value.problems)


@given(st.lists(TEXT, min_size=1, max_size=9))
@settings(deadline=None, max_examples=50)
def test_fields_are_kept_to_the_byte(fields: list[str]) -> None:
    """Nothing is trimmed, normalised, replaced or taken for a line end."""
    found = message(body("ZXT|" + "|".join(fields))).nearest("ZXT")

    assert found is not None
    assert [found.raw(n) for n in range(1, len(fields) + 1)] == fields


@given(st.lists(TEXT, min_size=1, max_size=5))
@settings(deadline=None, max_examples=50)
def test_a_message_is_its_segments(texts: list[str]) -> None:
    """Joining what was read gives the bytes that came."""
    data = body(*(f"ZXT|{text}" for text in texts))

    found = "".join(f"{segment.text}\r" for segment in message(data).segments)

    assert found.encode() == data


@pytest.mark.parametrize(
    "char", ["\x85", "\u2028", "\u2029", "\x1d", "\x1e", "\x0b", "\x1c", "\x0c", "\xa0"]
)
def test_only_cr_ends_a_segment(char: str) -> None:
    """Python counts nine other characters as line ends or blanks."""
    data = body(f"NTE|1||{char}a{char}b{char}")

    assert value("NTE-3", data) == f"{char}a{char}b{char}"


@pytest.mark.parametrize("end", ["\r", "\r\n", "\r\r", "\r\n\r\n"])
def test_an_lf_after_a_cr_belongs_to_the_line_end(end: str) -> None:
    """As do blank lines."""
    data = f"{MSH}{end}PID|1{end}PV1|1{end}".encode()

    assert ids(data) == ["MSH", "PID", "PV1"]


def test_an_lf_inside_a_field_is_payload() -> None:
    """Strict CR, as MLLP has it."""
    assert value("NTE-3", body("NTE|1||a\nPID|b")) == "a\nPID"


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_a_site_may_end_lines_as_files_do(end: str) -> None:
    """By convention only."""
    data = f"{MSH}{end}PID|1{end}{end}PV1|1{end}".encode()

    assert ids(data, LENIENT) == ["MSH", "PID", "PV1"]


def test_a_file_of_lf_lines_is_not_one_segment() -> None:
    """It is refused, with the reason, unless the site's conventions say so."""
    data = OMG.replace(b"\r", b"\n")

    assert problems(data) == [Problem("segment.not_a_segment", "line 1")]


@pytest.mark.parametrize(
    "line", ["second line of a note", "X", "PI", "P D|1", "PIDX|1", "|1", "ÄÖÜ|1", " "]
)
def test_a_line_that_is_no_segment_is_refused(line: str) -> None:
    """Joining it to the field before would be a guess."""
    assert problems(body("NTE|1||text", line)) == [
        Problem("segment.not_a_segment", "line 3")
    ]


def test_not_more_than_twenty_such_lines_are_listed() -> None:
    """An answer is no place for a whole file."""
    assert len(problems(body(*["?"] * 99))) == 20


def test_segments_may_be_bare_unknown_or_lower_case() -> None:
    """They are kept; ``pid`` is simply no PID."""
    data = body("EVN", "ZPI|1", "pid|1|x")

    assert ids(data) == ["MSH", "EVN", "ZPI", "pid"]
    assert value("PID-2", data) is None


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("\rPID|1\n" + MSH + "\n", "message.two_headers"),
        ("\rPID|1\nDSC|1\n", "message.fragment"),
        ("\r" + "NTE|1\n" * 10_000, "message.too_many_segments"),
    ],
)
def test_what_only_the_sites_line_ends_show_is_refused_on_reading(
    data: str, code: str
) -> None:
    """``peek`` does not know the site yet."""
    assert [each.code for each in problems((MSH + data).encode(), LENIENT)] == [code]


@pytest.mark.parametrize("byte", ["\x0b", "\x1c"])
def test_framing_bytes_in_the_payload_are_noted(byte: str) -> None:
    """They are kept; a person may want to know."""
    notes = message(body(f"NTE|1||a{byte}b")).notes

    assert notes == (Problem("payload.control_bytes", "", "note"),)


def test_fields_are_split_on_first_access_only() -> None:
    """Most segments of a message are never looked at."""
    found = message(OMG)

    found.nearest("PID").raw(3)  # type: ignore[union-attr]

    split = {segment.id for segment in found.segments if segment.parts is not None}
    assert split == {"PID"}


@pytest.mark.parametrize(("field", "text"), [(1, "|"), (2, "^~\\&"), (3, "EPIC")])
def test_msh_counts_its_separator(field: int, text: str) -> None:
    """MSH-1 is the character after ``MSH``."""
    header: Segment | None = message(OMG).nearest("MSH")

    assert header is not None
    assert header.raw(field) == text
