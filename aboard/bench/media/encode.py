"""What encoding a vehicle's picture costs and what is left of it, beside aiortc's own encoders.

The same drawn pictures, 1280 x 720 at 30 a second, through each encoder at each of `RATES_BPS`, one after another in
one process. CPU time of the process, which other work on the machine changes little; the luma's PSNR of each picture
decoded again. The cases, each for H264 and VP8 at each rate:

encode_CODEC_RATE       ms of CPU for a picture. Peer: aiortc's encoder of the same codec at the same rate; for H264 the
                        goal is at most 0.35 of it.
psnr_loss_CODEC_RATE    dB that the peer's picture is better, picture by picture. Goal: p50 <= 1.5.
sent_CODEC_RATE         kbit/s that came out. Peer: aiortc's, so that nobody is called better for sending more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import av
import numpy as np
from aiortc.codecs import depayload, get_encoder
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from av.video.codeccontext import VideoCodecContext

from aboard.bench.figures import Case, Which, once, ours_of
from aboard.bench.media.extent import Extent
from media.camera_source import DrawnSource
from media.codec import CODECS, Codec
from media.encoder import VIDEO_TICKS, VIDEO_TIME_BASE, encoder_for
from media.rate_control import BitRate

WIDTH, HEIGHT, FPS = 1280, 720, 30
RATES_BPS = (1_000_000, 3_000_000)
WARM_UP = 15  # pictures that are not counted: the first is a key frame, and the rate settles after it
H264_SHARE, LOSS_DB = 0.35, 1.5
DECODERS: dict[Codec, str] = {"VP8": "vp8", "H264": "h264"}

Encode = Callable[[av.VideoFrame], list[bytes]]  # a picture in, RTP payloads out


@dataclass(slots=True)
class Run:
    """One encoder at one rate: for every counted picture."""

    cpu_ms: list[float] = field(default_factory=list)
    psnr_db: list[float] = field(default_factory=list)
    size_bytes: list[int] = field(default_factory=list)

    @property
    def kbps(self) -> float | None:
        return sum(self.size_bytes) * 8 * FPS / len(self.size_bytes) / 1000 if self.size_bytes else None


async def encode(extent: Extent) -> list[Case]:
    """`extent.pictures` of each run, counted and not."""
    cases: list[Case] = []
    for codec in CODECS:
        for rate_bps in RATES_BPS:
            extent.said(f"encode, {codec} {rate_bps // 1000} kbit/s")
            ours = encode_all(codec, ours_at(codec, rate_bps), extent.pictures)
            stock = encode_all(codec, stock_at(codec, rate_bps), extent.pictures)
            cases += cases_of(codec, rate_bps, ours, stock)
    return cases


def ours_at(codec: Codec, rate_bps: int) -> Encode:
    encoder = encoder_for(codec, BitRate(rate_bps, rate_bps // 4, rate_bps))
    return lambda frame: encoder.encode(frame, rate_bps)[0]


def stock_at(codec: Codec, rate_bps: int) -> Encode:
    """aiortc's encoder as it makes it, at a rate within its own bounds (0.5 to 3 Mbit/s)."""
    encoder = cast(Any, get_encoder(parameters_of(codec)))
    encoder.target_bitrate = rate_bps
    return lambda frame: encoder.encode(frame)[0]


def encode_all(codec: Codec, encode: Encode, pictures: int) -> Run:
    """Encode and decode each picture, timing the first only."""
    run, parameters = Run(), parameters_of(codec)
    decoder = cast(VideoCodecContext, av.CodecContext.create(DECODERS[codec], "r"))
    for number, frame in enumerate(scene(pictures)):
        wanted = luma(frame)
        began_s = time.process_time()
        payloads = encode(frame)
        spent_ms = 1000 * (time.process_time() - began_s)
        coded = b"".join(depayload(parameters, payload) for payload in payloads)
        shown = decoder.decode(av.Packet(coded)) if coded else []
        if number >= WARM_UP:
            run.cpu_ms.append(spent_ms)
            run.size_bytes.append(sum(map(len, payloads)))
            run.psnr_db += [psnr_db(wanted, luma(one)) for one in shown]
    return run


def scene(pictures: int) -> Iterator[av.VideoFrame]:
    """The roadside as the drill's camera draws it."""
    source = DrawnSource(WIDTH, HEIGHT)
    for number in range(pictures):
        frame = av.VideoFrame.from_ndarray(source.picture(number / FPS), format="yuv420p")
        frame.pts, frame.time_base = number * VIDEO_TICKS // FPS, VIDEO_TIME_BASE
        yield frame


def parameters_of(codec: Codec) -> RTCRtpCodecParameters:
    return RTCRtpCodecParameters(f"video/{codec}", VIDEO_TICKS, payloadType=96)


def luma(frame: av.VideoFrame) -> np.ndarray:
    """Of a yuv420p picture, rows x columns; a copy, as an encoder keeps the picture."""
    plane = frame.planes[0]
    whole = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return whole[: frame.height, : frame.width].copy()


def psnr_db(wanted: np.ndarray, shown: np.ndarray) -> float:
    """Peak signal to noise of 8-bit luma; 99 for the same picture."""
    error = float(np.mean((wanted.astype(np.float32) - shown) ** 2))
    return 99.0 if error == 0 else 10 * float(np.log10(255**2 / error))


def cases_of(codec: Codec, rate_bps: int, ours: Run, stock: Run) -> list[Case]:
    """The cases of one pair of runs. Pure."""
    name = f"{codec.lower()}_{rate_bps // 1_000_000}m"
    theirs = ours_of(stock.cpu_ms)
    goal: dict[Which, float] = {"p50": H264_SHARE * theirs.p50} if codec == "H264" and theirs.p50 is not None else {}
    peers = {} if theirs.p50 is None or theirs.p99 is None else {"aiortc_p50": theirs.p50, "aiortc_p99": theirs.p99}
    lost = [theirs - own for own, theirs in zip(ours.psnr_db, stock.psnr_db, strict=False)]
    sent = {"aiortc": stock.kbps} if stock.kbps is not None else {}
    return [
        Case(f"encode_{name}", "ms", ours_of(ours.cpu_ms), peers, goal),
        Case(f"psnr_loss_{name}", "db", ours_of(lost), {}, {"p50": LOSS_DB}),
        Case(f"sent_{name}", "kbps", once(ours.kbps), sent),
    ]
