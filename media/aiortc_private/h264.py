"""H264 in RTP (RFC 6184): an encoded picture as packets, and whether a packet begins a key frame."""

from __future__ import annotations

from aiortc.codecs import h264

SPS, STAP_A = 7, 24  # types of NAL units
TYPE_BITS = 0x1F


def packetize_h264(coded: bytes) -> list[bytes]:
    """The NAL units of one picture (Annex B) as RTP payloads of at most 1300 bytes."""
    return h264.H264Encoder._packetize(h264.H264Encoder._split_bitstream(coded))


def begins_with_parameters(payload: bytes) -> bool:
    """Does this payload hold a sequence parameter set, without which nobody can begin to decode?

    Encoders put it right before each picture that depends on no other, alone or gathered with the next (STAP-A).
    """
    if not payload:
        return False
    if payload[0] & TYPE_BITS != STAP_A:
        return payload[0] & TYPE_BITS == SPS
    at = 1
    while at + 2 < len(payload):
        if payload[at + 2] & TYPE_BITS == SPS:
            return True
        at += 2 + int.from_bytes(payload[at : at + 2], "big")
    return False
