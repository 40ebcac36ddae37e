"""Turn a labelled table of roads into a road network: two carriageways, interchanges, service areas, access ways.

Pure geometry on a plane per vertex (metres east and north); names and places come from the labels and region.yaml,
writing the file is left to build_yangtze_delta.py. What is inferred here and how is stated in the folder's README.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from scenarios.regions.table import EARTH_RADIUS_M, Line, Point, Tags, metres

HALF_GAP_M = 15.0  # carriageway centre from the road's centre line; a six-lane expressway is about 34 m wide (JTG B01)
RAMP_M = 400.0  # how far before and after an interchange its ramps leave and join; assumption
RAMP_SHARE = 0.4  # on a short hop the ramps take at most this share of it
AREA_HALF_M = 250.0  # a service area's entry lies this far before, its exit this far after it; assumption
AREA_ASIDE_M = 80.0  # a service area's forecourt lies this far from the centre line; assumption
METRES_PER_DEGREE = EARTH_RADIUS_M * math.pi / 180

OF_TABLE = "OpenStreetMap (geometry, simplified)"
KNOWN = f"{OF_TABLE}; public knowledge (class, number, names, limit)"
INFERRED = f"{OF_TABLE}; class by rule"
ASSUMED = "assumption"


@dataclass(frozen=True, slots=True)
class Way:
    nodes: tuple[int, ...]
    tags: Tags


@dataclass(slots=True)
class Works:
    """The network being built: nodes by id in order of making, ways in order of making."""

    nodes: dict[int, Point] = field(default_factory=dict)
    node_tags: dict[int, Tags] = field(default_factory=dict)
    ways: list[Way] = field(default_factory=list)
    posts: list[int] = field(default_factory=list)
    next_id: int = 100_001  # ids of the table stay below

    def node(self, at: Point, tags: Tags | None = None) -> int:
        id, self.next_id = self.next_id, self.next_id + 1
        self.nodes[id] = (round(at[0], 6), round(at[1], 6))
        if tags:
            self.node_tags[id] = tags
        return id

    def way(self, nodes: Sequence[int], tags: Tags) -> None:
        self.ways.append(Way(tuple(nodes), tags))

    @property
    def used(self) -> list[int]:
        """Nodes that a way needs, and posts, ascending; a trimmed road leaves some behind."""
        return sorted({node for way in self.ways for node in way.nodes} | {*self.posts})


def east_north(a: Point, b: Point) -> tuple[float, float]:
    """Metres from a to b."""
    scale = math.cos(math.radians((a[0] + b[0]) / 2))
    return (b[1] - a[1]) * METRES_PER_DEGREE * scale, (b[0] - a[0]) * METRES_PER_DEGREE


def moved(at: Point, east_m: float, north_m: float) -> Point:
    scale = math.cos(math.radians(at[0]))
    return at[0] + north_m / METRES_PER_DEGREE, at[1] + east_m / METRES_PER_DEGREE / scale


def along(a: Point, b: Point, fraction: float) -> Point:
    return a[0] + (b[0] - a[0]) * fraction, a[1] + (b[1] - a[1]) * fraction


def project(at: Point, a: Point, b: Point) -> tuple[float, float]:
    """Where on a-b the point nearest to `at` lies (0..1), and how far off it is in metres."""
    bx, by = east_north(a, b)
    px, py = east_north(a, at)
    length2 = bx * bx + by * by
    fraction = min(1.0, max(0.0, (px * bx + py * by) / length2)) if length2 else 0.0
    return fraction, math.hypot(px - bx * fraction, py - by * fraction)


def beside(before: Point | None, at: Point, after: Point | None, aside_m: float) -> Point:
    """The point `aside_m` to the right of `at` for one who comes from `before` and goes on to `after`."""
    unit = [_unit(a, b) for a, b in ((before, at), (at, after)) if a is not None and b is not None]
    east, north = sum(u[0] for u in unit), sum(u[1] for u in unit)
    size = math.hypot(east, north)
    if size < 0.2:  # the road turns back on itself: no side to speak of
        east, north, size = *unit[0], 1.0
    east, north = east / size, north / size
    widen = min(2.0, 1 / max(0.5, east * unit[0][0] + north * unit[0][1]))  # keeps the distance in a bend
    return moved(at, north * aside_m * widen, -east * aside_m * widen)


def _unit(a: Point, b: Point) -> tuple[float, float]:
    east, north = east_north(a, b)
    size = math.hypot(east, north) or 1.0
    return east / size, north / size


@dataclass(frozen=True, slots=True)
class Lane:
    """One carriageway of one hop. `stops` are the nodes on it with their metres from its start."""

    line: str
    start: int
    end: int
    length_m: float
    a: Point
    b: Point
    tags: Tags
    stops: list[tuple[float, int]]

    def stop(self, works: Works, at_m: float) -> int:
        """A node on the lane at that distance; the one already there within a metre."""
        near = next((node for m, node in self.stops if abs(m - at_m) < 1.0), None)
        if near is None:
            near = works.node(along(self.a, self.b, at_m / self.length_m))
            self.stops.append((at_m, near))
        return near

    @property
    def ramp_m(self) -> float:
        return min(RAMP_M, RAMP_SHARE * self.length_m)


class Expressways:
    """All roads with two carriageways: their lanes by hop and direction, drawn at right-hand traffic."""

    def __init__(self, works: Works, lines: Iterable[Line], at: Mapping[int, Point]) -> None:
        self._works, self._at = works, at
        self.lanes: dict[tuple[str, int, int], Lane] = {}
        self.arriving: dict[int, list[Lane]] = defaultdict(list)
        self.leaving: dict[int, list[Lane]] = defaultdict(list)
        self.lines = [line for line in lines if line.dual]
        for line in self.lines:
            self._draw(line.id, line.vertices, line.tags)
            self._draw(line.id, line.vertices[::-1], line.tags[::-1])

    def _draw(self, line: str, vertices: Sequence[int], tags: Sequence[Tags]) -> None:
        """One direction, from its first vertex to its last; a ring's two ends are one node."""
        places = [self._at[vertex] for vertex in vertices]
        ring = vertices[0] == vertices[-1]
        nodes: list[int] = []
        for i, place in enumerate(places):
            before = places[i - 1] if i else (places[-2] if ring else None)
            after = places[i + 1] if i + 1 < len(places) else (places[1] if ring else None)
            last = ring and i == len(places) - 1
            nodes.append(nodes[0] if last else self._works.node(beside(before, place, after, HALF_GAP_M)))
        for i, (start, end) in enumerate(pairwise(vertices)):
            a, b = self._works.nodes[nodes[i]], self._works.nodes[nodes[i + 1]]
            length_m = metres(a, b)
            stops = [(0.0, nodes[i]), (length_m, nodes[i + 1])]
            lane = Lane(line, start, end, length_m, a, b, {**tags[i], "oneway": "yes", "source": KNOWN}, stops)
            self.lanes[line, start, end] = lane
            self.leaving[start].append(lane)
            self.arriving[end].append(lane)

    def ways(self) -> Iterable[Way]:
        for lane in self.lanes.values():
            yield Way(tuple(node for _, node in sorted(lane.stops)), lane.tags)

    def nearest(self, line: str, at: Point) -> tuple[Lane, Lane, float]:
        """The hop of a road nearest to a place as its two lanes, and where on the first one it lies in metres."""
        ahead = [lane for lane in self.lanes.values() if lane.line == line]
        lane = min(ahead, key=lambda lane: (project(at, self._at[lane.start], self._at[lane.end])[1], lane.start))
        fraction, _ = project(at, self._at[lane.start], self._at[lane.end])
        return lane, self.lanes[line, lane.end, lane.start], fraction * lane.length_m


