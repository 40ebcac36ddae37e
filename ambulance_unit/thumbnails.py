"""The vehicle's end of the console's small pictures: one JPEG for each ask of the hub, where the link has room for it.

The hub asks only while somebody looks. The ladder has the say: below its stills no picture goes, and the console is
told why. Words and ages are `media.thumbnails`'.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import ssl
from collections.abc import Callable

import av
import cv2
import msgspec
import numpy as np
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from ambulance_unit.hub_link import pause_s
from casebook.errors import FeedLost
from media.camera import Camera
from media.stamp import Stamp
from media.thumbnails import HEIGHT_PX, Ask, Nothing

log = logging.getLogger(__name__)
QUALITY = 60  # JPEG: 1.5 to 3.3 kB a picture, measured on five films and the drawn scene
FRAME_S = 0.5  # without a frame for so long nobody else uses the camera, and one is taken for this
OPEN_S = 5.0
MAX_BYTES = 1024  # of the hub's words


class ThumbnailSender:
    """`hub` gives the address of the hub that has the vehicle's media, as ``https://hub.example``; `fits`: whether the
    ladder's rung allows stills."""

    def __init__(
        self,
        camera: Camera,
        unit: str,
        hub: Callable[[], str],
        token: str,
        *,
        fits: Callable[[], bool],
        tls: ssl.SSLContext | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._camera, self._unit, self._hub, self._token = camera, unit, hub, token
        self._fits, self._tls, self._rng = fits, tls, rng or random.Random()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wish: asyncio.Future[np.ndarray] | None = None
        self.sent = 0

    async def run(self) -> None:
        """Answer until cancelled; a lost link is opened again."""
        self._loop, failures = asyncio.get_running_loop(), 0
        self._camera.listeners.append(self._take)
        try:
            while True:
                try:
                    await self._live_once()
                    failures = 0
                except (OSError, TimeoutError, WebSocketException, msgspec.DecodeError) as why:
                    log.debug("thumbnails: %r", why)
                await asyncio.sleep(pause_s(failures, self._rng))
                failures += 1
        finally:
            self._camera.listeners.remove(self._take)

    async def _live_once(self) -> None:
        url = f"{self._hub().rstrip('/').replace('http', 'ws', 1)}/api/v1/thumbnails/{self._unit}"
        headers = {"Authorization": f"Bearer {self._token}"}
        async with connect(
            url, additional_headers=headers, ssl=self._tls, proxy=None, open_timeout=OPEN_S, close_timeout=0.5,
            max_size=MAX_BYTES,
        ) as socket:  # fmt: skip
            async for raw in socket:
                ask = msgspec.json.decode(raw, type=Ask)
                answer = await self._answer(ask.n)
                await socket.send(answer)
                self.sent += isinstance(answer, bytes)

    async def _answer(self, number: int) -> bytes | str:
        if not self._fits():
            return msgspec.json.encode(Nothing(number, "link_thin")).decode()
        try:
            planes = await self._picture()
        except FeedLost:
            return msgspec.json.encode(Nothing(number, "camera_lost")).decode()
        return number.to_bytes(4, "big") + await asyncio.to_thread(small_jpeg, planes)

    async def _picture(self) -> np.ndarray:
        """The camera's next picture; taken for this alone when nobody else takes any. Raises FeedLost."""
        loop = asyncio.get_running_loop()
        wish = self._wish = loop.create_future()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FRAME_S):
                return await asyncio.shield(wish)
        await loop.run_in_executor(None, self._camera.make)
        return await wish

    def _take(self, stamp: Stamp, planes: np.ndarray) -> None:
        """In the camera's thread: a picture, wished for or not."""
        wish, self._wish = self._wish, None
        if wish is not None and self._loop is not None:
            own = planes.copy()  # before the stamp is burned in
            with contextlib.suppress(RuntimeError):  # the loop is over before the thread
                self._loop.call_soon_threadsafe(lambda: wish.done() or wish.set_result(own))


def small_jpeg(planes: np.ndarray) -> bytes:
    """An I420 picture as a JPEG, `HEIGHT_PX` high."""
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    size = (max(2, round(width * HEIGHT_PX / height / 2) * 2), HEIGHT_PX)
    small = av.VideoFrame.from_ndarray(planes, format="yuv420p").reformat(*size, format="bgr24").to_ndarray()
    return cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
