from collections.abc import Iterator
from itertools import pairwise
from typing import SupportsIndex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.hl7v2.mllp import (
    SAMPLE,
    Block,
    BlockTooLarge,
    Damage,
    Empty,
    Event,
    JunkTooLong,
    MllpFramer,
    encode,
)

TWO_ORDERS = encode(b"MSH|one") + encode(b"MSH|two")

# Every byte that means something, and enough letters to form and miss a start.
NOISE = st.lists(
    st.sampled_from([b"\x0b", b"\x1c", b"\r", b"\n", b"M", b"S", b"H", b"MSH", b"FHS"]),
    max_size=40,
).map(b"".join)


def events(
    *reads: bytes, max_body: int = 64, max_junk: int = 16
) -> list[Event | type[Exception]]:
    """Feed ``reads`` one by one and collect everything the framer says."""

    def pull() -> Iterator[Event | type[Exception]]:
        framer = MllpFramer(max_body, max_junk)
        try:
            for read in reads:
                framer.receive(read)
                while (event := framer.next_event()) is not None:
                    yield event
        except (BlockTooLarge, JunkTooLong) as error:
            yield type(error)

    return list(pull())


def test_two_blocks_in_one_read() -> None:
    """A peer that pipelines gets one event per message, in order."""
    assert events(TWO_ORDERS) == [Block(b"MSH|one"), Block(b"MSH|two")]


@given(st.lists(st.integers(0, len(TWO_ORDERS)), max_size=8))
@settings(deadline=None, max_examples=50)
def test_read_boundaries_do_not_matter(cuts: list[int]) -> None:
    """Every way to cut the stream yields the same events."""
    edges = sorted({0, *cuts, len(TWO_ORDERS)})
    reads = [TWO_ORDERS[a:b] for a, b in pairwise(edges)]

    assert events(*reads) == [Block(b"MSH|one"), Block(b"MSH|two")]


@given(NOISE, st.integers(0, 8), st.integers(0, 8))
@settings(deadline=None, max_examples=50)
def test_noise_reads_the_same_whole_or_byte_by_byte(
    stream: bytes, max_body: int, max_junk: int
) -> None:
    """Limits, restarts and junk are judged by the bytes, never by the reads."""
    one_by_one = [stream[n : n + 1] for n in range(len(stream))]

    whole = events(*[stream] * bool(stream), b"", max_body=max_body, max_junk=max_junk)

    assert events(*one_by_one, b"", max_body=max_body, max_junk=max_junk) == whole


@given(NOISE)
@settings(deadline=None, max_examples=50)
def test_no_byte_goes_missing(stream: bytes) -> None:
    """What is neither block nor damage is only the framing of blocks."""
    found = events(*[stream] * bool(stream), b"", max_body=1000, max_junk=1000)

    sizes = (
        event.size
        if isinstance(event, Damage)
        else 3 + len(event.body)
        if isinstance(event, Block)
        else 0
        for event in found
    )
    if Empty() not in found:
        assert sum(sizes) == len(stream)


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        pytest.param(
            b"\x0bMSH|cut" + encode(b"MSH|ok"),
            [Damage("cut_short", 8, b"\x0bMSH|cut"), Block(b"MSH|ok")],
            id="a new MSH ends a cut-short block",
        ),
        pytest.param(
            b"\x0bMSH|cut" + encode(b"BHS|ok"),
            [Damage("cut_short", 8, b"\x0bMSH|cut"), Block(b"BHS|ok")],
            id="so does a new batch",
        ),
        pytest.param(
            b"\r\n" + encode(b"MSH|ok"),
            [Damage("stray", 2, b"\r\n"), Block(b"MSH|ok")],
            id="bytes between blocks are reported and skipped",
        ),
        pytest.param(
            b"\x0bMSH|a\x1cb\x1c\r",
            [Block(b"MSH|a\x1cb")],
            id="a lone FS never ends a block",
        ),
        pytest.param(
            b"\x0bMSH|a\x0bb\x0bMSX\x1c\r",
            [Block(b"MSH|a\x0bb\x0bMSX")],
            id="a VT before anything else is payload",
        ),
        pytest.param(
            b"\x0b<xml/>\x1c\r",
            [Block(b"<xml/>")],
            id="what is no HL7 is framed all the same, so that it gets an answer",
        ),
        pytest.param(
            b"\x0b" + encode(b"MSH|ok") + b"\x1c\r",
            [Damage("cut_short", 1, b"\x0b"), Block(b"MSH|ok")],
            id="a doubled envelope holds one message",
        ),
    ],
)
def test_damage_is_survivable(stream: bytes, expected: list[Event]) -> None:
    """One bad block does not cost the next one."""
    assert events(stream) == expected


@pytest.mark.parametrize("content", [b"", b"\r", b"\r\n\r"])
def test_a_block_of_line_ends_is_no_message(content: bytes) -> None:
    """There is nothing in it to answer."""
    assert events(encode(content)) == [Empty()]


