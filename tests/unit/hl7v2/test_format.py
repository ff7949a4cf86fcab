from collections.abc import Sequence
from typing import Any

import pytest

from adapters.hl7v2.format import Hl7v2Format
from adapters.hl7v2.nodes import Segment
from gateway.mapping.places import NULL, Format, NotAPlace
from tests.unit.hl7v2.samples import MSH, OMG, body, message, value

FORMAT: Format = Hl7v2Format()


def nodes(group: str, data: bytes = OMG) -> Sequence[Any]:
    """Return what an ``each:`` would walk."""
    return FORMAT.group(group)(message(data))


def each(group: str, place: str, data: bytes = OMG) -> list[object]:
    """Return a place at every node of a group."""
    return [FORMAT.place(place)(node) for node in nodes(group, data)]


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("PID-3", "00123"),
        ("PID-3.1", "00123"),
        ("PID-3[1].1", "00123"),
        ("PID-3[2].1", "987-65-4321"),
        ("PID-3[3].1", None),
        ("PID-3[5=SS].1", "987-65-4321"),
        ("PID-3[5=MR][4.1=STE].1", "00123"),
        ("PID-3[5=MR][4.1=ELSE].1", None),
        ("PID-3[2=].1", "00123"),
        ("PID-3[2=][2].1", "987-65-4321"),
        ("PID-3[5=].1", None),
        ("PID-11[2=].1", None),
        ("OBX[17=]-5", "168"),
        ("OBX[3.1=]-5", None),
        ("PID-5", "van Berg"),
        ("PID-5.1", "van Berg"),
        ("PID-5.1.2", "van"),
        ("PID-5.1.9", None),
        ("PID-5.2", "Ana"),
        ("PID-5.2.2", None),
        ("PID-5.3", None),
        ("PID-5.9", None),
        ("PID-7", "19671204"),
        ("PID-7.2", None),
        ("PID-11.2", NULL),
        ("PID-11.2.3", NULL),
        ("PID-99", None),
        ("ZZZ-1", None),
        ("ZZZ-1[2]", None),
        ("MSH-1", "|"),
        ("MSH-2", "^~\\&"),
        ("MSH-3", "EPIC"),
        ("MSH-9.2", "O19"),
        ("MSH-18", "UNICODE UTF-8"),
        ("OBX-5", "168"),
        ("OBX[2]-5", "71.4"),
        ("OBX[9]-5", None),
        ("OBX[3.1=29463-7]-5", "71.4"),
        ("OBX[3=29463-7]-6.2", "kilogram"),
        ("OBX[3.1=0000-0]-5", None),
        ("OBX[3.1=29463-7][2]-5", "72.0"),
        ("OBX[3.1=29463-7][3]-5", None),
        ("OBX[3.1=29463-7][1=1][5=72.0]-5", "72.0"),
        ("PID-3[5=SS][1].1", "987-65-4321"),
        ("PID-3[5=SS][2].1", None),
        ("OBX[3.1=8251-1]-5", "R&D says 5^3 is fine"),
        ("OBX[3.1=8251-1]-5.1", "R"),
        ("NTE-3", "Bring & keep cold\nsecond line"),
    ],
)
def test_places(place: str, expected: object) -> None:
    """What a mapping's author writes, and what it means."""
    assert value(place) == expected


@pytest.mark.parametrize(
    ("field", "expected"),
    [('""', NULL), ("", None), ('""^', NULL), ("^x", None), ('"x"', '"x"'), (" ", " ")],
)
def test_delete_empty_and_absent_are_three_states(field: str, expected: object) -> None:
    """HL7 v2.5.1 §2.5.3: ``""`` deletes, nothing changes nothing."""
    assert value("PID-8", body(f"PID||||||||{field}")) == expected


def test_all_of_a_deleted_field_is_deleted() -> None:
    """Asking for a part of it gives the same."""
    data = body('PID|1||""')

    for place in ("PID-3", "PID-3.4", "PID-3.4.2"):
        assert value(place, data) is NULL


def test_leading_zeros_and_odd_digits_survive() -> None:
    """Identifiers are text."""
    assert value("PID-3", body("PID|1||0٣²1")) == "0٣²1"


@pytest.mark.parametrize(
    "place",
    [
        *(
            "",
            "PID",
            "PID-0",
            "PID-",
            "pid-3",
            "PI-3",
            "PID-3.",
            "PID-3.0",
            "PID-3.1.1.1",
        ),
        *("PID-3[", "PID-3[]", "PID-3[x]", "PID-3[0]", "PID-3[=x]"),
        *("PID-3[1][2]", "PID-3[1][5=MR]", "PID-3[1.2.3=x]", "OBX[1.2.3.4=x]-5"),
        *("OBX[1][2]-5", "MSH-2.1", "MSH-1[1]", "..1", ".0", "PID-3 ", "PID-٣"),
    ],
)
def test_what_is_no_place(place: str) -> None:
    """It is found when the mapping is compiled, and shown."""
    with pytest.raises(NotAPlace):
        FORMAT.place(place)


@pytest.mark.parametrize(
    "group", ["", "ORC..", "ORC....", "PID-3.1", ".1", "OBX[1][2]", "orc...", "OBX[x]"]
)
def test_what_is_no_group(group: str) -> None:
    """As for places."""
    with pytest.raises(NotAPlace):
        FORMAT.group(group)


def test_windows_see_their_own_segments_and_the_shared_ones() -> None:
    """Each order has its own weight; patient and height are shared."""
    assert each("ORC...", "ORC-2.1") == ["ORD-1", "ORD-2"]
    assert each("ORC...", "OBX[3.1=29463-7]-5") == ["71.4", "72.0"]
    assert each("ORC...", "OBX[3.1=8302-2]-5") == ["168", "168"]
    assert each("ORC...", "PID-3.1") == ["00123", "00123"]


