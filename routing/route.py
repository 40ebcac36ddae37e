"""A way by road as it is told: its line, times, legs and range, and what it avoids.

Solving it is left to routing/way.py, asking for it to routing/ground.py, turn-by-turn words to routing/turn_by_turn.py.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from casebook.place import Place, bearing_deg, between
from casebook.words import LANGUAGES, Language
from routing.costs import Costs
from routing.roads.network import Network
from routing.roads.roadmap import EdgeKey, Roadmap
from routing.roads.snapping import Snap
from routing.stops import off_road_ms
from routing.traffic import Stretch
from routing.traffic.said import say_avoided
from routing.way import Way

LEG_TAGS = ("name", "name:zh", "name:en", "ref", "highway")  # a leg is a stretch on which these stay the same
Words = tuple[str, str, str, str]  # name in zh and en, ref, class
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
    where: Stretch

    def said(self, language: Language, at: datetime | None = None) -> str:
        """ "avoids G60 km 38-41, closed by ... 09:12: ..."; `at`: the day of the answer."""
        told = {name: getattr(self, name) for name in ("closure", "reason", "author", "since")}
        return say_avoided(self.where, language, at=at, **told)


@dataclass(frozen=True, slots=True)
class Route:
    """A way by road, leaving at `at`. A time is a range: `eta_s` is likely (p50), `eta_low_s` the quickest tenth of
    runs (p10) and `eta_high_s` the slowest (p90) on the same way, from the intervals of routing/speeds.py and of the
    traffic. Arcs are taken to be quick or slow all together: the range is rather too wide than too narrow.

    `geometry` is (lon, lat) from `start` to `end`; `at_s[i]` the seconds after leaving at which the vehicle is there;
    `arcs[i]` the road map's arc between points i and i + 1, None between a place and the road; `edges` the arcs driven
    as networkx and osmnx name them in Roadmap.graph: (u, v, key).
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
    edges: tuple[EdgeKey, ...]
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
                | {language: a.said(language, self.at) for language in LANGUAGES}
                for a in self.avoids
            ],
            "traffic_version": self.traffic_version,
            "roads_digest": self.roads_digest,
        }


