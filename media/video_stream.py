"""Pass one vehicle's encoded video on to any number of viewers, packet by packet, never decoding it.

A publisher may be replaced at any time: `Splice` keeps the numbering unbroken, so viewers stay attached and only need a
key frame. A viewer receives nothing until a key frame begins; one that falls behind skips to the next; one that comes
while the last key frame is fresh is given it and what followed at once. Losses on either leg are the adapter's
(`media.losses`, `media.retransmission`); connections and sessions are the forwarder's.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiortc.rtp import RtpPacket

from media.aiortc_private import IncomingPacket, OutgoingPacket, starts_key_frame
from media.codec import Codec
from media.numbering import SEQ_BITS, TIMESTAMP_BITS, unwrapped
from media.retransmission import Retransmission

VIDEO_CLOCK_HZ = 90_000  # RTP clock of every video codec (RFC 3551 section 5)
KEY_FRAME_GAP_S = 0.5  # at most two requests a second reach the vehicle, however many viewers ask
RECENT_S = 1.0  # a key frame that is older is the past: a late viewer waits for a new one instead
RECENT_PACKETS = 200  # go to a late viewer at once; some 240 kB, what a socket takes
SEQ_START_MAX = 1 << 15  # start in the lower half: a wrap right after the start breaks SRTP's packet index


class Source(Protocol):
    """A publisher; `ended` once another has taken its place."""

    ended: bool


@dataclass(slots=True)
class Splice:
    """Numbers the packets of successive publishers as one stream: sequence and timestamp that never wrap or go back."""

    highest_seq: int = 0
    highest_timestamp: int = 0
    _source: object = None
    _seq_shift: int = 0
    _timestamp_shift: int = 0
    _last_at_s: float = 0.0

    def place(self, source: object, seq: int, timestamp: int, at_s: float) -> tuple[int, int]:
        """Sequence and timestamp of a packet in the joined stream. A new `source` continues after the old one."""
        if source is not self._source:
            pause = max(1, round((at_s - self._last_at_s) * VIDEO_CLOCK_HZ)) if self._source is not None else 1
            self._seq_shift = self.highest_seq + 1 - seq
            self._timestamp_shift = self.highest_timestamp + pause - timestamp
            self._source = source
        placed_seq = unwrapped(seq + self._seq_shift, self.highest_seq, SEQ_BITS)
        placed_timestamp = unwrapped(timestamp + self._timestamp_shift, self.highest_timestamp, TIMESTAMP_BITS)
        self.highest_seq = max(self.highest_seq, placed_seq)
        self.highest_timestamp = max(self.highest_timestamp, placed_timestamp)
        self._last_at_s = at_s
        return placed_seq, placed_timestamp


class Listener(Protocol):
    """Whoever keeps what passes: every packet in the order of arrival, with its numbers in the joined stream."""

    def take(self, placed: Placed) -> None: ...

    def begin_again(self) -> None:
        """Another publisher follows: nothing of the one before helps to decode it."""
        ...


@dataclass(slots=True)
class Placed:
    """A packet with its numbers in the joined stream."""

    packet: RtpPacket | IncomingPacket
    seq: int
    timestamp: int
    starts_key: bool
    codec: Codec = "VP8"


@dataclass(eq=False)
class VideoViewer:
    """One viewer's own numbering and its gate: closed until a key frame begins."""

    offer: Callable[[OutgoingPacket], bool]
    history: Retransmission[Any]
    frames_out: int = 0
    packets_out: int = 0
    skips: int = 0  # times the queue overflowed and everything up to the next key frame was skipped
    ready: bool = False
    gate_open: bool = False
    _opened_at_seq: int = 0
    _next_seq: int = field(default_factory=lambda: random.randrange(SEQ_START_MAX))
    _seq_shift: int = 0
    _timestamp_shift: int = field(default_factory=lambda: random.getrandbits(32))

    @property
    def sent_again(self) -> int:
        """Packets that this viewer lost and was sent a second time."""
        return self.history.granted

    @property
    def waits(self) -> bool:
        """Does this viewer need a key frame before it can show anything?"""
        return self.ready and not self.gate_open

    def pass_on(self, placed: Placed) -> None:
        packet, seq = placed.packet, placed.seq
        if not self.ready or (not self.gate_open and not placed.starts_key):
            return
        if not self.gate_open:
            self.gate_open, self._opened_at_seq = True, seq
            self._seq_shift = self._next_seq - seq  # what was skipped leaves no hole: nothing to ask for again
        if seq < self._opened_at_seq:
            return
        out_seq = seq + self._seq_shift
        out_timestamp = (placed.timestamp + self._timestamp_shift) & 0xFFFFFFFF
        outgoing = OutgoingPacket(out_seq & 0xFFFF, out_timestamp, packet.marker, packet.payload, placed.codec)
        if not self.offer(outgoing):
            self.gate_open = False
            self.skips += 1
            return
        self._next_seq = max(self._next_seq, out_seq + 1)
        self.packets_out += 1
        self.frames_out += packet.marker


