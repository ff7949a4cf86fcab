"""The pure parts of the forty nastiest cases, named by their number there."""

from itertools import product

import pytest

from adapters.hl7v2.mllp import (
    Block,
    BlockTooLarge,
    Damage,
    Empty,
    Event,
    JunkTooLong,
    MllpFramer,
    encode,
)
from gateway.core.agreements import Conventions
from gateway.core.errors import Problem, Unreadable
from gateway.core.verdict import AnswerKind, Refusal
from gateway.mapping.places import NULL
from tests.unit.hl7v2.samples import (
    MSH,
    OMG,
    answered,
    body,
    line,
    message,
    rejected,
    value,
)

CANARY = body("PID|1||1||Müller^山")


def numbered(n: int) -> bytes:
    """Return the n-th of several messages."""
    return body(f"PID|1||{n}", msh=MSH.replace("CTRL-1", f"CTRL-{n}"))


def events(*reads: bytes, framer: MllpFramer | None = None) -> list[Event]:
    """Return everything the framer says to these reads."""
    framer = framer or MllpFramer()
    found: list[Event] = []
    for read in reads:
        framer.receive(read)
        while (event := framer.next_event()) is not None:
            found.append(event)
    return found


def told(*reads: bytes) -> list[bytes]:
    """Return MSA of the answer to every block in these reads."""
    blocks = [event for event in events(*reads) if isinstance(event, Block)]
    return [line(answered(block.body), "MSA") for block in blocks]


def test_case_01_a_frame_split_at_every_byte() -> None:
    """Between VT and MSH, inside a character, between FS and CR: one message."""
    stream = encode(CANARY)

    for cut in range(1, len(stream)):
        assert events(stream[:cut], stream[cut:]) == [Block(CANARY)]


@pytest.mark.parametrize("count", [2, 50])
def test_case_02_many_frames_in_one_read(count: int) -> None:
    """All are answered, once each and in order."""
    stream = b"".join(encode(numbered(n)) for n in range(count))

    assert told(stream) == [f"MSA|AA|CTRL-{n}".encode() for n in range(count)]


def test_case_03_good_unparsable_good_in_one_read() -> None:
    """The bad one is refused, the good ones do not notice."""
    stream = encode(numbered(1)) + encode(b"garbage") + encode(numbered(2))

    assert told(stream) == [b"MSA|AA|CTRL-1", b"MSA|AR|", b"MSA|AA|CTRL-2"]


@pytest.mark.parametrize("junk", [b"\r\n", b"\0\0", b"2026-03-11 INFO connected\n"])
def test_case_04_junk_between_frames(junk: bytes) -> None:
    """Skipped and counted, before the first frame and between two."""
    stream = junk + encode(numbered(1)) + junk + encode(numbered(2))

    found = events(stream)

    assert told(stream) == [b"MSA|AA|CTRL-1", b"MSA|AA|CTRL-2"]
    assert [each.size for each in found if isinstance(each, Damage)] == [len(junk)] * 2


def test_case_04_too_much_junk() -> None:
    """More than 4 KiB is no peer of ours."""
    events(b"x" * 4096)

    with pytest.raises(JunkTooLong):
        events(b"x" * 4097)


@pytest.mark.parametrize("rest", [b"\n", b"", b"\x1c"])
def test_case_05_fs_without_cr_ends_nothing(rest: bytes) -> None:
    """The deadline inside a frame ends it; a shorter message never passes."""
    framer = MllpFramer()

    assert events(encode(OMG)[:-1] + rest, framer=framer) == []
    assert framer.in_block
    assert [type(each) for each in events(b"", framer=framer)] == [Damage]


def test_case_05_the_next_frame_survives_it() -> None:
    """It begins with MSH, so the unended one is known to be cut."""
    found = events(encode(OMG)[:-1] + b"\n" + encode(numbered(2)))

    assert [type(each) for each in found] == [Damage, Block]


@pytest.mark.parametrize("byte", ["\x0b", "\x1c", "\x0bOBX", "\x1c\n"])
def test_case_06_framing_bytes_in_the_payload(byte: str) -> None:
    """Kept, and noted for a person."""
    data = body(f"NTE|1||a{byte}b")

    assert events(encode(b"") + b"\x0b" + data + b"\x1c\r") == [Empty(), Block(data)]
    assert value("NTE-3", data) == f"a{byte}b"
    assert message(data).notes == (Problem("payload.control_bytes", "", "note"),)


def test_case_06_a_doubled_envelope() -> None:
    """One message, one answer."""
    stream = b"\x0b" + encode(OMG) + b"\x1c\r"

    assert told(stream, b"") == [b"MSA|AA|CTRL-1"]


@pytest.mark.parametrize("content", [b"", b"\r", b"\r\r\r"])
def test_case_07_an_empty_frame(content: bytes) -> None:
    """No message, so no answer; the listener counts them."""
    assert events(encode(content)) == [Empty()]


def test_case_07_msh_without_a_frame() -> None:
    """Not accepted: where would it end?"""
    found = events(OMG, b"")

    assert [type(each) for each in found] == [Damage]


def test_case_08_the_peer_leaves_in_the_middle() -> None:
    """Half a message is none; its head is kept for a person."""
    half = encode(OMG)[:100]

    assert events(half, b"") == [Damage("cut_short", 100, half)]


