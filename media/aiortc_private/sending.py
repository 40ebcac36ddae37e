"""Send packets that are already encoded, or pictures through an encoder of our own."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from aiortc import RTCRtpSender, clock
from aiortc.codecs.base import Encoder
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtp import RTP_HISTORY_SIZE, RtpPacket

from media.aiortc_private.names import read, replace


def set_encoder(sender: RTCRtpSender, encoder: Encoder) -> None:
    """Encode with `encoder`; call before the connection starts. aiortc would make one from the negotiated codec."""
    replace(sender, "encoder", encoder)


@dataclass(slots=True)
class OutgoingPacket:
    """A packet for one viewer: `seq` and `timestamp` are already in that viewer's numbering (16 and 32 bits)."""

    seq: int
    timestamp: int
    marker: int
    payload: bytes


class PacketSender:
    """Makes an RTCRtpSender send packets that are already encoded, and keep the last 128 for retransmission.

    `offer` never waits: when the queue is full it answers False and the caller decides (skip to the next key frame).
    """

    QUEUE_PACKETS = 256  # about 2.5 s at 700 kbit/s: more than that behind is not live

    def __init__(
        self, sender: RTCRtpSender, on_ready: Callable[[], None], on_key_frame_asked: Callable[[], None]
    ) -> None:
        self._sender = sender
        self._on_ready = on_ready
        self._queue: deque[OutgoingPacket] = deque()
        self._waiting = asyncio.Event()
        self.ssrc = sender._ssrc
        sender._run_rtp = self._run_rtp  # type: ignore[method-assign]
        sender._send_keyframe = on_key_frame_asked  # type: ignore[method-assign]

    def offer(self, packet: OutgoingPacket) -> bool:
        if len(self._queue) >= self.QUEUE_PACKETS:
            self._queue.clear()
            return False
        self._queue.append(packet)
        self._waiting.set()
        return True

    async def _run_rtp(self, codec: RTCRtpCodecParameters) -> None:
        """In place of RTCRtpSender._run_rtp, which reads a track and encodes. It must set started and exited."""
        assert codec.payloadType is not None
        read(self._sender, "rtp_started").set()
        self._on_ready()
        try:
            while True:
                await self._waiting.wait()
                while self._queue:
                    await self._send(self._queue.popleft(), codec.payloadType)
                self._waiting.clear()
        except (asyncio.CancelledError, ConnectionError):
            pass
        finally:
            self._queue.clear()
            read(self._sender, "rtp_exited").set()

    async def _send(self, outgoing: OutgoingPacket, payload_type: int) -> None:
        sender = self._sender
        packet = RtpPacket(payload_type, outgoing.marker, outgoing.seq, outgoing.timestamp, self.ssrc, outgoing.payload)
        now_ntp = clock.current_ntp_time()
        packet.extensions.abs_send_time = (now_ntp >> 14) & 0x00FFFFFF
        packet.extensions.mid = read(sender, "mid")
        read(sender, "rtp_history")[packet.sequence_number % RTP_HISTORY_SIZE] = packet
        await sender.transport._send_rtp(packet.serialize(read(sender, "rtp_header_extensions_map")))
        replace(sender, "ntp_timestamp", now_ntp)  # the four that sender reports are made of
        replace(sender, "rtp_timestamp", packet.timestamp)
        replace(sender, "octet_count", read(sender, "octet_count") + len(packet.payload))
        replace(sender, "packet_count", read(sender, "packet_count") + 1)
