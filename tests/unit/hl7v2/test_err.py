import pytest

from adapters.hl7v2.err import MOST_ERRORS, location
from gateway.core.errors import Problem
from gateway.core.verdict import Refusal
from tests.unit.hl7v2.samples import MSH, OMG, answered, line, message, rejected

PROBLEMS = (
    Problem("field.missing", "PID-3[5=MR].1"),
    Problem("charset.mismatch", "PID-5", "note"),
    Problem("code.unknown", "OBX[3.1=29463-7]-6.1"),
)
CONTENT = rejected(Refusal.CONTENT, *PROBLEMS)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("PID-7", "PID^1^7"),
        ("PID-5.2", "PID^1^5^1^2"),
        ("PID-5.1.2", "PID^1^5^1^1^2"),
        ("PID-3[2]", "PID^1^3^2"),
        ("PID-3[2].1", "PID^1^3^2^1"),
        ("PID-3[5=SS].1", "PID^1^3^2^1"),
        ("PID-3[5=XX].1", "PID^1^3^^1"),
        ("OBX[3]-5", "OBX^3^5"),
        ("OBX[3.1=29463-7]-5", "OBX^2^5"),
        ("OBX[3.1=0000-0]-5", "OBX^^5"),
        ("OBX[3.1=29463-7][2]-5", "OBX^4^5"),
        ("PID-3[5=SS][1].1", "PID^1^3^2^1"),
        ("PID-3[5=XX][1].1", "PID^1^3^^1"),
        ("ORC-2.1 in ORC...[2]", "ORC^2^2^1^1"),
        ("OBX[3.1=29463-7]-5 in ORC...[2]", "OBX^4^5"),
        ("OBX-5 in OBX...[3] in ORC...[1]", "OBX^3^5"),
        ("PID-7 in ORC...[2]", "PID^1^7"),
        ("ZCT-2 in ORC...[2]", "ZCT^^2"),
        ("ORC-2 in ORC...[9]", "ORC^^2"),
        ("ORC-2 in orc...[1]", ""),
        ("PID-3 in PID-3.1[1]", ""),
        ("OBX[3.2=Body weight]-5 in OBX[3.2=Body weight][2]", "OBX^2^5"),
        ("MSH[2]", "MSH^2"),
        ("DSC", "DSC^1"),
        ("", ""),
        (".1", ""),
        ("line 3", ""),
        ("sites/ste/order.yaml:9", ""),
    ],
)
def test_a_place_becomes_a_location(where: str, expected: str) -> None:
    """ERL: segment, its number, field, repetition, component, subcomponent."""
    assert "^".join(location(where, message(OMG))) == expected


def test_without_the_message_numbers_stay_empty() -> None:
    """A wrong number would be worse than none."""
    assert location("OBX[3.1=29463-7]-5", None) == ("OBX", "", "5")
    assert location("ORC-2 in ORC...[2]", None) == ("ORC", "", "2")


def test_from_2_5_each_problem_has_its_segment() -> None:
    """ERR-2, ERR-3, ERR-4, and our own code; notes are not errors."""
    found = answered(OMG, CONTENT)

    assert found.body.count(b"\rERR|") == 2
    assert line(found, "ERR") == (
        b"ERR||PID^1^3^1^1|101^Required field missing^HL70357|E"
        b"|field.missing^A required field is empty.^99BATON"
        b"||field.missing at PID-3[5=MR].1|Fill it in and send the message again."
    )


def test_before_2_5_one_segment_repeats_its_field() -> None:
    """ELD: segment, sequence, field, error."""
    found = answered(OMG.replace(b"|2.5.1|", b"|2.4|"), CONTENT)

    assert found.body.count(b"\rERR|") == 1
    assert line(found, "ERR") == (
        b"ERR|PID^1^3^101&Required field missing&HL70357"
        b"~OBX^2^6^103&Table value not found&HL70357"
    )


def test_locations_are_written_in_the_senders_delimiters() -> None:
    """And our own texts are escaped by them."""
    msh = MSH.replace("^", "!").replace(r"|!~\&|", "|!~@$|")
    data = (msh + "\rPID|1\r").encode()
    verdict = rejected(Refusal.CONTENT, Problem("segment.not_a_segment", "line 2"))

    found = line(answered(data, verdict), "ERR")

    assert b"|100!Segment sequence error!HL70357|" in found
    assert rb"|Escape line breaks inside fields as \.br\ and " in found


def test_a_rejection_without_problems_still_says_something() -> None:
    """An answer without ERR would leave the sender guessing."""
    found = line(answered(OMG, rejected(Refusal.CONTENT)), "ERR")

    assert b"|207^Application internal error^HL70357|" in found


def test_a_code_that_is_not_in_the_catalogue() -> None:
    """An adapter of tomorrow may have its own."""
    verdict = rejected(Refusal.CONTENT, Problem("portal.new", "PID-3"))

    assert b"|207^" in line(answered(OMG, verdict), "ERR")


def test_errors_are_bounded() -> None:
    """An answer must fit any receiver."""
    problems = [Problem("field.missing", f"OBX[{n}]-5") for n in range(1, 1000)]

    found = answered(OMG, rejected(Refusal.CONTENT, *problems))

    assert found.body.count(b"\rERR|") == MOST_ERRORS


def test_an_unreadable_message_is_located_as_far_as_possible() -> None:
    """The message cannot be read again, so the selector stays open."""
    data = OMG.replace(b"UNICODE UTF-8", b"KLINGON")

    found = line(answered(data, CONTENT), "ERR")

    assert found.startswith(b"ERR||PID^1^3^^1|")
