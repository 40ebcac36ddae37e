"""Receive video without aiortc's jitter buffer: each packet at once to a forwarder, each frame in time to a decoder.

aiortc's own buffer holds a whole frame until the next begins and waits for a lost packet without limit; its requests
for lost packets are sent once. What is asked for, waited for and skipped is decided by `media.losses` and
`media.receive_buffer`; here are the timers, the requests and aiortc's decoder thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
from collections.abc import Callable, Coroutine
from typing import Any

from aiortc import MediaStreamTrack, RTCRtpReceiver
from aiortc.jitterbuffer import JitterBuffer, JitterFrame
from aiortc.rtcrtpreceiver import NackGenerator, RemoteStreamTrack
from aiortc.rtp import RtpPacket

from media.aiortc_private.names import read, replace
from media.aiortc_private.shortcut import IncomingPacket, Note, Shortcut
from media.aiortc_private.vp8 import starts_key_frame
from media.codec import Codec, codec_of
from media.losses import Losses
from media.numbering import SEQ_BITS, TIMESTAMP_BITS, unwrapped
from media.receive_buffer import Part, ReceiveBuffer, WholeFrame

PacketTap = Callable[[RtpPacket | IncomingPacket, Codec], None]

DECODER_BEHIND_FRAMES = 15  # one second at 15 frames/s: a decoder that is further behind shows the past
PICTURES_WAITING = 2  # decoded and not yet read: of more, the oldest is dropped
_OVER = ("closed", "failed")


def tap_packets(receiver: RTCRtpReceiver, tap: PacketTap, on_loss: Callable[[], None]) -> Losses:
    """Give every received packet to `tap`, retransmissions unwrapped, none to the decoder. Call before it connects.

    Lost packets are asked for; `on_loss` is called when one is given up. aiortc still reports its rate. Returns the
    account of what was lost.
    """
    buffer = TappedBuffer(receiver, tap, on_loss)
    replace(receiver, "jitter_buffer", buffer)
    replace(receiver, "nack_generator", _NoRequests())
    return buffer.losses


def receive_live(receiver: RTCRtpReceiver) -> ReceiveBuffer:
    """Decode each frame as soon as it is whole, and skip what cannot come in time. Call before it connects.

    Returns the buffer, for its counts.
    """
    buffer = _LiveBuffer(receiver)
    replace(receiver, "jitter_buffer", buffer)
    replace(receiver, "nack_generator", _NoRequests())
    return buffer.buffer


def keep_newest(track: MediaStreamTrack) -> None:
    """Let a track keep only the newest pictures for a reader that is slow. Call when the track is announced."""
    assert isinstance(track, RemoteStreamTrack)
    track._queue = _NewestQueue(PICTURES_WAITING)


async def ask_key_frame(receiver: RTCRtpReceiver) -> None:
    """Ask the peer whose packets are tapped for a key frame (RTCP picture loss indication, RFC 4585 6.3.1)."""
    buffer: TappedBuffer = read(receiver, "jitter_buffer")
    await receiver._send_rtcp_pli(buffer.ssrc)


class _NoRequests(NackGenerator):
    """In place of aiortc's own requests, which are sent once and name every packet that was ever lost."""

    def add(self, packet: RtpPacket) -> bool:
        return False


class _NewestQueue(asyncio.Queue[Any]):
    """Drops the oldest instead of making the writer wait, but never the end mark (None)."""

    async def put(self, item: Any) -> None:
        while self.full():
            self.get_nowait()
        self.put_nowait(item)


class _Stand(JitterBuffer):
    """Stands in for aiortc's buffer: a packet or a timer makes it look; aiortc itself is never given a frame."""

    def __init__(self, receiver: RTCRtpReceiver) -> None:
        super().__init__(capacity=1, is_video=True)
        self.receiver = receiver
        self.ssrc = 0
        self._highest: tuple[int, int] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, packet: RtpPacket) -> tuple[bool, JitterFrame | None]:
        loop = asyncio.get_running_loop()
        self.ssrc = packet.ssrc
        self.take(packet, loop.time())
        self._look(loop)
        return False, None

    def take(self, packet: RtpPacket, at_s: float) -> None:
        raise NotImplementedError

    def look(self, at_s: float) -> float | None:
        """Do what is due; returns when to look again."""
        raise NotImplementedError

    def place(self, packet: RtpPacket) -> tuple[int, int]:
        """Sequence number and timestamp, unwrapped."""
        near_seq, near_timestamp = self._highest or (packet.sequence_number, packet.timestamp)
        seq = unwrapped(packet.sequence_number, near_seq, SEQ_BITS)
        timestamp = unwrapped(packet.timestamp, near_timestamp, TIMESTAMP_BITS)
        self._highest = max(seq, near_seq), max(timestamp, near_timestamp)
        return seq, timestamp

    def ask(self, seqs: list[int]) -> None:
        if seqs:
            self.spawn(self.receiver._send_rtcp_nack(self.ssrc, [seq & 0xFFFF for seq in seqs]))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self.receiver.transport.state in _OVER:
            return
        again_at_s = self.look(loop.time())
        if again_at_s is not None:
            self._timer = loop.call_at(again_at_s, self._look, loop)


