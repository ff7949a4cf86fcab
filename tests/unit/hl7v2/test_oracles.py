"""Two other readers see the same fields in our own messages."""

import pytest

from tests.unit.hl7v2.samples import MSH, OMG, body, message

ADT = body(
    "EVN|A08|20260311091500",
    "PID|1||0042^^^STE^MR~1-2^^^X^PI||Berg&van^Ana^M||19671204|F|||1 Rd^^Town^MA",
    "PV1|1|I|W^1^2^STE",
    "NK1|1|Doe^Jo|SPO^Spouse^HL70063",
    msh=MSH.replace("OMG^O19^OMG_O19", "ADT^A08^ADT_A01"),
)
ORU = body(
    "PID|1||7^^^STE^MR",
    "OBR|1|A^E|B^F|C^Lab^L",
    "OBX|1|NM|1-1^A^LN||1.50|mg^milligram^UCUM|1-2||||F",
    "OBX|2|NM|2-2^B^LN||<5|mg^milligram^UCUM|||||F",
    msh=MSH.replace("OMG^O19^OMG_O19", "ORU^R01^ORU_R01"),
)
MESSAGES = pytest.mark.parametrize("data", [OMG, ADT, ORU], ids=["OMG", "ADT", "ORU"])


@MESSAGES
def test_python_hl7_sees_the_same_fields(data: bytes) -> None:
    """Every field of every segment, as text."""
    hl7 = pytest.importorskip("hl7")

    theirs = hl7.parse(data.decode())

    ours = message(data)
    assert len(theirs) == len(ours.segments)
    for segment, other in zip(ours.segments, theirs, strict=True):
        fields = segment.split()
        assert fields == [str(field) for field in other]


@MESSAGES
def test_python_hl7_sees_the_same_components(data: bytes) -> None:
    """Repetitions and components of the patient's identifiers."""
    hl7 = pytest.importorskip("hl7")

    theirs = hl7.parse(data.decode()).segment("PID")[3]

    segment = message(data).nearest("PID")
    assert segment is not None
    ours = [each.split("^") for each in segment.raw(3).split("~")]
    assert ours == [
        [str(part) for part in each] if len(each) > 1 else [str(each)]
        for each in theirs
    ]


@MESSAGES
def test_hl7apy_sees_the_same_segments(data: bytes) -> None:
    """Ids and texts, in order, where it does not alter them."""
    parser = pytest.importorskip("hl7apy.parser")

    # It writes unknown escapes otherwise than it read them.
    text = data.decode().replace(r"\.br\ ".strip(), " ").replace('^""^', "^^")
    theirs = parser.parse_message(text, find_groups=False)

    ours = message(text.encode()).segments
    assert [each.id for each in ours] == [each.name for each in theirs.children]
    for segment, other in zip(ours, theirs.children, strict=True):
        assert segment.text.rstrip("|") == other.to_er7().rstrip("|")
