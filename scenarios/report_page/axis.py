"""A time axis in minutes, and labels along it that do not run into each other. Pure geometry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from scenarios.report_page.voice import shortened, width_em

STEPS_MIN = (1, 2, 5, 10, 15, 30, 60, 120, 240)
LEAST_TICK_PX = 58.0  # room for HH:MM:SS at 11.5 px


@dataclass(frozen=True)
class TimeAxis:
    """From `start` at x = `left` to `end` at x = `right`. Ticks count from `start` (T+0)."""

    start: datetime
    end: datetime
    left: float
    right: float

    @property
    def px_per_s(self) -> float:
        return (self.right - self.left) / (self.end - self.start).total_seconds()

    def x(self, at: datetime) -> float:
        return self.left + (at - self.start).total_seconds() * self.px_per_s

    def clamped(self, at: datetime) -> float:
        return min(self.right, max(self.left, self.x(at)))

    def shows(self, at: datetime) -> bool:
        return self.start <= at <= self.end

    def ticks(self) -> list[datetime]:
        """Whole steps from the start on, as close as can be read."""
        span_min = (self.end - self.start).total_seconds() / 60
        step = next((s for s in STEPS_MIN if s * 60 * self.px_per_s >= LEAST_TICK_PX), STEPS_MIN[-1])
        return [self.start + timedelta(minutes=m) for m in range(0, int(span_min) + 1, step)]


@dataclass(frozen=True)
class Flag:
    """A text that starts at `x`, at the foot of its pole; `row` 0 is nearest to the line."""

    x: float
    row: int
    text: str


def staircase(marks: Sequence[tuple[float, str]], font_px: float, right: float, gap_px: float = 10.0) -> list[Flag]:
    """Give each (x, text) the nearest row in which nothing overlaps and no pole crosses a text; order is kept.

    From right to left: a text goes below every label that begins within its width, so their poles end above it. A text
    that would leave the drawing at `right` is shortened.
    """
    flags: dict[int, Flag] = {}
    for index in sorted(range(len(marks)), key=lambda i: (-marks[i][0], i)):
        x, text = marks[index]
        text = shortened(text, (right - x) / font_px)
        ends = x + width_em(text) * font_px + gap_px
        row = 1 + max((flag.row for flag in flags.values() if flag.x < ends), default=-1)
        flags[index] = Flag(x, row, text)
    return [flags[index] for index in range(len(marks))]


def shelved(marks: Sequence[tuple[float, str]], font_px: float, gap_px: float = 8.0) -> list[Flag]:
    """Give each (x, text), from left to right, the first row where it does not touch the text before; no poles."""
    ends: list[float] = []
    flags: list[Flag] = []
    for x, text in marks:
        row = next((r for r, end in enumerate(ends) if end <= x), len(ends))
        ends[row : row + 1] = [x + width_em(text) * font_px + gap_px]
        flags.append(Flag(x, row, text))
    return flags


def rows_of(flags: Iterable[Flag]) -> int:
    return max((flag.row + 1 for flag in flags), default=0)
