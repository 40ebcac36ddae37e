"""A screen without a face: follows a ward's feed and its video as a wall board would, and counts what reached it.

What it counts is the `shown` of the report: samples that came over the same WebSocket, frames that were decoded from
the same WebRTC, each with its delay. A drill that nobody watches proves nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import websockets

from casebook.clock import Clock
from casebook.live import View, patched
from scenarios.socket_stage import Doorway

LATE_S = 5.0  # wall seconds from sample to screen beyond which it counts as late; source: the boards' own "late" state


@dataclass(slots=True)
class SeenVitals:
    """Samples that reached the viewer, each once, with the wall delay from being measured to being here."""

    rows: set[tuple[str, str, int]] = field(default_factory=set)
    delays_s: list[float] = field(default_factory=list)
    first_at: datetime | None = None

    def add(self, sample: dict[str, Any], now: datetime, rate: float, *, live: bool) -> None:
        row = (sample["unit"], sample["epoch"], sample["seq"])
        if row in self.rows:
            return
        self.rows.add(row)
        at = datetime.fromisoformat(sample["at"])
        self.first_at = min(self.first_at or at, at)
        if live:
            self.delays_s.append(max(0.0, (now - at).total_seconds() / rate))

    @property
    def late(self) -> int:
        return sum(delay > LATE_S for delay in self.delays_s)


class BoardViewer:
    """Follows one ward's board for ever, across restarts of the hub. `on_view` hears every new view."""

    def __init__(self, door: Doorway, hospital: str, clock: Clock, on_view: Callable[[View], None]) -> None:
        self._door, self._hospital, self._clock, self._on_view = door, hospital, clock, on_view
        self.vitals = SeenVitals()
        self.view: View = {}
        self.snapshots = 0
        self._followed: set[str] = set()

    async def run(self) -> None:
        """Watch until cancelled."""
        url = f"{self._door.url.replace('http', 'ws', 1)}/api/v1/live/wall/{self._hospital}"
        while True:
            with contextlib.suppress(OSError, websockets.WebSocketException):
                async with websockets.connect(
                    url, additional_headers=self._door.headers, max_size=None, compression=None
                ) as socket:
                    await self._watch(socket)
            await asyncio.sleep(0.2)

    async def _watch(self, socket: websockets.ClientConnection) -> None:
        version = -1
        async for raw in socket:
            message = msgspec.json.decode(raw)
            kind = message["t"]
            if kind == "snapshot":
                self.snapshots += 1
                self.view = message["view"]
            elif message["v"] != version + (kind == "delta"):
                await socket.send('{"t":"resync"}')
                continue
            elif kind == "delta":
                self.view = patched(self.view, message["patch"])
            version = message["v"]
            await self._take(socket, message, live=kind == "delta")

    async def _take(self, socket: websockets.ClientConnection, message: dict[str, Any], *, live: bool) -> None:
        now = self._clock.now()
        samples = message.get("samples", [])
        fresh = {one["casualty"] for one in samples} - self._followed  # their trend comes along, as old as it is
        self._followed |= fresh
        for sample in samples:
            self.vitals.add(sample, now, self._clock.rate, live=live and sample["casualty"] not in fresh)
        if samples:
            rows = [[one["unit"], one["epoch"], one["seq"]] for one in samples]
            await socket.send(msgspec.json.encode({"t": "shown", "rows": rows}).decode())
        self._on_view(self.view)