class Recent:
    """The last key frame and all that followed, while it is fresh and short enough to be caught up with at once."""

    def __init__(self) -> None:
        self._placed: list[Placed] = []
        self._began_at_s = float("-inf")

    def add(self, placed: Placed, at_s: float) -> None:
        if placed.starts_key:
            self._placed, self._began_at_s = [placed], at_s
        elif self.packets(at_s):
            self._placed.append(placed)

    def packets(self, at_s: float) -> list[Placed]:
        """In the order of arrival; empty when there is nothing fresh."""
        if at_s - self._began_at_s > RECENT_S or len(self._placed) >= RECENT_PACKETS:
            self._placed = []
        return self._placed

    def clear(self) -> None:
        self._placed = []


class VideoStream:
    """The fan-out of one vehicle's video. A publisher becomes its source with its first packet."""

    def __init__(self, now_s: Callable[[], float], on_source: Callable[[Any], None]) -> None:
        self._now_s = now_s
        self._on_source = on_source  # told when another publisher's first packet arrives
        self._splice = Splice()
        self._recent = Recent()
        self._source: Source | None = None
        self._ask_upstream: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._wanted = False
        self._asked_at_s = float("-inf")
        self.viewers: list[VideoViewer] = []
        self._listeners: list[Listener] = []
        self.last_packet_at_s = float("-inf")
        self.frames_in = self.packets_in = self.bytes_in = self.key_frame_requests = 0

    def receive(
        self,
        source: Source,
        packet: RtpPacket | IncomingPacket,
        ask_upstream: Callable[[], None],
        codec: Codec = "VP8",
    ) -> None:
        """Pass a publisher's packet on. `ask_upstream` asks that publisher for a key frame."""
        if source is not self._source and not self._take_over(source, ask_upstream):
            return
        self.last_packet_at_s = self._now_s()
        self.packets_in += 1
        self.bytes_in += len(packet.payload)
        self.frames_in += packet.marker
        seq, timestamp = self._splice.place(source, packet.sequence_number, packet.timestamp, self.last_packet_at_s)
        starts_key = starts_key_frame(packet, codec)
        if starts_key:
            self._wanted = False
        placed = Placed(packet, seq, timestamp, starts_key, codec)
        self._recent.add(placed, self.last_packet_at_s)
        waits = False
        for viewer in self.viewers:
            viewer.pass_on(placed)
            waits = waits or viewer.waits
        for listener in self._listeners:
            listener.take(placed)
        if waits:
            self.want_key_frame()

    def _take_over(self, source: Source, ask_upstream: Callable[[], None]) -> bool:
        if source.ended:
            return False
        self._source, self._ask_upstream = source, ask_upstream
        self._asked_at_s = float("-inf")
        self._recent.clear()
        for viewer in self.viewers:
            viewer.gate_open = False
        for listener in self._listeners:
            listener.begin_again()
        self._on_source(source)
        return True

    def lose(self, source: Source) -> None:
        """The publisher is gone; viewers stay and wait for the next."""
        if source is self._source:
            self._source = self._ask_upstream = None
            self._recent.clear()

    def attach(self, viewer: VideoViewer) -> None:
        self.viewers.append(viewer)

    def detach(self, viewer: VideoViewer) -> None:
        if viewer in self.viewers:
            self.viewers.remove(viewer)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Give `listener` what is fresh at once and then every packet, until the returned function is called."""
        self._listeners.append(listener)
        for placed in self._recent.packets(self._now_s()):
            listener.take(placed)

        def stop() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return stop

    def begin(self, viewer: VideoViewer) -> None:
        """`viewer` can take packets now: what is fresh at once, else a key frame as soon as the vehicle makes one."""
        viewer.ready = True
        for placed in self._recent.packets(self._now_s()):
            viewer.pass_on(placed)
        if viewer.waits:
            self.want_key_frame()

    def gap(self) -> None:
        """A packet of the source is lost for good: viewers need a key frame, a new one must not begin before it."""
        self._recent.clear()
        self.want_key_frame()

    def want_key_frame(self) -> None:
        """Ask the vehicle for a key frame until it comes; requests merge, at most one every `KEY_FRAME_GAP_S`."""
        if not self._wanted:
            self._wanted = True
            self._ask_when_allowed()

    def _ask_when_allowed(self) -> None:
        if not self._wanted or self._ask_upstream is None:
            self._wanted = False
            return
        wait_s = self._asked_at_s + KEY_FRAME_GAP_S - self._now_s()
        if wait_s <= 0:
            self._ask_upstream()
            self.key_frame_requests += 1
            self._asked_at_s = self._now_s()
            wait_s = KEY_FRAME_GAP_S
        if self._timer:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(wait_s, self._ask_when_allowed)

    def close(self) -> None:
        self._wanted = False
        if self._timer:
            self._timer.cancel()
