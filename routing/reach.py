"""How far one comes by road within some minutes, and from how far one is reached: times everywhere, areas of a band.

Exact on the road: an arc that is reached in part counts in part. An area is everything near a stretch reached, so it
is drawn from the roads and not guessed between them. What holds on the roads is taken at the instant asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from casebook.errors import NoAnswer, RefusedInput
from casebook.place import Place
from routing.costs import Costs, costs_for
from routing.engine import ABSENT_MS, NEVER_MS
from routing.profiles import Profile
from routing.roads.roadmap import Roadmap
from routing.roads.snapping import METRES_PER_DEGREE
from routing.traffic import FREE_FLOW, Traffic
from routing.way import off_road_ms, part_ms, spoken

WIDTH_M = 60.0  # an area reaches this far beside a reached road: the houses along it; a choice of drawing
FILLED_M2 = 250_000.0  # a hole smaller than a block of 500 m by 500 m between reached roads is filled
KINK_M = 5.0  # the line of a road is simplified to this before it is drawn
ROUNDNESS = 2  # segments per quarter circle at the end of a road
MOST_MINUTES, MOST_BANDS = 180.0, 8


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """Times between one place and every node, `node_ms` (n), and every arc, `arc_ms` (m): when a vehicle from the place
    enters the arc, or, towards the place, what is left to it after the arc. Infinite where there is no way.

    `pieces` are the parts of arcs at the place itself: (arc, fraction at the place, ms there).
    """

    node_ms: NDArray[np.float64]
    arc_ms: NDArray[np.float64]
    pieces: tuple[tuple[int, float, int], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """What is reached within `minutes`. `area` in WGS-84 degrees; `road_km` counts each direction by itself."""

    minutes: float
    area: Polygon | MultiPolygon
    road_km: float
    nodes: int


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """The bands of one place, shortest first, each holding the ones before. `toward`: who gets here, not whereto."""

    place: Place
    toward: bool
    profile: str
    at: datetime
    bands: tuple[Band, ...]
    traffic_version: Any
    roads_digest: str


def reach(
    roadmap: Roadmap,
    place: Place,
    minutes: Sequence[float],
    *,
    profile: Profile,
    traffic: Traffic = FREE_FLOW,
    at: datetime,
    toward: bool = False,
    width_m: float = WIDTH_M,
) -> Reach:
    """What is reached from `place` within each of `minutes` (or, `toward`, from where the place is reached).

    Raises RefusedInput `bad_minutes`, NoAnswer `off_the_map`.
    """
    spans = checked_minutes(minutes)
    costs = costs_for(roadmap, profile=profile, holding=traffic.holding(at))
    spread = spread_of(roadmap, costs, place, toward=toward, limit_ms=round(spans[-1] * 60_000))
    drawing = _Drawing(roadmap, costs, spread, place, toward, width_m)
    bands = tuple(drawing.band(span) for span in spans)
    return Reach(place, toward, profile.name, at, bands, traffic.version, roadmap.digest)


def checked_minutes(minutes: Sequence[float]) -> list[float]:
    """Ascending and without doubles. Raises RefusedInput `bad_minutes`."""
    spans = sorted(set(minutes))
    fit = all(np.isfinite(span) and 0 < span <= MOST_MINUTES for span in spans)
    if not spans or not fit or len(spans) > MOST_BANDS:
        told = ", ".join(f"{span:g}" for span in minutes) or "-"
        raise RefusedInput("bad_minutes", minutes=told, most=f"{MOST_MINUTES:g}", bands=MOST_BANDS)
    return spans


def spread_of(
    roadmap: Roadmap, costs: Costs, place: Place, *, toward: bool = False, limit_ms: int | None = None
) -> Spread:
    """Times from the place to every node, or `toward` it from every node; beyond `limit_ms` as if there were no way.

    Raises NoAnswer `off_the_map`.
    """
    snaps = roadmap.snap(place, costs.usable)
    if not snaps:
        raise NoAnswer("off_the_map", place=spoken(place), roads=roadmap.name)
    kph = costs.off_road_kph.likely
    node_ms, arc_ms = np.full(roadmap.network.nodes, np.inf), np.full(roadmap.network.arcs, np.inf)
    for snap in snaps:
        driven = snap.fraction if toward else 1 - snap.fraction
        ms = off_road_ms(snap, kph) + part_ms(costs.likely_ms, snap.arc, driven)
        to_nodes, to_arcs = _search(costs, snap.arc, toward, NEVER_MS if limit_ms is None else limit_ms)
        node_ms, arc_ms = np.minimum(node_ms, to_nodes + ms), np.minimum(arc_ms, to_arcs + ms)
    return Spread(node_ms, arc_ms, tuple((snap.arc, snap.fraction, off_road_ms(snap, kph)) for snap in snaps))


def _search(costs: Costs, arc: int, toward: bool, limit_ms: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times to all nodes and arcs after driving `arc`, or from them before it; a forbidden turn is not taken."""
    engine, topology = costs.engine, costs.engine.topology
    roads, arcs = topology.network.nodes, topology.network.arcs
    if toward:
        ends = np.array(topology.before(arc, engine.bound), np.uint32)
        left = _float(engine.search_back_ms(ends, limit_ms=limit_ms))
        return left[:roads], left[topology.head[:arcs]]
    times = _float(engine.search_reach_ms(topology.after(arc), limit_ms=limit_ms))
    if not topology.has_copies:
        return times, times[topology.tail]
    node_ms, arc_ms = times[:roads].copy(), np.full(arcs, np.inf)
    np.minimum.at(node_ms, topology.road_node[roads:], times[roads:])
    open_rows = np.flatnonzero(topology.row_weights(costs.likely_ms, engine.bound) < ABSENT_MS)
    np.minimum.at(arc_ms, topology.arc_of[open_rows], times[topology.tail[open_rows]])
    return node_ms, arc_ms


