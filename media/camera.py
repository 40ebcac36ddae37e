"""The vehicle's camera: any file or device that FFmpeg opens, or a drawn roadside scene, as a stamped video track.

Frames are made at a fixed rate on the monotonic clock; a frame that is late is skipped, not queued. Each carries its
number and the wall clock's ms of its making (`media.stamp`). Encoding and sending are the sender's.
"""

from __future__ import annotations

import asyncio
import fractions
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import av
import av.container
import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av.error import FFmpegError

from casebook.errors import FeedLost, RefusedInput
from media.stamp import HEIGHT_PX, WIDTH_PX, Stamp, burn

WIDTH, HEIGHT, FPS = 640, 360, 15
VIDEO_CLOCK_HZ = 90_000
WallMs = Callable[[], float]


class PictureSource(Protocol):
    """Where pictures come from. `picture` gives I420: uint8, (height * 3 / 2) x width; it may block for a frame."""

    def picture(self, t_s: float) -> np.ndarray: ...

    def close(self) -> None: ...


class DrawnSource:
    """The procedural roadside scene."""

    def __init__(self, width: int = WIDTH, height: int = HEIGHT, *, seed: int = 0) -> None:
        from media.roadside import RoadsideScene  # OpenCV costs 30 MB that a file camera and a viewer do not need

        self._scene = RoadsideScene(width, height, seed=seed)

    def picture(self, t_s: float) -> np.ndarray:
        import cv2

        return cv2.cvtColor(self._scene.picture(t_s), cv2.COLOR_BGR2YUV_I420)

    def close(self) -> None:
        return


class FileSource:
    """A video file, looped at its own speed, or a device (``format`` as FFmpeg names it: v4l2, avfoundation, dshow).

    Raises RefusedInput (`no_camera`) when nothing can be opened or it holds no picture, FeedLost (`camera_lost`) when
    it stops giving pictures later.
    """

    def __init__(
        self, where: str | Path, width: int = WIDTH, height: int = HEIGHT, *, format: str | None = None
    ) -> None:
        self.where, self._size, self._format = str(where), (width, height), format
        self._container: av.container.InputContainer | None = None
        self._frames = None
        self._turn_s = 0.0  # camera time at which the file's present turn began
        self._latest: av.VideoFrame | None = None
        try:
            self._open()
            self._latest = self._next()
        except (FFmpegError, OSError, ValueError, FeedLost) as why:
            self.close()
            raise RefusedInput("no_camera", camera=self.where, why=why) from why

    def picture(self, t_s: float) -> np.ndarray:
        """The newest picture due at `t_s`; a device gives its next one."""
        try:
            while self._format is not None or self._due_s() < t_s:
                self._latest = self._next(t_s)
                if self._format is not None:
                    break
        except (FFmpegError, OSError) as why:
            raise FeedLost("camera_lost", camera=self.where, why=why) from why
        assert self._latest is not None
        width, height = self._size
        return self._latest.reformat(width=width, height=height, format="yuv420p").to_ndarray()

    def close(self) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None

    def _open(self) -> None:
        self._container = av.open(self.where, format=self._format)
        if not self._container.streams.video:
            raise ValueError("no video stream")
        self._container.streams.video[0].thread_count = 1
        self._frames = self._container.decode(video=0)

    def _due_s(self) -> float:
        assert self._latest is not None
        return self._turn_s + (self._latest.time or 0.0)

    def _next(self, t_s: float = 0.0) -> av.VideoFrame:
        assert self._container is not None and self._frames is not None
        frame = next(self._frames, None)
        if frame is None and self._format is None and self._latest is not None:
            self._container.seek(0)
            self._frames = self._container.decode(video=0)
            self._turn_s, frame = max(t_s, self._due_s()), next(self._frames, None)
        if frame is None:
            raise FeedLost("camera_lost", camera=self.where, why="no more pictures")
        return frame


class Camera:
    """One camera of a vehicle: numbers and stamps every picture. Outlives the connections that carry its track."""

    def __init__(self, source: PictureSource, wall_ms: WallMs, *, fps: int = FPS) -> None:
        self._source, self._wall_ms, self.fps = source, wall_ms, fps
        self._lock = threading.Lock()  # pictures are made in a worker thread; a track may end while one is made
        self.frames_made = 0

    def make(self) -> av.VideoFrame:
        """The picture of this moment, stamped. Raises FeedLost (`camera_lost`)."""
        with self._lock:
            planes = self._source.picture(self.frames_made / self.fps)
            height, width = planes.shape[0] * 2 // 3, planes.shape[1]
            if height >= HEIGHT_PX and width >= WIDTH_PX:
                burn(planes[:height], Stamp(self.frames_made, int(self._wall_ms())))
            self.frames_made += 1
            return av.VideoFrame.from_ndarray(planes, format="yuv420p")

    def track(self) -> CameraTrack:
        return CameraTrack(self)

    def close(self) -> None:
        with self._lock:
            self._source.close()


class CameraTrack(MediaStreamTrack):
    """The camera as one connection sends it: a frame every 1 / fps seconds, late ones skipped."""

    kind = "video"

    def __init__(self, camera: Camera) -> None:
        super().__init__()
        self._camera = camera
        self._began_s: float | None = None
        self._number = -1
        self.frames_sent = 0
        self.lost: FeedLost | None = None

    async def recv(self) -> av.VideoFrame:
        """The next frame, when its time has come. Raises MediaStreamError when the track or the camera has ended."""
        if self.readyState != "live":
            raise MediaStreamError
        loop = asyncio.get_running_loop()
        await self._until_next(loop)
        try:
            frame = await loop.run_in_executor(None, self._camera.make)
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
        self._number = max(self._number + 1, due_number)
        await asyncio.sleep(max(0.0, self._began_s + self._number / self._camera.fps - now_s))


def open_camera(
    spec: str, wall_ms: WallMs, *, width: int = WIDTH, height: int = HEIGHT, fps: int = FPS, seed: int = 0
) -> Camera:
    """A camera by its setting: ``scene``, a file's path, or ``FORMAT:DEVICE`` such as ``v4l2:/dev/video0``.

    Raises RefusedInput (`no_camera`).
    """
    if spec == "scene":
        return Camera(DrawnSource(width, height, seed=seed), wall_ms, fps=fps)
    format, colon, device = spec.partition(":")
    if colon and format in ("v4l2", "avfoundation", "dshow", "lavfi"):
        return Camera(FileSource(device, width, height, format=format), wall_ms, fps=fps)
    return Camera(FileSource(spec, width, height), wall_ms, fps=fps)
