"""What of the day's traffic holds at one instant, and what it makes of the free roads.

A Holding is the key under which costs are kept: equal ones cost the same on the same roads. Free speeds and siren
factors are routing/speeds.py's, times routing/costs.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from routing.roads.roadmap import Roadmap
from routing.traffic.changes import Closure, Slowdown

Speeds = Sequence[NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Holding:
    """What holds at one instant. Hashable: two equal ones cost the same on the same roads, so costs are kept by it."""

    closures: tuple[Closure, ...] = ()
    slowdowns: tuple[Slowdown, ...] = ()

    def apply(
        self,
        roadmap: Roadmap,
        speeds: Speeds,
        usable: NDArray[np.bool_],
        factors: Speeds | None = None,
        rows: NDArray[np.intp] | None = None,
    ) -> None:
        """Turn free-flow `speeds` (km/h per arc: low, likely, high) and `usable` into today's, in place.

        `factors`: the siren's gain per arc at the same three ends, None without siren. With `rows` (arcs, ascending)
        all arrays hold those arcs only, in that order.
        """
        for closure in self.closures:
            usable[_within(closure.where.arcs(roadmap), rows)] = False
        for slowdown in self.slowdowns:
            arcs = _within(slowdown.where.arcs(roadmap), rows)
            gains = factors if slowdown.source == "congestion" else None
            for end, speed in enumerate(speeds):
                gain = 1.0 if gains is None else gains[end][arcs]
                speed[arcs] = np.minimum(speed[arcs], slowdown.speed_kph * gain)

    def changed_arcs(self, other: Holding, roadmap: Roadmap) -> NDArray[np.intp] | None:
        """Arcs that may cost something else under `other`, ascending; None when that may be most of the network."""
        differing = set(self.closures) ^ set(other.closures) | set(self.slowdowns) ^ set(other.slowdowns)
        return _union(change.where.arcs(roadmap) for change in differing)


def _within(arcs: NDArray[np.intp], rows: NDArray[np.intp] | None) -> NDArray[np.intp]:
    """Where the arcs stand in arrays over `rows`."""
    if rows is None or len(rows) == 0:
        return arcs if rows is None else rows
    at = np.searchsorted(rows, arcs)
    at[at == len(rows)] = 0
    return at[rows[at] == arcs]


def _union(found: Iterable[NDArray[np.intp]]) -> NDArray[np.intp]:
    return np.unique(np.concatenate([np.empty(0, np.intp), *found]))
