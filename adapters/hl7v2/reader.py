"""The port ``Reader`` for HL7 v2: header, reading and answering put together."""

from datetime import datetime

from adapters.hl7v2 import ack, er7, header
from adapters.hl7v2.header import Msh
from adapters.hl7v2.nodes import Message
from gateway.core.agreements import Conventions
from gateway.core.verdict import Answer, Verdict
from gateway.ports import Header


class Hl7v2Reader:
    """Reads ER7 and answers in it. Holds nothing; one serves all connections."""

    media_type = "x-application/hl7-v2+er7"

    def peek(self, body: bytes) -> tuple[Header, Verdict | None]:
        """Read MSH; a verdict says why the message cannot be addressed."""
        return header.peek(body)

    def read(self, header: Header, body: bytes, conventions: Conventions) -> Message:
        """Read the message ``peek`` has looked at.

        Raises:
            Unreadable: See ``er7.read``.
        """
        msh = header.native
        if not isinstance(msh, Msh) or msh.body is not body:
            msh = self.peek(body)[0].native
        return er7.read(msh, conventions)

    def answer(
        self,
        header: Header,
        verdict: Verdict,
        conventions: Conventions,
        *,
        message_id: str,
        now: datetime,
    ) -> Answer:
        """Build the one answer a verdict deserves."""
        return ack.answer(header, verdict, conventions, message_id=message_id, now=now)
