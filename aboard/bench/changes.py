"""Change a hospital's capacity over and over, and time when each change stands on each screen's feed.

The clock of a change starts when the ward's request leaves and stops when a screen has the number. Every change has a
number of its own, so that none is taken for another.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
import websockets

from casebook.live import View, patched
from scenarios.socket_stage import Doorway, answer_of

PATIENCE_S = 10.0  # a change that is not seen after so long counts as lost, five times the goal


@dataclass(slots=True)
class Follower:
    """One screen's feed, followed as a screen does. `on_view` hears every new view.

    `gaps` counts the messages whose number did not follow.
    """

    door: Doorway
    path: str
    on_view: Callable[[View], None] = lambda view: None
    view: View = field(default_factory=dict)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    gaps: int = 0

    async def run(self) -> None:
        """Follow until cancelled."""
        url = f"{self.door.url.replace('http', 'ws', 1)}{self.path}"
        while True:
            with contextlib.suppress(OSError, websockets.WebSocketException):
                async with websockets.connect(url, additional_headers=self.door.headers, max_size=None) as socket:
                    await self._follow(socket)
            await asyncio.sleep(0.2)

    async def _follow(self, socket: websockets.ClientConnection) -> None:
        version = -1
        async for raw in socket:
            message: dict[str, Any] = msgspec.json.decode(raw)
            if message["t"] == "snapshot":
                self.view = message["view"]
            elif message["v"] != version + (message["t"] == "delta"):
                self.gaps += 1
                await socket.send('{"t":"resync"}')
                continue
            elif message["t"] == "delta":
                self.view = patched(self.view, message["patch"])
            version = message["v"]
            self.ready.set()
            self.on_view(self.view)


@dataclass(slots=True)
class ChangeWatch:
    """When a screen first showed each number of one count. Instants are seconds of the monotonic clock."""

    hospital: str
    resource: str
    seen_s: dict[int, float] = field(default_factory=dict)

    def look(self, view: View) -> None:
        free = view.get("hospitals", {}).get(self.hospital, {}).get("figures", {}).get(self.resource, {}).get("free")
        if free is not None:
            self.seen_s.setdefault(free, time.monotonic())

    def delays_ms(self, asked_s: Mapping[int, float]) -> list[float]:
        """One value for each change that was seen."""
        return [1000 * (self.seen_s[free] - at_s) for free, at_s in asked_s.items() if free in self.seen_s]


@dataclass(slots=True)
class Changes:
    """So many changes of one count by the ward `door`, `every_s` seconds apart; `asked_s` when each was asked."""

    door: Doorway
    hospital: str
    resource: str
    count: int
    every_s: float
    asked_s: dict[int, float] = field(default_factory=dict)

    async def run(self, watches: Mapping[str, ChangeWatch]) -> None:
        """Make them all, then wait until every screen has them, at most PATIENCE_S."""
        async with httpx.AsyncClient(timeout=PATIENCE_S) as client:
            for free in range(1, self.count + 1):
                await self._ask(client, free)
                await asyncio.sleep(self.every_s)
        end_s = time.monotonic() + PATIENCE_S
        while not all(self.asked_s.keys() <= watch.seen_s.keys() for watch in watches.values()):
            if time.monotonic() > end_s:
                return
            await asyncio.sleep(0.02)

    async def _ask(self, client: httpx.AsyncClient, free: int) -> None:
        command = {"hospital": self.hospital, "resource": self.resource, "free": free}
        headers = {**self.door.headers, "Idempotency-Key": f"bench:{self.resource}:{free}"}
        self.asked_s[free] = time.monotonic()
        url = f"{self.door.url}/api/v1/ask/report_capacity"
        answer_of(await client.post(url, content=msgspec.json.encode(command), headers=headers))
