"""How long it takes by road from one place to another, which way, and what the way avoids.

Places are put on the nearest usable road, exact to the point within an arc; the stretch from the door to the road is
a leg of its own. Speeds: routing/speeds.py; closures: routing/traffic.py. Who drives, and where to, is dispatch's.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from casebook.errors import NoAnswer
from casebook.place import Place, bearing_deg, between
from routing.costs import Costs, costs_for
from routing.engine import DEFAULT_ENGINE
from routing.profiles import Profile
from routing.roads.network import Network
from routing.roads.roadmap import Roadmap
from routing.roads.snapping import Snap
from routing.traffic import FREE_FLOW, Closure, Holding, Traffic
from routing.way import Driving, Piece, Way, off_road_ms, spoken

OFF_ROAD = "off_road"  # the class of a leg between a place and the road


@dataclass(frozen=True, slots=True)
class Leg:
    """A stretch under one name; `highway` is the OSM class, or OFF_ROAD. Names and ref may be empty."""

    name_zh: str
    name_en: str
    ref: str
    highway: str
    length_m: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Avoided:
    """A closure that the way without closures would have crossed: why the answer is not the obvious one."""

    closure: str
    reason: str
    author: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Route:
    """A way by road, leaving at `at`. `eta_s` is likely; `eta_low_s` and `eta_high_s` are the fastest and slowest ends
    of the siren's interval on the same way (equal to `eta_s` without siren).

    `geometry` is (lon, lat) from `start` to `end`; `at_s[i]` the seconds after leaving at which the vehicle is there;
    `arcs[i]` the road map's arc between points i and i + 1, None between a place and the road.
    `traffic_version` and `roads_digest` say what the answer stood on.
    """

    start: Place
    end: Place
    at: datetime
    profile: str
    length_m: float
    eta_s: float
    eta_low_s: float
    eta_high_s: float
    geometry: tuple[tuple[float, float], ...]
    at_s: tuple[float, ...]
    arcs: tuple[int | None, ...]
    legs: tuple[Leg, ...]
    avoids: tuple[Avoided, ...]
    traffic_version: int
    roads_digest: str

    def position_at(self, seconds: float) -> Place:
        """Where the vehicle is `seconds` after leaving; the ends outside the journey's time."""
        if seconds <= 0:
            return self.start
        if seconds >= self.eta_s:
            return self.end
        index = bisect_right(self.at_s, seconds) - 1
        span = self.at_s[index + 1] - self.at_s[index]
        a, b = (Place(lat, lon) for lon, lat in self.geometry[index : index + 2])
        return between(a, b, (seconds - self.at_s[index]) / span)

    def heading_deg_at(self, seconds: float) -> float | None:
        """The course there, degrees from north; None for a way without length."""
        last = len(self.at_s) - 2
        index = max(0, min(bisect_right(self.at_s, seconds) - 1, last))
        while index >= 0 and self.geometry[index] == self.geometry[index + 1]:
            index -= 1
        if index < 0:
            return None
        a, b = (Place(lat, lon) for lon, lat in self.geometry[index : index + 2])
        return bearing_deg(a, b)

    def as_facts(self) -> dict[str, Any]:
        """Plain JSON: metres and seconds to 0.1, coordinates to 1e-6 degrees (0.1 m)."""
        return {
            "start": _place_facts(self.start),
            "end": _place_facts(self.end),
            "at": self.at.isoformat(),
            "profile": self.profile,
            "length_m": round(self.length_m, 1),
            "eta_s": round(self.eta_s, 1),
            "eta_low_s": round(self.eta_low_s, 1),
            "eta_high_s": round(self.eta_high_s, 1),
            "geometry": [[round(lon, 6), round(lat, 6)] for lon, lat in self.geometry],
            "at_s": [round(seconds, 1) for seconds in self.at_s],
            "legs": [
                {name: getattr(leg, name) for name in ("name_zh", "name_en", "ref", "highway")}
                | {"length_m": round(leg.length_m, 1), "seconds": round(leg.seconds, 1)}
                for leg in self.legs
            ],
            "avoids": [
                {"closure": a.closure, "reason": a.reason, "author": a.author, "since": a.since.isoformat()}
                for a in self.avoids
            ],
            "traffic_version": self.traffic_version,
            "roads_digest": self.roads_digest,
        }


