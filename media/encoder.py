"""Encode the camera's pictures as VP8 at a rate that may change with every frame.

FFmpeg's VP8 encoder cannot be told another rate once it is open, and a new encoder begins with a key frame: the largest
there is, at the moment when the link got thinner. So the rate stands still and time moves: the encoder spends a fixed
number of bits per second of the frames' timestamps, and it is shown timestamps that pass faster or slower than the
camera's. Packets carry the camera's own.

Without denoiser: with its static threshold it left single 8 x 8 blocks of the previous picture standing (7 % of the
stamps at 700 kbit/s, measured), and it costs 4.6 ms of CPU a frame against 2.7 ms (640 x 360, measured). What the rate
should be is `media.rate_control`'s.
"""

from __future__ import annotations

import fractions
import math
import random

import av
from aiortc.mediastreams import convert_timebase
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame

from media.aiortc_private import packetize_vp8
from media.rate_control import BitRate

VIDEO_TIME_BASE = fractions.Fraction(1, 90_000)
PICTURE_IDS = 1 << 15
FIRST_FRAME_TICKS = 6000  # until a second frame tells the interval: 15 frames/s
BUFFER_S = 0.5  # of the encoder's own time: how far single frames may stray from the rate
KEY_FRAME_PCT = 600  # a key frame may take so much of an average frame's share; a thin link passes it in about 0.4 s


class Vp8Encoder:
    """`encode` blocks for some milliseconds: call it in a worker thread, one frame at a time."""

    def __init__(self, bounds: BitRate) -> None:
        self._nominal_bps = round(math.sqrt(bounds.floor_bps * bounds.ceiling_bps))
        self._codec: VideoCodecContext | None = None
        self._picture_id = random.randrange(PICTURE_IDS)
        self._encoder_ticks = 0.0
        self._last_timestamp: int | None = None

    def encode(self, frame: VideoFrame, target_bps: int, *, key_frame: bool = False) -> tuple[list[bytes], int]:
        """RTP payloads and the timestamp (90 kHz) of a yuv420p picture, at `target_bps` from this frame on.

        The first picture and one of another size begin with a key frame.
        """
        assert frame.pts is not None and frame.time_base is not None
        timestamp = convert_timebase(frame.pts, frame.time_base, VIDEO_TIME_BASE)
        if self._codec is None or (self._codec.width, self._codec.height) != (frame.width, frame.height):
            self._codec = self._new_codec(frame.width, frame.height)
        frame.pict_type = PictureType.I if key_frame else PictureType.NONE
        frame.pts, frame.time_base = self._encoder_time(timestamp, target_bps), VIDEO_TIME_BASE
        coded = b"".join(bytes(packet) for packet in self._codec.encode(frame))
        self._picture_id = (self._picture_id + 1) % PICTURE_IDS
        return packetize_vp8(coded, self._picture_id), timestamp

    def _encoder_time(self, timestamp: int, target_bps: int) -> int:
        passed = FIRST_FRAME_TICKS if self._last_timestamp is None else timestamp - self._last_timestamp
        self._last_timestamp = timestamp
        self._encoder_ticks += max(1.0, passed * target_bps / self._nominal_bps)
        return round(self._encoder_ticks)

    def _new_codec(self, width: int, height: int) -> VideoCodecContext:
        codec = av.CodecContext.create("libvpx", "w")
        assert isinstance(codec, VideoCodecContext)
        codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
        codec.bit_rate = self._nominal_bps
        codec.gop_size = 3000  # key frames are made when asked for
        codec.qmin, codec.qmax = 2, 56
        codec.thread_count = 1
        rate = str(self._nominal_bps)
        codec.options = {
            "deadline": "realtime",
            "cpu-used": "-6",
            "lag-in-frames": "0",
            "bufsize": str(round(self._nominal_bps * BUFFER_S)),
            "minrate": rate,  # equal bounds: constant rate
            "maxrate": rate,
            "undershoot-pct": "100",
            "overshoot-pct": "15",
            "static-thresh": "1",
            "max-intra-rate": str(KEY_FRAME_PCT),
        }
        return codec