def test_hangup_inside_a_block_is_damage() -> None:
    """A block that never ended is not a message."""
    assert events(b"\x0bMSH|half", b"") == [Damage("cut_short", 9, b"\x0bMSH|half")]


@pytest.mark.parametrize("end", [b"", b"\x1c\r"])
def test_oversize_is_fatal_before_and_after_its_end_arrives(end: bytes) -> None:
    """Memory per connection is bounded whether or not the end ever comes."""
    assert events(b"\x0b" + b"x" * 65 + end) == [BlockTooLarge]


def test_the_limit_itself_is_allowed() -> None:
    """A tail that may be the end of the block does not count as body."""
    assert events(b"\x0b" + b"x" * 64 + b"\x1c", b"\r") == [Block(b"x" * 64)]


def test_oversize_keeps_the_head() -> None:
    """MSH-10 can be read from it, so that the sender is told."""
    framer = MllpFramer(max_body=10_000)
    framer.receive(b"\x0bMSH|head" + b"x" * 20_000)

    with pytest.raises(BlockTooLarge) as caught:
        framer.next_event()

    assert caught.value.head.startswith(b"MSH|headx")
    assert len(caught.value.head) == SAMPLE


def test_no_payload_in_any_text() -> None:
    """Errors and events reach logs."""
    framer = MllpFramer(max_body=4)
    framer.receive(b"\x0bCANARY")

    with pytest.raises(BlockTooLarge) as caught:
        framer.next_event()

    shown = [caught.value, Block(b"CANARY"), Damage("stray", 6, b"CANARY")]
    assert not any("CANARY" in f"{each!r} {each}" for each in shown)


def test_junk_adds_up_between_two_blocks() -> None:
    """Little by little is no way around the limit."""
    stream = b"x" * 10 + b"\x0bMSH|cut" + b"\x0bMSH|cut\x1c\r" + b"y" * 16
    again = b"x" * 16 + b"\x0bMSH|a\x1c\r" + b"x" * 16 + b"\x0bMSH|b\x1c\r" + b"x" * 17

    assert JunkTooLong not in events(stream)
    assert events(again)[-1] is JunkTooLong


def test_the_sample_of_damage_is_bounded() -> None:
    """A forensic buffer must not become the memory the limits protect."""
    (damage,) = events(b"\x0b" + b"x" * 9000, b"", max_body=10_000)

    assert isinstance(damage, Damage)
    assert (damage.size, len(damage.sample)) == (9001, SAMPLE)


@pytest.mark.parametrize(
    ("read", "open_"), [(b"", False), (b"\r", False), (b"\x0b", True), (b"\x0bM", True)]
)
def test_an_open_block_is_known(read: bytes, open_: bool) -> None:  # noqa: FBT001
    """Another deadline runs inside a block than between blocks."""
    framer = MllpFramer()
    framer.receive(encode(b"MSH|one") + read)

    while framer.next_event() is not None:
        pass

    assert framer.in_block is open_


class Counted(bytearray):
    """A buffer that counts the bytes it is searched for."""

    searched = 0

    def find(
        self,
        sub: bytes | SupportsIndex,  # type: ignore[override]
        start: SupportsIndex | None = 0,
        end: SupportsIndex | None = None,
        /,
    ) -> int:
        first, last = int(start or 0), len(self) if end is None else int(end)
        found = super().find(sub, first, last)
        self.searched += max(0, (found if found >= 0 else last) - first)
        return found


@pytest.mark.parametrize("size", [1, 1000, 65536])
def test_nothing_is_searched_twice(size: int) -> None:
    """Time is linear in the bytes received, however small the reads are."""
    framer = MllpFramer()
    framer._buffer = buffer = Counted()
    total = 20_000 if size == 1 else 4_000_000
    framer.receive(b"\x0b")
    for _ in range(total // size):
        framer.receive(b"x" * size)
        assert framer.next_event() is None

    assert buffer.searched < 6 * total


def test_blocks_cut_short_are_not_searched_twice_either() -> None:
    """A peer that only ever begins blocks must not cost quadratic time."""
    framer = MllpFramer()
    framer._buffer = buffer = Counted()
    stream = b"\x0bMSH" * 20_000
    framer.receive(stream)

    while framer.next_event() is not None:
        pass

    assert buffer.searched < 6 * len(stream)


def test_sixteen_mebibytes_pass() -> None:
    """The default limit is 16 MiB, end included in the last read."""
    body = b"MSH|" + b"x" * (16 * 1024 * 1024 - 4)
    stream = encode(body)
    framer = MllpFramer()
    found: list[Event] = []

    for start in range(0, len(stream), 1 << 20):
        framer.receive(stream[start : start + (1 << 20)])
        event = framer.next_event()
        found += [event] if event else []

    assert found == [Block(body)]


@pytest.mark.parametrize("content", [b"a\x0bb", b"a\x1cb", b"a\x1c\rb"])
def test_what_we_send_holds_no_framing_byte(content: bytes) -> None:
    """A strict receiver may end or begin a block at either."""
    with pytest.raises(ValueError, match="cannot contain"):
        encode(content)
