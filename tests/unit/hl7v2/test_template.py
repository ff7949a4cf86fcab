from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.hl7v2.format import Hl7v2Format
from adapters.hl7v2.header import peek
from gateway.core.errors import Problem, Unmappable
from gateway.mapping.places import NULL
from tests.unit.hl7v2.samples import value

FORMAT = Hl7v2Format()
OPTIONS = {
    "application": "BATON^1.2.3^ISO",
    "facility": "HUB",
    "receiving_application": "EPIC",
    "receiving_facility": "STE",
    "type": "ORU^R01^ORU_R01",
    "control_id": "01BATON-d1",
    "sent_at": "20260311091500+0000",
    "processing_id": "P",
    "version": "2.5.1",
    "charset": "UNICODE UTF-8",
    "accept_ack": "AL",
    "application_ack": "NE",
}


def problem(tree: object, **options: str) -> Problem:
    """Return why a tree cannot be written."""
    with pytest.raises(Unmappable) as caught:
        FORMAT.encode(tree, OPTIONS | options)
    (found,) = caught.value.problems
    return found


def test_a_message_is_written() -> None:
    """MSH from the options, the rest from the tree, every segment ended by CR."""
    tree = [
        {"PID": {"3.1": "00123", "3.4.1": "STE", "3[2].1": "9", "5": "Berg", 7: None}},
        {"PV1": {"2": None}},
        None,
        [[{"OBX": {"3.1": "A"}}, {"OBX": {"1": 2, "5": NULL, "6.2": Decimal("1E+2")}}]],
    ]

    assert FORMAT.encode(tree, OPTIONS) == (
        rb"MSH|^~\&|BATON^1.2.3^ISO|HUB|EPIC|STE|20260311091500+0000||ORU^R01^ORU_R01"
        b"|01BATON-d1|P|2.5.1|||AL|NE||UNICODE UTF-8\r"
        b"PID|||00123^^^STE~9||Berg\r"
        b"OBX|1||A\r"
        b'OBX|2||||""|^100\r'
    )


def test_observations_are_counted_below_each_request() -> None:
    """Those that are written, where the template does not say a number itself."""
    empty, full = {"OBX": {"5": None}}, {"OBX": {"5": "A"}}
    tree = [{"OBR": {"4": "X"}}, full, empty, {"NTE": {"3": "N"}}, full]

    data = FORMAT.encode([*tree, *tree], OPTIONS)

    counted = [line for line in data.split(b"\r") if line.startswith(b"OBX")]
    assert counted == [b"OBX|1||||A", b"OBX|2||||A"] * 2


def test_what_we_write_we_can_read() -> None:
    """The header is a usable one."""
    header, verdict = peek(FORMAT.encode([{"PID": {"3": "1"}}], OPTIONS))

    assert verdict is None
    assert (header.type, header.control_id) == ("ORU^R01", "01BATON-d1")


@given(st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda t: t != '""'))
@settings(deadline=None, max_examples=50)
def test_every_text_arrives(text: str) -> None:
    """Delimiters, line ends and control characters included."""
    data = FORMAT.encode([{"NTE": {"3": text}}, {"OBX": {"5.2.2": text}}], OPTIONS)

    assert value("NTE-3", data) == value("OBX-5.2.2", data) == text


def test_blank_options_leave_no_trace() -> None:
    """Trailing empty fields of MSH are not written."""
    blank = {"accept_ack": "", "application_ack": "", "charset": ""}

    data = FORMAT.encode([{"PID": {"1": "1"}}], OPTIONS | blank)

    assert data.endswith(b"|P|2.5.1\rPID|1\r")


def test_what_the_charset_lacks_is_held_at_its_place() -> None:
    """Nothing is replaced by a question mark."""
    tree = [{"PID": {"3": "1"}}, {"NTE": {"3": "ok"}}, {"NTE": {"3": "Łódź"}}]

    assert problem(tree, charset="8859/1") == (
        Problem("render.unrepresentable", "NTE[2]-3", "hold")
    )


def test_the_charset_written_is_the_one_declared() -> None:
    """MSH-18 and the bytes agree."""
    data = FORMAT.encode([{"PID": {"5": "Łódź"}}], OPTIONS | {"charset": "8859/2"})

    assert "Łódź".encode("iso8859-2") in data
    assert value("PID-5", data) == "Łódź"


def test_an_unknown_charset_is_held() -> None:
    """Writing in another one would be a lie."""
    assert problem([], charset="KLINGON").code == "charset.unknown"


@pytest.mark.parametrize("leaf", ['""', True, 1.5, object(), b"x"])
def test_what_er7_cannot_say_is_held(leaf: object) -> None:
    """A text of two quotes would be read as an order to delete."""
    assert problem([{"PID": {"8": leaf}}]) == (
        Problem("render.unrepresentable", "PID-8", "hold")
    )


@pytest.mark.parametrize("text", ["A|B", "A\rPID|1", "A\x0b"])
def test_an_option_cannot_break_the_header(text: str) -> None:
    """They are written as they are given."""
    assert problem([], application=text) == (
        Problem("render.unrepresentable", "MSH-3", "hold")
    )


def test_an_option_without_which_there_is_no_message() -> None:
    """MSH-10 must be valued."""
    assert problem([], control_id="") == Problem("field.missing", "MSH-10", "hold")


@pytest.mark.parametrize(
    ("tree", "path"),
    [
        ({"PID": {}}, ()),
        (["PID"], (0,)),
        ([{"PID": {}, "PV1": {}}], (0,)),
        ([{"PID": None}], (0, "PID")),
        ([{"pid": {}}], (0, "pid")),
        ([{"MSH": {"3": None}}], (0, "MSH")),
        ([{"PID": {"x": None}}], (0, "PID", "x")),
        ([{"PID": {"0": None}}], (0, "PID", "0")),
        ([{"PID": {"3.1.1.1": None}}], (0, "PID", "3.1.1.1")),
        ([{"PID": {"99999999": None}}], (0, "PID", "99999999")),
        ([{"PID": {3.1: None}}], (0, "PID", "3.1")),
        ([{"PID": {"3": {"1": None}}}], (0, "PID", "3")),
        ([{"PID": {"3": None, "3.1": None}}], (0, "PID", "3.1")),
        ([{"PID": {"3[1].2": None, "3.2.1": None}}], (0, "PID", "3.2.1")),
        ([[{"PID": {"3": [None]}}]], (0, 0, "PID", "3")),
    ],
)
def test_faults_of_shape_are_found_at_compile_time(tree: object, path: object) -> None:
    """With the path, so that file and line can be shown."""
    assert [found for found, _ in FORMAT.check(tree)] == [path]


def test_a_good_shape_has_no_faults() -> None:
    """Numbers as keys are what YAML makes of a bare 5."""
    tree = [
        {"PID": {3: None, "5.1": None, "5.2": None, "11[2].1": None}},
        [{"ZXT": {}}],
    ]

    assert FORMAT.check(tree) == []
