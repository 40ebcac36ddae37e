"""Heart beats and breaths as trains of instants: when each begins, given how many a minute there should be.

The rate is integrated on a fixed grid from a fixed origin, so that the same course and seed give the same instants
however and whenever they are asked for. What a beat looks like is `shapes`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

Rate = Callable[[np.ndarray], np.ndarray]

ORIGIN_S = -60.0  # the trains have run a minute when the feed begins, so that its averages are full
_STEP_S = 0.02
_BLOCK = 30_000  # grid steps integrated at a time: 10 minutes


@dataclass(slots=True)
class Train:
    """Instants of a repeated event. `per_minute(t)` gives its momentary rate; 0 stops it."""

    per_minute: Rate
    _edge: int = 0  # grid steps done
    _phase: float = 0.0  # events since the origin, at the edge
    _times: list[np.ndarray] = field(default_factory=list)
    _joined: np.ndarray = field(default_factory=lambda: np.empty(0))
    _grid_phase: list[np.ndarray] = field(default_factory=list)

    def until(self, end_s: float) -> np.ndarray:
        """All instants from the origin to at least `end_s`, ascending; later ones may be among them."""
        while ORIGIN_S + self._edge * _STEP_S < end_s:
            self._integrate_block()
        if self._times:
            self._joined = np.concatenate([self._joined, *self._times])
            self._times.clear()
        return self._joined

    def phase(self, at_s: np.ndarray) -> np.ndarray:
        """Events since the origin, with fraction, at these times (not before the origin)."""
        if not len(at_s):
            return np.empty(0)
        self.until(float(at_s[-1]) + 3 * _STEP_S)
        steps = np.maximum((at_s - ORIGIN_S) / _STEP_S, 0.0)
        first, last = int(steps.min()), int(steps.max()) + 1
        grid = np.arange(first, last + 1)
        return np.interp(steps, grid, self._phases(grid))

    def _phases(self, grid: np.ndarray) -> np.ndarray:
        blocks = grid // _BLOCK
        phases = np.empty(len(grid))
        for block in np.unique(blocks):
            chosen = blocks == block
            phases[chosen] = self._grid_phase[block][grid[chosen] % _BLOCK]
        return phases

    def _integrate_block(self) -> None:
        steps = np.arange(self._edge, self._edge + _BLOCK + 1)
        at_s = ORIGIN_S + steps * _STEP_S
        per_s = np.maximum(self.per_minute(at_s), 0.0) / 60.0
        gained = (per_s[:-1] + per_s[1:]) * (_STEP_S / 2)
        phase = np.cumsum(np.concatenate(([self._phase], gained)))
        events = np.arange(np.floor(phase[0]) + 1, np.floor(phase[-1]) + 1)
        self._times.append(np.interp(events, phase, at_s))
        self._grid_phase.append(phase[:-1])
        self._phase, self._edge = float(phase[-1]), self._edge + _BLOCK


def per_minute_at(times_s: np.ndarray, at_s: float, *, events: int, silent_s: float) -> float | None:
    """The rate a monitor would show: over the last `events` intervals, none of them longer than `silent_s`.

    0 when nothing came within `silent_s`; None when there is a single event to go by.
    """
    past = times_s[: np.searchsorted(times_s, at_s, side="right")][-(events + 1) :]
    if not len(past) or at_s - past[-1] > silent_s:
        return 0.0
    pauses = np.flatnonzero(np.diff(past) > silent_s)
    run = past[pauses[-1] + 1 :] if len(pauses) else past
    return 60.0 * (len(run) - 1) / float(run[-1] - run[0]) if len(run) > 1 else None
