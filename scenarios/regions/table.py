"""Read the table of main roads (nodes and undirected edges) and put road labels on it along way-points.

The table: `<stem>.nodes.csv` (id, lat, lon) and `<stem>.edges.csv` (a, b, length_m), WGS-84, about 100 m. Building
carriageways out of the labelled table is left to carriageways.py.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import networkx as nx

EARTH_RADIUS_M = 6_371_008.8  # mean radius, as casebook/place.py
WAY_POINT_M = 400.0  # a way-point further than this from every vertex is a mistake in the labels
DETOUR = 1.35  # a stretch between way-points longer than this many times the straight line is a mistake too

Point = tuple[float, float]  # lat, lon
Tags = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """One road as a chain of vertices; `tags[i]` belongs to the hop from vertex i to i + 1."""

    id: str
    vertices: tuple[int, ...]
    tags: tuple[Tags, ...]
    dual: bool

    @property
    def closed(self) -> bool:
        return self.vertices[0] == self.vertices[-1]

    @property
    def hops(self) -> list[tuple[int, int]]:
        return list(pairwise(self.vertices))


def read_table(stem: Path) -> nx.Graph:
    """The table as a graph; nodes carry `at` (lat, lon), edges `length_m`."""
    graph = nx.Graph()
    with Path(f"{stem}.nodes.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            graph.add_node(int(row["id"]), at=(float(row["lat"]), float(row["lon"])))
    with Path(f"{stem}.edges.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            graph.add_edge(int(row["a"]), int(row["b"]), length_m=float(row["length_m"]))
    return graph


def metres(a: Point, b: Point) -> float:
    """Great-circle distance."""
    lat_a, lat_b = math.radians(a[0]), math.radians(b[0])
    h = math.sin((lat_b - lat_a) / 2) ** 2
    h += math.cos(lat_a) * math.cos(lat_b) * math.sin(math.radians(b[1] - a[1]) / 2) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(h))


def lay_lines(graph: nx.Graph, labels: Mapping[str, Any]) -> list[Line]:
    """Every labelled road along the table. Roads with two carriageways never share an edge.

    Raises ValueError naming the road and the way-points where the table does not follow.
    """
    taken: set[frozenset[int]] = set()
    lines = []
    for road in labels["roads"]:
        line = _lay(graph, road, taken)
        taken |= {frozenset(hop) for hop in line.hops}
        lines.append(line)
    return lines


def _lay(graph: nx.Graph, road: Mapping[str, Any], taken: set[frozenset[int]]) -> Line:
    free = nx.subgraph_view(graph, filter_edge=lambda a, b: frozenset((a, b)) not in taken)
    vertices: list[int] = []
    tags: list[Tags] = []
    for part in road["parts"]:
        points = [_nearest(graph, (lat, lon), road["id"]) for lat, lon in part["points"]]
        for start, end in pairwise(points):
            stretch = _stretch(free, start, end, road["id"])
            vertices += stretch if not vertices else stretch[1:]
            tags += [_tags(road, part)] * (len(stretch) - 1)
    _check_simple(vertices, road["id"], graph)
    return Line(road["id"], tuple(vertices), tuple(tags), road.get("dual", False))


def _tags(road: Mapping[str, Any], part: Mapping[str, Any]) -> Tags:
    told = {**road["tags"], **part.get("tags", {})}
    return {key: str(value) for key, value in told.items()}


def _nearest(graph: nx.Graph, point: Point, road: str) -> int:
    vertex = min(graph.nodes, key=lambda node: (metres(graph.nodes[node]["at"], point), node))
    if metres(graph.nodes[vertex]["at"], point) > WAY_POINT_M:
        raise ValueError(f"{road}: no vertex of the table within {WAY_POINT_M:.0f} m of {point}")
    return vertex


def _stretch(graph: nx.Graph, start: int, end: int, road: str) -> list[int]:
    a, b = graph.nodes[start]["at"], graph.nodes[end]["at"]
    try:
        path: list[int] = nx.dijkstra_path(graph, start, end, weight="length_m")
    except nx.NetworkXNoPath:
        raise ValueError(f"{road}: the table does not lead from {a} to {b}") from None
    length_m = nx.path_weight(graph, path, "length_m")
    if length_m > DETOUR * metres(a, b) + 200:
        raise ValueError(f"{road}: from {a} to {b} the table leads {length_m:.0f} m over {path}")
    return path


def _check_simple(vertices: Sequence[int], road: str, graph: nx.Graph) -> None:
    inner = vertices[1:] if vertices[0] == vertices[-1] else vertices
    twice = [vertex for vertex in inner if inner.count(vertex) > 1]
    if twice:
        raise ValueError(f"{road}: passes {[graph.nodes[vertex]['at'] for vertex in twice]} twice")
