"""The vehicle's end of guidance: follow the hub's marks in the camera's picture, tell where they are, show the crew.

Following is media.guidance's, in a thread of its own; marks come with the view that the hub tells, pointers and held
frames over a WebSocket of their own, on which the newest places go back. The crew's own screen gets picture and places
in one message, so that a mark never stands on another frame; it works with the hub gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

import cv2
import msgspec
import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from ambulance_unit.hub_link import pause_s
from casebook.errors import FeedLost, RefusedInput
from media.camera import Camera
from media.guidance.follower import Follower
from media.guidance.tracker import Drawn, Places
from media.guidance.wire import MAX_BYTES, Hold, PlacesTold, Point, Viewers, read_from_hub
from media.stamp import Stamp

log = logging.getLogger(__name__)
OWN_FPS = 12.0  # of the crew's own view: enough for a hand to follow, a third of the encoder's work
OWN_WIDTH_PX, OWN_QUALITY = 640, 75  # JPEG: 20 to 40 kB a picture, over loopback only
SILENT_S = 0.5  # without a frame for so long nobody else uses the camera, and the crew's view takes its own
OPEN_S = 5.0
_DECIMALS = 6


class Guide:
    """`view` is what the crew sees, with the marks in force; `hub` the address of the guidance socket, "" for none."""

    def __init__(
        self,
        camera: Camera,
        view: Callable[[], dict[str, Any]],
        *,
        hub: str = "",
        token: str = "",
        tls: ssl.SSLContext | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._camera, self._view = camera, view
        self._hub, self._token, self._tls, self._rng = hub, token, tls, rng or random.Random()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._marks: dict[str, Drawn] = {}
        self._follower: Follower | None = None
        self._newest: tuple[PlacesTold, np.ndarray] | None = None
        self._placed_s = 0.0
        self._news = asyncio.Condition()
        self.watchers = 0  # tablets that show the picture
        self.viewers: tuple[str, ...] = ()  # who else looks, as the hub says
        self.connected = False

    # --- running

    async def run(self) -> None:
        """Follow until cancelled."""
        self._loop = asyncio.get_running_loop()
        self._follower = Follower(self._followed)
        self._camera.listeners.append(self._follower.take)
        self.look_at_marks()
        works = [self._keep_own_pictures(), *([self._keep_linked()] if self._hub else [])]
        tasks = [asyncio.create_task(work) for work in works]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._camera.listeners.remove(self._follower.take)
            await asyncio.to_thread(self._follower.stop)

    def look_at_marks(self) -> None:
        """The view may have changed: follow the marks in force. Cheap when they have not."""
        marks = marks_in(self._view())
        if self._follower is not None and marks != self._marks:
            self._follower.keep(marks)
            self._marks = marks

    def _followed(self, places: Places, planes: np.ndarray) -> None:
        """In the follower's thread."""
        assert self._loop is not None
        told = told_of(places)
        with contextlib.suppress(RuntimeError):  # the loop is over before the thread
            self._loop.call_soon_threadsafe(lambda: self._soon(told, planes))

    def _soon(self, told: PlacesTold, planes: np.ndarray) -> None:
        self._newest, self._placed_s = (told, planes), time.monotonic()
        task = asyncio.ensure_future(self._tell_news())
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _tell_news(self) -> None:
        async with self._news:
            self._news.notify_all()

    async def _next_frame(self, after: int | None) -> tuple[PlacesTold, np.ndarray]:
        """The newest frame that was followed, other than number `after`."""
        async with self._news:
            await self._news.wait_for(lambda: self._newest is not None and self._newest[0].frame != after)
        assert self._newest is not None
        return self._newest

    # --- the hub

    async def _keep_linked(self) -> None:
        failures = 0
        while True:
            try:
                async with self._open() as socket:
                    failures, self.connected = 0, True
                    await _until_one_ends(self._tell(socket), self._hear(socket))
            except (OSError, TimeoutError, WebSocketException, RefusedInput) as why:
                log.debug("guidance link: %r", why)
            self.connected, self.viewers = False, ()
            await asyncio.sleep(pause_s(failures, self._rng))
            failures += 1

    @contextlib.asynccontextmanager
    async def _open(self) -> AsyncIterator[ClientConnection]:
        headers = {"Authorization": f"Bearer {self._token}"}
        socket = await connect(
            self._hub, additional_headers=headers, ssl=self._tls, proxy=None, open_timeout=OPEN_S, close_timeout=0.5,
            max_size=MAX_BYTES,
        )  # fmt: skip
        try:
            yield socket
        finally:
            await socket.close()

    async def _tell(self, socket: ClientConnection) -> None:
        """The newest places, while anybody looks; a slow link misses some and delays none."""
        frame: int | None = None
        while True:
            told, _ = await self._next_frame(frame)
            frame = told.frame
            if self.viewers:
                await socket.send(msgspec.json.encode(told).decode())

    async def _hear(self, socket: ClientConnection) -> None:
        async for raw in socket:
            match read_from_hub(raw):
                case Viewers(names=names):
                    self.viewers = tuple(names)
                case Hold(frame=frame, wall_ms=wall_ms):
                    self._wish(lambda tracker, on: tracker.hold(on), Stamp(frame, wall_ms))
                case Point(frame=frame, wall_ms=wall_ms, x=x, y=y, who=who):
                    at = None if x is None or y is None else (x, y)
                    self._wish(lambda tracker, on, who=who, at=at: tracker.point(who, on, at), Stamp(frame, wall_ms))

    def _wish(self, do: Callable[..., object], on: Stamp) -> None:
        if self._follower is not None:
            self._follower.wish(lambda tracker: do(tracker, on))

    # --- the crew's own view

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """While a tablet shows the picture."""
        self.watchers += 1
        try:
            yield
        finally:
            self.watchers -= 1

    async def own_pictures(self) -> AsyncIterator[bytes]:
        """The newest picture with the places on it, at most `OWN_FPS` a second: length of the JSON (4 bytes,
        big-endian), JSON (`places` of media/guidance/wire.py and `viewers`), JPEG."""
        frame, loop = None, asyncio.get_running_loop()
        while True:
            began_s = time.monotonic()
            told, planes = await self._next_frame(frame)
            frame = told.frame
            picture = await loop.run_in_executor(None, partial(jpeg_of, planes))
            head = msgspec.json.encode({**msgspec.to_builtins(told), "viewers": self.viewers})
            yield len(head).to_bytes(4, "big") + head + picture
            await asyncio.sleep(max(0.0, began_s + 1 / OWN_FPS - time.monotonic()))

    async def _keep_own_pictures(self) -> None:
        """Use the camera for the crew's view when nobody else does: no hub, or a link too thin for video."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(1 / OWN_FPS)
            if self.watchers and time.monotonic() - self._placed_s > SILENT_S:
                with contextlib.suppress(FeedLost):  # told by the picture's own state
                    await loop.run_in_executor(None, self._camera.make)


def marks_in(view: dict[str, Any]) -> dict[str, Drawn]:
    """The marks of every casualty in the vehicle's view."""
    casualties = view.get("casualties", {}).values()
    return {
        id: Drawn(Stamp(mark["frame"], mark["frame_wall_ms"]), tuple((float(x), float(y)) for x, y in mark["points"]))
        for one in casualties
        for id, mark in (one.get("marks") or {}).items()
    }


def told_of(places: Places) -> PlacesTold:
    """Places as they are told: matrices row by row, a lost mark by its reason."""
    marks: dict[str, list[float] | str] = {}
    for id, place in places.marks.items():
        if place.matrix is None:
            marks[id] = place.why or "moved"
        else:
            marks[id] = [round(float(number), _DECIMALS) for number in place.matrix.ravel()]
    tags = {str(number): corners for number, corners in places.tags.items()}
    return PlacesTold(places.on.frame, places.on.wall_ms, marks, dict(places.pointers), tags)  # type: ignore[arg-type]


def jpeg_of(planes: np.ndarray) -> bytes:
    """An I420 picture as JPEG, at most `OWN_WIDTH_PX` wide."""
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    picture = cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420)
    if width > OWN_WIDTH_PX:
        size = (OWN_WIDTH_PX, round(height * OWN_WIDTH_PX / width))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, OWN_QUALITY])[1].tobytes()


async def _until_one_ends(*works: Any) -> None:
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
