"""Driving times from scenes to doors and landing sites, with what each closure costs each door.

Asks routing once per state of the roads for all scenes. What is flown, and which way is best, is
dispatch/case_ways.py's.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from casebook.events import Reason
from casebook.picture import HospitalState, Picture
from casebook.place import Place
from dispatch.area import Area
from dispatch.closure_named import name_of
from dispatch.journeys import traffic_of
from dispatch.reasons import seconds
from routing.ground import Stops, intervals, table
from routing.profiles import AMBULANCE_SIREN
from routing.roads import Roadmap
from routing.traffic import Traffic

LEAST_DETOUR_S = 30  # a closure that costs less is not worth a word
KEPT_TABLES = 8  # between hospitals: one per road map and state of its traffic

KEPT_STOPS = 64  # sets of places put on the road
Range = tuple[float, float]
Rows = list[list[float | None]]


class End(NamedTuple):
    """Where a drive ends: at a hospital's door, or at a landing site."""

    hospital: str
    site: str | None = None


# By the places' identities, for to hash hundreds of places takes as long as a table; the stops hold the places.
_prepared: WeakKeyDictionary[Roadmap, OrderedDict[tuple[int, ...], Stops]] = WeakKeyDictionary()
_between_hospitals: OrderedDict[Any, Mapping[tuple[str, str], float]] = OrderedDict()


def onward_between(
    roadmap: Roadmap, area: Area, hospitals: Sequence[HospitalState], traffic: Traffic, at: datetime
) -> Mapping[tuple[str, str], float]:
    """Likely seconds with siren between all hospitals, (from, to); kept until the roads change."""
    key = (roadmap.digest, ends_for(roadmap, area, hospitals).where, traffic.holding(at))
    if key not in _between_hospitals:
        places = [hospital.place for hospital in hospitals]
        rows = table(roadmap, places, places, profile=AMBULANCE_SIREN, traffic=traffic, at=at) if places else []
        _between_hospitals[key] = {
            (a.id, b.id): round(time_s, 1)
            for a, row in zip(hospitals, rows, strict=True)
            for b, time_s in zip(hospitals, row, strict=True)
            if a is not b and time_s is not None
        }
        while len(_between_hospitals) > KEPT_TABLES:
            _between_hospitals.popitem(last=False)
    return _between_hospitals[key]


def _stops(roadmap: Roadmap, places: tuple[Place, ...]) -> Stops:
    """The places put on the road once: doors and landing sites stay where they are."""
    kept, key = _prepared.setdefault(roadmap, OrderedDict()), tuple(map(id, places))
    found = kept.get(key)
    if found is None:
        found = kept[key] = Stops(roadmap, places)
        while len(kept) > KEPT_STOPS:
            kept.popitem(last=False)
    return found


class Ends:
    """Where all drives of an area end: doors, then landing sites, put on the road, and the column of each by its id.

    `where`: what names the doors and where they are."""

    def __init__(self, roadmap: Roadmap, area: Area, hospitals: Sequence[HospitalState]) -> None:
        self.hospitals, self.area_sites = list(hospitals), area.sites
        self.stops = _stops(roadmap, (*(h.place for h in hospitals), *(site.place for site in area.sites)))
        self.where = tuple([(one.id, one.place.lat, one.place.lon) for one in hospitals])
        self.doors = {hospital.id: column for column, hospital in enumerate(hospitals)}
        self.sites = {site.id: column for column, site in enumerate(area.sites, len(hospitals))}


_last: WeakKeyDictionary[Roadmap, Ends] = WeakKeyDictionary()


def ends_for(roadmap: Roadmap, area: Area, hospitals: Sequence[HospitalState]) -> Ends:
    """Kept until something of a hospital changes: then most of it is as it was, and what is on the road too."""
    ends = _last.get(roadmap)
    if ends is None or ends.area_sites is not area.sites or ends.hospitals != hospitals:
        ends = _last[roadmap] = Ends(roadmap, area, hospitals)
    return ends


