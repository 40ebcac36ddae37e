"""The process of the vehicles: publishes the same pictures for each, our way or aiortc's, each behind its own bad link.

Run as a module it takes its task from its input (`aboard.bench.media.post`).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import msgspec
import numpy as np
from aiortc import RTCPeerConnection

from aboard.bench.media.engines import wall_ms
from aboard.bench.media.moving_scene import MovingCamera, drawn_world
from aboard.bench.media.post import work_at_post
from aboard.bench.media.thin_link import ThinLink, Way
from media.aiortc_private import listen_on
from media.camera import Camera
from media.codec import capabilities
from media.link import Link
from media.rate_control import BitRate
from media.sender import VideoPublisher

CLIP_S = 2.0  # there and back: drawing as it goes would take the processor from what is measured
LOOK_S = 0.1


class Change(msgspec.Struct, frozen=True):
    """So many seconds after all are connected the way up (or both) becomes silent, audible, or of another rate."""

    at_s: float
    silent: bool | None = None
    rate_bps: float | None = None


class Vehicle(msgspec.Struct, frozen=True):
    """One stream. `up`, `down`: the words of a `Way`."""

    name: str
    up: dict[str, Any] = {}
    down: dict[str, Any] = {}
    changes: tuple[Change, ...] = ()


class Task(msgspec.Struct, frozen=True):
    """`bit_rate`: start, floor, ceiling; without it the default."""

    url: str
    address: str
    vehicles: tuple[Vehicle, ...]
    stock: bool = False
    width: int = 640
    height: int = 360
    fps: int = 15
    bit_rate: tuple[int, int, int] | None = None


class Clip:
    """A source that shows a few seconds for ever, forwards and backwards."""

    def __init__(self, pictures: list[np.ndarray], fps: int) -> None:
        self._pictures, self._fps = pictures, fps

    def picture(self, t_s: float) -> np.ndarray:
        last = len(self._pictures) - 1
        place = round(t_s * self._fps) % (2 * last)
        return self._pictures[min(place, 2 * last - place)].copy()  # the stamp is burned into it

    def close(self) -> None:
        return


def draw_clip(width: int, height: int, fps: int) -> list[np.ndarray]:
    """A textured world that a head camera passes over, with a sensor's noise: I420, hard to encode."""
    camera = MovingCamera(drawn_world(), fps=fps, width=width)
    pictures = []
    for number in range(round(CLIP_S * fps)):
        whole = np.full((height * 3 // 2, width), 128, np.uint8)
        whole[:height] = camera.grey(number)
        pictures.append(whole)
    return pictures


class Publishing:
    """One vehicle at work."""

    def __init__(self, vehicle: Vehicle, task: Task, pictures: list[np.ndarray]) -> None:
        self.vehicle = vehicle
        self.up, self.down = Way(**vehicle.up), Way(**vehicle.down)
        self._camera = Camera(lambda: Clip(pictures, task.fps), wall_ms, height=task.height, fps=task.fps)
        transport = ThinLink(self.up, self.down, whole=True) if vehicle.up or vehicle.changes else None
        self._client = httpx.AsyncClient(base_url=task.url, transport=transport, trust_env=False)
        self._ours: VideoPublisher | None = None
        if task.stock:
            self.link = Link(self._client, f"whip/{vehicle.name}", self._prepare_stock)
        else:
            bounds = BitRate(*task.bit_rate) if task.bit_rate else None
            self._ours = VideoPublisher(self._client, vehicle.name, self._camera, bit_rate=bounds)
            self.link = self._ours.link
        self.steps: list[tuple[float, str, str]] = []
        self.bytes: list[tuple[float, int, int]] = []  # when, offered to the way up so far, passed

    def _prepare_stock(self, pc: RTCPeerConnection) -> None:
        transceiver = pc.addTransceiver(self._camera.track(), direction="sendonly")
        transceiver.setCodecPreferences(capabilities("VP8"))

    async def run(self) -> None:
        """Publish and note the steps of the ladder until cancelled."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self.link.run())
            both.create_task(self._follow())

    async def _follow(self) -> None:
        while True:
            now_s = time.monotonic()
            self.bytes.append((now_s, self.up.offered_bytes, self.up.passed_bytes))
            if self._ours is not None:
                step = (self._ours.standing.rung.name, str(self._ours.standing.why))
                if not self.steps or self.steps[-1][1] != step[0]:
                    self.steps.append((now_s, *step))
            await asyncio.sleep(LOOK_S)

    async def change(self) -> None:
        """Play the changes of the link, one after another."""
        began_s = time.monotonic()
        for change in self.vehicle.changes:
            await asyncio.sleep(began_s + change.at_s - time.monotonic())
            if change.rate_bps is not None:
                self.up.rate_bps = change.rate_bps
            if change.silent is not None:
                self.up.silent = self.down.silent = change.silent

    def told(self) -> dict[str, Any]:
        return {
            "frames": self._camera.frames_made, "bytes": self.bytes, "steps": self.steps,
            "connections": self.link.connections,
        }  # fmt: skip

    async def close(self) -> None:
        await self._client.aclose()
        self._camera.close()


async def work(words: dict[str, Any]) -> AsyncGenerator[Any, None]:
    """Says when all had connected; at the end what each has sent."""
    task = msgspec.convert(words, Task)
    listen_on([task.address])
    pictures = draw_clip(task.width, task.height, task.fps)
    vehicles = [Publishing(vehicle, task, pictures) for vehicle in task.vehicles]
    running = [asyncio.create_task(vehicle.run()) for vehicle in vehicles]
    try:
        await asyncio.gather(*(vehicle.link.connected.wait() for vehicle in vehicles))
        running += [asyncio.create_task(vehicle.change()) for vehicle in vehicles]
        yield {"began_s": time.monotonic()}
        yield {vehicle.vehicle.name: vehicle.told() for vehicle in vehicles}
    finally:
        for one in running:
            one.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*running, return_exceptions=True)
        for vehicle in vehicles:
            await vehicle.close()


if __name__ == "__main__":
    work_at_post(work)
