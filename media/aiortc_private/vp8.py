"""VP8 in RTP: a frame as packets; of either codec: whether a packet begins a key frame, and what it carries."""

from __future__ import annotations

from typing import Protocol

from aiortc.codecs import h264, vpx

from media.aiortc_private.h264 import begins_with_parameters
from media.codec import Codec

EXTENDED, START, START_AND_PARTITION = 0x80, 0x10, 0x1F  # RFC 7741 section 4.2: X, S with PID 0, S and PID
PICTURE_ID, LAYER_INDEX, LAYER_OR_KEY, LONG = 0x80, 0x40, 0x30, 0x80  # I, L, T or K; M


class HasPayload(Protocol):
    """A packet, aiortc's or the shortcut's."""

    @property
    def payload(self) -> bytes: ...


def packetize_vp8(frame: bytes, picture_id: int) -> list[bytes]:
    """An encoded VP8 frame as RTP payloads of at most 1300 bytes (RFC 7741)."""
    return vpx.Vp8Encoder._packetize(frame, picture_id)


def starts_key_frame(packet: HasPayload, codec: Codec = "VP8") -> bool:
    """Does this packet begin a key frame? (VP8: RFC 7741 4.2 and 4.3: S = 1, PID = 0, P = 0)"""
    payload = packet.payload
    if codec == "H264":
        return begins_with_parameters(payload)
    if not payload or payload[0] & START_AND_PARTITION != START:
        return False
    at = descriptor_bytes(payload)
    return at is not None and at < len(payload) and not payload[at] & 1


def descriptor_bytes(payload: bytes) -> int | None:
    """How long the VP8 payload descriptor is; None where the payload is shorter than it (RFC 7741 section 4.2)."""
    if not payload:
        return None
    if not payload[0] & EXTENDED:
        return 1
    if len(payload) < 3:
        return 2 if len(payload) == 2 and not payload[1] & 0xF0 else None
    fields, size = payload[1], 2
    if fields & PICTURE_ID:
        size += 2 if payload[2] & LONG else 1
    size += bool(fields & LAYER_INDEX) + bool(fields & LAYER_OR_KEY)
    return size if size <= len(payload) else None


def body_of(packet: HasPayload, codec: Codec) -> bytes:
    """The piece of an encoded frame that a packet carries. Raises ValueError when it carries none."""
    return h264.h264_depayload(packet.payload) if codec == "H264" else vpx.vp8_depayload(packet.payload)
