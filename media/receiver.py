"""View a vehicle's stream as a board would, without a browser: decode, read the stamp, count what reached the viewer.

For headless drills and benchmarks. The screens' own viewer is `media/browser/video_tile.js`.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Callable

import av
import httpx
import numpy as np
from aiortc import MediaStreamTrack, RTCPeerConnection
from aiortc.mediastreams import MediaStreamError

from casebook.errors import RefusedInput
from media.aiortc_private import keep_newest, receive_live
from media.link import Link
from media.receive_buffer import ReceiveBuffer
from media.signalling import WAVES_SUFFIX
from media.stamp import HEIGHT_PX, Stamp, find
from media.wave_stream import open_wave_channels
from media.waveforms import Numerics, SequenceLedger, WavePacket, decode, decode_numerics

# a freeze: a gap longer than both (W3C webrtc-stats, freezeCount), of the mean gap of the last pictures
FREEZE_TIMES, FREEZE_MORE_S, MEAN_OF = 3, 0.150, 30
LATENCIES_MAX = 50_000  # the newest hour at 15 frames/s


class VideoViewer:
    """Shows stream `unit` to nobody and notes what it would have shown."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        unit: str,
        wall_ms: Callable[[], float],
        *,
        on_frame: Callable[[av.VideoFrame, Stamp | None], None] | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._wall_ms, self._on_frame = wall_ms, on_frame
        self._readers: set[asyncio.Task[None]] = set()
        self.frames_shown = 0
        self.freezes = 0
        self.frozen_s = 0.0
        self._shown_at_s: float | None = None
        self._gaps_s: deque[float] = deque(maxlen=MEAN_OF)
        self.buffer: ReceiveBuffer | None = None  # of the present connection, for its counts
        self.unstamped = 0
        self.latest: Stamp | None = None
        self.latency_ms: deque[float] = deque(maxlen=LATENCIES_MAX)  # stamp to decoded frame, newest last
        self.link = Link(client, f"whep/{unit}", self._prepare, rng=rng)

    async def run(self) -> None:
        """View until cancelled."""
        try:
            await self.link.run()
        finally:
            for reader in self._readers:
                reader.cancel()

    def _prepare(self, pc: RTCPeerConnection) -> None:
        receiver = pc.addTransceiver("video", direction="recvonly").receiver
        self.buffer = receive_live(receiver)
        pc.on("track", self._start_reading)

    def _start_reading(self, track: MediaStreamTrack) -> None:
        keep_newest(track)
        reader = asyncio.create_task(self._read(track))
        self._readers.add(reader)
        reader.add_done_callback(self._readers.discard)

    async def _read(self, track: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                assert isinstance(frame, av.VideoFrame)
                self._show(frame)

    def _show(self, frame: av.VideoFrame) -> None:
        now_ms = self._wall_ms()
        stamp = find(top_luma(frame))
        self.frames_shown += 1
        self._note_gap(asyncio.get_running_loop().time())
        if stamp is None:
            self.unstamped += 1
        else:
            self.latest = stamp
            self.latency_ms.append(now_ms - stamp.wall_ms)
        if self._on_frame:
            self._on_frame(frame, stamp)

    def _note_gap(self, at_s: float) -> None:
        if self._shown_at_s is not None:
            gap_s = at_s - self._shown_at_s
            mean_s = sum(self._gaps_s) / len(self._gaps_s) if self._gaps_s else gap_s
            if gap_s > max(FREEZE_TIMES * mean_s, mean_s + FREEZE_MORE_S):
                self.freezes += 1
                self.frozen_s += gap_s
            self._gaps_s.append(gap_s)
        self._shown_at_s = at_s


def top_luma(frame: av.VideoFrame) -> np.ndarray:
    """The rows of a yuv420p frame's luma plane that hold the stamp, without copying the rest."""
    plane = frame.planes[0]
    rows = min(HEIGHT_PX, frame.height)
    whole = np.frombuffer(memoryview(plane), np.uint8, rows * plane.line_size).reshape(rows, plane.line_size)
    return whole[:, : frame.width]


class WaveViewer:
    """Receives the live waves and numerics of `unit` and counts them."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        unit: str,
        *,
        on_packet: Callable[[WavePacket], None] | None = None,
        on_numerics: Callable[[Numerics], None] | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._on_packet, self._on_numerics = on_packet, on_numerics
        self.ledger = SequenceLedger()
        self.numerics_received = 0
        self.refused = 0
        self.link = Link(client, f"whep/{unit}{WAVES_SUFFIX}", self._prepare, rng=rng)

    async def run(self) -> None:
        """View until cancelled."""
        await self.link.run()

    @property
    def packets_received(self) -> int:
        return self.ledger.received

    @property
    def packets_lost(self) -> int:
        return self.ledger.lost

    def _prepare(self, pc: RTCPeerConnection) -> None:
        waves, numerics = open_wave_channels(pc)
        waves.on("message", self._take_waves)
        numerics.on("message", self._take_numerics)

    def _take_waves(self, message: bytes | str) -> None:
        if isinstance(message, str):
            return  # the hub's beat
        try:
            packet = decode(message)
        except RefusedInput:
            self.refused += 1
            return
        self.ledger.add(packet.sequence)
        if self._on_packet:
            self._on_packet(packet)

    def _take_numerics(self, message: bytes | str) -> None:
        try:
            numerics = decode_numerics(message)
        except RefusedInput:
            self.refused += 1
            return
        self.numerics_received += 1
        if self._on_numerics:
            self._on_numerics(numerics)


class Viewer:
    """Both at once, as a board's tile for one vehicle: `video` and `waves`."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        unit: str,
        wall_ms: Callable[[], float],
        *,
        on_packet: Callable[[WavePacket], None] | None = None,
        on_numerics: Callable[[Numerics], None] | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.video = VideoViewer(client, unit, wall_ms, rng=rng)
        self.waves = WaveViewer(client, unit, on_packet=on_packet, on_numerics=on_numerics, rng=rng)

    async def run(self) -> None:
        """View until cancelled."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self.video.run())
            both.create_task(self.waves.run())
