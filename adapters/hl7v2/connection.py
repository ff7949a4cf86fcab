"""One MLLP peer's connection: frames in, answers out in the same order."""

import asyncio
from typing import TYPE_CHECKING, Final, cast

from adapters.hl7v2.answers import AnswerQueue
from adapters.hl7v2.house import House
from adapters.hl7v2.keepalive import keep_alive
from adapters.hl7v2.mllp import (
    Block,
    BlockTooLarge,
    Damage,
    Empty,
    Event,
    MllpFramer,
    StreamLost,
)
from adapters.hl7v2.patience import Patience
from gateway.ports import Peer

if TYPE_CHECKING:
    from adapters.hl7v2.admission import Account

_WRAPPING: Final = 3  # VT, FS and CR


class Connection(asyncio.Protocol):
    """Serves one peer until it hangs up or breaks a limit.

    It ends in one of three ways. ``end``: no more frames are taken, those taken
    are answered, then we hang up. ``drop``: at once. ``abort``: with a reset.
    """

    def __init__(self, house: House) -> None:
        self._house = house
        self._limits = house.limits
        self._framer = MllpFramer(self._limits.frame, self._limits.junk)
        self._account: Account | None = None
        self._charged = self._unframed = self._last_read = 0
        self._empty_in_a_row = self._damaged_in_a_row = 0
        self._paused = self._at_eof = self._hung_up = False
        self._reason = ""
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # ------------------------------------------------------- the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the peer, or turn it away."""
        self._transport = cast("asyncio.Transport", transport)
        name = transport.get_extra_info("peername") or ("", 0)
        self.peer = Peer(name[0], name[1])
        self._answers = AnswerQueue(
            self._house.receive, self.peer, self._answered, self._house.counters
        )
        self._patience = Patience(self._limits, self._busy, self._out_of_patience)
        self._account = self._house.admission.admit(self, self.peer.address)
        if self._account is None:
            self._house.counters.refused += 1
            self.abort("mllp.refused")
        else:
            keep_alive(transport.get_extra_info("socket"))
            self._house.counters.opened += 1
            self._house.counters.connections += 1
            self._house.on_connection(self.peer, "mllp.opened")

    def data_received(self, data: bytes) -> None:
        """Take what the peer sent; once the end is decided it is thrown away."""
        if self._reason:
            return
        self._last_read = len(data)
        self._unframed += self._last_read
        self._framer.receive(data)
        self._pump()
        self._settle_account()

    def eof_received(self) -> bool:
        """Answer what was sent before the peer shut down its side."""
        self._at_eof = True
        if not self._reason:
            self._framer.receive(b"")
            self._pump()
        return not self._hung_up

    def pause_writing(self) -> None:
        """Take no more frames while the peer leaves its answers unread."""
        self._patience.writing_stalled()
        self._regulate()

    def resume_writing(self) -> None:
        """Go on: the peer reads again."""
        self._patience.writing_flows()
        self._pump()

    def connection_lost(self, error: Exception | None) -> None:
        """Close the books of this connection; decisions under way go on."""
        self._patience.stop()
        self._answers.open = False
        self._hung_up = True
        gone = "mllp.connection_lost" if error else "mllp.peer_closed"
        self._reason = self._reason or gone
        self.lost.set_result(None)
        if self._account is not None:
            self._salvage()
            self._house.counters.connections -= 1
            self._house.counters.ended[self._reason] += 1
            self._house.admission.leave(self, self.peer.address)
        self._house.on_connection(self.peer, self._reason)

    # ------------------------------------------------------- ending

    @property
    def idle_since(self) -> float | None:
        """Loop time since which nothing is under way, ``None`` if something is."""
        return None if self._reason else self._patience.idle_since

    def end(self, reason: str) -> None:
        """Take no more frames, answer those taken, then hang up."""
        self._reason = self._reason or reason
        self._regulate()
        if not self._answers or not self._answers.open:
            self._hang_up()

    def drop(self, reason: str) -> None:
        """Close at once; answers already written still leave."""
        self._reason = self._reason or reason
        self._leave_within(self._limits.stalled)
        self._transport.close()

    def abort(self, reason: str) -> None:
        """Cut the connection, whatever is under way."""
        self._reason = self._reason or reason
        self._answers.open = False
        self._transport.abort()

    def _hang_up(self) -> None:
        """Send our FIN, then listen on: a reset would overtake the last answer."""
        if self._hung_up:
            return
        if self._at_eof or not self._transport.can_write_eof():
            self.drop(self._reason)
            return
        self._leave_within(self._limits.linger)
        try:
            self._transport.write_eof()
        except OSError:  # the peer is gone, and nobody has told us yet
            self.abort(self._reason)
        self._regulate()

    def _leave_within(self, seconds: float) -> None:
        self._hung_up = True
        self._answers.open = False
        self._patience.leave_within(seconds)

    def _out_of_patience(self, why: str) -> None:
        if self._hung_up or self._patience.stalled:
            self.abort(why)
        elif self._answers:
            self.end(why)
        else:
            self.drop(why)

    def _salvage(self) -> None:
        """Report what a peer left unfinished; whole frames it will send again."""
        try:
            self._framer.receive(b"")
            while not self._spoilt and (event := self._framer.next_event()):
                if isinstance(event, Damage):
                    self._damaged(event.kind, event.size, event.sample)
        except StreamLost:
            pass
        self._unframed = 0
        self._settle_account()

    # ------------------------------------------------------- frames and answers

    def _busy(self) -> bool:
        return len(self._answers) > 0

    def _has_room(self) -> bool:
        return (
            not self._patience.stalled
            and not self._answers.large
            and len(self._answers) < self._limits.pipeline
            and self._answers.held < self._limits.pipeline_bytes
        )

    def _pump(self) -> None:
        """Take frames as long as there is room for them."""
        while not self._reason and self._has_room():
            try:
                event = self._framer.next_event()
            except StreamLost as lost:
                self._lose(lost)
                break
            if event is None:
                self._caught_up()
                break
            self._take(event)
        self._regulate()

    def _take(self, event: Event) -> None:
        match event:
            case Block(body):
                self._framed(len(body))
                self._empty_in_a_row = self._damaged_in_a_row = 0
                self._answers.submit(body)
            case Empty():
                self._framed(0)
                self._empty_in_a_row += 1
                self._house.counters.empty += 1
                if self._empty_in_a_row >= self._limits.empty_frames:
                    self.end("mllp.empty_frames")
            case Damage(kind, size, sample):
                self._unframed -= size
                self._damaged(kind, size, sample)
                if self._spoilt:
                    self.end("mllp.damage")

    def _framed(self, size: int) -> None:
        self._patience.frame_ended()
        # What is left came with the frame's end or after it, so in one read.
        self._unframed = min(self._unframed - size - _WRAPPING, self._last_read)

    def _caught_up(self) -> None:
        if self._framer.in_block:
            self._patience.frame_begun()
        else:
            self._unframed = 0
        if self._at_eof:
            self.end("mllp.peer_closed")

    def _lose(self, lost: StreamLost) -> None:
        if isinstance(lost, BlockTooLarge):
            self._answers.submit_oversize(self._house.receive_oversize, lost.head)
        else:
            self._damaged("junk", len(lost.head), lost.head)
        self.end(lost.code)

    @property
    def _spoilt(self) -> bool:
        return self._damaged_in_a_row >= self._limits.damage

    def _damaged(self, kind: str, size: int, sample: bytes) -> None:
        self._damaged_in_a_row += 1
        self._house.counters.damage += 1
        self._house.on_damage(kind, size, sample, self.peer)

    def _answered(self, frames: bytes, ending: str) -> None:
        if not self.lost.done():
            self._patience.answered()
            if frames:
                self._transport.write(frames)
            if ending or (self._reason and not self._answers):
                self.end(ending)
            else:
                self._pump()
        self._settle_account()

    # ------------------------------------------------------- limits

    def _settle_account(self) -> None:
        held = self._unframed + self._answers.held
        more, self._charged = held - self._charged, held
        if self._account is not None and more:
            self._account.charge(more)
            if more > 0 and self._account.overdrawn:
                self.end("mllp.memory")

    def _regulate(self) -> None:
        """Read while frames can be taken, or thrown away."""
        pause = not self._hung_up and (bool(self._reason) or not self._has_room())
        if pause == self._paused or self._transport.is_closing():
            return
        self._paused = pause
        if pause:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()
