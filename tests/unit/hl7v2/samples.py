"""Synthetic messages and short ways to use them; every name in them is invented."""

from datetime import UTC, datetime

from adapters.hl7v2.er7 import read
from adapters.hl7v2.format import Hl7v2Format
from adapters.hl7v2.header import peek
from adapters.hl7v2.nodes import Message
from adapters.hl7v2.reader import Hl7v2Reader
from gateway.core.agreements import Conventions
from gateway.core.errors import Problem
from gateway.core.verdict import Answer, MessageState, Refusal, Verdict

PLAIN = Conventions()
NOW = datetime(2026, 3, 11, 9, 15, tzinfo=UTC)

MSH = (
    r"MSH|^~\&|EPIC|STE|BATON|HUB|20260311091500+0100||OMG^O19^OMG_O19"
    "|CTRL-1|P|2.5.1||||||UNICODE UTF-8"
)

SEGMENTS = [
    (
        "PID|1||00123^^^STE^MR~987-65-4321^^^USSSA^SS||van Berg&van&Berg^Ana^^^Dr"
        '||19671204|F|||12 Hill Rd^""^Springfield^MA^01103'
    ),
    "PV1|1|O|CLIN^R204",
    "OBX|1|NM|8302-2^Body height^LN||168|cm^centimeter^UCUM|||||F",
    "ORC|NW|ORD-1^EPIC|||SC",
    "OBR|1|ORD-1^EPIC||CART-1^CAR-T product^L",
    "OBX|1|NM|29463-7^Body weight^LN||71.4|kg^kilogram^UCUM|||||F",
    "OBX|2|TX|8251-1^Comment^LN||R&D says 5^3 is fine",
    r"NTE|1|P|Bring \T\ keep cold\.br\second line",
    "ORC|NW|ORD-2^EPIC|||SC",
    "OBR|1|ORD-2^EPIC||CART-2^Other product^L",
    "OBX|1|NM|29463-7^Body weight^LN||72.0|kg^kilogram^UCUM|||||F",
]
"""Two orders with a shared height, each with its own weight."""

APPLIED = Verdict(MessageState.APPLIED)


def body(*segments: str, msh: str = MSH) -> bytes:
    """Return a message of MSH and ``segments``, in UTF-8."""
    return "".join(f"{segment}\r" for segment in (msh, *segments)).encode()


OMG = body(*SEGMENTS)


def message(data: bytes, conventions: Conventions = PLAIN) -> Message:
    """Read a message."""
    return read(peek(data)[0].native, conventions)


def value(text: str, data: bytes = OMG, conventions: Conventions = PLAIN) -> object:
    """Return what a place of a message holds."""
    found: object = Hl7v2Format().place(text)(message(data, conventions))
    return found


def answered(
    data: bytes, verdict: Verdict | None = None, conventions: Conventions = PLAIN
) -> Answer:
    """Return the answer to a message: to ``peek``'s own verdict if it has one."""
    reader = Hl7v2Reader()
    header, objection = reader.peek(data)
    told = objection or verdict or APPLIED
    return reader.answer(header, told, conventions, message_id="01BATON", now=NOW)


def rejected(refusal: Refusal, *problems: Problem, text: str = "") -> Verdict:
    """Return a rejection."""
    return Verdict(MessageState.REJECTED, problems, refusal, text)


def line(answer: Answer, name: str) -> bytes:
    """Return the first segment of an answer with the id ``name``, ``b""`` if none."""
    found = (each for each in answer.body.split(b"\r") if each[:3] == name.encode())
    return next(found, b"")
