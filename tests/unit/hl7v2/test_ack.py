from itertools import product

import pytest

from adapters.hl7v2.ack import Reply, parse_answer
from adapters.hl7v2.mllp import encode
from gateway.core.agreements import Conventions
from gateway.core.errors import Problem
from gateway.core.verdict import AnswerKind, MessageState, Refusal, Verdict
from gateway.ports import Header
from tests.unit.hl7v2.samples import (
    APPLIED,
    MSH,
    NOW,
    answered,
    body,
    line,
    rejected,
)

REFUSED = {
    refusal: rejected(refusal, Problem("field.missing", "PID-7")) for refusal in Refusal
}
CONTENT = REFUSED[Refusal.CONTENT]
CONDITIONS = ("", "AL", "NE", "ER", "SU")

# docs/acknowledgements.md, table: refusal -> (original and application, accept).
CODES = {
    None: ("AA", "CA"),
    Refusal.CONTENT: ("AE", "CE"),
    Refusal.UNSUPPORTED: ("AR", "CR"),
    Refusal.STRANGER: ("AR", "CE"),
    Refusal.UNREADABLE: ("AR", "CE"),
    Refusal.UNAVAILABLE: ("AR", "CE"),
}

# Law 4, written out: (MSH-15, MSH-16) -> what a positive and a negative verdict
# get: a = application answer, c = accept acknowledgement, - = nothing.
MATRIX = {
    ("", ""): "aa",
    ("", "AL"): "aa",
    ("", "NE"): "--",
    ("", "ER"): "-a",
    ("", "SU"): "a-",
    ("AL", ""): "cc",
    ("AL", "AL"): "cc",
    ("AL", "NE"): "cc",
    ("AL", "ER"): "cc",
    ("AL", "SU"): "cc",
    ("NE", ""): "--",
    ("NE", "AL"): "aa",
    ("NE", "NE"): "--",
    ("NE", "ER"): "-a",
    ("NE", "SU"): "a-",
    ("ER", ""): "-c",
    ("ER", "AL"): "-c",
    ("ER", "NE"): "-c",
    ("ER", "ER"): "-c",
    ("ER", "SU"): "-c",
    ("SU", ""): "c-",
    ("SU", "AL"): "c-",
    ("SU", "NE"): "c-",
    ("SU", "ER"): "c-",
    ("SU", "SU"): "c-",
}


def sent(accept: str = "", application: str = "", version: str = "2.5.1") -> bytes:
    """Return a message with these conditions."""
    msh = MSH.replace("|P|2.5.1|||||", f"|P|{version}|||{accept}|{application}|")
    return body("PID|1||1", msh=msh)


def test_the_matrix_is_whole() -> None:
    """All combinations of table 0155 and blank."""
    assert set(MATRIX) == set(product(CONDITIONS, CONDITIONS))


@pytest.mark.parametrize("refusal", CODES)
@pytest.mark.parametrize("conditions", MATRIX)
def test_every_condition_with_every_verdict(
    conditions: tuple[str, str], refusal: Refusal | None
) -> None:
    """The whole table of the acknowledgement policy."""
    verdict = APPLIED if refusal is None else REFUSED[refusal]
    kind = MATRIX[conditions][refusal is not None]
    expected = {"a": CODES[refusal][0], "c": CODES[refusal][1], "-": ""}[kind]

    found = answered(sent(*conditions), verdict)

    assert found.code == expected
    if kind == "-":
        assert (found.kind, found.body) == (AnswerKind.NONE, b"")
    else:
        sign = AnswerKind.POSITIVE if refusal is None else AnswerKind.NEGATIVE
        assert found.kind is sign
        assert line(found, "MSA").startswith(f"MSA|{expected}|CTRL-1".encode())
        assert bool(line(found, "ERR")) is (refusal is not None)


@pytest.mark.parametrize(
    "state",
    [
        MessageState.APPLIED,
        MessageState.NO_EFFECT,
        MessageState.WAITING,
        MessageState.HELD,
    ],
)
@pytest.mark.parametrize(("accept", "code"), [("", "AA"), ("AL", "CA")])
def test_what_we_own_is_answered_positively(
    state: MessageState, accept: str, code: str
) -> None:
    """Law 2; and law 7: no ERR with it, since engines read any as a refusal."""
    found = answered(sent(accept), Verdict(state, (Problem("charset.mismatch", "x"),)))

    assert found.code == code
    assert line(found, "ERR") == b""


