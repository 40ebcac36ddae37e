"""How long it takes by road from one place to another, which way, and what the way avoids.

Places are put on the nearest usable road, exact to the point within an arc; the stretch from the door to the road is
a leg of its own. Speeds: routing/speeds.py; closures: routing/traffic. Who drives, and where to, is dispatch's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from casebook.errors import NoAnswer, NotFound
from casebook.place import Place
from routing import portals
from routing.costs import Costs, costs_for
from routing.engine import DEFAULT_ENGINE, NEVER_MS, UNREACHED
from routing.profiles import Profile
from routing.ranges import Range, ranges_s, way_range_s
from routing.roads.roadmap import Roadmap
from routing.route import OFF_ROAD, Avoided, Leg, Question, Route, tell
from routing.stops import Stops, off_road_ms
from routing.traffic import FREE_FLOW, Closure, Holding, Traffic
from routing.way import Way, find_way, spoken, table_ms

__all__ = ["OFF_ROAD", "Avoided", "Leg", "Route", "Stops", "intervals", "node_times", "route", "table"]


def route(
    roadmap: Roadmap,
    start: Place,
    end: Place,
    *,
    profile: Profile,
    traffic: Traffic = FREE_FLOW,
    at: datetime,
    heading_deg: float | None = None,
    engine: str = DEFAULT_ENGINE,
) -> Route:
    """The fastest way by road, leaving at `at` (aware). Never crosses a closure that holds while the vehicle is there.

    `heading_deg` is a moving vehicle's course: it is not turned round on the spot where two carriageways lie side by
    side. Raises NoAnswer: `off_the_map` (no usable road within MAX_OFF_ROAD_M), `no_route`. Never returns infinity.
    """
    asked = _Asked(roadmap, Stops(roadmap, [start], heading_deg=heading_deg), Stops(roadmap, [end]), profile, engine)
    return asked.answer(traffic, at)


def table(
    roadmap: Roadmap,
    starts: Sequence[Place] | Stops,
    ends: Sequence[Place] | Stops,
    *,
    profile: Profile,
    traffic: Traffic = FREE_FLOW,
    at: datetime,
    engine: str = DEFAULT_ENGINE,
    ranges_follow: bool = False,
) -> list[list[float | None]]:
    """Likely seconds from every start (rows) to every end (columns), each equal to `route`'s eta_s; None where there
    is no way or the place is not on this map. Places asked about often are better prepared once: `Stops`.
    `ranges_follow`: `intervals` of these places will be asked for, which part of the work is then shared with."""
    holding = traffic.holding(at)
    costs = costs_for(roadmap, profile=profile, holding=holding, engine=engine)
    starts, ends = Stops.of(roadmap, starts), Stops.of(roadmap, ends)
    times = table_ms(costs, starts, ends, portals.search_ms if ranges_follow else None)
    late = [closure for closure in traffic.closures if closure.since > at]
    if late and times.size:
        longest = at + timedelta(milliseconds=int(times.max(where=times < NEVER_MS, initial=0)))
        if any(closure.since <= longest for closure in late):
            # A closure begins while somebody may be under way: rare, and then each way has to be looked at.
            times = _each(roadmap, starts, ends, profile, engine, traffic, at)
    return _seconds(times)


def intervals(
    roadmap: Roadmap,
    starts: Stops,
    start: int,
    ends: Stops,
    rows: Sequence[int],
    *,
    profile: Profile,
    traffic: Traffic = FREE_FLOW,
    at: datetime,
    engine: str = DEFAULT_ENGINE,
) -> list[Range | None]:
    """p10 and p90 in seconds of `route`'s way from one row of `starts` to these of `ends`; None where there is none,
    or no road near."""
    if not any(closure.since > at for closure in traffic.closures):
        costs = costs_for(roadmap, profile=profile, holding=traffic.holding(at), engine=engine)
        return ranges_s(costs, starts, start, ends, rows)
    singly = [Stops(roadmap, [ends.places[row]]) for row in rows]
    here = Stops(roadmap, [starts.places[start]])
    return [_Asked(roadmap, here, end, profile, engine).range_s(traffic, at) for end in singly]


def node_times(
    roadmap: Roadmap,
    sources: Sequence[int],
    targets: Sequence[int],
    *,
    profile: Profile,
    traffic: Traffic = FREE_FLOW,
    at: datetime,
    engine: str = DEFAULT_ENGINE,
) -> list[list[float | None]]:
    """Likely seconds between nodes of Roadmap.graph, given by their ids there (OSM node ids); None where there is no
    way. Closures as they hold at `at`. Raises NotFound for an id that is not on this road map."""
    costs = costs_for(roadmap, profile=profile, holding=traffic.holding(at), engine=engine)
    times = costs.engine.times_ms(_rows(roadmap, sources), _rows(roadmap, targets))
    return _seconds(np.where(times == UNREACHED, NEVER_MS, times))


_by_id: WeakKeyDictionary[Roadmap, NDArray[np.intp]] = WeakKeyDictionary()  # rows of the nodes, ordered by their ids


def _rows(roadmap: Roadmap, ids: Sequence[int]) -> NDArray[np.intp]:
    known = roadmap.network.node_id
    order = _by_id.get(roadmap)
    if order is None:
        order = _by_id[roadmap] = np.argsort(known, kind="stable")
    wanted = np.asarray(ids, np.int64)
    rows = order[np.minimum(np.searchsorted(known, wanted, sorter=order), len(known) - 1)]
    unknown = np.flatnonzero(known[rows] != wanted)
    if len(unknown):
        raise NotFound(what="node", id=str(wanted[unknown[0]]))
    return rows


def _seconds(times: NDArray[np.int64]) -> list[list[float | None]]:
    seconds = (times / 1000).tolist()
    if times.size and times.max() >= NEVER_MS:
        for i, j in np.argwhere(times >= NEVER_MS).tolist():
            seconds[i][j] = None
    return seconds


def _each(
    roadmap: Roadmap, starts: Stops, ends: Stops, profile: Profile, engine: str, traffic: Traffic, at: datetime
) -> NDArray[np.int64]:
    times = np.full((len(starts), len(ends)), NEVER_MS)
    for i, start in enumerate(starts.singly()):
        for j, end in enumerate(ends.singly()):
            try:
                times[i, j] = _Asked(roadmap, start, end, profile, engine).solve(traffic, at).ms
            except NoAnswer:
                continue
    return times


@dataclass(frozen=True, slots=True)
class _Solved:
    """A way, on what it was found, and its likely time."""

    way: Way
    costs: Costs
    holding: Holding

    @property
    def ms(self) -> int:
        return self.way.total_ms(self.costs.likely_ms, self.costs.off_road_kph.likely)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The question, apart from the traffic that answers it."""

    roadmap: Roadmap
    start: Stops
    end: Stops
    profile: Profile
    engine: str

    def answer(self, traffic: Traffic, at: datetime) -> Route:
        solved = self.solve(traffic, at)
        avoids = self._avoided(solved.holding) if solved.holding.closures else ()
        question = Question(self.roadmap, self.start.places[0], self.end.places[0], self.profile.name, at)
        return tell(question, solved.costs, solved.way, avoids, traffic.version)

    def range_s(self, traffic: Traffic, at: datetime) -> Range | None:
        try:
            solved = self.solve(traffic, at)
        except NoAnswer:
            return None
        return way_range_s(solved.way, solved.costs)

    def solve(self, traffic: Traffic, at: datetime) -> _Solved:
        """The way under what holds at `at`, and under each later closure that the vehicle would meet."""
        holding = traffic.holding(at)
        later = [closure for closure in traffic.closures if closure.since > at]
        while True:
            solved = self._on(holding)
            met = [closure for closure in later if self._meets(solved, closure, at)]
            if not met:
                return solved
            later = [closure for closure in later if closure not in met]
            holding = replace(holding, closures=(*holding.closures, *met))

    def _on(self, holding: Holding) -> _Solved:
        costs = costs_for(self.roadmap, profile=self.profile, holding=holding, engine=self.engine)
        way = find_way(costs, self.start, self.end)
        if way is None:
            why = ", ".join(f"{closure.id} ({closure.reason})" for closure in holding.closures) or "-"
            start, end = self.start.places[0], self.end.places[0]
            raise NoAnswer("no_route", start=spoken(start), end=spoken(end), closures=why)
        return _Solved(way, costs, holding)

    def _meets(self, solved: _Solved, closure: Closure, at: datetime) -> bool:
        """Whether the vehicle would be on a closed arc while the closure holds."""
        way, costs = solved.way, solved.costs
        closed = np.isin(way.arcs, closure.where.arcs(self.roadmap))
        if not closed.any():
            return False
        left_ms = off_road_ms(way.join, costs.off_road_kph.likely) + np.cumsum(way.parts_ms(costs.likely_ms))
        entered_ms = left_ms - way.parts_ms(costs.likely_ms)
        since_ms = (closure.since - at) / timedelta(milliseconds=1)
        until_ms = np.inf if closure.until is None else (closure.until - at) / timedelta(milliseconds=1)
        return bool((closed & (since_ms <= left_ms) & (entered_ms < until_ms)).any())

    def _avoided(self, holding: Holding) -> tuple[Avoided, ...]:
        """The closures on the way that would be best if nothing were closed."""
        free = self._on(replace(holding, closures=())).way.arcs
        crossed = [one for one in holding.closures if np.isin(one.where.arcs(self.roadmap), free).any()]
        return tuple(Avoided(one.id, one.reason, one.author, one.since, one.where) for one in crossed)
