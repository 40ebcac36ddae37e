"""Measure a hub while it runs: how late its loop is, how long commits take, what failed, when each vehicle last spoke.

Costs a few additions per commit; what is read is read when somebody asks.
"""

from __future__ import annotations

import asyncio
import math
import shutil
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from aboard.health.judging import Readings
from casebook.book import Book
from casebook.log import Entry

WINDOW_S = 60.0  # readings speak of the last minute
TICK_S = 0.25
MB = 1e6


class Recent:
    """Values of the last minute of the wall."""

    def __init__(self, wall_s: Callable[[], float]) -> None:
        self._wall_s = wall_s
        self._values: deque[tuple[float, float]] = deque()

    def add(self, value: float) -> None:
        self._values.append((self._wall_s(), value))
        self._forget()

    def worst(self) -> float | None:
        self._forget()
        return max((value for _, value in self._values), default=None)

    def count(self) -> int:
        self._forget()
        return len(self._values)

    def _forget(self) -> None:
        oldest = self._wall_s() - WINDOW_S
        while self._values and self._values[0][0] < oldest:
            self._values.popleft()


class Pulse:
    """`folder`: where the book lies, None for a book in memory. Totals never fall; the rest is of the last minute."""

    def __init__(self, book: Book, folder: Path | None, wall_s: Callable[[], float] = time.monotonic) -> None:
        self._book, self._folder, self._wall_s = book, folder, wall_s
        self.lag, self.commit = Recent(wall_s), Recent(wall_s)
        self._commit_failures, self._desk_failures = Recent(wall_s), Recent(wall_s)
        self.entries: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()  # by the work that failed
        self.commits: list[Callable[[float], None]] = []  # told each commit's seconds
        self.twins: Callable[[], dict[str, float]] = dict  # who speaks as which vehicle is told by the hub's links
        self._heard: dict[str, datetime] = {}
        self._ahead_s: dict[str, float] = {}
        book.listen(self._hear)
        book.timed = self._committed

    async def run(self) -> None:
        """Look how late a short sleep ends: that late is everything else on this loop."""
        while True:
            due_s = self._wall_s() + TICK_S
            await asyncio.sleep(TICK_S)
            self.lag.add(max(0.0, self._wall_s() - due_s))

    def failed(self, work: str) -> None:
        """A work of the hub failed and was taken up again."""
        self.failures[work] += 1
        self._desk_failures.add(1.0)

    def read(self) -> Readings:
        return Readings(
            disk_free_mb=self._disk_free_mb(),
            loop_lag_s=self.lag.worst(),
            commit_s=self.commit.worst(),
            commit_failures=self._commit_failures.count(),
            desk_failures=self._desk_failures.count(),
            silent_s=self._silent_s(),
            ahead_s=dict(self._ahead_s),
            twins=self.twins(),
        )

    def _disk_free_mb(self) -> float | None:
        if self._folder is None:
            return math.inf  # a book in memory, or on another machine, takes nothing from a disk here
        try:
            return shutil.disk_usage(self._folder).free / MB
        except OSError:
            return None

    def _silent_s(self) -> dict[str, float]:
        """Of vehicles with somebody aboard; one that never spoke since this hub began is silent since it began."""
        now, units = self._book.clock.now(), self._book.picture.units
        carrying = [id for id, unit in units.items() if unit.aboard]
        rate = self._book.clock.rate or 1.0
        return {id: (now - self._heard.setdefault(id, now)).total_seconds() / rate for id in carrying}

    def _hear(self, entries: Sequence[Entry]) -> None:
        self.entries.update([entry.kind for entry in entries])
        newest = {entry.source.unit: entry for entry in entries if entry.source is not None}
        for unit, entry in newest.items():
            self._heard[unit] = entry.recorded_at
            self._ahead_s[unit] = max(0.0, (entry.at - entry.recorded_at).total_seconds())

    def _committed(self, span_s: float, *, done: bool) -> None:
        self.commit.add(span_s)
        if not done:
            self.failures["commit"] += 1
            self._commit_failures.add(1.0)
        for told in self.commits:
            told(span_s)
