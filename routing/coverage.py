"""How well stations cover the roads: who is first and second at every road node, and how soon.

Times count from the alarm: the turnout of the station, then the drive. Where nobody comes in time is named. Where
stations should stand is not decided here.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from casebook.errors import NoAnswer, RefusedInput
from casebook.place import EARTH_RADIUS_M, Place
from routing.costs import Costs, costs_for
from routing.profiles import Profile
from routing.reach import checked_minutes, shares_within, spread_of
from routing.roads.roadmap import Roadmap
from routing.traffic import FREE_FLOW, Traffic

#: Alarm to wheels rolling, seconds. Source: JEMSS.jl's default dispatch delay; an assumption for any other service.
TURNOUT_S = 50.0
WITHIN_MIN = (8.0, 12.0, 15.0)
WEAK_SPOTS = 10
CELL_KM = 1.0  # the land served is counted in cells of this size that hold a road


@dataclass(frozen=True, slots=True)
class Target:
    """What a service has set itself, at most `most`; `source` says who and when."""

    figure: str
    most: float
    source: str


#: Shanghai's published aims. For 2019 its health commission reported 175 stations, a mean radius of 3.5 km and a mean
#: response of 12.4 min (via jiemian). On 6,340 km2 (from memory) the circle of one station's part has 3.4 km:
#: that is the radius meant.
SHANGHAI = (
    Target("mean_radius_km", 3.5, "Shanghai, published target"),
    Target("mean_response_min", 12.0, "Shanghai, published target"),
)


@dataclass(frozen=True, slots=True)
class Station:
    id: str
    place: Place


@dataclass(frozen=True, slots=True)
class WeakSpot:
    """Connected roads where nobody comes in time, called by the longest of them; `place` is where it takes longest.

    `response_s` and `station` are None where no station reaches the worst place at all.
    """

    name_zh: str
    name_en: str
    ref: str
    place: Place
    road_km: float
    response_s: float | None
    station: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """First and second station of each of n road nodes (rows of `stations`, -1 where none comes) and their response.

    `response_s` and `backup_s` (n) are infinite where nobody comes. `left_out`: stations without a road near them.
    `shares`: minutes -> (of road nodes, of road length) reached by then, 0..1.
    """

    roadmap: Roadmap
    stations: tuple[Station, ...]
    left_out: tuple[Station, ...]
    profile: str
    at: datetime
    turnout_s: float
    first: NDArray[np.int32]
    response_s: NDArray[np.float64]
    second: NDArray[np.int32]
    backup_s: NDArray[np.float64]
    node_m: NDArray[np.float64]
    shares: dict[float, tuple[float, float]]
    served_km2: float
    weak_spots: tuple[WeakSpot, ...]
    traffic_version: Any

    @property
    def mean_radius_km(self) -> float:
        """Of the circle as large as each station's equal part of the land served."""
        return float(np.sqrt(self.served_km2 / (np.pi * len(self.stations))))

    @property
    def mean_response_s(self) -> float:
        """Over the roads that are reached, each node with the length of road around it."""
        reached = np.isfinite(self.response_s)
        return float(np.average(self.response_s[reached], weights=self.node_m[reached]))

    @property
    def p90_response_s(self) -> float:
        """Nine tenths of the road length that is reached is reached by then."""
        reached = np.isfinite(self.response_s)
        return _quantile(self.response_s[reached], self.node_m[reached], 0.9)

    def as_facts(self, targets: Sequence[Target] = SHANGHAI) -> dict[str, Any]:
        """The figures as plain JSON; node by node see `nearest_csv`."""
        figures = {
            "stations": len(self.stations),
            "left_out": [station.id for station in self.left_out],
            "served_km2": round(self.served_km2, 1),
            "mean_radius_km": round(self.mean_radius_km, 2),
            "mean_response_min": round(self.mean_response_s / 60, 2),
            "p90_response_min": round(self.p90_response_s / 60, 2),
            "turnout_s": self.turnout_s,
            "nodes": len(self.first),
            "nodes_unreached": int((self.first < 0).sum()),
        }
        return figures | {
            "within": [
                {"minutes": span, "nodes": round(nodes, 4), "road_length": round(length, 4)}
                for span, (nodes, length) in self.shares.items()
            ],
            "targets": [
                {"figure": t.figure, "most": t.most, "met": bool(figures[t.figure] <= t.most), "source": t.source}
                for t in targets
            ],
            "by_station": [self._of_station(row) for row in range(len(self.stations))],
            "weak_spots": [_spot_facts(spot) for spot in self.weak_spots],
            "profile": self.profile,
            "at": self.at.isoformat(),
            "traffic_version": self.traffic_version,
            "roads_digest": self.roadmap.digest,
        }

    def _of_station(self, row: int) -> dict[str, Any]:
        mine = self.first == row
        station, facts = self.stations[row], {"nodes": int(mine.sum())}
        told: dict[str, Any] = {"id": station.id, "lat": station.place.lat, "lon": station.place.lon} | facts
        if not mine.any():
            return told
        mean_s = float(np.average(self.response_s[mine], weights=self.node_m[mine]))
        worst_s = float(self.response_s[mine].max())
        road_km = float(self.node_m[mine].sum()) / 1000
        return told | {
            "road_km": round(road_km, 1),
            "mean_response_min": round(mean_s / 60, 2),
            "worst_response_min": round(worst_s / 60, 2),
        }

    def nearest_csv(self) -> str:
        """Each road node with its first and second station and their response; empty where nobody comes."""
        net, sheet = self.roadmap.network, io.StringIO()
        written = csv.writer(sheet, lineterminator="\n")
        written.writerow(["node", "lat", "lon", "station", "response_s", "backup", "backup_response_s"])
        names = [*(station.id for station in self.stations), ""]  # row -1 is nobody
        rows = zip(
            net.node_id.tolist(), net.lat.tolist(), net.lon.tolist(), self.first.tolist(), self.response_s.tolist(),
            self.second.tolist(), self.backup_s.tolist(), strict=True,
        )  # fmt: skip
        for node, lat, lon, first, response_s, second, backup_s in rows:
            written.writerow([
                node, f"{lat:.6f}", f"{lon:.6f}", names[first], _cell(response_s), names[second], _cell(backup_s)
            ])  # fmt: skip
        return sheet.getvalue()