def test_a_window_does_not_see_another_order() -> None:
    """The note stands with the first order only."""
    assert each("ORC...", "NTE-2") == ["P", None]


def test_every_visible_segment_is_walked() -> None:
    """In message order, whatever window it is in."""
    assert each("OBX", "OBX-3.1") == ["8302-2", "29463-7", "8251-1", "29463-7"]
    assert each("OBX[3.1=29463-7]", "OBX-5") == ["71.4", "72.0"]
    assert each("OBX[2]", "OBX-5") == ["71.4"]
    assert each("OBX[9]", "OBX-5") == []


def test_a_group_inside_a_window() -> None:
    """The shared segments come first, then the window's own."""
    second = nodes("ORC...")[1]

    found = FORMAT.group("OBX")(second)

    assert [FORMAT.place("OBX-5")(node) for node in found] == ["168", "72.0"]


def test_a_group_beside_a_segment() -> None:
    """Walked from where the segment was found."""
    order = FORMAT.group("ORC")(nodes("ORC...")[1])[0]

    found = FORMAT.group("OBX")(order)

    assert [FORMAT.place("OBX-5")(node) for node in found] == ["168", "72.0"]


def test_places_look_outward_from_a_segment() -> None:
    """First the segment itself, then its window, then what is shared."""
    node = FORMAT.group("OBX[3.1=29463-7]")(nodes("ORC...")[1])[0]

    places = ("OBX-5", "ORC-2", "PID-3", "OBX[3.1=8302-2]-5", "NTE-3")

    found = [FORMAT.place(place)(node) for place in places]
    assert found == ["72.0", "ORD-2", "00123", "168", None]


def test_repetitions_are_walked() -> None:
    """A place that begins with a dot belongs to the repetition."""
    assert each("PID-3", ".1") == ["00123", "987-65-4321"]
    assert each("PID-3", ".4.1") == ["STE", "USSSA"]
    assert each("PID-3[5=SS]", ".1") == ["987-65-4321"]
    assert each("PID-3", "PID-7") == ["19671204", "19671204"]
    assert each("PID-3", "MSH-10") == ["CTRL-1", "CTRL-1"]


def test_a_lone_dot_is_the_whole_repetition() -> None:
    """For lines of text, where a delimiter may have slipped in."""
    data = body("NTE|1||5^3~R&D~~last")

    assert each("NTE-3", ".", data) == ["5^3", "R&D", "last"]


def test_a_relative_place_needs_a_repetition() -> None:
    """Nothing is better than the wrong component of something else."""
    with pytest.raises(NotAPlace, match="each: of a field"):
        FORMAT.place(".1")(message(OMG))


def test_an_absent_field_has_no_repetitions() -> None:
    """Nor has an absent segment."""
    assert each("PID-2", ".1") == each("ZZZ-1", ".1") == []


def test_the_field_of_the_current_segment_is_walked() -> None:
    """Inside ``each: NTE`` the group ``NTE-3`` is this note's."""
    data = body("NTE|1||a~b", "NTE|2||c")

    texts = [
        [FORMAT.place(".")(line) for line in FORMAT.group("NTE-3")(note)]
        for note in nodes("NTE", data)
    ]

    assert texts == [["a", "b"], ["c"]]


def test_a_window_of_an_order_part_never_reaches_into_the_next_order() -> None:
    """ORC comes before its OBR, so a cut at OBR alone would mix two orders up."""
    data = body(
        *("PID|1||1", "ORC|NW|A", "OBR|1|A1", "OBX|1", "OBR|2|A2"),
        *("ORC|NW|B", "OBR|1|B1", "OBR|2|B2"),
    )

    assert each("OBR...", "OBR-2", data) == ["A1", "A2", "B1", "B2"]
    assert each("OBR...", "ORC-2", data) == ["A", "A", "B", "B"]
    assert each("OBX...", "ORC-2", data) == ["A"]


def test_windows_nest() -> None:
    """Results within orders, each with its own notes."""
    data = body(
        *("ORC|NW|A", "OBR|1", "OBX|1", "NTE|1||x", "OBX|2", "NTE|1||y"),
        *("ORC|NW|B", "OBR|1", "OBX|1", "NTE|1||z"),
    )

    found = [
        [FORMAT.place("NTE-3")(result) for result in FORMAT.group("OBX...")(order)]
        for order in nodes("ORC...", data)
    ]

    assert found == [["x", "y"], ["z"]]


def test_no_anchor_no_windows() -> None:
    """A mapping that needs one says so."""
    assert nodes("ORC...", body("PID|1")) == []


def test_places_follow_the_delimiters_of_their_message() -> None:
    """One compiled place serves every sender."""
    msh = MSH.replace(r"|^~\&|", "|!@*%|").replace("OMG^O19^OMG_O19", "OMG!O19")
    data = body("PID|1||1!!!A%B!MR@2*T*!!!!SS|", msh=msh)

    assert value("PID-3[5=SS].1", data) == "2%"
    assert value("PID-3.4.2", data) == "B"


def test_what_all_orders_share_is_looked_through_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else every order of a message would look at every segment before the first."""
    looked: list[str] = []
    split = Segment.split

    def counted(segment: Segment) -> list[str]:
        looked.append(segment.id)
        return split(segment)

    monkeypatch.setattr(Segment, "split", counted)
    shared = (f"OBX|{n}|ST|X{n}" for n in range(100))

    found = each("ORC...", "OBX[3.1=none]-5", body(*shared, *(50 * ("ORC|NW",))))

    assert found == 50 * [None]
    assert looked.count("OBX") == 100
