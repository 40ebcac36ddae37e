"""Encode the camera's pictures as VP8 or H264 at a rate that may change with every frame.

A new encoder for each rate begins with a key frame: the largest there is, at the moment when the link got thinner.
FFmpeg's VP8 encoder cannot be told another rate once it is open. So its rate stands still and time moves: it spends a
fixed number of bits per second of the frames' timestamps, and it is shown timestamps that pass faster or slower than
the camera's. x264 can be told, when it was opened at a constant rate; it counts frames, so what it is told goes by the
time since the last one. (It could count time as well, but then gives each picture only with the next: 67 ms later.)
Packets carry the camera's own time.

VP8 without denoiser: with its static threshold it left single 8 x 8 blocks of the previous picture standing (7 % of the
stamps at 700 kbit/s, measured), and it costs 4.6 ms of CPU a frame against 2.7 ms (640 x 360, measured). H264 in the
preset superfast, for the sake of decoders in hardware. What the rate should be is `media.rate_control`'s.
"""

from __future__ import annotations

import fractions
import math
import random
from abc import ABC, abstractmethod

import av
from aiortc.mediastreams import convert_timebase
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame

from media.aiortc_private import packetize_h264, packetize_vp8
from media.codec import Codec
from media.rate_control import BitRate

VIDEO_TICKS = 90_000  # a second
VIDEO_TIME_BASE = fractions.Fraction(1, VIDEO_TICKS)
PICTURE_IDS = 1 << 15
FIRST_FRAME_TICKS = 6000  # until a second frame tells the interval: 15 frames/s
BUFFER_S = 0.5  # of the encoder's own time: how far single frames may stray from the rate
H264_BUFFER_S = 0.25  # at the ceiling; a key frame may empty it
SPARE_FRAMES = 2  # a frame may take the bits of so many: what was skipped before it, or half the camera's rate
KEY_FRAME_PCT = 600  # a key frame may take so much of an average frame's share; a thin link passes it in about 0.4 s


class CameraEncoder(ABC):
    """`encode` blocks for some milliseconds: call it in a worker thread, one frame at a time."""

    library: str  # of FFmpeg

    def __init__(self, bounds: BitRate) -> None:
        self._bounds = bounds
        self._codec: VideoCodecContext | None = None
        self._last_timestamp: int | None = None

    def encode(self, frame: VideoFrame, target_bps: int, *, key_frame: bool = False) -> tuple[list[bytes], int]:
        """RTP payloads and the timestamp (90 kHz) of a yuv420p picture, at `target_bps` from this frame on.

        The first picture and one of another size begin with a key frame.
        """
        assert frame.pts is not None and frame.time_base is not None
        timestamp = convert_timebase(frame.pts, frame.time_base, VIDEO_TIME_BASE)
        passed = FIRST_FRAME_TICKS if self._last_timestamp is None else max(1, timestamp - self._last_timestamp)
        self._last_timestamp = timestamp
        if self._codec is None or (self._codec.width, self._codec.height) != (frame.width, frame.height):
            self._codec = self._new_codec(frame.width, frame.height)
        frame.pict_type = PictureType.I if key_frame else PictureType.NONE
        frame.pts, frame.time_base = self._at_rate(self._codec, target_bps, timestamp, passed), VIDEO_TIME_BASE
        return self._payloads(b"".join(bytes(packet) for packet in self._codec.encode(frame))), timestamp

    @abstractmethod
    def _at_rate(self, codec: VideoCodecContext, target_bps: int, timestamp: int, passed: int) -> int:
        """Make this frame cost what `target_bps` pays for the time since the last one; answers its timestamp."""

    @abstractmethod
    def _payloads(self, coded: bytes) -> list[bytes]: ...

    @abstractmethod
    def _options(self) -> dict[str, str]: ...

    @abstractmethod
    def _open_bps(self) -> int:
        """The rate at which the encoder is opened."""

    def _new_codec(self, width: int, height: int) -> VideoCodecContext:
        codec = av.CodecContext.create(self.library, "w")
        assert isinstance(codec, VideoCodecContext)
        codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
        codec.time_base, codec.framerate = VIDEO_TIME_BASE, fractions.Fraction(VIDEO_TICKS, FIRST_FRAME_TICKS)
        codec.bit_rate = self._open_bps()
        codec.gop_size = 3000  # key frames are made when asked for
        codec.thread_count = 1
        codec.options = {"maxrate": str(self._open_bps()), **self._options()}  # as the rate: it is constant
        codec.open()
        return codec


class Vp8Encoder(CameraEncoder):
    """libvpx, realtime."""

    library = "libvpx"

    def __init__(self, bounds: BitRate) -> None:
        super().__init__(bounds)
        self._encoder_ticks = 0.0
        self._picture_id = random.randrange(PICTURE_IDS)

    def _at_rate(self, codec: VideoCodecContext, target_bps: int, timestamp: int, passed: int) -> int:
        paid = min(passed, SPARE_FRAMES * FIRST_FRAME_TICKS)  # after a pause a frame would else jam a thin link
        self._encoder_ticks += max(1.0, paid * target_bps / self._open_bps())
        return round(self._encoder_ticks)

    def _payloads(self, coded: bytes) -> list[bytes]:
        self._picture_id = (self._picture_id + 1) % PICTURE_IDS
        return packetize_vp8(coded, self._picture_id)

    def _open_bps(self) -> int:
        return round(math.sqrt(self._bounds.floor_bps * self._bounds.ceiling_bps))

    def _options(self) -> dict[str, str]:
        return {
            "deadline": "realtime",
            "cpu-used": "-6",
            "lag-in-frames": "0",
            "bufsize": str(round(self._open_bps() * BUFFER_S)),
            "minrate": str(self._open_bps()),
            "qmin": "2",
            "qmax": "56",
            "undershoot-pct": "100",
            "overshoot-pct": "15",
            "static-thresh": "1",
            "max-intra-rate": str(KEY_FRAME_PCT),
        }


class H264Encoder(CameraEncoder):
    """libx264, constrained baseline."""

    library = "libx264"

    def _at_rate(self, codec: VideoCodecContext, target_bps: int, timestamp: int, passed: int) -> int:
        codec.bit_rate = min(self._open_bps(), round(target_bps * min(passed / FIRST_FRAME_TICKS, SPARE_FRAMES)))
        return timestamp

    def _payloads(self, coded: bytes) -> list[bytes]:
        return packetize_h264(coded)

    def _open_bps(self) -> int:
        return SPARE_FRAMES * self._bounds.ceiling_bps  # it can be told less, never more

    def _options(self) -> dict[str, str]:
        return {
            "preset": "superfast",
            "tune": "zerolatency",
            "profile": "baseline",
            "bufsize": str(round(self._bounds.ceiling_bps * H264_BUFFER_S)),
            "forced-idr": "1",  # a key frame that is asked for is one that a viewer can begin with
        }


def encoder_for(codec: Codec, bounds: BitRate) -> CameraEncoder:
    """The encoder of a vehicle's choice."""
    return H264Encoder(bounds) if codec == "H264" else Vp8Encoder(bounds)
