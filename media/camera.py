"""The vehicle's camera as a stamped video track, whatever gives the pictures (`media.camera_source`).

Frames are made at a fixed rate on the monotonic clock; a frame that is late is skipped, not queued. Each carries its
number and the wall clock's ms of its making (`media.stamp`). Encoding and sending are the sender's.
"""

from __future__ import annotations

import asyncio
import fractions
import math
import threading
from collections.abc import Callable

import av
import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from casebook.errors import FeedLost, RefusedInput
from media.camera_source import DrawnSource, FileSource, PictureSource, open_device, open_live
from media.stamp import HEIGHT_PX, WIDTH_PX, Stamp, burn

WIDTH, HEIGHT, FPS = 640, 360, 15
VIDEO_CLOCK_HZ = 90_000
WallMs = Callable[[], float]
Listener = Callable[[Stamp, np.ndarray], None]  # I420, not to be changed; the stamp may appear in it later


class Camera:
    """One camera of a vehicle: numbers and stamps every picture. Outlives the connections that carry its track.

    `open_source` is called at once (RefusedInput rises to whoever starts the vehicle) and again after a loss.
    """

    def __init__(
        self, open_source: Callable[[], PictureSource], wall_ms: WallMs, *, height: int = HEIGHT, fps: int = FPS
    ) -> None:
        self._open_source, self._wall_ms, self.height, self.fps = open_source, wall_ms, height, fps
        self._source: PictureSource | None = open_source()
        self._lock = threading.Lock()  # pictures are made in a worker thread; a track may end while one is made
        self.frames_made = 0
        self.listeners: list[Listener] = []  # hear of each picture at full size, in the thread that made it

    def make(self, height_max: int | None = None) -> av.VideoFrame:
        """The picture of this moment, stamped; a higher one than `height_max` is made smaller first.

        Raises FeedLost (`camera_lost`); the next call opens it again.
        """
        with self._lock:
            whole, stamp = self._picture(), Stamp(self.frames_made, int(self._wall_ms()))
            for listener in self.listeners:
                listener(stamp, whole)
            planes = _shrunk(whole, height_max)
            height, width = planes.shape[0] * 2 // 3, planes.shape[1]
            if height >= HEIGHT_PX and width >= WIDTH_PX:
                burn(planes[:height], stamp)
            self.frames_made += 1
            return av.VideoFrame.from_ndarray(planes, format="yuv420p")

    def _picture(self) -> np.ndarray:
        try:
            self._source = self._source or self._open_source()
            return self._source.picture(self.frames_made / self.fps)
        except RefusedInput as why:
            raise FeedLost("camera_lost", **why.facts) from why
        except FeedLost:
            self._close()
            raise

    def _close(self) -> None:
        if self._source is not None:
            self._source.close()
            self._source = None

    def track(self) -> CameraTrack:
        return CameraTrack(self)

    def close(self) -> None:
        with self._lock:
            self._close()


class CameraTrack(MediaStreamTrack):
    """The camera as one connection sends it: a frame every 1 / fps seconds, late ones skipped."""

    kind = "video"

    def __init__(self, camera: Camera) -> None:
        super().__init__()
        self._camera = camera
        self._began_s: float | None = None
        self._number = -1
        self._wanted = asyncio.Event()
        self._wanted.set()
        self._height_max: int | None = None
        self._every = 1  # of so many frames of the camera one is sent
        self.frames_sent = 0
        self.lost: FeedLost | None = None

    def fit(self, height_max: int | None, fps_max: int | None) -> None:
        """From the next frame on: at most so high, at most so often. None for `fps_max`: none until told otherwise."""
        self._height_max = height_max
        if fps_max is None:
            self._wanted.clear()
        else:
            self._every = math.ceil(self._camera.fps / fps_max)
            self._wanted.set()

    async def recv(self) -> av.VideoFrame:
        """The next frame, when its time has come. Raises MediaStreamError when the track or the camera has ended."""
        await self._wanted.wait()
        if self.readyState != "live":
            raise MediaStreamError
        loop = asyncio.get_running_loop()
        await self._until_next(loop)
        try:
            frame = await loop.run_in_executor(None, self._camera.make, self._height_max)
        except FeedLost as why:
            self.lost = why
            self.stop()
            raise MediaStreamError from why
        frame.pts = self._number * VIDEO_CLOCK_HZ // self._camera.fps
        frame.time_base = fractions.Fraction(1, VIDEO_CLOCK_HZ)
        self.frames_sent += 1
        return frame

    async def _until_next(self, loop: asyncio.AbstractEventLoop) -> None:
        now_s = loop.time()
        if self._began_s is None:
            self._began_s = now_s
        due_number = int((now_s - self._began_s) * self._camera.fps)
        self._number = max(self._number + self._every, due_number) if self._number >= 0 else due_number
        await asyncio.sleep(max(0.0, self._began_s + self._number / self._camera.fps - now_s))


def _shrunk(planes: np.ndarray, height_max: int | None) -> np.ndarray:
    """An I420 picture of the same shape, at most so high (both sides even)."""
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    if height_max is None or height <= height_max:
        return planes
    smaller = (width * height_max // height // 2 * 2, height_max // 2 * 2)
    return av.VideoFrame.from_ndarray(planes, format="yuv420p").reformat(*smaller).to_ndarray()


def open_camera(
    spec: str, wall_ms: WallMs, *, width: int = WIDTH, height: int = HEIGHT, fps: int = FPS, seed: int = 0
) -> Camera:
    """A camera by its setting.

    ``scene`` is drawn; ``device:0`` or ``device:/dev/video0`` is a camera of this machine; ``rtsp://...`` and other
    addresses are network cameras; ``lavfi:...`` an FFmpeg test picture; anything else is a video file, which is looped.
    Raises RefusedInput (`no_camera`).
    """
    return Camera(lambda: _open_source(spec, width, height, seed), wall_ms, height=height, fps=fps)


def _open_source(spec: str, width: int, height: int, seed: int) -> PictureSource:
    kind, _, rest = spec.partition(":")
    if spec == "scene":
        return DrawnSource(width, height, seed=seed)
    if kind == "device":
        return open_device(rest, width, height)
    if kind == "lavfi":
        return open_live(rest, width, height, format="lavfi")
    return open_live(spec, width, height) if "://" in spec else FileSource(spec, width, height)