def coverage(
    roadmap: Roadmap,
    stations: Sequence[Station],
    *,
    profile: Profile,
    traffic: Traffic = FREE_FLOW,
    at: datetime,
    turnout_s: float = TURNOUT_S,
    within_min: Sequence[float] = WITHIN_MIN,
) -> Coverage:
    """How these stations cover the roads of the map that the profile may use.

    Raises RefusedInput `no_stations` (none given, or none on this map), `bad_field` for a turnout below 0,
    `bad_minutes`.
    """
    if not (np.isfinite(turnout_s) and turnout_s >= 0):
        raise RefusedInput("bad_field", where="coverage", field="turnout_s", why=str(turnout_s))
    spans = checked_minutes(within_min)
    costs = costs_for(roadmap, profile=profile, holding=traffic.holding(at))
    nearest = _Nearest(roadmap, costs)
    left_out = tuple(station for station in stations if not nearest.add(station))
    if not nearest.stations:
        raise RefusedInput("no_stations", roads=roadmap.name, given=len(stations))
    response_s, backup_s = nearest.best_ms / 1000 + turnout_s, nearest.next_ms / 1000 + turnout_s
    node_m, on_road = _road_around(roadmap, costs)
    return Coverage(
        roadmap, tuple(nearest.stations), left_out, profile.name, at, turnout_s, nearest.best, response_s,
        nearest.next, backup_s, node_m,
        {span: _shares(roadmap, costs, nearest, span * 60 - turnout_s, on_road) for span in spans},
        _served_km2(roadmap, costs),
        _weak_spots(roadmap, costs, nearest, response_s, max(spans) * 60),
        traffic.version,
    )  # fmt: skip


class _Nearest:
    """Gathers station by station who is first and second at each node, so that no table of all pairs is held."""

    def __init__(self, roadmap: Roadmap, costs: Costs) -> None:
        self._roadmap, self._costs = roadmap, costs
        nodes = roadmap.network.nodes
        self.stations: list[Station] = []
        self.best, self.next = np.full(nodes, -1, np.int32), np.full(nodes, -1, np.int32)
        self.best_ms, self.next_ms = np.full(nodes, np.inf), np.full(nodes, np.inf)
        self.arc_ms = np.full(roadmap.network.arcs, np.inf)

    def add(self, station: Station) -> bool:
        """False when the station has no usable road near it."""
        try:
            spread = spread_of(self._roadmap, self._costs, station.place)
        except NoAnswer:
            return False
        row, ms = len(self.stations), spread.node_ms
        self.arc_ms = np.minimum(self.arc_ms, spread.arc_ms)
        self.stations.append(station)
        first = ms < self.best_ms
        self.next[first], self.next_ms[first] = self.best[first], self.best_ms[first]
        self.best[first], self.best_ms[first] = row, ms[first]
        second = ~first & (ms < self.next_ms)
        self.next[second], self.next_ms[second] = row, ms[second]
        return True