class TappedBuffer(_Stand):
    """Passes each packet on and asks for what is missing; nothing is held or decoded."""

    def __init__(self, receiver: RTCRtpReceiver, tap: PacketTap, on_loss: Callable[[], None]) -> None:
        super().__init__(receiver)
        self._tap, self._on_loss = tap, on_loss
        self._shortcut: Shortcut | None = None
        self._told: tuple[int, Note] | None = None
        self._highest_seq: int | None = None
        self._key_seq = 0  # where the newest key frame begins
        self.losses = Losses()

    def tell(self, extension: int, note: Note) -> None:
        """Let the shortcut tell the packets' transport-wide numbers, too."""
        self._told = extension, note

    def take(self, packet: RtpPacket | IncomingPacket, at_s: float) -> None:
        """The first packet, and later what comes aiortc's way."""
        if self._shortcut is None:
            read(self.receiver, "stop_decoder")()  # its thread has nothing to do and would block the process's exit
            self._shortcut = Shortcut(self.receiver, self._take_straight)
            if self._told is not None:
                self._shortcut.tell(*self._told)
        self._pass(packet, codec_of(packet.payload_type, read(self.receiver, "codecs")), at_s)

    def _take_straight(self, packet: IncomingPacket, codec: Codec) -> None:
        loop = asyncio.get_running_loop()
        self._pass(packet, codec, loop.time())
        if self._timer is not None or not self.losses.is_calm:
            self._look(loop)

    def _pass(self, packet: RtpPacket | IncomingPacket, codec: Codec, at_s: float) -> None:
        seq, highest = packet.sequence_number, self._highest_seq
        placed = seq if highest is None else unwrapped(seq, highest, SEQ_BITS)
        if highest is None or placed > highest:
            self._highest_seq = placed
        self.ssrc = packet.ssrc
        self.losses.arrived(placed, at_s)
        if starts_key_frame(packet, codec):
            self._key_seq = max(self._key_seq, placed)
        self._tap(packet, codec)

    def look(self, at_s: float) -> float | None:
        given_up = self.losses.given_up(at_s)
        if given_up and given_up[-1] > self._key_seq:  # what is before a key frame that has come needs no other
            self._on_loss()
        self.ask(self.losses.requests(at_s))
        return self.losses.next_at_s


class _LiveBuffer(_Stand):
    """Gives whole frames to aiortc's decoder thread; a decoder that falls behind begins again with a key frame."""

    def __init__(self, receiver: RTCRtpReceiver) -> None:
        super().__init__(receiver)
        self.buffer = ReceiveBuffer()
        self._payload_type = 0

    def take(self, packet: RtpPacket, at_s: float) -> None:
        seq, timestamp = self.place(packet)
        self._payload_type = packet.payload_type
        body = packet._data  # type: ignore[attr-defined]  # the payload without its header, which the receiver took off
        starts_key = starts_key_frame(packet, codec_of(packet.payload_type, read(self.receiver, "codecs")))
        self.buffer.add(Part(seq, timestamp, bool(packet.marker), starts_key, body), at_s)

    def look(self, at_s: float) -> float | None:
        turn = self.buffer.turn(at_s)
        if not all(self._decode(frame) for frame in turn.frames):
            self.buffer.restart(at_s)
        self.ask(turn.ask)
        if turn.key_frame:
            self.spawn(self.receiver._send_rtcp_pli(self.ssrc))
        return self.buffer.next_at_s

    def _decode(self, frame: WholeFrame) -> bool:
        """Hand a frame to the decoder's thread; False when that is too far behind: its backlog is dropped."""
        waiting: queue.Queue[Any] = read(self.receiver, "decoder_queue")
        if read(self.receiver, "decoder_thread") is None:
            return True
        if waiting.qsize() >= DECODER_BEHIND_FRAMES:
            with contextlib.suppress(queue.Empty):
                while True:
                    waiting.get_nowait()
            return False
        codec = read(self.receiver, "codecs")[self._payload_type]
        at = read(self.receiver, "timestamp_mapper").map(frame.timestamp & 0xFFFFFFFF)
        waiting.put((codec, JitterFrame(frame.body, at)))
        return True
