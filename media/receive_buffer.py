"""Put a video stream's packets together to frames and hand each over the moment it is whole, or not at all.

Pure: packets and times in; frames, requests and the wish for a key frame out. A frame is whole with its last packet
(RTP marker bit), not when the next one begins. A gap is waited for as `media.losses` says; then everything up to the
next key frame is skipped: no picture is ever built on one that never came. Decoding is the adapter's and aiortc's.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from media.losses import Losses

CAPACITY_PACKETS = 512  # as aiortc's own; 6 s at 700 kbit/s
KEY_FRAME_AGAIN_S = 0.3  # the request may be lost; whoever forwards it merges those of all viewers
FIRST_PATIENCE_S = 0.05  # the first packets may come out of order: no request for a key frame that is on its way


@dataclass(frozen=True, slots=True)
class Part:
    """One packet: `seq` and `timestamp` unwrapped, `body` without the payload header."""

    seq: int
    timestamp: int
    last: bool
    starts_key: bool
    body: bytes


@dataclass(frozen=True, slots=True)
class WholeFrame:
    """An encoded frame; all that it builds on was handed over before it."""

    timestamp: int
    body: bytes


@dataclass(slots=True)
class Turn:
    """What follows now: decode `frames` in this order, ask for the packets in `ask`, and for a key frame."""

    frames: list[WholeFrame] = field(default_factory=list)
    ask: list[int] = field(default_factory=list)
    key_frame: bool = False


class ReceiveBuffer:
    """The packets of one video stream between the network and the decoder. Times are monotonic seconds."""

    def __init__(self) -> None:
        self.losses = Losses()
        self._parts: dict[int, Part] = {}
        self._next_seq: int | None = None  # first packet of the next frame; None while waiting for a key frame
        self._done_seq = float("-inf")  # all up to here was handed over or given up
        self._ask_key_at_s: float | None = None
        self.frames = self.skips = self.late = self.key_frames_asked = 0

    @property
    def waits_for_key_frame(self) -> bool:
        return self._next_seq is None

    def add(self, part: Part, at_s: float) -> None:
        """Take a packet in; a late or repeated one changes nothing. `turn` tells what follows."""
        if self._next_seq is None and self._ask_key_at_s is None:
            self._ask_key_at_s = at_s + FIRST_PATIENCE_S
        self.losses.arrived(part.seq, at_s)
        if part.seq <= self._done_seq:
            self.late += 1
            return
        self._parts[part.seq] = part
        if len(self._parts) > CAPACITY_PACKETS:
            self.restart(at_s)

    def turn(self, at_s: float) -> Turn:
        """What follows at `at_s`; call after each packet and at `next_at_s`."""
        turn = Turn(frames=self._release())
        given_up = [seq for seq in self.losses.given_up(at_s) if seq > self._done_seq]
        if given_up and self._next_seq is None:
            self._forget_through(given_up[-1])  # no key frame can begin before a hole that stays
        elif given_up:
            self._skip(given_up[-1], at_s)
            turn.frames += self._release()
        turn.ask = self.losses.requests(at_s)
        if self._next_seq is None and self._ask_key_at_s is not None and self._ask_key_at_s <= at_s:
            turn.key_frame = True
            self.key_frames_asked += 1
            self._ask_key_at_s = at_s + KEY_FRAME_AGAIN_S
        return turn

    def restart(self, at_s: float) -> None:
        """Drop what is held and begin again with the next key frame: the reader fell behind."""
        self._skip(max(self._parts, default=None), at_s)

    @property
    def next_at_s(self) -> float | None:
        """When `turn` has something to say without a new packet; None: not before one comes."""
        times = [self.losses.next_at_s, self._ask_key_at_s if self._next_seq is None else None]
        return min((time for time in times if time is not None), default=None)

    def _skip(self, through_seq: int | None, at_s: float) -> None:
        self.skips += 1
        if through_seq is not None:
            self._forget_through(through_seq)
        self._next_seq, self._ask_key_at_s = None, at_s

    def _release(self) -> list[WholeFrame]:
        if self._next_seq is None:
            self._seek_key_frame()
        frames = []
        while whole := self._whole_frame():
            self._forget_through(whole[-1].seq)
            self._next_seq = whole[-1].seq + 1
            frames.append(WholeFrame(whole[0].timestamp, b"".join(part.body for part in whole)))
        self.frames += len(frames)
        return frames

    def _seek_key_frame(self) -> None:
        starts = [part.seq for part in self._parts.values() if part.starts_key]
        if starts:
            self._next_seq, self._ask_key_at_s = min(starts), None
            self._forget_through(min(starts) - 1)

    def _whole_frame(self) -> list[Part]:
        """The packets of the next frame when all are there, else none."""
        whole: list[Part] = []
        seq = self._next_seq
        while seq is not None and (part := self._parts.get(seq)):
            if whole and part.timestamp != whole[0].timestamp:
                return whole  # a sender that sets no marker
            whole.append(part)
            if part.last:
                return whole
            seq += 1
        return []

    def _forget_through(self, seq: int) -> None:
        self._done_seq = max(self._done_seq, seq)
        self.losses.forget_before(seq + 1)
        if self._parts and min(self._parts) <= seq:
            self._parts = {one: part for one, part in self._parts.items() if one > seq}
