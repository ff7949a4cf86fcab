"""The ledger of one order: any change, removal or reordering is found (G11)."""

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.effects import LedgerEntry
from gateway.core.ledger import (
    GENESIS,
    chain_hash,
    commit_body,
    entry,
    salt_for,
    verify_chain,
)
from tests.unit.core.builders import NOON

SECRET = bytes(range(16))
LENGTH = 5
BYTES = ["header", "body", "salt", "commitment", "hash"]
anywhere = st.integers(0, LENGTH - 1)


def event(n: int, previous: bytes, body: dict[str, int] | bytes) -> LedgerEntry:
    """Make the ``n``-th event of the order these tests are about."""
    return entry(
        order_id="M-o1",
        n=n,
        previous=previous,
        kind="status_advanced",
        asserted_by="helix",
        occurred_at=None,
        recorded_at=NOON + timedelta(minutes=n),
        origin="M",
        mapping="map-1",
        body=body,
        salt=salt_for(SECRET, n),
    )


def chain(length: int = LENGTH) -> list[LedgerEntry]:
    """Make a sound ledger."""
    events: list[LedgerEntry] = []
    for n in range(1, length + 1):
        previous = events[-1].hash if events else GENESIS
        events.append(event(n, previous, {"step": n}))
    return events


LEDGER = chain()


def flipped(value: bytes, bit: int) -> bytes:
    """Return ``value`` with one bit turned over."""
    changed = bytearray(value)
    changed[bit // 8 % len(value)] ^= 1 << bit % 8
    return bytes(changed)


def resealed(event: LedgerEntry, previous: bytes) -> LedgerEntry:
    """Return ``event`` with hashes that fit it, as a forger would make them."""
    commitment = commit_body(event.salt, event.body)
    sealed = chain_hash(previous, event.header, commitment)
    return replace(event, commitment=commitment, hash=sealed)


def test_an_untouched_ledger_verifies() -> None:
    assert verify_chain(LEDGER) is None


def test_an_empty_ledger_verifies() -> None:
    assert verify_chain([]) is None


def test_a_checker_needs_the_stored_bytes_and_sha_256_alone() -> None:
    previous = bytes(32)
    for stored in LEDGER:
        commitment = hashlib.sha256(stored.salt + stored.body).digest()
        previous = hashlib.sha256(previous + stored.header + commitment).digest()
        assert previous == stored.hash


@given(anywhere, st.sampled_from(BYTES), st.integers(0, 10_000))
def test_any_flipped_bit_is_found_where_it_is(at: int, name: str, bit: int) -> None:
    fields: dict[str, Any] = {name: flipped(getattr(LEDGER[at], name), bit)}
    changed = replace(LEDGER[at], **fields)

    assert verify_chain([*LEDGER[:at], changed, *LEDGER[at + 1 :]]) == at + 1


@given(anywhere, st.integers(-3, 9).filter(bool))
def test_any_other_number_is_found(at: int, by: int) -> None:
    moved = replace(LEDGER[at], n=LEDGER[at].n + by)

    assert verify_chain([*LEDGER[:at], moved, *LEDGER[at + 1 :]]) == at + 1


@given(anywhere)
def test_an_event_filed_under_another_order_is_found(at: int) -> None:
    """The order is in the header, and the header is in the chain."""
    moved = replace(LEDGER[at], order_id="M-o2")

    assert verify_chain([*LEDGER[:at], moved, *LEDGER[at + 1 :]]) == at + 1


@given(st.integers(0, LENGTH - 2))
def test_any_removed_event_is_found(at: int) -> None:
    assert verify_chain([*LEDGER[:at], *LEDGER[at + 1 :]]) == at + 1


@given(st.integers(0, LENGTH - 1))
def test_a_cut_off_end_shows_in_the_head(kept: int) -> None:
    """The chain alone cannot know; the order and the checkpoints hold its head."""
    rest = LEDGER[:kept]

    assert verify_chain(rest) is None
    assert (rest[-1].hash if rest else GENESIS) != LEDGER[-1].hash


@given(st.permutations(range(LENGTH)).filter(lambda p: p != list(range(LENGTH))))
def test_any_other_order_of_events_is_found(order: list[int]) -> None:
    first = next(n for n, place in enumerate(order) if n != place)

    assert verify_chain([LEDGER[place] for place in order]) == first + 1


@given(anywhere, st.integers(0, LENGTH))
def test_a_repeated_event_is_found(original: int, at: int) -> None:
    """Beside its original it is the second of the two that does not fit."""
    doubled = [*LEDGER[:at], LEDGER[original], *LEDGER[at:]]

    assert verify_chain(doubled) == (at + 2 if at == original else at + 1)


@given(anywhere, st.binary(max_size=40))
def test_a_rewritten_and_resealed_event_does_not_fit_the_next(
    at: int, body: bytes
) -> None:
    """The last one has no next: its hash is the head, which is kept elsewhere."""
    previous = LEDGER[at - 1].hash if at else GENESIS
    forged = resealed(replace(LEDGER[at], body=body), previous)

    assert forged.hash != LEDGER[at].hash
    ledger = [*LEDGER[:at], forged, *LEDGER[at + 1 :]]
    assert verify_chain(ledger) == (None if at == LENGTH - 1 else at + 2)


@given(st.integers(1, 15))
def test_the_border_between_salt_and_body_cannot_move(by: int) -> None:
    """Salt and body are hashed as one run of bytes, so the salt's size is fixed."""
    first = LEDGER[0]
    run = first.salt + first.body
    moved = replace(first, salt=run[: 16 + by], body=run[16 + by :])

    assert commit_body(moved.salt, moved.body) == first.commitment
    assert verify_chain([moved]) == 1


def test_a_header_that_says_nothing_of_its_order_is_found() -> None:
    """A forger who reseals everything must still write what we would read."""
    for header in (b"", b"[]", b"{}", b'{"order":"M-o1"}', b"\xff", b"3"):
        forged = resealed(replace(LEDGER[0], header=header), GENESIS)
        assert verify_chain([forged]) == 1


def test_a_header_says_what_the_chain_needs_and_no_more() -> None:
    assert orjson.loads(LEDGER[0].header) == {
        "schema": 1,
        "order": "M-o1",
        "n": 1,
        "kind": "status_advanced",
        "asserted_by": "helix",
        "occurred_at": "2026-03-02T12:01:00+00:00",
        "recorded_at": "2026-03-02T12:01:00+00:00",
        "origin": "M",
        "mapping": "map-1",
    }


def test_a_body_given_as_bytes_is_kept_as_it_is() -> None:
    """An order is written once; hashing another rendering would not be its hash."""
    body = b'{ "spaced": 1 }'

    assert event(1, GENESIS, body).body == body


@given(st.binary(min_size=16, max_size=16), st.sets(st.integers(0, 2**32 - 1)))
def test_the_salts_of_one_message_differ(secret: bytes, events: set[int]) -> None:
    salts = {salt_for(secret, n) for n in events}

    assert len(salts) == len(events)
    assert all(len(salt) == 16 for salt in salts)


def test_equal_bodies_have_different_commitments() -> None:
    """A guess at one body confirms nothing about another."""
    one, two = (event(n, GENESIS, b"positive") for n in (1, 2))

    assert one.commitment != two.commitment


def test_a_number_left_out_is_found_although_every_hash_fits() -> None:
    """As if a writer had counted wrongly, or somebody begun a ledger in its middle."""
    first = event(1, GENESIS, {})
    third = event(3, first.hash, {})

    assert verify_chain([first, third]) == 2
    assert verify_chain([event(2, GENESIS, {})]) == 1
