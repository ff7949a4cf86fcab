from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.hl7v2.header import MOST_SEGMENTS, Msh, peek
from gateway.core.errors import Problem
from gateway.core.verdict import Refusal, Verdict
from tests.unit.hl7v2.samples import MSH, OMG, body


def objection(data: bytes) -> tuple[Refusal, str, str]:
    """Return why ``peek`` refuses, as refusal, code and place."""
    verdict = peek(data)[1]
    assert isinstance(verdict, Verdict)
    assert verdict.refusal is not None
    (problem,) = verdict.problems
    return verdict.refusal, problem.code, problem.where


def test_a_header_says_who_what_and_when() -> None:
    """All that recognising, deduplicating and answering need."""
    header, verdict = peek(OMG)

    assert verdict is None
    assert (header.application, header.facility) == ("EPIC", "STE")
    assert (header.type, header.control_id) == ("OMG^O19", "CTRL-1")
    assert (header.processing_id, header.version) == ("P", "2.5.1")
    assert header.sent_at == datetime(2026, 3, 11, 8, 15, tzinfo=UTC)


def test_only_the_first_components_count() -> None:
    """MSH-3, 4, 11 and 12 are composite; MSH-9.3 is not trusted."""
    data = body(
        msh=r"MSH|^~\&|A^1.2^ISO|F^3.4^ISO|||2026||ADT^A08^ADT_A01|C^x|T^A|2.5^USA"
    )

    header, verdict = peek(data)

    assert verdict is None
    assert (header.application, header.facility) == ("A", "F")
    assert (header.type, header.control_id) == ("ADT^A08", "C^x")
    assert (header.processing_id, header.version) == ("T", "2.5")
    assert header.sender == "A^1.2^ISO|F^3.4^ISO"


def test_two_senders_never_share_a_scope() -> None:
    """A namespace that looks like the separator of another does not collide."""
    one = peek(body(msh=r"MSH|^~\&|A:B|C|||||ADT^A08|1|P|2.5"))[0]
    other = peek(body(msh=r"MSH:^~\&:A:B:::::ADT^A08:1:P:2.5"))[0]

    assert one.sender != other.sender


@pytest.mark.parametrize("marks", [":;~\\&", "|^~\\&#", "$%*!@", "|^~\\&"])
def test_any_usable_delimiters_are_taken_from_the_message(marks: str) -> None:
    """Four or five encoding characters, in any version."""
    field, component = marks[0], marks[1]
    data = (
        MSH.replace("|", field)
        .replace("^", component)
        # MSH-2 itself was changed too; put it back
        .replace(f"{field}{component}~\\&{field}", f"{marks}{field}", 1)
        .encode()
    )

    header, verdict = peek(data)

    assert verdict is None
    assert (header.type, header.control_id) == ("OMG^O19", "CTRL-1")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"MSH",
        b"MSH|",
        b"MSH|^~\\&",
        b"MSH||EPIC|STE",
        b"MSH|^~\\|EPIC",
        b"MSH|^~\\&#!|EPIC",
        b"MSH|^^\\&|EPIC",
        b"MSH|^~\\|&|EPIC",
        b"MSHA^~\\&AEPIC",
        b'MSH|^~"&|EPIC',
        b"MSH|^~\xe9&|EPIC",
        b"msh|^~\\&|EPIC",
        b"PID|1",
        b" MSH|^~\\&|EPIC",
        b"MSH|^~\\&|EPIC\x0b|STE|||||ADT^A08|1|P|2.5",
        b"\xff\xfeM\x00S\x00H\x00|\x00",
    ],
)
def test_without_a_usable_msh_nothing_else_is_read(data: bytes) -> None:
    """The answer needs delimiters; they are never guessed."""
    assert objection(data) == (Refusal.UNREADABLE, "message.no_header", "MSH")


