"""Time comes only from the clock handed in: the wall's, a drill's at n times the wall, or a test's that jumps.

Inside, every instant is aware UTC. Screens show Asia/Shanghai, which has kept +08:00 without summer time since 1991.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Protocol, TypeVar

Told = TypeVar("Told")
SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")


class Clock(Protocol):
    """What everything that needs the time is given. `rate` is clock seconds per wall second."""

    @property
    def rate(self) -> float: ...

    def now(self) -> datetime: ...

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` of this clock's time (not of the wall's)."""
        ...

    async def sleep_until(self, at: datetime) -> None: ...


class WallClock:
    """The live system's clock."""

    rate = 1.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))

    async def sleep_until(self, at: datetime) -> None:
        await self.sleep((at - self.now()).total_seconds())


class RateClock:
    """A drill's clock: shows `start_at` at wall instant `anchor_unix_s` and runs `rate` times as fast.

    Without an anchor it stands still at `start_at` until it is started: nobody starts early. Given a file, every process
    of a drill reads the same three numbers from it, so that they agree, also after a restart; whoever calls `start`
    starts them all.
    """

    POLL_S = 0.02  # wall seconds between looks at the file before the start

    def __init__(
        self, start_at: datetime, rate: float, anchor_unix_s: float | None = None, file: Path | None = None
    ) -> None:
        assert start_at.tzinfo is not None and rate > 0
        self.start_at, self.rate, self._file = start_at.astimezone(UTC), rate, file
        self._anchor_unix_s = anchor_unix_s

    @classmethod
    def at_file(cls, file: Path) -> RateClock:
        """The clock that `file` describes. Raises ValueError when the file does not."""
        start_at, rate, anchor = file.read_text(encoding="utf-8").split()
        return cls(datetime.fromisoformat(start_at), float(rate), None if anchor == "-" else float(anchor), file)

    def save(self) -> None:
        """Write the three numbers to the file, whole or not at all."""
        assert self._file is not None
        anchor = "-" if self._anchor_unix_s is None else repr(self._anchor_unix_s)
        draft = self._file.with_suffix(".new")
        draft.write_text(f"{self.start_at.isoformat()} {self.rate} {anchor}\n", encoding="utf-8")
        draft.replace(self._file)

    def start(self) -> None:
        """Run from this moment on, here and wherever the file is read."""
        self._anchor_unix_s = time.time()
        if self._file is not None:
            self.save()

    @property
    def started(self) -> bool:
        if self._anchor_unix_s is None and self._file is not None and self._file.exists():
            self._anchor_unix_s = RateClock.at_file(self._file)._anchor_unix_s
        return self._anchor_unix_s is not None

    def now(self) -> datetime:
        if not self.started:
            return self.start_at
        passed_s = max(0.0, time.time() - (self._anchor_unix_s or 0.0))
        return self.start_at + timedelta(seconds=passed_s * self.rate)

    async def sleep(self, seconds: float) -> None:
        await self.sleep_until(self.now() + timedelta(seconds=seconds))

    async def sleep_until(self, at: datetime) -> None:
        while not self.started:
            await asyncio.sleep(self.POLL_S)
        wall_s = (self._anchor_unix_s or 0.0) + (at - self.start_at).total_seconds() / self.rate - time.time()
        await asyncio.sleep(max(0.0, wall_s))


class JumpClock:
    """A test's clock: stands still until everyone sleeps, then jumps to the next one who wakes.

    `await clock.run(coroutine)` plays hours in milliseconds. For code that touches neither sockets nor threads.
    """

    rate = 1.0
    IDLE_TURNS = 25  # turns of the event loop without a new sleeper before everyone counts as asleep

    def __init__(self, start_at: datetime) -> None:
        self._now = start_at.astimezone(UTC)
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._count = itertools.count()
        self._activity = 0

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        await self.sleep_until(self._now + timedelta(seconds=max(0.0, seconds)))

    async def sleep_until(self, at: datetime) -> None:
        self._activity += 1
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (max(at, self._now), next(self._count), woken))
        await woken

    async def run(self, story: Coroutine[Any, Any, Told]) -> Told:
        """Play `story` to its end, jumping whenever everyone sleeps."""
        task = asyncio.ensure_future(story)
        while not task.done():
            await self._settle()
            if not task.done():
                self._jump()
        return task.result()

    async def _settle(self) -> None:
        quiet, seen = 0, self._activity
        while quiet < self.IDLE_TURNS:
            await asyncio.sleep(0)
            quiet = quiet + 1 if self._activity == seen else 0
            seen = self._activity

    def _jump(self) -> None:
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        if not self._sleepers:
            raise RuntimeError(
                "nobody sleeps on the jump clock and the story is not over: it waits for something outside"
            )
        self._now = max(self._now, self._sleepers[0][0])
        while self._sleepers and self._sleepers[0][0] <= self._now:
            _, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)
        self._activity += 1
