"""Encoded pictures with stamps and their packets, as a vehicle would send them, for tests of recordings."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import av
import numpy as np
from aiortc.rtp import RtpPacket

from media.aiortc_private import packetize_h264, packetize_vp8, starts_key_frame
from media.codec import Codec
from media.stamp import Stamp, burn
from media.video_stream import Placed

STEP = 6000  # ticks of 1/90000 s between pictures: 15 a second
FIRST_WALL_MS = 1_700_000_000_000
LIBRARY = {"VP8": "libvpx", "H264": "libx264"}
OPTIONS = {
    "VP8": {"deadline": "realtime", "cpu-used": "8"},
    "H264": {"preset": "superfast", "tune": "zerolatency", "profile": "baseline"},
}


@dataclass(frozen=True)
class Coded:
    """One encoded picture; `number` is burned into it."""

    number: int
    time: int
    body: bytes
    key: bool


@cache
def pictures(count: int, codec: Codec = "VP8", width: int = 400, height: int = 64, gop: int = 30) -> tuple[Coded, ...]:
    """`count` pictures with their stamps, a key frame every `gop`."""
    encoder = av.CodecContext.create(LIBRARY[codec], "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, 90_000), Fraction(15)
    encoder.bit_rate, encoder.gop_size, encoder.options = 300_000, gop, OPTIONS[codec]
    made = []
    ramp = np.linspace(40, 200, width, dtype=np.uint8)
    for number in range(count):
        luma = np.tile(np.roll(ramp, 5 * number), (height, 1))
        burn(luma, Stamp(number, FIRST_WALL_MS + number * 1000 * STEP // 90_000))
        whole = np.vstack([luma, np.full((height // 2, width), 128, np.uint8)])
        frame = av.VideoFrame.from_ndarray(whole, format="yuv420p")
        frame.pts = number * STEP
        made += [Coded(number, packet.pts or 0, bytes(packet), packet.is_keyframe) for packet in encoder.encode(frame)]
    return tuple(made)


def packets(coded: tuple[Coded, ...], codec: Codec = "VP8", seq: int = 1000, timestamp: int = 77_000) -> list[Placed]:
    """The packets of these pictures as the forwarder passes them on, numbered on from `seq`."""
    placed = []
    for one in coded:
        bodies = packetize_h264(one.body) if codec == "H264" else packetize_vp8(one.body, one.number & 0x7FFF)
        for n, body in enumerate(bodies):
            marker = int(n == len(bodies) - 1)
            packet = RtpPacket(97, marker, seq & 0xFFFF, (timestamp + one.time) & 0xFFFFFFFF, 1, body)
            placed.append(Placed(packet, seq, timestamp + one.time, starts_key_frame(packet, codec), codec))
            seq += 1
    return placed