@pytest.mark.parametrize("name", ["FHS", "BHS"])
def test_a_batch_is_named_as_such(name: str) -> None:
    """Its sender learns what to change."""
    data = name.encode() + b"|^~\\&|EPIC\r" + OMG

    assert objection(data) == (Refusal.UNREADABLE, "message.batch", "")


@pytest.mark.parametrize("end", [b"\r", b"\r\n"])
def test_two_messages_in_one_frame_are_none(end: bytes) -> None:
    """Answering the first alone would lose the second."""
    data = (OMG + OMG).replace(b"\r", end)

    assert objection(data) == (Refusal.UNREADABLE, "message.two_headers", "MSH[2]")


def test_two_messages_in_a_frame_of_lf_lines() -> None:
    """A frame without any CR can only end its lines in LF."""
    data = (OMG + OMG).replace(b"\r", b"\n")

    assert objection(data)[1] == "message.two_headers"


def test_a_message_quoted_in_a_field_is_text() -> None:
    """An LF inside a field is payload."""
    assert peek(body("NTE|1||see\nMSH|^~\\&|X", "MSHX|1"))[1] is None


@pytest.mark.parametrize("control_id", ["", '""', "  "])
def test_without_a_control_id_no_answer_matches(control_id: str) -> None:
    """MSH-10 must be valued."""
    data = body(msh=MSH.replace("CTRL-1", control_id))

    assert objection(data) == (
        Refusal.UNREADABLE,
        "message.no_control_id",
        "MSH-10",
    )


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (body(msh=MSH.replace("2.5.1||", "2.5.1||99")), "MSH-14"),
        (body("PID|1", "DSC|99"), "DSC"),
        (body("ADD|rest"), "ADD"),
    ],
)
def test_fragments_are_not_joined(data: bytes, where: str) -> None:
    """HL7 v2.5.1 §2.10.2."""
    assert objection(data) == (Refusal.UNREADABLE, "message.fragment", where)


@pytest.mark.parametrize(
    "version",
    [
        *("2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.7.1"),
        *("2.8", "2.8.1", "2.8.2", "2.9", "2.5^USA"),
    ],
)
def test_every_version_in_use_is_read(version: str) -> None:
    """Hospitals run decades of them side by side."""
    assert peek(body(msh=MSH.replace("2.5.1", version)))[1] is None


@pytest.mark.parametrize("version", ["", "2.3.1.A", "3.0", "2", "2.10", "V2.5"])
def test_other_versions_are_unsupported(version: str) -> None:
    """An absent version is no version."""
    data = body(msh=MSH.replace("2.5.1", version))

    assert objection(data) == (
        Refusal.UNSUPPORTED,
        "message.unsupported_version",
        "MSH-12",
    )


def test_without_a_type_nothing_can_be_routed() -> None:
    """MSH-9 missing."""
    data = body(msh=MSH.replace("OMG^O19^OMG_O19", ""))

    assert objection(data) == (Refusal.UNSUPPORTED, "message.unsupported_type", "MSH-9")


def test_segments_are_bounded() -> None:
    """A frame within the size limit may still hold millions of segments."""
    fits = body(*["NTE|1"] * (MOST_SEGMENTS - 1))

    assert peek(fits)[1] is None
    assert objection(fits + b"NTE|1\r")[1] == "message.too_many_segments"


@pytest.mark.parametrize(
    "front", [b"\xef\xbb\xbf", b"\r\n", b"\n\n", b"\xef\xbb\xbf\r"]
)
def test_what_stands_before_msh_is_tolerated(front: bytes) -> None:
    """A byte order mark and blank lines."""
    header, verdict = peek(front + OMG)

    assert (verdict, header.control_id) == (None, "CTRL-1")


