"""Send packets that are already encoded through one of aiortc's senders.

aiortc keeps the transport, the reports and the reading of requests; packets, their numbers, and whether a lost one is
sent again (`media.retransmission`) are ours. aiortc's own sender grants every request, however often, and lets the old
send time stand on what it repeats, which misleads the receiver's estimate of the link.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from aiortc import RTCDtlsTransport, RTCRtpSender, RTCRtpTransceiver, clock
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtp import RtpPacket, wrap_rtx
from pylibsrtp import Session, ffi

from media.aiortc_private.names import read, replace
from media.codec import Codec, payload_types
from media.retransmission import Retransmission

log = logging.getLogger(__name__)

SRTP_ROOM_BYTES = 2048  # pylibsrtp's own 1500 less 144 for its trailer refuses what GStreamer sends (1388 of payload)


@dataclass(slots=True)
class OutgoingPacket:
    """A packet for one peer: `seq` and `timestamp` are already in that peer's numbering (16 and 32 bits)."""

    seq: int
    timestamp: int
    marker: int
    payload: bytes
    codec: Codec = "VP8"


class Outlet:
    """Puts one stream's packets on the wire and answers requests for lost ones. Takes over `sender._retransmit`.

    `on_sent` is told the bytes of every packet, repeated ones too.
    """

    def __init__(self, sender: RTCRtpSender, on_sent: Callable[[int], None] = lambda size_bytes: None) -> None:
        self._sender, self._on_sent = sender, on_sent
        self.ssrc = sender._ssrc
        self.history: Retransmission[RtpPacket] = Retransmission()
        self.again: dict[int, int] | None = None  # payload types of retransmission; None: aiortc's one
        sender._retransmit = self._retransmit  # type: ignore[method-assign]

    async def send(self, outgoing: OutgoingPacket, payload_type: int) -> None:
        """Send now. Raises ConnectionError when the connection is gone."""
        sender = self._sender
        packet = RtpPacket(payload_type, outgoing.marker, outgoing.seq, outgoing.timestamp, self.ssrc, outgoing.payload)
        packet.extensions.mid = read(sender, "mid")
        size_bytes = await self._put(packet)
        self.history.sent(packet.sequence_number, packet, size_bytes, _now_s())
        replace(sender, "ntp_timestamp", clock.current_ntp_time())  # the four that sender reports are made of
        replace(sender, "rtp_timestamp", packet.timestamp)
        replace(sender, "octet_count", read(sender, "octet_count") + len(packet.payload))
        replace(sender, "packet_count", read(sender, "packet_count") + 1)

    async def _put(self, packet: RtpPacket) -> int:
        packet.extensions.abs_send_time = (clock.current_ntp_time() >> 14) & 0x00FFFFFF
        wire = packet.serialize(read(self._sender, "rtp_header_extensions_map"))
        await self._sender.transport._send_rtp(wire)
        self._on_sent(len(wire))
        return len(wire)

    async def _retransmit(self, sequence_number: int) -> None:
        """In place of RTCRtpSender._retransmit, which is called for each packet that a peer asks for."""
        sender = self._sender
        packet = self.history.grant(sequence_number, _now_s(), read(sender, "rtt"))
        if packet is None:
            return
        own = read(sender, "rtx_payload_type")
        payload_type = own if self.again is None else self.again.get(packet.payload_type)
        if payload_type is not None:
            seq = read(sender, "rtx_sequence_number")
            replace(sender, "rtx_sequence_number", (seq + 1) & 0xFFFF)
            packet = wrap_rtx(packet, payload_type, seq, sender._rtx_ssrc)
        await self._put(packet)


class PacketSender:
    """Makes an RTCRtpSender send packets that are already encoded.

    `offer` never waits: when the queue is full it answers False and the caller decides (skip to the next key frame).
    With `transceiver` packets go out as the codec that they name, and are left out and counted where the peer did not
    offer it; else all are of the one that was negotiated.
    """

    QUEUE_PACKETS = 256  # about 2.5 s at 700 kbit/s: more than that behind is not live

    def __init__(
        self,
        sender: RTCRtpSender,
        on_ready: Callable[[], None],
        on_key_frame_asked: Callable[[], None],
        transceiver: RTCRtpTransceiver | None = None,
    ) -> None:
        self._sender, self._transceiver = sender, transceiver
        self.unsupported = 0
        self._on_ready = on_ready
        self._queue: deque[OutgoingPacket] = deque()
        self._waiting = asyncio.Event()
        self.outlet = Outlet(sender)
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
        make_room(self._sender.transport)
        types: dict[Codec, int] | None = None
        if self._transceiver is not None:
            types, self.outlet.again = payload_types(self._transceiver._codecs)
        read(self._sender, "rtp_started").set()
        self._on_ready()
        try:
            while True:
                await self._waiting.wait()
                while self._queue:
                    await self._send_next(codec.payloadType, types)
                self._waiting.clear()
        except (asyncio.CancelledError, ConnectionError):
            pass
        except Exception:
            log.exception("media: sending to a viewer failed")
        finally:
            self._queue.clear()
            read(self._sender, "rtp_exited").set()

    async def _send_next(self, negotiated: int, types: dict[Codec, int] | None) -> None:
        outgoing = self._queue.popleft()
        payload_type = negotiated if types is None else types.get(outgoing.codec)
        if payload_type is None:
            self.unsupported += 1
        else:
            await self.outlet.send(outgoing, payload_type)


def make_room(transport: RTCDtlsTransport) -> None:
    """Let a connected transport send packets of any size that UDP brought in, whoever made them."""
    session = transport._tx_srtp
    assert isinstance(session, Session) and hasattr(session, "_cdata") and hasattr(session, "_buffer")
    session._cdata = ffi.new("char[]", SRTP_ROOM_BYTES)
    session._buffer = ffi.buffer(session._cdata)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
