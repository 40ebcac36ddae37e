"""VP8 in RTP: a frame as packets; of either codec: whether a packet begins a key frame, and what it carries."""

from __future__ import annotations

from aiortc.codecs import h264, vpx
from aiortc.rtp import RtpPacket

from media.aiortc_private.h264 import begins_with_parameters
from media.codec import Codec


def packetize_vp8(frame: bytes, picture_id: int) -> list[bytes]:
    """An encoded VP8 frame as RTP payloads of at most 1300 bytes (RFC 7741)."""
    return vpx.Vp8Encoder._packetize(frame, picture_id)


def starts_key_frame(packet: RtpPacket, codec: Codec = "VP8") -> bool:
    """Does this packet begin a key frame? (VP8: RFC 7741 4.2 and 4.3: S = 1, PID = 0, P = 0)"""
    if codec == "H264":
        return begins_with_parameters(packet.payload)
    try:
        descriptor, frame = vpx.VpxPayloadDescriptor.parse(packet.payload)
    except ValueError:
        return False
    return descriptor.partition_start == 1 and descriptor.partition_id == 0 and bool(frame) and not frame[0] & 1


def body_of(packet: RtpPacket, codec: Codec) -> bytes:
    """The piece of an encoded frame that a packet carries. Raises ValueError when it carries none."""
    return h264.h264_depayload(packet.payload) if codec == "H264" else vpx.vp8_depayload(packet.payload)
