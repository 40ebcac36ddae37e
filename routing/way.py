"""Solve ways and tables on given costs: where the road is joined and left, and the arcs between.

Exact in whole milliseconds, also when start and end lie within one arc. How it is told is left to ground.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from casebook.errors import NoAnswer
from casebook.place import Place, distance_m
from routing.costs import Costs
from routing.engine import NEVER_MS
from routing.roads.snapping import Snap
from routing.stops import AT_THE_NODE, ON_THE_ROAD_M, Doors, Stops, off_road_ms, part_ms

SAME_LAT, SAME_LON = 1e-5, 1e-3  # degrees: further apart is never within ON_THE_ROAD_M, up to 89 degrees north


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """Solved, not yet told: where the road is joined and left, and the arcs driven between, of each the part from
    fraction `begin` to `finish`."""

    join: Snap
    leave: Snap
    arcs: NDArray[np.intp]
    begin: NDArray[np.float64]
    finish: NDArray[np.float64]

    def parts_ms(self, weights_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """Time on each arc, at these weights."""
        return np.rint(weights_ms[self.arcs] * (self.finish - self.begin)).astype(np.int64)

    def total_ms(self, weights_ms: NDArray[np.int64], off_road_kph: float) -> int:
        """From place to place, at these weights and this speed beside the road."""
        off_ms = off_road_ms(self.join, off_road_kph) + off_road_ms(self.leave, off_road_kph)
        return off_ms + int(self.parts_ms(weights_ms).sum())


def spoken(place: Place) -> str:
    """A place for an error's sentence: its names, else its coordinates."""
    return " / ".join(name for name in (place.name_zh, place.name_en) if name) or f"{place.lat:.5f},{place.lon:.5f}"


Search = Callable[[Costs, NDArray[np.uint32], NDArray[np.uint32]], NDArray[np.int64]]


def _by_engine(costs: Costs, sources: NDArray[np.uint32], targets: NDArray[np.uint32]) -> NDArray[np.int64]:
    return costs.engine.search_ms(sources, targets)


def table_ms(costs: Costs, starts: Stops, ends: Stops, search: Search | None = None) -> NDArray[np.int64]:
    """Matrix of likely times from each start to each end in ms; NEVER_MS where there is no way, or no road near.
    `search`: asked for the times between search nodes in place of the engine."""
    joins, leaves = starts.joins(costs), ends.leaves(costs)
    if len(joins.nodes) == 0 or len(leaves.nodes) == 0:
        return np.full((len(starts), len(ends)), NEVER_MS)
    times = (search or _by_engine)(costs, joins.nodes, leaves.nodes)
    times += np.add.outer(joins.ms, leaves.ms)
    times = _least(times, joins, leaves, (len(starts), len(ends)))
    for i, j, ms in _along_one_arc(costs, joins, leaves):
        times[i, j] = min(int(times[i, j]), ms)
    times[times >= NEVER_MS] = NEVER_MS
    for i, j in _same_places(starts, ends):
        if i in joins.owners and j in leaves.owners:
            times[i, j] = 0
    return times


def _least(times: NDArray[np.int64], joins: Doors, leaves: Doors, shape: tuple[int, int]) -> NDArray[np.int64]:
    """From doors to places: the quickest pair of doors of each pair of places."""
    if not leaves.single:
        times = np.minimum.reduceat(times, leaves.start, axis=1)
    if not joins.single:
        times = np.minimum.reduceat(times, joins.start, axis=0)
    if times.shape == shape:
        return times
    whole = np.full(shape, NEVER_MS)
    whole[np.ix_(joins.owners, leaves.owners)] = times
    return whole


def _along_one_arc(costs: Costs, joins: Doors, leaves: Doors) -> list[tuple[int, int, int]]:
    """The pairs of places whose end lies ahead on the arc of the start, so that no node is passed, and their times."""
    return [
        (i, j, off_ms + last_ms + part_ms(costs.likely_ms, arc, finish - begin))
        for arc in joins.within.keys() & leaves.within.keys()
        for i, begin, off_ms in joins.within[arc]
        for j, finish, last_ms in leaves.within[arc]
        if begin <= finish
    ]