def _float(times: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.where(times >= NEVER_MS, np.inf, times)


def shares_within(costs: Costs, arc_ms: NDArray[np.float64], ms: float) -> NDArray[np.float64]:
    """For each arc which share of it (0..1) is driven within `ms`, of Spread.arc_ms; 0 where nobody may drive."""
    shares = np.clip((ms - arc_ms) / costs.likely_ms, 0.0, 1.0)
    return np.where(costs.usable & np.isfinite(arc_ms), shares, 0.0)


class _Drawing:
    """Draws band after band, each upon the one before, on a plane in metres around the place."""

    def __init__(
        self, roadmap: Roadmap, costs: Costs, spread: Spread, place: Place, toward: bool, width_m: float
    ) -> None:
        net = self._net = roadmap.network
        self._costs, self._spread, self._width_m, self._toward = costs, spread, width_m, toward
        self._scale = np.array((METRES_PER_DEGREE * max(0.01, np.cos(np.radians(place.lat))), METRES_PER_DEGREE))
        self._origin = np.array((place.lon, place.lat))
        points = (np.column_stack((net.lon, net.lat)) - self._origin) * self._scale
        # An arc is entered where its time is known: at the tail going out, at the head coming in.
        near, far = (net.head, net.tail) if toward else (net.tail, net.head)
        self._near, self._far = points[near], points[far]
        self._drawn = np.zeros(net.arcs)
        self._area: BaseGeometry = shapely.buffer(shapely.Point(0, 0), width_m, quad_segs=8)

    def band(self, minutes: float) -> Band:
        ms = minutes * 60_000
        shares = shares_within(self._costs, self._spread.arc_ms, ms)
        new = self._once(np.flatnonzero(shares > self._drawn), shares)
        lines = [*self._lines(new, self._drawn[new], shares[new]), *self._first_lines(ms)]
        self._drawn = shares
        self._area = _filled(shapely.union(self._area, shapely.union_all(self._strips(lines))))
        km = float((self._net.length_m * shares).sum()) / 1000
        reached = int((self._spread.node_ms <= ms).sum())
        return Band(minutes, self._degrees(self._area), km, reached)

    def _once(self, arcs: NDArray[np.intp], shares: NDArray[np.float64]) -> NDArray[np.intp]:
        """Of two directions that are both driven whole for the first time, one: they are one line."""
        whole = (self._drawn[arcs] == 0) & (shares[arcs] == 1)
        tail, head = self._net.tail[arcs].astype(np.int64), self._net.head[arcs].astype(np.int64)
        line = np.minimum(tail, head) * self._net.nodes + np.maximum(tail, head)
        _, first = np.unique(np.where(whole, line, -1 - arcs), return_index=True)
        return arcs[np.sort(first)]

    def _lines(self, arcs: NDArray[np.intp], begin: NDArray[Any], finish: NDArray[Any]) -> NDArray[Any]:
        """The parts of arcs from share to share, counted from the end where they are entered."""
        near, along = self._near[arcs], self._far[arcs] - self._near[arcs]
        ends = np.stack((near + along * begin[:, None], near + along * finish[:, None]), axis=1)
        return np.asarray(shapely.linestrings(ends), object)

    def _first_lines(self, ms: float) -> NDArray[Any]:
        """The arcs on which the place lies, from its point on."""
        arcs = np.array([arc for arc, _, _ in self._spread.pieces], np.intp)
        begin = np.array([1 - f if self._toward else f for _, f, _ in self._spread.pieces])
        left_ms = np.array([max(0.0, ms - off) for _, _, off in self._spread.pieces])
        finish = np.minimum(1.0, begin + left_ms / self._costs.likely_ms[arcs])
        return self._lines(arcs[left_ms > 0], begin[left_ms > 0], finish[left_ms > 0])

    def _strips(self, lines: Sequence[Any]) -> NDArray[Any]:
        """The land beside the lines. Joined to long lines first: buffering arc by arc takes four times as long."""
        whole = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(list(lines)))) if lines else []
        return shapely.buffer(shapely.simplify(whole, KINK_M), self._width_m, quad_segs=ROUNDNESS)

    def _degrees(self, area: BaseGeometry) -> Any:
        """In degrees to 1e-6 (0.1 m), still valid after rounding."""
        return shapely.set_precision(shapely.transform(area, lambda points: points / self._scale + self._origin), 1e-6)


def _filled(area: BaseGeometry) -> BaseGeometry:
    """Without its small holes."""
    whole = []
    for part in shapely.get_parts(area):
        rings = [ring for ring in part.interiors if Polygon(ring).area >= FILLED_M2]
        whole.append(Polygon(part.exterior, rings))
    return shapely.union_all(whole) if len(whole) > 1 else whole[0]
