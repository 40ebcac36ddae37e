"""Encode the camera's pictures as VP8 within bit rate bounds of our own.

aiortc's encoder clamps to 250 kbit/s .. 1.5 Mbit/s, begins at 500 and denoises: with its static threshold the denoiser
left single 8 x 8 blocks of the previous picture standing (7 % of the stamps at 700 kbit/s, measured), and it costs
4.6 ms of CPU a frame against 2.7 ms without (640 x 360, measured). When to step down is the quality ladder's.
"""

from __future__ import annotations

import fractions
import random
from dataclasses import dataclass

import av
from aiortc.codecs.base import Encoder
from aiortc.mediastreams import convert_timebase
from av.frame import Frame
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame

from media.aiortc_private import packetize_vp8

VIDEO_TIME_BASE = fractions.Fraction(1, 90_000)
CHANGE_WORTH_A_KEY_FRAME = 0.2  # a new rate means a new encoder, which begins with a key frame: not for less
PICTURE_IDS = 1 << 15


@dataclass(frozen=True, slots=True)
class BitRate:
    """Bounds of the video encoder, bit/s. The defaults suit 640 x 360 at 15 frames/s."""

    start_bps: int = 700_000
    floor_bps: int = 250_000
    ceiling_bps: int = 800_000


class Vp8Encoder(Encoder):
    """What RTCRtpSender calls: `encode` in a worker thread, `target_bitrate` when the receiver reports its estimate."""

    def __init__(self, bounds: BitRate) -> None:
        self._bounds = bounds
        self._target_bps = bounds.start_bps
        self._codec: VideoCodecContext | None = None
        self._picture_id = random.randrange(PICTURE_IDS)

    @property
    def target_bitrate(self) -> int:
        """bit/s, within the bounds whatever is asked for."""
        return self._target_bps

    @target_bitrate.setter
    def target_bitrate(self, bps: int) -> None:
        self._target_bps = max(self._bounds.floor_bps, min(bps, self._bounds.ceiling_bps))

    def encode(self, frame: Frame, force_keyframe: bool = False) -> tuple[list[bytes], int]:
        """RTP payloads and the timestamp (90 kHz) of a yuv420p picture."""
        assert isinstance(frame, VideoFrame)
        if self._codec is None or not self._still_fits(self._codec, frame):
            self._codec = self._new_codec(frame.width, frame.height)
        frame.pict_type = PictureType.I if force_keyframe else PictureType.NONE
        coded = b"".join(bytes(packet) for packet in self._codec.encode(frame))
        assert frame.pts is not None and frame.time_base is not None
        return self._packets(coded), convert_timebase(frame.pts, frame.time_base, VIDEO_TIME_BASE)

    def pack(self, packet: Packet) -> tuple[list[bytes], int]:
        """RTP payloads and the timestamp of a picture that is already encoded."""
        assert packet.pts is not None and packet.time_base is not None
        return self._packets(bytes(packet)), convert_timebase(packet.pts, packet.time_base, VIDEO_TIME_BASE)

    def _packets(self, coded: bytes) -> list[bytes]:
        self._picture_id = (self._picture_id + 1) % PICTURE_IDS
        return packetize_vp8(coded, self._picture_id)

    def _still_fits(self, codec: VideoCodecContext, frame: VideoFrame) -> bool:
        same_size = (codec.width, codec.height) == (frame.width, frame.height)
        bps = codec.bit_rate or 0
        return same_size and abs(self._target_bps - bps) <= CHANGE_WORTH_A_KEY_FRAME * bps

    def _new_codec(self, width: int, height: int) -> VideoCodecContext:
        codec = av.CodecContext.create("libvpx", "w")
        assert isinstance(codec, VideoCodecContext)
        codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
        codec.bit_rate = self._target_bps
        codec.gop_size = 3000  # key frames are made when asked for
        codec.qmin, codec.qmax = 2, 56
        codec.thread_count = 1
        rate = str(self._target_bps)
        codec.options = {
            "deadline": "realtime",
            "cpu-used": "-6",
            "lag-in-frames": "0",
            "bufsize": rate,  # one second
            "minrate": rate,  # equal bounds: constant rate
            "maxrate": rate,
            "undershoot-pct": "100",
            "overshoot-pct": "15",
            "static-thresh": "1",
        }
        return codec
