import pytest

from adapters.hl7v2.nodes import Message
from adapters.hl7v2.reader import Hl7v2Reader
from gateway.core.errors import Problem, Unreadable
from gateway.ports import Header, Reader
from tests.unit.hl7v2.samples import APPLIED, NOW, OMG, PLAIN

READER: Reader = Hl7v2Reader()


def test_it_reads_what_it_has_peeked_at() -> None:
    """Header first, then the tree, then the answer."""
    header, verdict = READER.peek(OMG)
    source = READER.read(header, OMG, PLAIN)
    answer = READER.answer(header, APPLIED, PLAIN, message_id="01BATON", now=NOW)

    assert verdict is None
    assert isinstance(source, Message)
    assert answer.code == "AA"


def test_it_reads_what_somebody_else_has_peeked_at() -> None:
    """A replay has the body and perhaps a header of its own."""
    source = READER.read(Header(), OMG, PLAIN)

    assert source.nearest("PID").raw(1) == "1"


def test_it_does_not_read_what_has_no_header() -> None:
    """``peek`` has a verdict for that; reading it is refused."""
    with pytest.raises(Unreadable) as caught:
        READER.read(READER.peek(b"hello")[0], b"hello", PLAIN)

    assert caught.value.problems == (Problem("message.no_header", "MSH"),)


def test_errors_hold_no_values() -> None:
    """A canary in a broken message is in no text that could be logged."""
    data = OMG.replace(b"van Berg", b"CANARY").replace(b"Ana", b"CANARY\xff")

    with pytest.raises(Unreadable) as caught:
        READER.read(READER.peek(data)[0], data, PLAIN)

    assert "CANARY" not in f"{caught.value!r} {caught.value}"
    assert caught.value.__context__ is None
