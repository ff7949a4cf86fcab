import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.hl7v2.told import Told, control_id, errors

MSH = b"MSH|^~\\&|A|B|C|D|20260311||ACK|01BATON|P|2.5.1\rMSA|AE|1\r"


@pytest.mark.parametrize(
    ("segment", "told"),
    [
        (
            (
                b"ERR||OBX^2^6^1^1|102^Data type error^HL70357|E|field.unit_missing||"
                b"field.unit_missing at OBX[2]-6.1|Send the unit \\T\\ nothing else."
            ),
            Told(
                "OBX[2]-6.1",
                "102",
                "Data type error; field.unit_missing at OBX[2]-6.1; "
                "Send the unit & nothing else.",
            ),
        ),
        (b"ERR||PID^1^3^2^4^1|101|E", Told("PID-3[2].4.1", "101", "")),
        (
            b"ERR|||207^Application internal error",
            Told("", "207", "Application internal error"),
        ),
        (b"ERR||PID|100^Stra\xc3\x9fe", Told("PID", "100", "Straße")),
        (b"ERR||PID|100^Stra\xdfe", Told("PID", "100", "Straße")),
        (b"ERR|PID^1^7^102&Data type error", Told("PID-7", "102", "Data type error")),
    ],
    ids=["from 2.5", "all of a place", "no place", "UTF-8", "Latin-1", "before 2.5"],
)
@pytest.mark.parametrize("end", [b"\r", b"\n"])
def test_an_error_is_told(segment: bytes, told: Told, end: bytes) -> None:
    assert errors((MSH + segment + b"\r").replace(b"\r", end)) == [told]


def test_before_2_5_one_segment_has_every_error() -> None:
    body = MSH + b"ERR|PID^1^7^102&Data type error~PV1^1^2^103\r"

    assert errors(body) == [
        Told("PID-7", "102", "Data type error"),
        Told("PV1-2", "103", ""),
    ]


def test_an_answer_has_its_senders_own_id() -> None:
    assert (control_id(MSH), errors(MSH)) == ("01BATON", [])


@given(st.binary())
def test_nothing_makes_it_fail(data: bytes) -> None:
    control_id(data)
    errors(MSH + b"ERR|" + data)