def _place_facts(place: Place) -> dict[str, Any]:
    return {name: getattr(place, name) for name in ("lat", "lon", "name_zh", "name_en")}


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
    asked = _Asked(roadmap, start, end, profile, heading_deg, engine)
    holding = traffic.holding(at)
    while True:
        costs = asked.costs(holding)
        way = asked.way(costs, holding.closures)
        # A closure that begins while the vehicle is under way counts as soon as the way would meet it.
        late = [c for c in traffic.closures if c not in holding.closures and _meets(roadmap, costs, way, c, at)]
        if not late:
            break
        holding = replace(holding, closures=(*holding.closures, *late))
    avoids = asked.avoided(holding) if holding.closures else ()
    return _told(asked, costs, way, at, avoids, traffic.version)


def table(
    roadmap: Roadmap,
    starts: Sequence[Place],
    ends: Sequence[Place],
    *,
    profile: Profile,
    traffic: Traffic = FREE_FLOW,
    at: datetime,
    engine: str = DEFAULT_ENGINE,
) -> list[list[float | None]]:
    """Likely seconds from every start (rows) to every end (columns), each equal to `route`'s eta_s; None where there
    is no way or the place is not on this map."""
    costs = costs_for(roadmap, profile=profile, holding=traffic.holding(at), engine=engine)
    times = Driving(roadmap, costs).table_s(starts, ends)
    longest_s = max((time for row in times for time in row if time is not None), default=0.0)
    if any(at < closure.since <= at + timedelta(seconds=longest_s) for closure in traffic.closures):
        # A closure begins while somebody may be under way: rare, and then each way has to be looked at.
        ask = {"profile": profile, "traffic": traffic, "at": at, "engine": engine}
        return [[_eta_or_none(roadmap, start, end, **ask) for end in ends] for start in starts]
    return times


def _eta_or_none(roadmap: Roadmap, start: Place, end: Place, **ask: Any) -> float | None:
    try:
        return route(roadmap, start, end, **ask).eta_s
    except NoAnswer:
        return None


@dataclass(frozen=True, slots=True)
class _Asked:
    """The question, apart from the traffic that answers it."""

    roadmap: Roadmap
    start: Place
    end: Place
    profile: Profile
    heading_deg: float | None
    engine: str

    def costs(self, holding: Holding) -> Costs:
        return costs_for(self.roadmap, profile=self.profile, holding=holding, engine=self.engine)

    def way(self, costs: Costs, closures: tuple[Closure, ...]) -> Way:
        found = Driving(self.roadmap, costs).find_way(self.start, self.end, self.heading_deg)
        if found is None:
            why = ", ".join(f"{closure.id} ({closure.reason})" for closure in closures) or "-"
            raise NoAnswer("no_route", start=spoken(self.start), end=spoken(self.end), closures=why)
        return found

    def avoided(self, holding: Holding) -> tuple[Avoided, ...]:
        """The closures on the way that would be best if nothing were closed."""
        free = self.way(self.costs(replace(holding, closures=())), ()).arcs
        crossed = [one for one in holding.closures if not free.isdisjoint(one.where.arcs(self.roadmap).tolist())]
        return tuple(Avoided(closure.id, closure.reason, closure.author, closure.since) for closure in crossed)


def _meets(roadmap: Roadmap, costs: Costs, way: Way, closure: Closure, at: datetime) -> bool:
    """Whether the vehicle would be on a closed arc while the closure holds."""
    closed = set(closure.where.arcs(roadmap).tolist())
    ms = off_road_ms(way.join, costs.off_road_kph.likely)
    for piece in way.pieces:
        entered, ms = at + timedelta(milliseconds=ms), ms + piece.ms(costs.likely_ms)
        left = at + timedelta(milliseconds=ms)
        if piece.arc in closed and closure.since <= left and (closure.until is None or entered < closure.until):
            return True
    return False


