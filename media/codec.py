"""The two video codecs that are carried, by their names in SDP, and what aiortc says it can do of each.

H264 is constrained baseline in packetization mode 1 (RFC 6184), which every browser takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from aiortc import RTCRtpSender
from aiortc.rtcrtpparameters import RTCRtpCodecCapability, RTCRtpCodecParameters

Codec = Literal["VP8", "H264"]
CODECS: tuple[Codec, ...] = get_args(Codec)


def codec_named(name: str) -> Codec | None:
    """The codec of an SDP name or a mime type, in any case; None for any other."""
    spelled = name.rpartition("/")[2].upper()
    return next((codec for codec in CODECS if codec == spelled), None)


def capabilities(*codecs: Codec) -> list[RTCRtpCodecCapability]:
    """What to prefer in a negotiation: these codecs in this order, with retransmission."""
    known = RTCRtpSender.getCapabilities("video").codecs
    wanted = [one for codec in codecs for one in known if codec_named(one.mimeType) == codec]
    return [*wanted, *(one for one in known if one.mimeType == "video/rtx")]


def payload_types(negotiated: list[RTCRtpCodecParameters]) -> tuple[dict[Codec, int], dict[int, int]]:
    """By codec its payload type, the peer's first choice; by payload type that of its retransmission."""
    types: dict[Codec, int] = {}
    again: dict[int, int] = {}
    for one in negotiated:
        assert one.payloadType is not None
        codec = codec_named(one.mimeType)
        if codec is not None:
            types.setdefault(codec, one.payloadType)
        elif one.mimeType.lower() == "video/rtx" and (sealed := one.parameters.get("apt")) is not None:
            again[int(sealed)] = one.payloadType
    return types, again


def codec_of(payload_type: int, negotiated: Mapping[int, RTCRtpCodecParameters]) -> Codec:
    """The codec of a packet that was negotiated as one of ours."""
    codec = codec_named(negotiated[payload_type].mimeType)
    assert codec is not None
    return codec