@pytest.mark.parametrize(("accept", "code"), [("al", "CA"), (" NE ", ""), ("X", "CA")])
def test_conditions_outside_the_table(accept: str, code: str) -> None:
    """Case and blanks are no matter; what is unknown is answered."""
    assert answered(sent(accept)).code == code


def test_a_null_condition_is_a_blank_one() -> None:
    """``""`` in both is original mode."""
    assert answered(sent('""', '""')).code == "AA"


def test_an_answer_turns_the_addresses_around() -> None:
    """In the sender's delimiters, version, processing id and charset."""
    assert answered(sent()).body == (
        rb"MSH|^~\&|BATON|HUB|EPIC|STE|20260311091500+0000||ACK^O19^ACK|01BATON|P|2.5.1"
        b"||||||UNICODE UTF-8\rMSA|AA|CTRL-1\r"
    )


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("2.1", b"ACK"),
        ("2.2", b"ACK"),
        ("2.3", b"ACK^O19"),
        ("2.3.1", b"ACK^O19^ACK"),
        ("2.8.2", b"ACK^O19^ACK"),
        ("2.5^USA", b"ACK^O19^ACK"),
    ],
)
def test_the_type_of_an_answer_by_version(version: str, kind: bytes) -> None:
    """A trigger from 2.3, a structure from 2.3.1; MSH-12 is echoed whole."""
    header = line(answered(sent(version=version)), "MSH").split(b"|")

    assert (header[8], header[11]) == (kind, version.encode())


def test_no_trigger_to_echo() -> None:
    """MSH-9 of one component."""
    data = sent().replace(b"OMG^O19^OMG_O19", b"ACK")

    assert line(answered(data), "MSH").split(b"|")[8] == b"ACK"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("ORM^O01", b"ORR^O02^ORR_O02"),
        ("OMG^O19", b"ORG^O20^ORG_O20"),
        ("OML^O21", b"ORL^O22^ORL_O22"),
        ("OMP^O09", b"ORP^O10^ORP_O10"),
        ("RDE^O11", b"RRE^O12^RRE_O12"),
        ("RAS^O17", b"RRA^O18^RRA_O18"),
        ("OMB^O27", b"ORB^O28^ORB_O28"),
        ("BPS^O29", b"BRP^O30^BRP_O30"),
        ("BTS^O31", b"BRT^O32^BRT_O32"),
        ("ADT^A08", b"ACK^A08^ACK"),
        ("ORU^R01", b"ACK^R01^ACK"),
    ],
)
def test_a_site_may_ask_for_the_structure_of_its_orders(
    kind: str, expected: bytes
) -> None:
    """Law 5; in original mode only."""
    site = Conventions(structured_answers=True)
    data = sent().replace(b"OMG^O19^OMG_O19", kind.encode())
    enhanced = sent("AL").replace(b"OMG^O19^OMG_O19", kind.encode())

    found = line(answered(data, conventions=site), "MSH").split(b"|")[8]
    general = line(answered(enhanced, conventions=site), "MSH").split(b"|")[8]

    assert found == expected
    assert general.startswith(b"ACK")


def test_a_site_may_read_a_code_otherwise() -> None:
    """Systems disagree about AE and AR; what we mean stays the same."""
    site = Conventions(codes={"AE": "AR"})

    found = answered(sent(), CONTENT, site)

    assert (found.code, found.kind) == ("AR", AnswerKind.NEGATIVE)
    assert line(found, "MSA") == b"MSA|AR|CTRL-1"


@pytest.mark.parametrize(
    ("code", "close"),
    [("store.unavailable", True), ("message.too_large", True), ("site.paused", False)],
)
@pytest.mark.parametrize("accept", ["", "AL", "NE"])
def test_when_the_connection_ends(code: str, close: bool, accept: str) -> None:  # noqa: FBT001
    """Store down and too large; also when the answer itself is suppressed."""
    verdict = rejected(Refusal.UNAVAILABLE, Problem(code))

    assert answered(sent(accept), verdict).close is close


@pytest.mark.parametrize(
    ("version", "text"), [("2.3", b"|Not ours"), ("2.6", b"|Not ours"), ("2.7", b"")]
)
@pytest.mark.parametrize("accept", ["", "AL"])
def test_the_remark_is_in_msa_3_until_2_7(
    version: str, text: bytes, accept: str
) -> None:
    """Where MSA-3 was withdrawn; ERR-8 has it then."""
    verdict = rejected(Refusal.STRANGER, Problem("sender.stranger"), text="Not ours")

    found = answered(sent(accept, version=version), verdict)

    assert line(found, "MSA").endswith(b"|CTRL-1" + text)
    assert line(found, "ERR").endswith(b"|Not ours") is (version == "2.7")