def test_case_10_a_frame_over_the_limit() -> None:
    """Known before its end comes; told by AR 207 and the end of the connection."""
    too_large = rejected(Refusal.UNAVAILABLE, Problem("message.too_large"))

    with pytest.raises(BlockTooLarge) as caught:
        events(b"\x0b" + OMG + b"x" * 1000, framer=MllpFramer(max_body=1000))

    found = answered(caught.value.head, too_large)
    assert line(found, "MSA") == b"MSA|AR|CTRL-1"
    assert b"|207^" in line(found, "ERR")
    assert found.close


def test_case_11_several_headers_in_one_frame() -> None:
    """One negative answer, never a positive one for the first alone."""
    (said,) = told(encode(numbered(1) + numbered(2)))

    assert said == b"MSA|AR|CTRL-1"


@pytest.mark.parametrize(
    ("old", "new", "number"),
    [
        ("OMG^O19^OMG_O19", "", b"200"),
        ("2.5.1", "", b"203"),
        ("2.5.1", "2.3.1.A", b"203"),
    ],
)
@pytest.mark.parametrize(("accept", "code"), [("", "AR"), ("AL", "CR")])
def test_case_18_what_cannot_be_handled_is_said(
    old: str, new: str, number: bytes, accept: str, code: str
) -> None:
    """Never silently closed; in the sender's delimiters and with its id."""
    msh = MSH.replace(old, new).replace("|||||UNI", f"||{accept}|||UNI")

    found = answered(body(msh=msh))

    assert (found.code, found.kind) == (code, AnswerKind.NEGATIVE)
    assert line(found, "MSA") == f"MSA|{code}|CTRL-1".encode()
    assert number in line(found, "ERR")


@pytest.mark.parametrize(
    "conditions", list(product(["", "AL", "NE", "ER", "SU"], repeat=2))
)
def test_case_19_at_most_one_answer(conditions: tuple[str, str]) -> None:
    """``test_ack`` has the matrix; here, that silence is silence."""
    msh = MSH.replace("|||||UNI", f"||{'|'.join(conditions)}||UNI")

    found = answered(body(msh=msh))

    assert found.body.count(b"MSA|") == (found.kind is not AnswerKind.NONE)


@pytest.mark.parametrize(
    ("marks", "control_id"),
    [
        (r":;~\&", "A^B;C D"),
        (r"|^~\&#", "A^B~C#D&E "),
        (r"|^~\&", r"\F\ ^"),
        ("$%*!@", "|^~"),
    ],
)
def test_case_20_custom_delimiters_come_back(marks: str, control_id: str) -> None:
    """As does the control id, byte for byte."""
    field, component = marks[0], marks[1]
    fields = ["MSH", marks[1:], "E", "S", "B", "H", "20260311", ""]
    fields += [f"ADT{component}A08", control_id, "P", "2.5.1"]

    found = answered(body(msh=field.join(fields)))

    assert found.body.startswith(f"MSH{marks}{field}B{field}H{field}E".encode())
    assert f"ACK{component}A08{component}ACK".encode() in found.body
    assert line(found, "MSA") == f"MSA{field}AA{field}{control_id}".encode()


def test_case_20_a_blank_msh_2_is_no_header() -> None:
    """Delimiters are never guessed."""
    assert line(answered(body(msh="MSH||EPIC|STE")), "MSA") == b"MSA|AR|"


def test_case_28_charsets_are_kept_or_held() -> None:
    """Never replaced; the answer declares what the sender declared."""
    declared = MSH.replace("UNICODE UTF-8", "8859/1")
    data = f"{declared}\rPID|1||1||Müller\r".encode("latin-1")

    assert value("PID-5", data) == "Müller"
    assert line(answered(data), "MSH").endswith(b"|8859/1")
    with pytest.raises(Unreadable):
        message(data.replace(b"8859/1", b"KLINGON"))


def test_case_29_the_line_ends_of_python() -> None:
    """0x85 is an ellipsis in Windows-1252 and a line end to ``splitlines``."""
    data = body("NTE|1||wait\u2026", msh=MSH.replace("UNICODE UTF-8", ""))
    windows = data.decode().encode("cp1252")

    assert b"\x85" in windows
    assert value("NTE-3", windows, Conventions(charset="CP1252")) == "wait\u2026"


@pytest.mark.parametrize(
    ("sent", "means"),
    [("a\nb", "a\nb"), (r"a\.br\b", "a\nb"), (r"a\X0D\b", "a\rb")],
)
def test_case_30_line_breaks_in_a_text(sent: str, means: str) -> None:
    """A bare LF is payload; a line that is no segment is refused."""
    assert value("OBX-5", body(f"OBX|1|TX|||{sent}")) == means
    with pytest.raises(Unreadable):
        message(body("OBX|1|TX|||a", "b"))


@pytest.mark.parametrize("text", ["R&D", "5^3", "\\E\\", "end\\", "C:\\temp\\"])
def test_case_31_unescaped_delimiters_in_a_text(text: str) -> None:
    """Free text is kept exactly, and read once."""
    expected = text.replace("\\E\\", "\\")

    assert value("OBX-5", body(f"OBX|1|TX|||{text}")) == expected


def test_case_32_three_states_and_leading_zeros() -> None:
    """Delete, no change, absent; and identifiers are text with an authority."""
    data = body('PID|1||007^^^A~007^^^B||""||')

    assert [value(place, data) for place in ("PID-5", "PID-6", "PID-40")] == [
        *(NULL, None, None)
    ]
    assert value("PID-3[4.1=B].1", data) == "007"