class RoadTimes:
    """Driving times from some scenes to all doors and landing sites of an area, asked for together: as the roads are,
    with each closure in force lifted, and with none."""

    def __init__(
        self, roadmap: Roadmap, area: Area, picture: Picture, hospitals: Sequence[HospitalState],
        scenes: Sequence[Place], at: datetime,
    ) -> None:  # fmt: skip
        self.roadmap, self.roads, self.at, self.traffic = roadmap, picture.roads, at, traffic_of(picture)
        self.starts = Stops(roadmap, scenes)
        ends = ends_for(roadmap, area, hospitals)
        self.ends, self.doors, self.sites = ends.stops, ends.doors, ends.sites
        in_force = [closure for closure in self.traffic.closures if closure.holds_at(at)]
        self.without = {closure.id: self._rows(self.traffic.without(closure.id)) for closure in in_force}
        self.open = self._rows(replace(self.traffic, closures=())) if len(in_force) > 1 else None
        self.times = self._rows(self.traffic, ranges_follow=True)

    def _rows(self, traffic: Traffic, *, ranges_follow: bool = False) -> Rows:
        if not len(self.ends):
            return [[] for _ in self.starts.places]
        return table(
            self.roadmap, self.starts, self.ends, profile=AMBULANCE_SIREN, traffic=traffic, at=self.at,
            ranges_follow=ranges_follow,
        )  # fmt: skip

    def ranges_s(self, scene: int, columns: Sequence[int]) -> list[Range | None]:
        """p10 and p90 by the siren's interval on each likely way; None where there is no way."""
        if not columns:
            return []
        return intervals(
            self.roadmap, self.starts, scene, self.ends, columns, profile=AMBULANCE_SIREN, traffic=self.traffic,
            at=self.at,
        )  # fmt: skip


class Drives:
    """Driving times from one scene to doors and landing sites, with what each closure costs each door."""

    def __init__(self, times: RoadTimes, scene: int) -> None:
        """`scene`: its row in `times`."""
        self._all, self._scene = times, scene
        self._times = times.times[scene]
        self._without = {id: rows[scene] for id, rows in times.without.items()}
        self._open = times.open[scene] if times.open is not None else None
        self._ranges: dict[int, Range | None] = {}

    @property
    def closed(self) -> list[str]:
        """The closures in force whose lifting would change some drive from here."""
        return sorted(id for id, row in self._without.items() if row != self._times)

    @property
    def row_to_sites(self) -> NDArray[np.float64]:
        """Seconds to each landing site, in the area's order; NaN where there is no way."""
        return np.array(self._times[len(self._all.doors) :], np.float64)

    def with_open(self, id: str) -> Drives:
        """As if this closure were lifted; it is not to be asked for ranges."""
        other = copy.copy(self)
        other._times, other._without, other._open = self._without[id], {}, None
        return other

    def ranges_s(self, ends: Sequence[End]) -> list[Range | None]:
        """p10 and p90 of the drives to these doors and sites; None where there is no way."""
        doors, sites = self._all.doors, self._all.sites
        columns = [doors[end.hospital] if end.site is None else sites[end.site] for end in ends]
        new = [column for column in dict.fromkeys(columns) if column not in self._ranges]
        self._ranges |= dict(zip(new, self._all.ranges_s(self._scene, new), strict=True))
        return [self._ranges[column] for column in columns]

    def to_door(self, hospital: str) -> float | None:
        return self._times[self._all.doors[hospital]]

    def detours(self, hospital: str) -> tuple[Reason, ...]:
        """The closures that make this way longer or impossible; all of them when only together they do."""
        if not self._without:
            return ()
        column = self._all.doors[hospital]
        now_s = self._times[column]
        costs = {id: _saved_s(now_s, row[column]) for id, row in self._without.items()}
        told = {id: cost_s for id, cost_s in costs.items() if cost_s >= LEAST_DETOUR_S}
        if not told and self._open is not None:
            jointly_s = _saved_s(now_s, self._open[column])
            told = dict.fromkeys(costs, jointly_s) if jointly_s >= LEAST_DETOUR_S else {}
        return tuple(self._reason(id, cost_s) for id, cost_s in sorted(told.items()))

    def _reason(self, id: str, cost_s: float) -> Reason:
        road = self._all.roads[id]
        facts = {"closure": id, "road": name_of(self._all.roadmap, road), "reason": road.reason}
        if cost_s == float("inf"):
            return Reason("closure_blocks", facts)
        return Reason("closure", facts | seconds("cost", cost_s))


def _saved_s(now_s: float | None, open_s: float | None) -> float:
    if open_s is None:
        return 0.0
    return float("inf") if now_s is None else now_s - open_s
