"""Watch a drill as its wards would: a board for every hospital that receives someone, the picture and waves of each
full vehicle that brings one. What they saw goes into the report."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from casebook.casualty import Stage
from casebook.clock import Clock
from casebook.picture import CasualtyState, Picture
from media.receiver import Viewer
from scenarios.report import Watched
from scenarios.socket_stage import Doorway
from scenarios.viewer import BoardViewer

LOOK_S = 0.2  # wall seconds between looks at who goes where
OVER = (Stage.HANDED_OVER, Stage.CLOSED)


def bound(picture: Picture) -> Iterable[CasualtyState]:
    """Casualties with a destination who are not there for good yet."""
    return (one for one in picture.casualties.values() if one.hospital and one.stage not in OVER)


@dataclass(slots=True)
class Watchers:
    """`doors` by who asks; `picture` gives the newest picture; `full`: the vehicles with a camera."""

    doors: Mapping[str, Doorway]
    clock: Clock
    picture: Callable[[], Picture]
    full: frozenset[str]
    boards: dict[str, BoardViewer] = field(default_factory=dict)
    viewers: dict[tuple[str, str], Viewer] = field(default_factory=dict)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _clients: list[httpx.AsyncClient] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Watchers]:
        self._tasks.append(asyncio.create_task(self._follow()))
        try:
            yield self
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for client in self._clients:
                await client.aclose()

    async def _follow(self) -> None:
        while True:
            for casualty in bound(self.picture()):
                assert casualty.hospital is not None
                self._watch_board(casualty.hospital)
                if casualty.unit in self.full:
                    self._watch_vehicle(casualty.hospital, casualty.unit)
            await asyncio.sleep(LOOK_S)

    def _watch_board(self, hospital: str) -> None:
        if hospital in self.boards:
            return
        board = BoardViewer(self.doors[f"hospital:{hospital}"], hospital, self.clock, lambda view: None)
        self.boards[hospital] = board
        self._tasks.append(asyncio.create_task(board.run()))

    def _watch_vehicle(self, hospital: str, unit: str) -> None:
        if (hospital, unit) in self.viewers:
            return
        door = self.doors[f"hospital:{hospital}"]
        client = httpx.AsyncClient(base_url=door.url, headers=door.headers, timeout=10)
        self._clients.append(client)
        viewer = Viewer(client, unit, lambda: time.time() * 1000)
        self.viewers[(hospital, unit)] = viewer
        self._tasks.append(asyncio.create_task(viewer.run()))

    @property
    def shown(self) -> int:
        """Different samples that reached any board."""
        return len(set().union(*(board.vitals.rows for board in self.boards.values())))

    def watched(self, ledgers: Sequence[Mapping[str, Any]]) -> Watched:
        """All of it, for the report."""
        delays = [delay for board in self.boards.values() for delay in board.vitals.delays_s]
        latency = [ms for viewer in self.viewers.values() for ms in viewer.video.latency_ms]
        waves = [viewer.waves for viewer in self.viewers.values()]
        return Watched(
            sampled=sum(one["sampled"] for one in ledgers),
            shown=self.shown,
            late=sum(board.vitals.late for board in self.boards.values()),
            delays_s=delays,
            frames_sent=sum(one["media"].get("frames_sent", 0) for one in ledgers),
            frames_shown=sum(viewer.video.frames_shown for viewer in self.viewers.values()),
            latency_ms=latency,
            waves={
                "sent": sum(one["media"].get("waves_sent", 0) for one in ledgers),
                "received": sum(one.packets_received for one in waves),
                "lost": sum(one.packets_lost for one in waves),
            },
        )