def _same_places(starts: Stops, ends: Stops) -> list[tuple[int, int]]:
    near = np.abs(np.subtract.outer(starts.lat, ends.lat)) < SAME_LAT
    if not near.any():
        return []
    near &= np.abs(np.subtract.outer(starts.lon, ends.lon)) < SAME_LON
    return [(i, j) for i, j in np.argwhere(near).tolist() if same_place(starts.places[i], ends.places[j])]


def same_place(start: Place, end: Place) -> bool:
    near = abs(start.lat - end.lat) < SAME_LAT and abs(start.lon - end.lon) < SAME_LON
    return near and distance_m(start, end) <= ON_THE_ROAD_M


def find_way(costs: Costs, start: Stops, end: Stops) -> Way | None:
    """The fastest way from one place to another, the first on a tie; None when the two are not connected.

    Raises NoAnswer `off_the_map`.
    """
    join, leave = _on_road(costs, start), _on_road(costs, end)
    if same_place(start.places[0], end.places[0]):
        place = start.places[0]
        here = Snap(join[0].arc, join[0].fraction, place.lon, place.lat, 0.0)
        return Way(here, here, *_parts(here.arc, 0.0, 0.0))
    joins, leaves = start.joins(costs), end.leaves(costs)
    direct = _directly(costs, join, leave)
    if direct is None and len(joins.nodes) == len(leaves.nodes) == 1:
        return _through(costs, (joins, 0), (leaves, 0))  # nothing to choose from: the way says itself whether it is
    times = joins.ms[:, None] + costs.engine.search_ms(joins.nodes, leaves.nodes) + leaves.ms
    i, j = divmod(int(times.argmin()), len(leaves.nodes))
    if direct is not None and direct[0] <= times[i, j]:
        return direct[1]
    if times[i, j] >= NEVER_MS:
        return None
    way = _through(costs, (joins, i), (leaves, j))
    assert way is not None, "an engine that knows the time knows the way"
    return way


def _on_road(costs: Costs, stop: Stops) -> tuple[Snap, ...]:
    (snaps,) = stop.snaps(costs)
    if not snaps:
        raise NoAnswer("off_the_map", place=spoken(stop.places[0]), roads=stop.roadmap.name)
    return snaps


def _directly(costs: Costs, joins: tuple[Snap, ...], leaves: tuple[Snap, ...]) -> tuple[int, Way] | None:
    """The quickest way ahead on one arc, and its time."""
    ways = [
        Way(join, leave, *_parts(join.arc, join.fraction, leave.fraction))
        for join in joins
        for leave in leaves
        if join.arc == leave.arc and join.fraction <= leave.fraction
    ]
    timed = [(way.total_ms(costs.likely_ms, costs.off_road_kph.likely), way) for way in ways]
    return min(timed, key=lambda one: one[0], default=None)


def _through(costs: Costs, start: tuple[Doors, int], end: tuple[Doors, int]) -> Way | None:
    """The way between two doors; None when there is none."""
    (joins, i), (leaves, j) = start, end
    join, leave = joins.snaps[i], leaves.snaps[j]
    arcs = costs.engine.search_path(int(joins.nodes[i]), int(leaves.nodes[j]))
    if arcs is None:
        return None
    assert costs.usable[arcs].all(), "the engine drove over an absent arc"
    parts = [(arcs, np.zeros(len(arcs)), np.ones(len(arcs)))]
    if AT_THE_NODE < join.fraction < 1 - AT_THE_NODE:
        parts.insert(0, _parts(join.arc, join.fraction, 1.0))
    if AT_THE_NODE < leave.fraction < 1 - AT_THE_NODE:
        parts.append(_parts(leave.arc, 0.0, leave.fraction))
    if len(parts) == 1:
        return Way(join, leave, *parts[0])
    return Way(join, leave, *(np.concatenate(column) for column in zip(*parts, strict=True)))


def _parts(arc: int, begin: float, finish: float) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
    """One arc's part, nothing when it has no length."""
    if finish <= begin:
        return np.empty(0, np.intp), np.empty(0), np.empty(0)
    return np.array([arc]), np.array([begin]), np.array([finish])
