"""Find the roads that a leg drives over, so that it can be held against closures and timed again.

A leg is recorded as a line with times; its vertices are the network's own points. Pure geometry: what follows from a
closure is dispatch/rerouting.py's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import cos, radians

import numpy as np
from numpy.typing import NDArray

from casebook.place import Place, bearing_deg, between, distance_m
from routing.costs import Costs
from routing.roads.roadmap import Roadmap

Vertex = tuple[float, float, float]  # lon, lat, seconds since departure
Line = tuple[Vertex, ...]
ON_ARC_M = 2.0  # a leg's vertices are rounded to 1e-6 degrees, 0.1 m
DEGREE_M = 111_195.0  # of latitude


@dataclass(frozen=True, slots=True)
class Stroke:
    """One segment of a leg's line. `arcs`: rows it may be (several where parallel), none beside the road.

    `share` is the part of the arc that is driven.
    """

    arcs: tuple[int, ...]
    share: float


def strokes_of(roadmap: Roadmap, line: Line) -> list[Stroke]:
    """The line's segments on the roads, in order; one fewer than it has vertices."""
    whole = _arcs_between(roadmap, line)
    found: list[Stroke] = []
    for a, b in pairwise(line):
        arcs = whole.get((_key(a), _key(b)), ()) if _key(a) != _key(b) else ()
        found.append(Stroke(arcs, 1.0) if arcs else _part(roadmap, a, b))
    return found


def _key(vertex: Vertex) -> int:
    """A point rounded to 1e-6 degrees, as one whole number."""
    return (round(vertex[0] * 1e6) + 180_000_000) * 400_000_000 + round(vertex[1] * 1e6) + 90_000_000


def _arcs_between(roadmap: Roadmap, line: Line) -> dict[tuple[int, int], tuple[int, ...]]:
    """Whole arcs by the keys of their ends, of those that begin at one of the line's vertices."""
    net = roadmap.network
    keys = (np.rint(net.lon * 1e6).astype(np.int64) + 180_000_000) * 400_000_000
    keys += np.rint(net.lat * 1e6).astype(np.int64) + 90_000_000
    nodes = np.isin(keys, np.array([_key(vertex) for vertex in line], np.int64))
    found: dict[tuple[int, int], list[int]] = defaultdict(list)
    for arc in np.flatnonzero(nodes[net.tail] & nodes[net.head]).tolist():
        found[(int(keys[net.tail[arc]]), int(keys[net.head[arc]]))].append(arc)
    return {ends: tuple(arcs) for ends, arcs in found.items()}


def _part(roadmap: Roadmap, a: Vertex, b: Vertex) -> Stroke:
    """A segment within an arc, or beside the road."""
    start, end = Place(a[1], a[0]), Place(b[1], b[0])
    length_m = distance_m(start, end)
    if length_m < ON_ARC_M:
        return Stroke((), 0.0)
    snaps = roadmap.snap(between(start, end, 0.5), heading_deg=bearing_deg(start, end))
    net = roadmap.network
    arcs = [
        snap.arc
        for snap in snaps
        if _beside_m(roadmap, snap.arc, start) < ON_ARC_M and _beside_m(roadmap, snap.arc, end) < ON_ARC_M
    ]
    return Stroke(tuple(arcs), min(1.0, length_m / float(net.length_m[arcs[0]]))) if arcs else Stroke((), 0.0)


def _beside_m(roadmap: Roadmap, arc: int, place: Place) -> float:
    """How far a place lies from an arc, on a plane touching it."""
    net = roadmap.network
    scale = np.array((DEGREE_M * cos(radians(place.lat)), DEGREE_M))
    point = np.array((place.lon, place.lat))
    a = (np.array((net.lon[net.tail[arc]], net.lat[net.tail[arc]])) - point) * scale
    b = (np.array((net.lon[net.head[arc]], net.lat[net.head[arc]])) - point) * scale
    along = b - a
    share = float(np.clip(-(a @ along) / max(float(along @ along), 1e-9), 0.0, 1.0))
    return float(np.hypot(*(a + along * share)))


def shut_strokes(strokes: Sequence[Stroke], shut: NDArray[np.bool_]) -> list[bool]:
    """For each stroke whether every arc that it may be is among the shut ones (a mask over all arcs)."""
    return [bool(stroke.arcs) and all(shut[arc] for arc in stroke.arcs) for stroke in strokes]


def timed_again(line: Line, strokes: Sequence[Stroke], costs: Costs, weights_ms: NDArray[np.int64]) -> Line:
    """The same line with today's times; what lies beside the road, or is nobody's today, keeps the time it had."""
    told: list[Vertex] = [(line[0][0], line[0][1], 0.0)]
    passed_s = 0.0
    for stroke, (a, b) in zip(strokes, pairwise(line), strict=True):
        usable = [int(weights_ms[arc]) for arc in stroke.arcs if costs.usable[arc]]
        passed_s += min(usable) * stroke.share / 1000 if usable else b[2] - a[2]
        told.append((b[0], b[1], round(passed_s, 1)))
    return tuple(told)


def length_of(line: Line) -> float:
    """Metres along the line."""
    places = [Place(lat, lon) for lon, lat, _ in line]
    return sum((distance_m(a, b) for a, b in pairwise(places)), 0.0)