def join(works: Works, expressways: Expressways, surface: Mapping[int, int]) -> None:
    """Ramps at every vertex where an expressway meets another road; a turning loop where it leaves the map.

    `surface` has the node of each vertex that ordinary roads use. Two expressways are joined by direct ramps, so
    that nobody turns back there; an ordinary road is joined both ways.
    """
    for vertex in sorted(expressways.leaving):
        arriving, leaving = expressways.arriving[vertex], expressways.leaving[vertex]
        if vertex not in surface and len(leaving) == 1:
            works.way((arriving[0].stops[1][1], leaving[0].stops[0][1]), _ramp("edge of the map"))
            continue
        for a in arriving:
            for b in leaving:
                if a.line != b.line:
                    works.way((_leave(works, a), _enter(works, b)), _ramp("expressway junction"))
        if vertex in surface:
            for a in arriving:
                works.way((_leave(works, a), surface[vertex]), _ramp("exit"))
            for b in leaving:
                works.way((surface[vertex], _enter(works, b)), _ramp("entry"))
        _trim(arriving, leaving)


def _leave(works: Works, lane: Lane) -> int:
    return lane.stop(works, lane.length_m - lane.ramp_m)


def _enter(works: Works, lane: Lane) -> int:
    return lane.stop(works, lane.ramp_m)


def _trim(arriving: Sequence[Lane], leaving: Sequence[Lane]) -> None:
    """A road that ends at this vertex ends at its ramps: no stub of carriageway is left that leads nowhere."""
    for a in arriving:
        if not any(b.line == a.line and b.end != a.start for b in leaving):
            a.stops.remove(max(a.stops))
    for b in leaving:
        if not any(a.line == b.line and a.start != b.end for a in arriving):
            b.stops.remove(min(b.stops))


def _ramp(what: str) -> Tags:
    return {"highway": "motorway_link", "oneway": "yes", "note": what, "source": ASSUMED}


def add_service_area(works: Works, expressways: Expressways, area: Mapping[str, Any]) -> None:
    """A forecourt on each side with its own way in and out, and a point that carries its name."""
    lane, other, at_m = expressways.nearest(str(area["line"]), _point(area))
    for side, here_m in ((lane, at_m), (other, other.length_m - at_m)):
        middle = along(side.a, side.b, here_m / side.length_m)
        aside = beside(side.a, middle, side.b, AREA_ASIDE_M - HALF_GAP_M)
        forecourt = works.node(aside, {"highway": "services", "name": str(area["name"]), "source": ASSUMED})
        into, out = side.stop(works, here_m - AREA_HALF_M), side.stop(works, here_m + AREA_HALF_M)
        tags = {"highway": "service", "oneway": "yes", "name": str(area["name"]), "name:en": str(area["name_en"])}
        works.way((into, forecourt, out), {**tags, "maxspeed": "40", "source": ASSUMED})


def add_opening(works: Works, expressways: Expressways, opening: Mapping[str, Any]) -> None:
    """A crossing of the median that only ambulances may use."""
    lane, other, at_m = expressways.nearest(str(opening["line"]), _point(opening))
    nodes = lane.stop(works, at_m), other.stop(works, other.length_m - at_m)
    tags = {"highway": "service", "service": "emergency_access", "access": "no", "emergency": "yes"}
    works.way(nodes, {**tags, "note": str(opening["note"]), "source": ASSUMED})


def _point(item: Mapping[str, Any]) -> Point:
    lat, lon = item["at"]
    return float(lat), float(lon)