def test_an_odd_control_id_is_kept_as_sent() -> None:
    """It is echoed byte for byte, whatever it means to its sender."""
    native = peek(body(msh=MSH.replace("CTRL-1", " A^B&C~\\F\\ ")))[0].native

    assert isinstance(native, Msh)
    assert native.fields[9] == b" A^B&C~\\F\\ "


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("20260311091500+0100", "20260312"),
        ("||OMG^O19^", "|secret|OMG^O19^"),
        ("2.5.1||||||U", "2.5.1|17|||||U"),
    ],
    ids=["MSH-7", "MSH-8", "MSH-13"],
)
def test_the_digest_ignores_what_a_resend_changes(old: str, new: str) -> None:
    """So that a resend is known as one."""
    msh = MSH.replace(old, new)

    assert msh != MSH
    assert peek(body(msh=msh))[0].digest == peek(body())[0].digest


@pytest.mark.parametrize("old", ["CTRL-1", "STE", "^OMG_O19", "UTF-8"])
def test_the_digest_sees_the_other_fields(old: str) -> None:
    """A changed header is another message."""
    msh = MSH.replace(old, "X")

    assert peek(body(msh=msh))[0].digest != peek(body())[0].digest


def test_the_digest_covers_the_rest() -> None:
    """One changed byte anywhere is another body."""
    assert peek(body("PID|1"))[0].digest != peek(body("PID|2"))[0].digest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20260311", datetime(2026, 3, 11, tzinfo=UTC)),
        ("202603110915", datetime(2026, 3, 11, 9, 15, tzinfo=UTC)),
        (
            "20260311091500.1234-0500",
            datetime(2026, 3, 11, 14, 15, 0, 123400, tzinfo=UTC),
        ),
        ("20260311091500+0100^S", datetime(2026, 3, 11, 8, 15, tzinfo=UTC)),
        ("2026", None),
        ("20261311", None),
        ("2026W111", None),
        ("00010101000000+1400", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_the_senders_time(text: str, expected: datetime | None) -> None:
    """As UTC where it has an offset; without one it counts as UTC."""
    data = body(msh=MSH.replace("20260311091500+0100", text))

    assert peek(data)[0].sent_at == expected


@pytest.mark.parametrize(
    ("name", "codec", "facility"),
    [
        ("GB 18030-2000", "gb18030", "亅"),
        ("BIG-5", "big5", "四"),
        ("~ISO IR87", "iso2022_jp", "淫"),
    ],
)
def test_a_facility_with_a_bar_in_its_bytes_does_not_shift_the_header(
    name: str, codec: str, facility: str
) -> None:
    """MSH-18 names the charset that is needed to find MSH-18."""
    data = MSH.replace("STE", facility).replace("UNICODE UTF-8", name).encode(codec)

    header, verdict = peek(data + b"\r")

    assert b"|" in facility.encode(codec)
    assert (verdict, header.facility, header.control_id) == (None, facility, "CTRL-1")


@pytest.mark.parametrize(
    ("name", "facility"), [("8859/1", "Süd"), ("KLINGON", "SÃ¼d"), ("", "SÃ¼d")]
)
def test_names_in_a_header_are_text(name: str, facility: str) -> None:
    """By the declared charset, else one character per byte; never replaced."""
    msh = MSH.replace("STE", "Süd").replace("UNICODE UTF-8", name)
    codec = "latin-1" if name == "8859/1" else "utf-8"

    assert peek(f"{msh}\r".encode(codec))[0].facility == facility


@given(st.binary(max_size=200), st.integers(0, len(OMG)))
@settings(deadline=None)
def test_peek_never_raises(noise: bytes, at: int) -> None:
    """Whatever comes gets a header and perhaps a verdict."""
    for data in (noise, OMG[:at] + noise, b"MSH" + noise, OMG[:at] + noise + OMG[at:]):
        header, _ = peek(data)
        assert isinstance(header.native, Msh)


def test_a_mark_is_noted() -> None:
    """Tolerated, not unseen."""
    native = peek(b"\xef\xbb\xbf" + OMG)[0].native

    assert isinstance(native, Msh)
    assert native.notes == (Problem("charset.mismatch", "", "note"),)


def test_a_header_shows_no_value() -> None:
    """Its ``repr`` may reach a log."""
    assert "Berg" not in repr(peek(OMG)[0])
