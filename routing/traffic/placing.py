"""Which arcs a feed's row means: an edge, an OSM way in one direction, or a line of coordinates matched to the roads.

Feeds name the same places minute after minute, so what a line means is kept per road map.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from itertools import pairwise
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from casebook.place import EARTH_RADIUS_M
from routing.roads.network import BUS, CAR, EMERGENCY
from routing.roads.roadmap import Roadmap
from routing.traffic.matching import Fix, Matcher
from routing.traffic.told import RowError, Where

LINE_SIGMA_M = 12.0  # how far a provider's line lies beside ours: two surveys of one road; assumption
LINE_STEP_M = 25.0
SHARE_COVERED = 0.5  # of an arc; a shorter part of it says nothing about the arc
LENGTHS = (0.7, 1.4)  # the matched drive over the line's own length; outside, another road was found
MAX_LINE_M = 50_000.0
KEPT_LINES = 50_000
METRES_PER_DEGREE = EARTH_RADIUS_M * math.pi / 180
Line = tuple[tuple[float, float], ...]
Arcs = NDArray[np.intp]

_lines: WeakKeyDictionary[Roadmap, OrderedDict[Line, Arcs | str]] = WeakKeyDictionary()
_ways: WeakKeyDictionary[Roadmap, tuple[Arcs, NDArray[np.int64]]] = WeakKeyDictionary()


class Placer:
    """Finds arcs on one road map. Not to be shared between threads."""

    def __init__(self, roadmap: Roadmap) -> None:
        self._roadmap = roadmap
        self._driven = (roadmap.network.access & np.uint8(CAR | EMERGENCY | BUS)) > 0
        self._matcher = Matcher(roadmap, sigma_m=LINE_SIGMA_M, access=CAR | EMERGENCY)

    def arcs(self, where: Where) -> Arcs:
        """Rows of the network, ascending, at least one. Raises RowError `unknown_edge`, `unknown_way`, `off_roads`."""
        if where[0] == "edge":
            return self._edge(where[1:])
        return self._way(where[1], where[2]) if where[0] == "way" else self._line(where[1])

    def _edge(self, edge: tuple[int, int, int]) -> Arcs:
        arcs = np.array(self._roadmap.arcs_of(edge), np.intp)
        arcs = arcs[self._driven[arcs]]  # nobody's speed is seen against a one-way road
        if not len(arcs):
            raise RowError("u", "unknown_edge", value=", ".join(map(str, edge)))
        return np.unique(arcs)

    def _way(self, id: int, forward: bool) -> Arcs:
        network = self._roadmap.network
        if self._roadmap not in _ways:
            order = np.argsort(network.way_id[network.way], kind="stable")
            _ways[self._roadmap] = order, network.way_id[network.way[order]]
        order, ids = _ways[self._roadmap]
        arcs = order[np.searchsorted(ids, id) : np.searchsorted(ids, id, side="right")]
        arcs = arcs[(network.forward[arcs] == forward) & self._driven[arcs]]
        if not len(arcs):
            raise RowError("way", "unknown_way", value=id)
        return np.sort(arcs)

    def _line(self, line: Line) -> Arcs:
        kept = _lines.setdefault(self._roadmap, OrderedDict())
        found = kept.get(line)
        if found is None:
            found = kept[line] = self._match(line)
            while len(kept) > KEPT_LINES:
                kept.popitem(last=False)
        if isinstance(found, str):
            raise RowError("line", found)
        return found

    def _match(self, line: Line) -> Arcs | str:
        length_m = sum(_apart_m(a, b) for a, b in pairwise(line))
        if not 0 < length_m <= MAX_LINE_M:
            return "off_roads"
        fixes = _along(line)
        trips = self._matcher.trips(fixes)
        if len(trips) != 1 or trips[0].fixes[0] != 0 or trips[0].fixes[-1] != len(fixes) - 1:
            return "off_roads"
        trip = trips[0]
        driven_m = float(trip.along_m[-1] - trip.along_m[0])
        if not LENGTHS[0] <= driven_m / length_m <= LENGTHS[1]:
            return "off_roads"
        arcs = np.array(trip.arcs, np.intp)
        ends_m = np.cumsum(self._roadmap.network.length_m[arcs])
        starts_m = ends_m - self._roadmap.network.length_m[arcs]
        inside_m = np.minimum(ends_m, trip.along_m[-1]) - np.maximum(starts_m, trip.along_m[0])
        covered = arcs[inside_m >= SHARE_COVERED * (ends_m - starts_m)]
        return np.unique(covered) if len(covered) else "short"


def _along(line: Line) -> list[Fix]:
    """The line as fixes at a steady pace, a corner or LINE_STEP_M apart."""
    points = [line[0]]
    for a, b in pairwise(line):
        steps = max(1, math.ceil(_apart_m(a, b) / LINE_STEP_M))
        points += [(a[0] + (b[0] - a[0]) * k / steps, a[1] + (b[1] - a[1]) * k / steps) for k in range(1, steps + 1)]
    return [Fix(float(number), lat, lon) for number, (lon, lat) in enumerate(points)]


def _apart_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    east = (b[0] - a[0]) * math.cos(math.radians((a[1] + b[1]) / 2))
    return math.hypot(east, b[1] - a[1]) * METRES_PER_DEGREE
