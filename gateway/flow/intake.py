"""From bytes to a durable answer: what happens to one inbound message.

A message is peeked at, recognised, read and mapped on the event loop; it is
deduplicated, decided and stored in one transaction; only then is it answered.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from gateway.core.effects import Keys
from gateway.core.envelope import Envelope
from gateway.core.errors import OutcomeUnknown, Problem, Unavailable
from gateway.core.ids import MessageId, Minter
from gateway.core.verdict import Answer, AnswerKind, MessageState, Refusal, Verdict
from gateway.flow.deciding import MessageWork
from gateway.flow.rules import Rules
from gateway.flow.understand import (
    FAILED,
    STRANGER,
    Understood,
    conventions,
    keys_for,
    recognise,
    understand,
    understand_report,
)
from gateway.mapping.profile import Portal
from gateway.mapping.site import Site
from gateway.ports import LARGE, Clock, Header, Notifier, Peer, Receipt, Store

NO_STORE = Verdict(
    MessageState.REJECTED, (Problem("store.unavailable"),), Refusal.UNAVAILABLE
)
TOO_LARGE = Verdict(
    MessageState.REJECTED, (Problem("message.too_large"),), Refusal.UNAVAILABLE
)
STRANGE = 4096
"""Bytes kept of a message from a network that no site names: evidence, no archive."""
SILENCE = Answer(AnswerKind.NONE, close=True)

Observe = Callable[[Envelope, Receipt | None, float], None]
"""Told of every message: its envelope, its receipt if it was stored, seconds."""


class Intake:
    """The door every message comes in by."""

    def __init__(
        self,
        *,
        store: Store,
        rules: Callable[[], Rules],
        clock: Clock,
        minter: Minter,
        notifier: Notifier,
        observe: Observe,
        failed: Callable[[str], None],
    ) -> None:
        """Take messages under ``rules``, asked for anew for every message."""
        self._store = store
        self._rules = rules
        self._clock = clock
        self._minter = minter
        self._notifier = notifier
        self._observe = observe
        self._failed = failed

    async def receive(self, body: bytes, peer: Peer) -> Answer:
        """Take one framed HL7 v2 message: durable first, then answered."""
        return await self._take(body, peer, None)

    async def receive_oversize(self, head: bytes, peer: Peer) -> Answer:
        """Refuse a frame over the size limit; its ``head`` is kept as evidence.

        Whoever framed it ends the connection: no later boundary can be trusted.
        """
        return await self._take(head, peer, TOO_LARGE)

    async def _take(self, body: bytes, peer: Peer, ended: Verdict | None) -> Answer:
        now = self._clock.now()
        rules = self._rules()
        read = partial(self._read, body, peer, ended, rules)
        header, site, understood = (
            read() if len(body) <= LARGE else await asyncio.to_thread(read)
        )
        spoken = conventions(site)
        message_id = self._mint(now)
        kept = body if site or rules.expects(peer) else body[:STRANGE]
        work = MessageWork(
            envelope=_envelope(
                message_id, now, header, kept, site, rules.reader.media_type
            ),
            keys=_keys(understood, header, site, body),
            understood=understood,
            rules=rules,
            now=now,
            answer=lambda verdict: rules.reader.answer(
                header, verdict, spoken, message_id=message_id, now=now
            ),
            remark=site.remark if site else "",
        )
        return await self._commit(work)

    def _read(
        self, body: bytes, peer: Peer, ended: Verdict | None, rules: Rules
    ) -> tuple[Header, Site | None, Understood]:
        header, unusable = rules.reader.peek(body)
        site = recognise(rules.catalog, header, peer)
        understood = self._understand(rules, header, unusable or ended, body, site)
        return header, site, understood

    def _understand(
        self,
        rules: Rules,
        header: Header,
        ended: Verdict | None,
        body: bytes,
        site: Site | None,
    ) -> Understood:
        """Read and map; a fault of ours keeps the message, held, as deciding does."""
        try:
            return _first_look(rules, header, ended, body, site)
        except Exception as error:  # noqa: BLE001 - whatever it is, the bytes are kept
            self._failed(type(error).__name__)
            return Understood(verdict=FAILED)

    async def receive_report(
        self, portal: Portal, webhook_id: str, body: bytes, headers: Mapping[str, str]
    ) -> Answer:
        """Take one verified webhook of a portal."""
        now = self._clock.now()
        envelope = Envelope(
            message_id=self._mint(now),
            endpoint=f"webhook:{portal.manufacturer}",
            site=portal.manufacturer,
            media_type="application/json",
            received_at=now,
            type="webhook",
            control_id=webhook_id,
            body=body,
            headers=headers,
        )
        read = partial(understand_report, portal, body)
        understood = read() if len(body) <= LARGE else await asyncio.to_thread(read)
        keys = keys_for(
            understood.commands,
            portal.manufacturer,
            dedup=f"{envelope.endpoint}|{webhook_id}",
            digest=envelope.digest,
            mapping=understood.mapping,
        )
        work = MessageWork(envelope, keys, understood, self._rules(), now, _http_answer)
        return await self._commit(work)

    def _mint(self, now: datetime) -> MessageId:
        return self._minter.mint(int(now.timestamp() * 1000))

    async def _commit(self, work: MessageWork) -> Answer:
        receipt: Receipt | None = None
        try:
            receipt = await self._store.commit(work)
        except Unavailable:
            return work.answer(NO_STORE)
        except OutcomeUnknown:
            return SILENCE
        finally:
            elapsed = (self._clock.now() - work.now).total_seconds()
            self._observe(work.envelope, receipt, elapsed)
        if receipt.destinations:
            self._notifier.notify(receipt.destinations)
        return receipt.answer


def _first_look(
    rules: Rules,
    header: Header,
    unusable: Verdict | None,
    body: bytes,
    site: Site | None,
) -> Understood:
    if unusable is not None:
        return Understood(verdict=unusable)
    if site is None:
        return Understood(verdict=STRANGER)
    return understand(rules.reader, header, body, site)


def _envelope(
    message_id: MessageId,
    now: datetime,
    header: Header,
    body: bytes,
    site: Site | None,
    media_type: str,
) -> Envelope:
    return Envelope(
        message_id=message_id,
        endpoint="mllp",
        site=site.name if site else "",
        media_type=media_type,
        received_at=now,
        type=header.type,
        control_id=header.control_id,
        body=body,
    )


def _keys(
    understood: Understood, header: Header, site: Site | None, body: bytes
) -> Keys:
    """Name what is looked up.

    Where control ids are not to be trusted, nothing but the very bytes tells a
    resend from a second message that says the same. The head of a frame too large is
    no message, and repeats none.
    """
    if site is None or understood.verdict is TOO_LARGE:
        return Keys()
    dedup, digest = f"{site.name}|{header.sender}|{header.control_id}", header.digest
    if site.control_id == "untrusted":
        digest = hashlib.sha256(body).digest()
        dedup = f"{site.name}|{digest.hex()}"
    return keys_for(
        understood.commands,
        site.name,
        dedup=dedup,
        digest=digest,
        sent_at=header.sent_at,
        mapping=understood.mapping,
    )


def _http_answer(verdict: Verdict) -> Answer:
    if verdict.accepted:
        return Answer(AnswerKind.POSITIVE, "202")
    unavailable = verdict.refusal is Refusal.UNAVAILABLE
    return Answer(AnswerKind.NEGATIVE, "503" if unavailable else "422")
