"""Find the way that a vehicle drove from noisy fixes: the likeliest chain of points on arcs (a hidden Markov model).

After Newson and Krumm, "Hidden Markov map matching through noise and sparseness", ACM GIS 2009: a fix lies about
`sigma_m` beside the road it was taken on, and the drive between two fixes is about as long as the straight line. Speeds
are left to routing/traffic/floating.py.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from weakref import WeakKeyDictionary

import numpy as np
import shapely
from numpy.typing import NDArray

from casebook.place import EARTH_RADIUS_M
from routing.roads.network import EMERGENCY
from routing.roads.roadmap import Roadmap

METRES_PER_DEGREE = EARTH_RADIUS_M * math.pi / 180
SIGMA_M = 10.0  # of a vehicle's fix across the road; assumption: single-frequency GNSS between houses
REACH_SIGMAS = 5.0  # a fix farther from every road than this is off the road
CANDIDATES = 12  # points on the road per fix, nearest first; both directions of six roads
BETA_M = 15.0  # how much the drive differs from the straight line; assumption, tried at 1/s and 1/15 s
UTURN_M = 100.0  # what turning round in the street costs the chain: noise must not make vehicles turn
UNLIKELY = 30.0  # candidates whose chain is e^30 times less likely than the best are given up
THINNED_SIGMAS = 4.0  # fixes nearer than this to the last one say more about noise than about movement
DETOUR, DETOUR_M = 2.0, 250.0  # the drive between two fixes is looked for up to this times the straight line, plus this
SKIPPED = 3  # fixes in a row that fit no drive; then the chain is broken and a new trip begins
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fix:
    """Where a vehicle was at `at_s` (seconds since 1970, or of any clock)."""

    at_s: float
    lat: float
    lon: float


@dataclass(frozen=True, slots=True, eq=False)
class Trip:
    """`arcs` in driving order, each beginning where the one before ends. `fixes`: which of the fixes given; for each
    `along_m` from the beginning of the first arc (never falling) and `off_m` beside the road."""

    arcs: tuple[int, ...]
    fixes: NDArray[np.intp]
    along_m: Floats
    off_m: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Points:
    """The candidate points of one fix."""

    fix: int
    arcs: list[int]
    fraction: list[float]
    off_m: Floats


class _Streets:
    """The arcs that a vehicle may drive, by the node they leave: plain lists, for searches over a few streets."""

    def __init__(self, roadmap: Roadmap, access: int) -> None:
        net = roadmap.network
        self.usable = (net.access & np.uint8(access)) > 0
        usable = np.flatnonzero(self.usable)
        order = usable[np.argsort(net.tail[usable], kind="stable")]
        self.first = np.searchsorted(net.tail[order], np.arange(net.nodes + 1)).tolist()
        self.out = order.tolist()
        self.tail, self.head = net.tail.tolist(), net.head.tolist()
        self.length_m = net.length_m.tolist()

    def reach_m(self, start: int, wanted: set[int], limit_m: float) -> tuple[dict[int, float], dict[int, int]]:
        """Metres to the wanted nodes not farther than `limit_m`, and by which arc each node was reached."""
        near, by, done = {start: 0.0}, dict[int, int](), set[int]()
        waiting, left = [(0.0, start)], set(wanted)
        while waiting and left:
            metres, node = heapq.heappop(waiting)
            if node in done:
                continue
            done.add(node)
            left.discard(node)
            for arc in self.out[self.first[node] : self.first[node + 1]]:
                there, sum_m = self.head[arc], metres + self.length_m[arc]
                if sum_m <= limit_m and sum_m < near.get(there, math.inf):
                    near[there], by[there] = sum_m, arc
                    heapq.heappush(waiting, (sum_m, there))
        return {node: near[node] for node in wanted if node in done}, by


_streets: WeakKeyDictionary[Roadmap, dict[int, _Streets]] = WeakKeyDictionary()


class Matcher:
    """Matches fixes to one road map. `access`: bits of Network.access, which arcs the vehicle may have driven."""

    def __init__(self, roadmap: Roadmap, *, sigma_m: float = SIGMA_M, access: int = EMERGENCY) -> None:
        kept = _streets.setdefault(roadmap, {})
        self._streets = kept.get(access) or kept.setdefault(access, _Streets(roadmap, access))
        self._roadmap = roadmap
        self._sigma_m = math.hypot(sigma_m, roadmap.accuracy_m or 0.0)

    def trips(self, fixes: Sequence[Fix]) -> list[Trip]:
        """The drives that explain the fixes (in order of time); fixes that no road explains are left out."""
        chains: list[_Chain] = []
        chain: _Chain | None = None
        last: int | None = None
        for number, fix in enumerate(fixes):
            if (
                last is not None
                and _apart_m(fixes[last], fix) < THINNED_SIGMAS * self._sigma_m
                and number < len(fixes) - 1
            ):
                continue  # noise, not movement: Newson and Krumm, section 4.2
            points = self._points(number, fix)
            last = number
            if chain is not None and (chain.add(points) or not chain.is_lost()):
                continue
            chain = _Chain(self._streets, fixes, self._sigma_m, points) if points.arcs else None
            chains += [chain] if chain else []
        return [trip for chain in chains if (trip := chain.trip()) is not None]

    def _points(self, number: int, fix: Fix) -> _Points:
        net = self._roadmap.network
        scale = np.array((METRES_PER_DEGREE * max(0.01, math.cos(math.radians(fix.lat))), METRES_PER_DEGREE))
        half = self._sigma_m * REACH_SIGMAS / scale
        arcs = self._roadmap.arcs_in(
            shapely.box(fix.lon - half[0], fix.lat - half[1], fix.lon + half[0], fix.lat + half[1])
        )
        arcs = arcs[self._streets.usable[arcs]]
        tail, head = net.tail[arcs], net.head[arcs]
        a = np.column_stack((net.lon[tail] - fix.lon, net.lat[tail] - fix.lat)) * scale
        along = np.column_stack((net.lon[head] - fix.lon, net.lat[head] - fix.lat)) * scale - a
        length2 = np.maximum((along**2).sum(axis=1), 1e-12)
        fraction = np.clip(-(a * along).sum(axis=1) / length2, 0.0, 1.0)
        off_m = np.hypot(*(a + along * fraction[:, None]).T)
        near = np.flatnonzero(off_m <= self._sigma_m * REACH_SIGMAS)
        near = near[np.lexsort((arcs[near], off_m[near]))][:CANDIDATES]
        return _Points(number, arcs[near].tolist(), fraction[near].tolist(), off_m[near])


class _Chain:
    """Viterbi: for each candidate of the newest fix the likeliest way to have come there."""

    def __init__(self, streets: _Streets, fixes: Sequence[Fix], sigma_m: float, first: _Points) -> None:
        self._streets, self._fixes, self._sigma_m = streets, fixes, sigma_m
        self._steps: list[tuple[_Points, NDArray[np.intp]]] = [(first, np.zeros(0, np.intp))]
        self._score = self._beside(first)
        self._skipped = 0

    def _beside(self, points: _Points) -> Floats:
        return -0.5 * (points.off_m / self._sigma_m) ** 2

    def is_lost(self) -> bool:
        self._skipped += 1
        return self._skipped >= SKIPPED

    def add(self, points: _Points) -> bool:
        """Go on to this fix; False, and nothing changed, when no drive leads there."""
        if not points.arcs:
            return False
        before = self._steps[-1][0]
        straight_m = _apart_m(self._fixes[before.fix], self._fixes[points.fix])
        drive_m = self._drives_m(before, points, straight_m)
        scores = self._score[:, None] - np.abs(drive_m - straight_m) / BETA_M
        best = scores.argmax(axis=0)
        score = scores[best, np.arange(len(points.arcs))] + self._beside(points)
        if not np.isfinite(score).any():
            return False
        self._steps.append((points, best))
        self._score = np.where(score >= score.max() - UNLIKELY, score, -np.inf)
        self._skipped = 0
        return True

    def _drives_m(self, before: _Points, points: _Points, straight_m: float) -> Floats:
        """Metres driven from each candidate to each next one, inf beyond the limit."""
        limit_m = straight_m * DETOUR + DETOUR_M + 2 * self._sigma_m
        drives = np.full((len(before.arcs), len(points.arcs)), np.inf)
        tails = {self._streets.tail[arc] for arc in points.arcs}
        searched: dict[int, dict[int, float]] = {}
        for i, arc in enumerate(before.arcs):
            if not np.isfinite(self._score[i]):
                continue
            head = self._streets.head[arc]
            if head not in searched:
                searched[head] = self._streets.reach_m(head, tails, limit_m)[0]
            for j in range(len(points.arcs)):
                drives[i, j] = self._drive_m(before, i, points, j, searched[head])
        return drives

    def _drive_m(self, before: _Points, i: int, points: _Points, j: int, between: dict[int, float]) -> float:
        arc, there, streets = before.arcs[i], points.arcs[j], self._streets
        if stays_on(before, i, points, j, streets, self._sigma_m):
            return (points.fraction[j] - before.fraction[i]) * streets.length_m[arc]  # below 0: never the likely drive
        through_m = between.get(streets.tail[there], math.inf)
        turns_round = streets.tail[there] == streets.head[arc] and streets.head[there] == streets.tail[arc]
        ends_m = (1 - before.fraction[i]) * streets.length_m[arc] + points.fraction[j] * streets.length_m[there]
        return ends_m + through_m + (UTURN_M if turns_round else 0.0)

    def trip(self) -> Trip | None:
        """The likeliest chain told as a drive; None when it goes nowhere."""
        if len(self._steps) < 2:
            return None
        at = int(self._score.argmax())
        chosen = [at]
        for _, best in reversed(self._steps[1:]):
            at = int(best[at])
            chosen.append(at)
        return self._told([points for points, _ in self._steps], chosen[::-1])

    def _told(self, steps: list[_Points], chosen: list[int]) -> Trip:
        streets = self._streets
        arcs, starts_m = [steps[0].arcs[chosen[0]]], [0.0]
        along_m = [steps[0].fraction[chosen[0]] * streets.length_m[arcs[0]]]
        for (before, i), (points, j) in pairwise(zip(steps, chosen, strict=True)):
            if not stays_on(before, i, points, j, streets, self._sigma_m):
                for arc in (*self._between(arcs[-1], points.arcs[j]), points.arcs[j]):
                    starts_m.append(starts_m[-1] + streets.length_m[arcs[-1]])
                    arcs.append(arc)
            along_m.append(max(along_m[-1], starts_m[-1] + points.fraction[j] * streets.length_m[arcs[-1]]))
        off_m = [float(points.off_m[j]) for points, j in zip(steps, chosen, strict=True)]
        fixes = np.array([points.fix for points in steps], np.intp)
        return Trip(tuple(arcs), fixes, np.array(along_m), np.array(off_m))

    def _between(self, arc: int, there: int) -> list[int]:
        """The arcs of the shortest drive between the end of one arc and the beginning of another."""
        start, node = self._streets.head[arc], self._streets.tail[there]
        _, by = self._streets.reach_m(start, {node}, math.inf)
        found: list[int] = []
        while node != start:
            found.append(by[node])
            node = self._streets.tail[by[node]]
        return found[::-1]


def stays_on(before: _Points, i: int, points: _Points, j: int, streets: _Streets, sigma_m: float) -> bool:
    """Whether the vehicle is still on the arc; falling back by less than the noise is standing still."""
    arc = before.arcs[i]
    back_m = (before.fraction[i] - points.fraction[j]) * streets.length_m[arc]
    return points.arcs[j] == arc and back_m <= 2 * sigma_m


def _apart_m(a: Fix, b: Fix) -> float:
    east = (b.lon - a.lon) * math.cos(math.radians((a.lat + b.lat) / 2))
    return math.hypot(east, b.lat - a.lat) * METRES_PER_DEGREE
