"""Where a camera's pictures come from: a drawn roadside scene, a video file, a device or a network camera.

All give I420 pictures of one size. A live source is read by its own thread and only its newest picture is kept: what
was missed is not shown late. Numbering, stamping and pacing are the camera's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import av
import av.container
import numpy as np
from av.error import FFmpegError

from casebook.errors import FeedLost, RefusedInput

STALL_S = 2.0  # a live source that gives no picture for so long is lost


class PictureSource(Protocol):
    """`picture` gives I420: uint8, (height * 3 / 2) x width; it may block a little and is called in a worker thread."""

    def picture(self, t_s: float) -> np.ndarray: ...

    def close(self) -> None: ...


class DrawnSource:
    """The procedural roadside scene."""

    def __init__(self, width: int, height: int, *, seed: int = 0) -> None:
        import cv2  # OpenCV costs 30 MB that a file camera does not need

        from media.roadside import RoadsideScene

        self._scene = RoadsideScene(width, height, seed=seed)
        self._convert, self._to_i420 = cv2.cvtColor, cv2.COLOR_BGR2YUV_I420

    def picture(self, t_s: float) -> np.ndarray:
        return self._convert(self._scene.picture(t_s), self._to_i420)

    def close(self) -> None:
        return


class FileSource:
    """A video file, looped at its own speed.

    Raises RefusedInput (`no_camera`) when it cannot be opened or holds no picture, FeedLost (`camera_lost`) when it
    breaks off later.
    """

    def __init__(self, where: str | Path, width: int, height: int) -> None:
        self.where, self._size = str(where), (width, height)
        self._turn_s = 0.0  # camera time at which the file's present turn began
        self._container, self._frames, self._latest = _open_video(self.where, None)

    def picture(self, t_s: float) -> np.ndarray:
        """The newest picture due at `t_s`, in seconds since the camera began."""
        try:
            while self._due_s() < t_s:
                self._latest = self._next(t_s)
        except (FFmpegError, OSError) as why:
            raise FeedLost("camera_lost", camera=self.where, why=why) from why
        return _i420(self._latest, self._size)

    def close(self) -> None:
        self._container.close()

    def _due_s(self) -> float:
        return self._turn_s + (self._latest.time or 0.0)

    def _next(self, t_s: float) -> av.VideoFrame:
        if frame := next(self._frames, None):
            return frame
        self._container.seek(0)
        self._frames = self._container.decode(video=0)
        self._turn_s = t_s
        if frame := next(self._frames, None):
            return frame
        raise FeedLost("camera_lost", camera=self.where, why="no more pictures")


class LiveSource:
    """The newest picture of something that gives pictures in its own time.

    `read` blocks for the next picture and gives None at the end; it runs in a thread of its own. Raises FeedLost
    (`camera_lost`) when nothing new comes for `STALL_S`.
    """

    def __init__(self, where: str, read: Callable[[], np.ndarray | None], release: Callable[[], None]) -> None:
        self.where, self._read, self._release = where, read, release
        self._news = threading.Condition()
        self._latest: np.ndarray | None = None
        self._over = False
        threading.Thread(target=self._keep_reading, name="camera", daemon=True).start()

    def picture(self, t_s: float) -> np.ndarray:
        with self._news:
            self._news.wait_for(lambda: self._latest is not None or self._over, STALL_S)
            picture, self._latest = self._latest, None
        if picture is None:
            raise FeedLost("camera_lost", camera=self.where, why="no more pictures")
        return picture

    def close(self) -> None:
        with self._news:
            self._over = True

    def _keep_reading(self) -> None:
        try:
            while not self._over:
                picture = self._read()
                with self._news:
                    self._latest, self._over = picture, self._over or picture is None
                    self._news.notify_all()
        finally:
            self._release()


def open_live(where: str, width: int, height: int, *, format: str | None = None) -> LiveSource:
    """A network camera, or any live input of FFmpeg. Raises RefusedInput (`no_camera`)."""
    container, frames, _ = _open_video(where, format)

    def read() -> np.ndarray | None:
        try:
            frame = next(frames, None)
        except (FFmpegError, OSError):
            frame = None
        return None if frame is None else _i420(frame, (width, height))

    return LiveSource(where, read, container.close)


def open_device(where: str, width: int, height: int) -> LiveSource:
    """A camera of this machine, by number or path, through OpenCV: PyAV's wheels hold no Video4Linux.

    Raises RefusedInput (`no_camera`).
    """
    import cv2

    device = cv2.VideoCapture(int(where) if where.isdecimal() else where)
    ok, first = device.read() if device.isOpened() else (False, None)
    if not ok or first is None:
        device.release()
        raise RefusedInput("no_camera", camera=where, why="OpenCV")

    def read() -> np.ndarray | None:
        ok, picture = device.read()
        return cv2.cvtColor(cv2.resize(picture, (width, height)), cv2.COLOR_BGR2YUV_I420) if ok else None

    return LiveSource(where, read, device.release)


def _open_video(
    where: str, format: str | None
) -> tuple[av.container.InputContainer, Iterator[av.VideoFrame], av.VideoFrame]:
    """The open input, its pictures, and the first of them."""
    container = None
    try:
        container = av.open(where, format=format)
        container.streams.video[0].thread_count = 1
        frames = container.decode(video=0)
        return container, frames, next(frames)
    except (FFmpegError, OSError, ValueError, IndexError, StopIteration) as why:
        if container is not None:
            container.close()
        raise RefusedInput("no_camera", camera=where, why=why or type(why).__name__) from why


def _i420(frame: av.VideoFrame, size: tuple[int, int]) -> np.ndarray:
    return frame.reformat(width=size[0], height=size[1], format="yuv420p").to_ndarray()