def _place_facts(place: Place) -> dict[str, Any]:
    return {name: getattr(place, name) for name in ("lat", "lon", "name_zh", "name_en")}


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked, as the answer repeats it."""

    roadmap: Roadmap
    start: Place
    end: Place
    profile: str
    at: datetime


def tell(asked: Question, costs: Costs, way: Way, avoids: tuple[Avoided, ...], traffic_version: int) -> Route:
    """The solved way as a Route."""
    track = _Track(asked, costs, way)
    off_kph = costs.off_road_kph
    return Route(
        start=asked.start,
        end=asked.end,
        at=asked.at,
        profile=asked.profile,
        length_m=sum((leg.length_m for leg in track.legs), 0.0),
        eta_s=track.at_s[-1],
        eta_low_s=way.total_ms(costs.low_ms, off_kph.high) / 1000,
        eta_high_s=way.total_ms(costs.high_ms, off_kph.low) / 1000,
        geometry=tuple(track.geometry),
        at_s=tuple(track.at_s),
        arcs=tuple(track.arcs),
        edges=track.edges,
        legs=tuple(track.legs),
        avoids=avoids,
        traffic_version=traffic_version,
        roads_digest=asked.roadmap.digest,
    )


class _Track:
    """Draws a way point by point with its times, and gathers its legs."""

    def __init__(self, asked: Question, costs: Costs, way: Way) -> None:
        self._network, self._kph = asked.roadmap.network, costs.off_road_kph.likely
        self._wording = _wording_of(asked.roadmap)
        self.geometry: list[tuple[float, float]] = [(asked.start.lon, asked.start.lat)]
        self.at_s: list[float] = [0.0]
        self._at_ms = 0
        self.arcs: list[int | None] = []
        self.edges: tuple[EdgeKey, ...] = ()
        self.legs: list[Leg] = []
        self._walk(way.join, (way.join.lon, way.join.lat))
        if len(way.arcs):
            self._drive(way, way.parts_ms(costs.likely_ms))
        self._walk(way.leave, (asked.end.lon, asked.end.lat))
        if not self.legs:  # a line has two ends, also one of no length
            self._go((asked.end.lon, asked.end.lat), 0)

    def _walk(self, snap: Snap, to: tuple[float, float]) -> None:
        ms = off_road_ms(snap, self._kph)
        if ms:
            self._go(to, ms)
            self.legs.append(Leg("", "", "", OFF_ROAD, snap.distance_m, ms / 1000))

    def _go(self, point: tuple[float, float], ms: int) -> None:
        self.geometry.append(point)
        self.arcs.append(None)
        self._at_ms += ms
        self.at_s.append(self._at_ms / 1000)

    def _drive(self, way: Way, parts_ms: NDArray[np.int64]) -> None:
        net = self._network
        nodes = np.append(net.tail[way.arcs[0]], net.head[way.arcs])  # each arc starts where the one before it ends
        lon, lat, ids = net.lon[nodes], net.lat[nodes], net.node_id[nodes].tolist()
        lon = lon[:-1] * (1 - way.finish) + lon[1:] * way.finish  # exactly the head's at 1.0
        lat = lat[:-1] * (1 - way.finish) + lat[1:] * way.finish
        at_ms = self._at_ms + np.cumsum(parts_ms)
        self._at_ms = int(at_ms[-1])
        self.geometry.extend(zip(lon.tolist(), lat.tolist(), strict=True))
        self.at_s.extend((at_ms / 1000).tolist())
        self.arcs.extend(way.arcs.tolist())
        self.edges = tuple(zip(ids[:-1], ids[1:], net.key[way.arcs].tolist(), strict=True))
        self._tell_legs(way.arcs, net.length_m[way.arcs] * (way.finish - way.begin), parts_ms)

    def _tell_legs(self, arcs: NDArray[np.intp], lengths_m: NDArray[np.float64], parts_ms: NDArray[np.int64]) -> None:
        row = self._wording.of_way[self._network.way[arcs]]
        starts = np.append(0, np.flatnonzero(row[1:] != row[:-1]) + 1)
        sums_m, sums_ms = np.add.reduceat(lengths_m, starts), np.add.reduceat(parts_ms, starts)
        words = [self._wording.words[int(which)] for which in row[starts]]
        for said, length_m, ms in zip(words, sums_m.tolist(), sums_ms.tolist(), strict=True):
            self.legs.append(Leg(*said, length_m, ms / 1000))


class _Wording:
    """What the ways of a network are called, each wording once: `words[of_way[i]]` are way i's names in zh and en, ref
    and class."""

    def __init__(self, network: Network) -> None:
        of_way, first = np.zeros(len(network.way_id), np.int64), np.empty(0, np.intp)
        for tag in LEG_TAGS:
            column = network.columns[tag]
            both = of_way * len(column.words) + column.code
            _, first, of_way = np.unique(both, return_index=True, return_inverse=True)
        rows: dict[Words, int] = {}
        again = [rows.setdefault(_words(network, way), len(rows)) for way in first.tolist()]
        self.of_way: NDArray[np.intp] = np.array(again, np.intp)[of_way]
        self.words: list[Words] = list(rows)


_kept: WeakKeyDictionary[Roadmap, _Wording] = WeakKeyDictionary()


def _wording_of(roadmap: Roadmap) -> _Wording:
    """Built at the first way that is told of a road map."""
    found = _kept.get(roadmap)
    return found if found is not None else _kept.setdefault(roadmap, _Wording(roadmap.network))


def _words(network: Network, way: int) -> Words:
    """Names in zh and en, ref and class of a way; a name without translation stands in both languages."""
    name, name_zh, name_en, ref, highway = (network.columns[tag][way] for tag in LEG_TAGS)
    return name_zh or name, name_en or name, ref, highway
