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
    """A drill's clock: `rate` times as fast as the wall, from `start_at` on.

    It stands still until somebody calls `go`, and again after `hold`: nobody starts early, and a drill that outruns its
    machine can wait for it. Given a file, every process of a drill reads the same numbers from it (start, rate, what it
    shows, since when on the wall), so that they agree, also after a restart. It never runs backward.
    """

    LOOK_S = 0.01  # wall seconds between looks at the file: what others may be ahead by when the clock is held

    def __init__(
        self, start_at: datetime, rate: float, anchor_unix_s: float | None = None, file: Path | None = None
    ) -> None:
        assert start_at.tzinfo is not None and rate > 0
        self.start_at, self.rate, self._file = start_at.astimezone(UTC), rate, file
        self._base, self._anchor_unix_s = self.start_at, anchor_unix_s  # shows `_base` at the anchor; None: stands
        self._latest = self.start_at
        self._looked_s, self._changed_ns = 0.0, 0

    @classmethod
    def at_file(cls, file: Path) -> RateClock:
        """The clock that `file` describes. Raises ValueError when the file does not."""
        start_at, rate, _, _ = file.read_text(encoding="utf-8").split()
        clock = cls(datetime.fromisoformat(start_at), float(rate), file=file)
        clock._look()
        return clock

    def save(self) -> None:
        """Write the numbers to the file, whole or not at all."""
        if self._file is None:
            return
        anchor = "-" if self._anchor_unix_s is None else repr(self._anchor_unix_s)
        draft = self._file.with_suffix(".new")
        draft.write_text(
            f"{self.start_at.isoformat()} {self.rate} {self._base.isoformat()} {anchor}\n", encoding="utf-8"
        )
        draft.replace(self._file)

    def go(self) -> None:
        """Run from this moment on, here and wherever the file is read."""
        self._base, self._anchor_unix_s = self.now(), time.time()
        self.save()

    def hold(self) -> None:
        """Stand still from this moment on, here and wherever the file is read."""
        self._base, self._anchor_unix_s = self.now(), None
        self.save()

    @property
    def running(self) -> bool:
        self._look()
        return self._anchor_unix_s is not None

    def _look(self) -> None:
        """Read the file again when somebody has written it; at most every LOOK_S."""
        if self._file is None or time.monotonic() - self._looked_s < self.LOOK_S:
            return
        self._looked_s = time.monotonic()
        changed_ns = self._file.stat().st_mtime_ns if self._file.exists() else 0
        if changed_ns != self._changed_ns:
            self._changed_ns = changed_ns
            _, _, base, anchor = self._file.read_text(encoding="utf-8").split()
            self._base, self._anchor_unix_s = datetime.fromisoformat(base), None if anchor == "-" else float(anchor)

    def now(self) -> datetime:
        self._look()
        passed_s = 0.0 if self._anchor_unix_s is None else max(0.0, time.time() - self._anchor_unix_s)
        self._latest = max(self._latest, self._base + timedelta(seconds=passed_s * self.rate))
        return self._latest

    async def sleep(self, seconds: float) -> None:
        await self.sleep_until(self.now() + timedelta(seconds=seconds))

    async def sleep_until(self, at: datetime) -> None:
        """In short stretches where others may hold the clock; to the instant where nobody can."""
        while (left_s := (at - self.now()).total_seconds() / self.rate) > 0:
            if self._file is not None:
                left_s = min(left_s, 5 * self.LOOK_S) if self.running else 2 * self.LOOK_S
            elif not self.running:
                left_s = 2 * self.LOOK_S
            await asyncio.sleep(left_s)


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