def test_a_remark_cannot_break_the_answer() -> None:
    """It is escaped, and what is not ASCII is left out rather than mis-encoded."""
    verdict = Verdict(MessageState.APPLIED, text="a|b\rMSA|AE ü")

    assert line(answered(sent(), verdict), "MSA") == (
        rb"MSA|AA|CTRL-1|a\F\b\X0D\MSA\F\AE ?"
    )


def test_a_header_of_no_one_is_answered_in_the_standard_delimiters() -> None:
    """AR with an empty MSA-2, so that the sender at least learns something."""
    found = answered(b"hello")

    assert found.body == (
        rb"MSH|^~\&|||||20260311091500+0000||ACK|01BATON|P|2.5.1"
        b"\rMSA|AR|\rERR||MSH^1|100^Segment sequence error^HL70357|E"
        b"|message.no_header^The frame does not begin with a usable MSH segment."
        b"^99BATON||message.no_header at MSH"
        b"|Send one HL7 message per frame, starting with MSH and its delimiters.\r"
    )


def test_a_header_that_is_not_ours_is_answered_too() -> None:
    """``native`` may be missing, if a header was made elsewhere."""
    from adapters.hl7v2.ack import answer

    found = answer(Header(), APPLIED, Conventions(), message_id="1", now=NOW)

    assert line(found, "MSA") == b"MSA|AA|"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"MSA|AA|CTRL-1", Reply("AA", matched=True)),
        (b"MSA|CA|CTRL-1|fine", Reply("CA", matched=True)),
        (b"MSA|AA|CTRL-2", Reply("AA", matched=False)),
        (b"MSA|AA|", Reply("AA", matched=False)),
        (b"MSA|AA", Reply("AA", matched=False)),
        (b"MSA|OK|CTRL-1", Reply("OK", matched=True)),
        (b"MSA|all is well|CTRL-1", Reply("", matched=True)),
        (b"PID|1", Reply()),
        (b"MSA|AA|CTRL-1\rMSA|AE|CTRL-1", Reply()),
        (b"MSA|CA|CTRL-1\r" + MSH.encode() + b"\rMSA|AA|CTRL-1", Reply()),
        (
            b"MSA|CE|CTRL-1|Message Accepted\rERR||PID^1^7|102^x|E\rERR|||101|E",
            Reply("CE", matched=True, problems=("102", "101")),
        ),
        (
            b"MSA|AE|CTRL-1\rERR|PID^1^7^102&x~PV1^1^2^103&y",
            Reply("AE", matched=True, problems=("102", "103")),
        ),
    ],
)
@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_answers_of_the_other_side(answer: bytes, expected: Reply, end: bytes) -> None:
    """Only one positive code with our own control id means anything good."""
    data = (MSH.encode() + b"\r" + answer + b"\r").replace(b"\r", end)

    assert parse_answer(data, b"CTRL-1") == expected


@pytest.mark.parametrize("data", [b"", b"OK", b"MSA|AA|CTRL-1\r", b"HTTP/1.1 400\r\n"])
def test_what_is_no_answer(data: bytes) -> None:
    """Unreadable: nothing follows from it."""
    assert parse_answer(data, b"CTRL-1") == Reply()


def test_an_answer_never_matches_no_control_id() -> None:
    """Two blanks are not one message."""
    assert not parse_answer(MSH.encode() + b"\rMSA|AA|\r", b"").matched


@pytest.mark.parametrize(
    ("code", "control_id", "known"),
    [("AA", b"1", True), ("CR", b"1", True), ("OK", b"1", False), ("AA", b"2", False)],
)
def test_a_known_answer_is_matched_and_in_the_table(
    code: str,
    control_id: bytes,
    known: bool,  # noqa: FBT001
) -> None:
    """Anything else leaves the outcome unknown (law 8)."""
    data = MSH.encode() + b"\rMSA|" + code.encode() + b"|1\r"

    assert parse_answer(data, control_id).known is known


@pytest.mark.parametrize(
    "conditions", [c for c, kinds in MATRIX.items() if kinds != "--"]
)
def test_our_own_answers_are_read_back(conditions: tuple[str, str]) -> None:
    """What we write for others, we would understand ourselves."""
    for verdict in (APPLIED, CONTENT):
        found = answered(sent(*conditions), verdict)
        if found.body:
            assert encode(found.body)
            reply = parse_answer(found.body, b"CTRL-1")
            assert (reply.code, reply.known) == (found.code, True)