def _told(
    asked: _Asked, costs: Costs, way: Way, at: datetime, avoids: tuple[Avoided, ...], traffic_version: int
) -> Route:
    track = _Track(asked, costs, way)
    return Route(
        start=asked.start,
        end=asked.end,
        at=at,
        profile=asked.profile.name,
        length_m=sum(leg.length_m for leg in track.legs),
        eta_s=track.at_ms[-1] / 1000,
        eta_low_s=_total_ms(way, costs.low_ms, costs.off_road_kph.high) / 1000,
        eta_high_s=_total_ms(way, costs.high_ms, costs.off_road_kph.low) / 1000,
        geometry=tuple(track.geometry),
        at_s=tuple(ms / 1000 for ms in track.at_ms),
        arcs=tuple(track.arcs),
        legs=tuple(track.legs),
        avoids=avoids,
        traffic_version=traffic_version,
        roads_digest=asked.roadmap.digest,
    )


def _total_ms(way: Way, weights_ms: NDArray[np.int64], off_road_kph: float) -> int:
    off_ms = off_road_ms(way.join, off_road_kph) + off_road_ms(way.leave, off_road_kph)
    return off_ms + sum(piece.ms(weights_ms) for piece in way.pieces)


class _Track:
    """Draws a way point by point with its times, and gathers its legs."""

    def __init__(self, asked: _Asked, costs: Costs, way: Way) -> None:
        self._network, self._costs = asked.roadmap.network, costs
        self.geometry: list[tuple[float, float]] = [(asked.start.lon, asked.start.lat)]
        self.at_ms: list[int] = [0]
        self.arcs: list[int | None] = []
        self.legs: list[Leg] = []
        self._walk(way.join, (way.join.lon, way.join.lat))
        for piece in way.pieces:
            self._drive(piece)
        self._walk(way.leave, (asked.end.lon, asked.end.lat))
        if not self.legs:  # a line has two ends, also one of no length
            self.geometry.append((asked.end.lon, asked.end.lat))
            self.at_ms.append(0)
            self.arcs.append(None)

    def _walk(self, snap: Snap, to: tuple[float, float]) -> None:
        ms = off_road_ms(snap, self._costs.off_road_kph.likely)
        if ms:
            self._go(to, ms, None, Leg("", "", "", OFF_ROAD, snap.distance_m, ms / 1000))

    def _drive(self, piece: Piece) -> None:
        net, arc = self._network, piece.arc
        tail, head = int(net.tail[arc]), int(net.head[arc])
        lon = net.lon[tail] * (1 - piece.finish) + net.lon[head] * piece.finish  # exactly the head's at 1.0
        lat = net.lat[tail] * (1 - piece.finish) + net.lat[head] * piece.finish
        ms = piece.ms(self._costs.likely_ms)
        length_m = float(net.length_m[arc]) * (piece.finish - piece.begin)
        self._go((float(lon), float(lat)), ms, arc, _leg(net, arc, length_m, ms / 1000))

    def _go(self, point: tuple[float, float], ms: int, arc: int | None, leg: Leg) -> None:
        self.geometry.append(point)
        self.arcs.append(arc)
        self.at_ms.append(self.at_ms[-1] + ms)
        last = self.legs[-1] if self.legs else None
        if last and replace(last, length_m=leg.length_m, seconds=leg.seconds) == leg:
            self.legs.pop()
            leg = replace(leg, length_m=last.length_m + leg.length_m, seconds=last.seconds + leg.seconds)
        self.legs.append(leg)


def _leg(network: Network, arc: int, length_m: float, seconds: float) -> Leg:
    name = network.tag("name", arc)
    names = network.tag("name:zh", arc) or name, network.tag("name:en", arc) or name
    return Leg(*names, network.tag("ref", arc), network.tag("highway", arc), length_m, seconds)
