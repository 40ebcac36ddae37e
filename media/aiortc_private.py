"""The one place that touches aiortc's private parts: packet tap, packet sender, frame release, bit rate, addresses.

Written against aiortc 1.16 and aioice 0.13. Each name used is listed in `PRIVATE_NAMES`, and tests/media fails loudly
when a new version lacks one or behaves differently. Everything else in this room uses the public API.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aioice import ice
from aiortc import RTCDtlsTransport, RTCPeerConnection, RTCRtpReceiver, RTCRtpSender, clock
from aiortc.codecs import vpx
from aiortc.codecs.base import Encoder
from aiortc.jitterbuffer import JitterBuffer, JitterFrame
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtp import RTP_HISTORY_SIZE, RtpPacket

PRIVATE_NAMES: dict[type, tuple[str, ...]] = {
    vpx.Vp8Encoder: ("_packetize",),
    RTCDtlsTransport: ("_get_stats", "_stats_id", "_send_rtp"),
    RTCRtpReceiver: (
        "_RTCRtpReceiver__jitter_buffer",
        "_RTCRtpReceiver__stop_decoder",
        "_send_rtcp_pli",
        "_handle_rtp_packet",
    ),
    RTCRtpSender: (
        "_RTCRtpSender__rtp_started",
        "_RTCRtpSender__rtp_exited",
        "_RTCRtpSender__rtp_history",
        "_RTCRtpSender__rtp_header_extensions_map",
        "_RTCRtpSender__mid",
        "_RTCRtpSender__ntp_timestamp",
        "_RTCRtpSender__rtp_timestamp",
        "_RTCRtpSender__octet_count",
        "_RTCRtpSender__packet_count",
        "_RTCRtpSender__encoder",
        "_run_rtp",
        "_send_keyframe",
    ),
}

PacketTap = Callable[[RtpPacket], None]

_host_addresses = ice.get_host_addresses


def listen_on(addresses: Sequence[str] | None) -> None:
    """Offer only `addresses` as host candidates in this process, loopback included; None gives aioice's own choice.

    aioice never offers loopback, so a machine without another interface could not connect to itself, and a hub that
    serves loopback only would still open its media ports to the network.
    """
    if addresses is None:
        ice.get_host_addresses = _host_addresses
        return
    chosen = list(addresses)

    def host_addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
        return [address for address in chosen if (use_ipv6 if ":" in address else use_ipv4)]

    ice.get_host_addresses = host_addresses


class _TappedBuffer(JitterBuffer):
    """Stands in for the jitter buffer: sees every packet once (retransmissions unwrapped) and lets none be decoded."""

    def __init__(self, tap: PacketTap) -> None:
        super().__init__(capacity=1, is_video=True)
        self._tap = tap

    def add(self, packet: RtpPacket) -> tuple[bool, JitterFrame | None]:
        self._tap(packet)
        return False, None


class _MarkerBuffer(JitterBuffer):
    """Hands a frame over as soon as its last packet (RTP marker bit) is in, not when the next frame begins.

    Without it aiortc adds one frame interval by construction: 67 ms at 15 frames/s.
    """

    def _remove_frame(self, sequence_number: int) -> JitterFrame | None:
        assert self._origin is not None
        packets: list[RtpPacket] = []
        for count in range(self._capacity):
            packet = self._packets[(self._origin + count) % self._capacity]
            if packet is None:
                return None
            packets.append(packet)
            if packet.marker:
                self.remove(len(packets))
                return JitterFrame(b"".join(part._data for part in packets), packets[0].timestamp)  # type: ignore[attr-defined]
        return None


def tap_packets(receiver: RTCRtpReceiver, tap: PacketTap) -> None:
    """Give every received packet to `tap`, none to the decoder. aiortc still asks for losses and reports its rate."""
    idle_decoder = True

    def first_stop_the_decoder(packet: RtpPacket) -> None:
        nonlocal idle_decoder
        if idle_decoder:
            idle_decoder = False
            _read(receiver, "stop_decoder")()  # its thread has nothing to do and would block the exit of the process
        tap(packet)

    _replace(receiver, "jitter_buffer", _TappedBuffer(first_stop_the_decoder))


def release_on_marker(receiver: RTCRtpReceiver) -> None:
    """Decode each frame as soon as it is complete."""
    _replace(receiver, "jitter_buffer", _MarkerBuffer(capacity=512, is_video=True))


async def ask_key_frame(receiver: RTCRtpReceiver, ssrc: int) -> None:
    """Ask the sending peer for a key frame (RTCP picture loss indication, RFC 4585 6.3.1)."""
    await receiver._send_rtcp_pli(ssrc)


def packetize_vp8(frame: bytes, picture_id: int) -> list[bytes]:
    """An encoded VP8 frame as RTP payloads of at most 1300 bytes (RFC 7741)."""
    return vpx.Vp8Encoder._packetize(frame, picture_id)


def packets_received(pc: RTCPeerConnection) -> int:
    """Datagrams of any sort (media, reports, data) that came in on a connection's first transport."""
    transport = pc.sctp.transport if pc.sctp else pc.getTransceivers()[0].receiver.transport
    return transport._get_stats()[transport._stats_id].packetsReceived


def starts_key_frame(packet: RtpPacket) -> bool:
    """Does this packet begin a VP8 key frame? (RFC 7741 4.2 and 4.3: S = 1, PID = 0, P = 0)"""
    try:
        descriptor, frame = vpx.VpxPayloadDescriptor.parse(packet.payload)
    except ValueError:
        return False
    return descriptor.partition_start == 1 and descriptor.partition_id == 0 and bool(frame) and not frame[0] & 1


def set_encoder(sender: RTCRtpSender, encoder: Encoder) -> None:
    """Encode with `encoder`; call before the connection starts. aiortc would make one from the negotiated codec."""
    _replace(sender, "encoder", encoder)


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
        _read(self._sender, "rtp_started").set()
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
            _read(self._sender, "rtp_exited").set()

    async def _send(self, outgoing: OutgoingPacket, payload_type: int) -> None:
        sender = self._sender
        packet = RtpPacket(payload_type, outgoing.marker, outgoing.seq, outgoing.timestamp, self.ssrc, outgoing.payload)
        now_ntp = clock.current_ntp_time()
        packet.extensions.abs_send_time = (now_ntp >> 14) & 0x00FFFFFF
        packet.extensions.mid = _read(sender, "mid")
        _read(sender, "rtp_history")[packet.sequence_number % RTP_HISTORY_SIZE] = packet
        await sender.transport._send_rtp(packet.serialize(_read(sender, "rtp_header_extensions_map")))
        _replace(sender, "ntp_timestamp", now_ntp)  # the four that sender reports are made of
        _replace(sender, "rtp_timestamp", packet.timestamp)
        _replace(sender, "octet_count", _read(sender, "octet_count") + len(packet.payload))
        _replace(sender, "packet_count", _read(sender, "packet_count") + 1)


def _mangled(owner: RTCRtpReceiver | RTCRtpSender, name: str) -> str:
    base = RTCRtpReceiver if isinstance(owner, RTCRtpReceiver) else RTCRtpSender
    mangled = f"_{base.__name__}__{name}"
    assert hasattr(owner, mangled), f"this version of aiortc has no {mangled}: see media/aiortc_private.py"
    return mangled


def _read(owner: RTCRtpReceiver | RTCRtpSender, name: str) -> Any:
    return getattr(owner, _mangled(owner, name))


def _replace(owner: RTCRtpReceiver | RTCRtpSender, name: str, value: object) -> None:
    setattr(owner, _mangled(owner, name), value)
