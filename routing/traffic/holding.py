"""What of the day's traffic holds at one instant, and what it makes of the free roads.

A Holding is the key under which costs are kept: equal ones cost the same on the same roads. Free speeds and siren
factors are routing/speeds.py's, times routing/costs.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from routing.roads.roadmap import Roadmap
from routing.traffic.changes import Closure, Slowdown
from routing.traffic.observed import Aged

Speeds = Sequence[NDArray[np.float64]]
MANY = 0.25  # of the arcs: then looking for the changed ones saves nothing


@dataclass(frozen=True, slots=True)
class Holding:
    """What holds at one instant. Hashable: two equal ones cost the same on the same roads, so costs are kept by it."""

    closures: tuple[Closure, ...] = ()
    slowdowns: tuple[Slowdown, ...] = ()
    observed: Aged | None = None
    _hash: int = field(default=0, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Looked up at every question, while a hundred closures with their areas take a while to hash.
        object.__setattr__(self, "_hash", hash((self.closures, self.slowdowns, self.observed)))

    def __hash__(self) -> int:
        return self._hash

    def apply(
        self,
        roadmap: Roadmap,
        speeds: Speeds,
        usable: NDArray[np.bool_],
        factors: Speeds | None = None,
        rows: NDArray[np.intp] | None = None,
        ends: Sequence[int] = (0, 1, 2),
    ) -> None:
        """Turn free-flow `speeds` (km/h per arc: low, likely, high) and `usable` into today's, in place.

        `factors`: the siren's gain per arc at the same three ends (contained in `speeds`), None without siren. With
        `rows` (arcs, ascending) all arrays hold those arcs only, in that order. Of the speeds only those `ends` are
        turned.
        """
        if self.observed is not None and self.observed.concerns(roadmap):
            _apply_observed(self.observed, speeds, factors, rows, ends)
        for slowdown in self.slowdowns:
            arcs, _ = _within(slowdown.where.arcs(roadmap), rows)
            gains = factors if slowdown.source == "congestion" else None
            for end in ends:
                gain = 1.0 if gains is None else gains[end][arcs]
                speeds[end][arcs] = np.minimum(speeds[end][arcs], slowdown.speed_kph * gain)
        if self.closures:
            shut = np.concatenate([closure.where.arcs(roadmap) for closure in self.closures])
            usable[_within(shut, rows)[0]] = False

    def changed_arcs(self, other: Holding, roadmap: Roadmap) -> NDArray[np.intp] | None:
        """Arcs that may cost something else under `other`, ascending; None when that may be most of the network."""
        differing = set(self.closures) ^ set(other.closures) | set(self.slowdowns) ^ set(other.slowdowns)
        few = int(roadmap.network.arcs * MANY)
        observed = _changed_observed(self.observed, other.observed, roadmap, few)
        if observed is None:
            return None
        changed = _union([observed, *(change.where.arcs(roadmap) for change in differing)], roadmap.network.arcs)
        return None if len(changed) > few else changed


def _apply_observed(
    aged: Aged, speeds: Speeds, factors: Speeds | None, rows: NDArray[np.intp] | None, ends: Sequence[int]
) -> None:
    """An observed speed takes the place of a plain car's free one. What one run makes of it, a siren's gain or a
    driver's way, it makes of the observed speed too, so the range is that of the run and of the observation."""
    arcs, at = (aged.observed.arcs, slice(None)) if rows is None else _within(aged.observed.arcs, rows)
    where = slice(None) if len(arcs) == len(speeds[1]) else arcs  # all arcs seen: nothing has to be picked
    free_kph = speeds[1][where] if factors is None else speeds[1][where] / factors[1][where]
    for end in sorted(ends, key=lambda end: end == 1):  # the likely speeds last, for `free_kph` may be a view of them
        speeds[end][where] /= aged.slowness(at, free_kph, end)


def _changed_observed(mine: Aged | None, theirs: Aged | None, roadmap: Roadmap, few: int) -> NDArray[np.integer] | None:
    """Arcs on which one may say something else than the other; None when that may be more than `few`."""
    mine, theirs = (aged if aged and aged.concerns(roadmap) else None for aged in (mine, theirs))
    if mine is None or mine == theirs:
        mine, theirs = theirs, mine
    return np.empty(0, np.intp) if mine is None or mine == theirs else mine.changed_arcs(theirs, few)


def _within(arcs: NDArray[np.integer], rows: NDArray[np.intp] | None) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where the arcs stand in arrays over `rows` (all arcs when None), and which of the arcs those are."""
    if rows is None:
        return arcs.astype(np.intp, copy=False), np.arange(len(arcs))
    if len(rows) == 0:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    at = np.minimum(np.searchsorted(rows, arcs), len(rows) - 1)
    there = rows[at] == arcs
    return at[there], np.flatnonzero(there)


def _union(found: Iterable[NDArray[np.integer]], arcs: int) -> NDArray[np.intp]:
    """Ascending, each once; by a mask, since np.unique takes a second for a whole city's arcs."""
    among = np.zeros(arcs, np.bool_)
    for some in found:
        among[some] = True
    return np.flatnonzero(among)
