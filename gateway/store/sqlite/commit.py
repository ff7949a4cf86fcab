"""One message into the store: looked up, decided, written. Runs as one job."""

import orjson

from gateway.core.effects import Effects, Keys, StateNeeded
from gateway.core.envelope import Envelope
from gateway.core.verdict import Answer, MessageState, Verdict
from gateway.ports import Receipt, Work
from gateway.store.sqlite.effects import problems_json, write_effects, write_waits
from gateway.store.sqlite.times import micros
from gateway.store.sqlite.transaction import Transaction
from gateway.store.sqlite.view import (
    NEVER_SEEN,
    Seen,
    load_view,
    look_up,
    stored_answer,
)
from gateway.store.statements import statements

_SQL = statements("sqlite", "effects")
_INSERT_MESSAGE = _SQL["insert_message"]
_INSERT_ACCEPTED = _SQL["insert_accepted"]
_COUNT_RESEND = _SQL["count_resend"]


def store_message(tx: Transaction, work: Work) -> Receipt:
    """Decide a message and write what follows, unless it was accepted before."""
    keys = work.keys
    seen = look_up(tx, keys)
    if seen.message is not None:
        return _repeat(tx, seen.message, work.envelope)
    return _write(tx, work, decided(tx, work, seen))


def decided(tx: Transaction, work: Work, seen: Seen = NEVER_SEEN) -> Effects:
    """Decide over the state a message's keys name, and over more if it needs more."""
    keys = work.keys
    while True:
        try:
            return work.decide(load_view(tx, keys, seen))
        except StateNeeded as needed:
            if needed.keys == keys:
                raise
            keys = needed.keys


def store_failed(tx: Transaction, work: Work) -> Receipt:
    """Write a message whose deciding failed: held, with an alarm."""
    return _write(tx, work, work.failed())


def _repeat(tx: Transaction, seq: int, envelope: Envelope) -> Receipt:
    message_id, answer = stored_answer(tx, seq)
    tx.execute(_COUNT_RESEND, (micros(envelope.received_at), seq))
    tx.count("messages.resent", envelope.site)
    return Receipt(message_id, answer, duplicate=True)


def _write(tx: Transaction, work: Work, effects: Effects) -> Receipt:
    envelope, keys, verdict = work.envelope, work.keys, effects.verdict
    seq = _write_message(tx, envelope, keys, verdict, effects.answer)
    if verdict.accepted and keys.dedup:
        _remember(tx, keys, seq)
    if verdict.state is MessageState.WAITING:
        write_waits(tx, effects.wait_for, seq)
    destinations = write_effects(tx, effects, at=envelope.received_at, message=seq)
    return Receipt(envelope.message_id, effects.answer, destinations=destinations)


def _write_message(
    tx: Transaction, envelope: Envelope, keys: Keys, verdict: Verdict, answer: Answer
) -> int:
    _count(tx, envelope.site, verdict, answer)
    return tx.insert(
        _INSERT_MESSAGE,
        (
            envelope.message_id,
            micros(envelope.received_at),
            envelope.site,
            envelope.endpoint,
            envelope.type,
            envelope.control_id,
            envelope.media_type,
            envelope.digest,
            verdict.state,
            answer.kind,
            answer.code,
            verdict.refusal,
            problems_json(verdict.problems),
            keys.mapping,
            answer.close,
            orjson.dumps(dict(envelope.headers)).decode() if envelope.headers else "{}",
            answer.body,
            envelope.body,
        ),
    )


def _count(tx: Transaction, site: str, verdict: Verdict, answer: Answer) -> None:
    # Joined with +, since formatting an enum costs as much as a statement.
    tx.count("messages.received", site)
    tx.count("answers." + answer.kind, site)
    if verdict.accepted:
        tx.count("messages.accepted", site)
    tx.count("messages." + verdict.state, site)


def _remember(tx: Transaction, keys: Keys, seq: int) -> None:
    sent_at = None if keys.sent_at is None else micros(keys.sent_at)
    tx.execute(_INSERT_ACCEPTED, (keys.dedup, keys.digest, sent_at, seq))
