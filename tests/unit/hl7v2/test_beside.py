"""What stands beside the one value a place reads, and what is no matter."""

import pytest

from adapters.hl7v2.format import Hl7v2Format
from gateway.mapping.places import ALONE
from tests.unit.hl7v2.samples import body, message

FORMAT = Hl7v2Format()
ORC = "ORC|NW|A^B|||||^^^20260401"


def doubts(text: str, *segments: str) -> list[str]:
    """Return which doubts a place of a message leaves."""
    beside, node = FORMAT.beside(text), message(body(*segments))
    asked = {"parts": beside.parts, "others": beside.others}
    found = [name for name, doubt in asked.items() if doubt and doubt(node)]
    if found and beside.perhaps is not None:
        assert beside.perhaps(node)
    return found


@pytest.mark.parametrize(
    ("place", "segment"),
    [
        ("PID-7", "PID|||||||19700101~19800202"),
        ("PID-7", "PID|||||||~19800202"),
        ("PID-7", 'PID|||||||19700101~""'),
        ("PID-7", "PID|||||||19700101&19800202"),
        ("PID-7", "PID|||||||19700101^19800202"),
        ("PID-7", "PID|||||||19700101^^19800202"),
        ("PID-3.1", "PID|||777~888"),
        ("PID-3.1", "PID|||777&888^^^X^MR"),
        ("PID-3.1", "PID|||&888^^^X^MR"),
        ("PID-3[1].1", "PID|||777&888~999"),
        ("PID-3[5=MR].1", "PID|||999^^^X^SS~777&888^^^X^MR"),
        ("PID-3.4.1", "PID|||1^^^X&2.9&ISO~2^^^Y"),
        ("ORC-1", "ORC|NW~CA"),
        ("ORC-2.1", "ORC|NW|A&2^B"),
        ("ORC-2.1", "ORC|NW|A^B~A2^B"),
        ("OBX-5", "OBX|1|NM|W||70&1"),
        ("OBX-5", "OBX|1|NM|W||70^1"),
        ("OBX-5", "OBX|1|ST|W||70~80"),
        ("OBX[3.1=W]-5", "OBX|1|NM|W||70~80"),
    ],
)
def test_more_of_the_same_field_is_noticed(place: str, segment: str) -> None:
    assert doubts(place, segment) == ["parts"]


@pytest.mark.parametrize(
    ("place", "segment"),
    [
        ("PID-7", "PID|||||||19700101"),
        ("PID-7", "PID|||||||19700101~~"),
        ("PID-7", "PID|||||||19700101~19700101"),
        ("PID-7", "PID|||||||19700101^^&"),
        ("PID-7", 'PID|||||||""'),
        ("PID-7", r"PID|||||||19700101\T\19800202"),
        ("PID-7", "PID|||"),
        ("PID-7", "PV1|1"),
        ("PID-3.1", "PID|||777^^^X&2.9&ISO^MR"),
        ("PID-3.1", "PID|||777^^^X^MR~777^^^Y^PI"),
        ("PID-3.4.1", "PID|||777^^^X&2.9&ISO^MR"),
        ("PID-3[1].1", "PID|||777~888"),
        ("PID-3[5=MR].1", "PID|||777^^^X^MR~888^^^X^SS"),
        ("PID-3[5=MR].1", "PID|||777^^^X^MR~777^^^Y^MR"),
        ("PID-3[5=MR].1", "PID|||888^^^X^SS"),
        ("ORC-2.1", "ORC|NW|A^B&2.9&ISO"),
        ("OBX-5", "OBX|1|ST|W||70 & 1 ^ more"),
        ("OBX[3.1=W]-5", "OBX|1|NM|X||70~80"),
        ("MSH-1", ORC),
        ("MSH-2", ORC),
        ("MSH-9.2", ORC),
    ],
)
def test_what_means_one_value_leaves_no_doubt(place: str, segment: str) -> None:
    assert doubts(place, segment) == []


@pytest.mark.parametrize(
    ("place", "segments"),
    [
        ("PID-3[5=MR].1", ["PID|||777^^^X^MR~888^^^Y^MR"]),
        ("PID-3[5=].1", ["PID|||777~5^^^X^SS~888"]),
        ("PID-3[5=MR].4.1", ["PID|||777^^^X^MR~777^^^Y^MR"]),
        ("OBX[3.1=W]-5", ["OBX|1|NM|W||70", "OBX|2|NM|H||170", "OBX|3|NM|W||80"]),
        ("OBX[3.1=W]-5", ["OBX|1|NM|W", "OBX|3|NM|W||80"]),
        ("OBX[3.1=W]-6", ["OBX|1|NM|W||70|kg", "OBX|3|NM|W||70|lb"]),
    ],
)
def test_another_that_fits_and_differs_is_noticed(
    place: str, segments: list[str]
) -> None:
    assert doubts(place, *segments) == ["others"]


@pytest.mark.parametrize("place", ["OBX[3.1=W][2]-5", "OBX[2]-5", "PID-3[5=MR][2].1"])
def test_a_number_picks_for_itself(place: str) -> None:
    segments = ["PID|||777^^^X^MR~888^^^Y^MR", "OBX|1|NM|W||70", "OBX|2|NM|W||80"]

    assert doubts(place, *segments) == []


def test_each_order_of_a_message_has_its_own_weight() -> None:
    source = message(body("ORC|NW|1", "OBX|1|NM|W||70", "ORC|NW|2", "OBX|1|NM|W||80"))
    doubt = FORMAT.beside("OBX[3.1=W]-5").others

    assert doubt is not None
    assert [doubt(window) for window in FORMAT.group("ORC...")(source)] == [False] * 2


def test_in_an_each_only_the_repetition_itself_is_asked() -> None:
    source = message(body("PID|||777&8^^^X&2.9&ISO^MR~888^^^Y^PI"))
    doubt = FORMAT.beside(".1").parts

    assert doubt is not None
    assert [doubt(node) for node in FORMAT.group("PID-3")(source)] == [True, False]
    assert FORMAT.beside(".") == ALONE


@pytest.mark.parametrize(
    ("place", "segment"),
    [
        ("PID-3[5=MR].1", "PID|||777^^^X^MR~777 ^^^X^MR"),
        ("PID-3[5=MR].1", "PID|||777^^^X^MR~ 777^^^X^MR "),
    ],
)
def test_blanks_around_a_value_make_no_other(place: str, segment: str) -> None:
    assert doubts(place, segment) == []


def test_a_padded_type_is_the_type() -> None:
    segment = "PID|||999^^^STELM ^MR~4711^^^STELM^MR "

    assert doubts("PID-3[5=MR][4.1=STELM].1", segment) == ["others"]
