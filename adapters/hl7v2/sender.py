"""Sends deliveries to an EHR's MLLP listener and reads what it answers.

What an answer means is law 8 of ``docs/acknowledgements.md``: only AA or CA that
names our message is a delivery; the negative codes mean what the site's table
says; everything else leaves open whether the EHR acted.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from adapters.hl7v2.ack import CODES, Reply, parse_answer
from adapters.hl7v2.client import (
    Garbled,
    MllpClient,
    NoAnswer,
    NotConnected,
    Objected,
    Timeouts,
)
from gateway.delivery.outcome import (
    Delivered,
    Evidence,
    Guarded,
    NotTaken,
    Outcome,
    Rejected,
    Unknown,
)
from gateway.ports import Check, Claim, unchecked

DEFAULT_CODES: Final[Mapping[str, str]] = MappingProxyType(
    {"AE": "rejected", "CE": "rejected", "AR": "not_taken", "CR": "not_taken"}
)
"""What a negative code means where the site's table is silent.

AE and CE speak of the content, AR and CR of anything else, such as a system that
is down; receivers in the field disagree, hence the table.
"""

EVIDENCE: Final = 16 * 1024
"""Bytes of an answer kept with the attempt."""

_POSITIVE: Final = frozenset({"AA", "CA"})
_MEANINGS: Final[Mapping[str, type[Delivered | Rejected | NotTaken | Unknown]]] = {
    "delivered": Delivered,
    "rejected": Rejected,
    "not_taken": NotTaken,
    "unknown": Unknown,
}
_DEFAULT_CONNECT: Final = timedelta(seconds=10)
_DEFAULT_ANSWER: Final = timedelta(seconds=30)


class MllpSender:
    """One destination: one connection, kept open, one message in flight."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        codes: Mapping[str, str] = DEFAULT_CODES,
        answer_timeout: timedelta = _DEFAULT_ANSWER,
        connect_timeout: timedelta = _DEFAULT_CONNECT,
    ) -> None:
        """Connect to nobody yet; the first delivery does.

        Args:
            host: Name or address of the EHR's listener.
            port: Its port.
            codes: What AE, AR, CE and CR mean: ``delivered``, ``rejected``,
                ``not_taken`` or ``unknown``; the default for those left out.
            answer_timeout: From the first byte sent to the answer's last.
            connect_timeout: For the name and the connection together.

        Raises:
            ValueError: ``codes`` names another code or another meaning.
        """
        if not codes.keys() <= DEFAULT_CODES.keys():
            raise ValueError("only AE, AR, CE and CR can be given a meaning")
        if not set(codes.values()) <= _MEANINGS.keys():
            raise ValueError("a code means delivered, rejected, not_taken or unknown")
        self._codes = {**DEFAULT_CODES, **codes}
        self._client = MllpClient(host, port, Timeouts(connect_timeout, answer_timeout))
        self._turn = asyncio.Lock()

    async def send(self, claim: Claim, check: Check = unchecked) -> Outcome:
        """Make one attempt: send ``claim.body`` and judge the answer.

        The body is a whole message whose MSH-10 is ``claim.delivery_id``.
        """
        async with self._turn:
            return await self._attempt(claim, check)

    async def close(self) -> None:
        """Close the connection, once the attempt under way has ended."""
        async with self._turn:
            self._client.close()

    async def _attempt(self, claim: Claim, check: Check) -> Outcome:
        try:
            body = await self._client.exchange(claim.body, check)
        except Objected as objected:
            return Guarded(Evidence(objected.objection))
        except NotConnected as nothing_sent:
            return NotTaken(Evidence(nothing_sent.evidence))
        except NoAnswer as silence:
            return Unknown(Evidence(silence.evidence))
        except Garbled as garbled:
            return Unknown(Evidence(garbled.code, "", garbled.received))
        except ValueError:  # no second attempt could frame it either
            return Rejected(Evidence("mllp.unframeable"))
        reply = parse_answer(body, claim.delivery_id.encode())
        if not reply.known:
            self._client.close()
        return self._judge(reply, body[:EVIDENCE])

    def _judge(self, reply: Reply, body: bytes) -> Outcome:
        doubt = _doubt(reply)
        if doubt:
            return Unknown(Evidence(doubt, reply.code, body))
        evidence = Evidence(f"mllp.{reply.code}", reply.code, body)
        if reply.code in _POSITIVE:
            return Delivered(evidence)
        return _MEANINGS[self._codes[reply.code]](evidence)


def _doubt(reply: Reply) -> str:
    """Say why an answer says nothing about our message, ``""`` if it does."""
    if not reply.code and not reply.matched:
        return "mllp.no_msa"
    if not reply.matched:
        return "mllp.wrong_msa2"
    return "" if reply.code in CODES else "mllp.unknown_code"