def _road_around(roadmap: Roadmap, costs: Costs) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Metres of usable road around each node (half of each arc there), and which nodes have any."""
    net, length_m = roadmap.network, np.where(costs.usable, roadmap.network.length_m / 2, 0.0)
    node_m = np.zeros(net.nodes)
    for end in (net.tail, net.head):
        node_m += np.bincount(end, length_m, net.nodes)
    return node_m, node_m > 0


def _shares(
    roadmap: Roadmap, costs: Costs, nearest: _Nearest, drive_s: float, on_road: NDArray[np.bool_]
) -> tuple[float, float]:
    length_m, ms = np.where(costs.usable, roadmap.network.length_m, 0.0), drive_s * 1000
    of_length = float((shares_within(costs, nearest.arc_ms, ms) * length_m).sum() / length_m.sum())
    return float((nearest.best_ms[on_road] <= ms).mean()), of_length


def _served_km2(roadmap: Roadmap, costs: Costs) -> float:
    """The land in which usable roads lie: cells of CELL_KM with a node or the middle of an arc."""
    net, used = roadmap.network, np.flatnonzero(costs.usable)
    lon, lat = ((at[net.tail[used]], (at[net.tail[used]] + at[net.head[used]]) / 2) for at in (net.lon, net.lat))
    north = np.concatenate(lat)
    per_degree_km = np.pi / 180 * EARTH_RADIUS_M / 1000
    east = np.concatenate(lon) * np.cos(np.radians(net.lat.mean()))
    cells = np.floor(np.column_stack((east, north)) * per_degree_km / CELL_KM).astype(np.int64)
    return len(np.unique(cells, axis=0)) * CELL_KM**2


def _weak_spots(
    roadmap: Roadmap, costs: Costs, nearest: _Nearest, response_s: NDArray[np.float64], limit_s: float
) -> tuple[WeakSpot, ...]:
    """Connected roads beyond the limit, longest first."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    net, late = roadmap.network, response_s > limit_s
    arcs = np.flatnonzero(costs.usable & late[net.tail] & late[net.head])
    if not len(arcs):
        return ()
    joined = csr_matrix((np.ones(len(arcs)), (net.tail[arcs], net.head[arcs])), (net.nodes, net.nodes))
    _, part = connected_components(joined, directed=False)
    of_arc = part[net.tail[arcs]]
    road_m = np.bincount(of_arc, net.length_m[arcs])
    longest = np.argsort(-road_m, kind="stable")[:WEAK_SPOTS]
    return tuple(
        _spot(roadmap, nearest, response_s, arcs[of_arc == number]) for number in longest if road_m[number] > 0
    )


def _spot(roadmap: Roadmap, nearest: _Nearest, response_s: NDArray[np.float64], arcs: NDArray[np.intp]) -> WeakSpot:
    net = roadmap.network
    nodes = np.unique(net.tail[arcs])
    worst = int(nodes[np.argmax(response_s[nodes])])
    km: dict[tuple[str, str, str], float] = {}
    for arc in arcs.tolist():
        name = net.tag("name", arc)
        called = (net.tag("name:zh", arc) or name, net.tag("name:en", arc) or name, net.tag("ref", arc))
        km[called] = km.get(called, 0.0) + float(net.length_m[arc]) / 1000
    called = max(km, key=lambda names: (any(names), km[names]))
    seconds, by = float(response_s[worst]), int(nearest.best[worst])
    place = Place(float(net.lat[worst]), float(net.lon[worst]), called[0] or called[2], called[1] or called[2])
    come = by >= 0
    return WeakSpot(
        *called, place, sum(km.values()), seconds if come else None, nearest.stations[by].id if come else None
    )


def _spot_facts(spot: WeakSpot) -> dict[str, Any]:
    told: dict[str, Any] = {name: getattr(spot, name) for name in ("name_zh", "name_en", "ref", "station")}
    minutes = None if spot.response_s is None else round(spot.response_s / 60, 2)
    told |= {"lat": round(spot.place.lat, 6), "lon": round(spot.place.lon, 6), "road_km": round(spot.road_km, 1)}
    return {name: value for name, value in (told | {"response_min": minutes}).items() if value not in (None, "")}


def _cell(seconds: float) -> str:
    return f"{seconds:.1f}" if np.isfinite(seconds) else ""


def _quantile(values: NDArray[np.float64], weights: NDArray[np.float64], share: float) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, share * total[-1])])
