"""Gather the table's vertices into junctions: one place per interchange, one line per expressway.

The table draws an interchange as a handful of vertices and some expressways as two lines. Both are made one here,
before carriageways are drawn, so that no stray line runs beside a closed road.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import networkx as nx

from scenarios.regions.carriageways import project
from scenarios.regions.table import Line, Point, Tags, metres

NEAR_M = 250.0  # vertices of an expressway and their neighbours within this are one interchange ...
WIDE_M = 400.0  # ... as long as it does not grow wider than this
BESIDE_M = 180.0  # an unlabelled edge all within this of an expressway is its other carriageway (table: about 100 m)


@dataclass(frozen=True, slots=True)
class Junctions:
    """The gathered table: places by vertex, roads with two carriageways, and ordinary edges with their tags."""

    at: Mapping[int, Point]
    lines: Sequence[Line]
    surface: Mapping[tuple[int, int], Tags]


def gather(graph: nx.Graph, lines: Sequence[Line]) -> Junctions:
    dual = [line for line in lines if line.dual]
    leader = _clusters(graph, dual)
    merged = [_merged(line, leader) for line in dual]
    at = {vertex: graph.nodes[vertex]["at"] for vertex in graph.nodes}
    on_line = {frozenset(hop) for line in dual for hop in line.hops}
    known = {frozenset(hop): tags for line in lines if not line.dual for hop, tags in _tagged(line)}
    surface: dict[tuple[int, int], Tags] = {}
    for a, b in sorted((min(int(a), int(b)), max(int(a), int(b))) for a, b in graph.edges):
        if frozenset((a, b)) in on_line:
            continue
        start, end = sorted((leader.get(a, a), leader.get(b, b)))
        tags = known.get(frozenset((a, b)))
        if start != end and (tags is not None or (start, end) not in surface):
            surface[start, end] = tags or {}
    beside = _beside(surface, merged, at)
    kept = {edge: tags for edge, tags in surface.items() if edge not in beside}
    return Junctions(at, merged, _connected(kept, merged))


def _tagged(line: Line) -> list[tuple[tuple[int, int], Tags]]:
    return list(zip(line.hops, line.tags, strict=True))


def _clusters(graph: nx.Graph, lines: Sequence[Line]) -> dict[int, int]:
    """Leader of each gathered vertex: the one that most expressways pass, the lowest id on a tie."""
    passes: dict[int, int] = {}
    for line in lines:
        for vertex in set(line.vertices):
            passes[vertex] = passes.get(vertex, 0) + 1
    groups = {vertex: [vertex] for vertex in graph.nodes}
    for a, b, _ in sorted(_short(graph, passes), key=lambda edge: (edge[2], edge[0], edge[1])):
        both = groups[a] + groups[b] if groups[a] is not groups[b] else None
        if both and _width_m(graph, both) <= WIDE_M:
            for vertex in both:
                groups[vertex] = both
    return {vertex: min(group, key=lambda v: (-passes.get(v, 0), v)) for vertex, group in groups.items()}


def _short(graph: nx.Graph, passes: Mapping[int, int]) -> list[tuple[int, int, float]]:
    """Edges between vertices near enough to be one, at least one of them on an expressway."""
    return [
        (min(a, b), max(a, b), length_m)
        for a, b, length_m in graph.edges(data="length_m")
        if length_m <= NEAR_M and (a in passes or b in passes)
    ]


def _width_m(graph: nx.Graph, vertices: Sequence[int]) -> float:
    places = [graph.nodes[vertex]["at"] for vertex in vertices]
    return max(metres(a, b) for a in places for b in places)


def _merged(line: Line, leader: Mapping[int, int]) -> Line:
    """The line over leaders only; the tags of a hop that vanished go with it."""
    vertices = [leader[line.vertices[0]]]
    tags: list[Tags] = []
    for vertex, told in zip(line.vertices[1:], line.tags, strict=True):
        if leader[vertex] != vertices[-1]:
            vertices.append(leader[vertex])
            tags.append(told)
    inner = vertices[1:] if vertices[0] == vertices[-1] else vertices
    if len(set(inner)) != len(inner):
        raise ValueError(f"{line.id}: gathered vertices are passed twice: {vertices}")
    return replace(line, vertices=tuple(vertices), tags=tuple(tags))


def _beside(
    surface: Mapping[tuple[int, int], Tags], lines: Sequence[Line], at: Mapping[int, Point]
) -> set[tuple[int, int]]:
    hops = [(at[a], at[b]) for line in lines for a, b in line.hops]

    def near(place: Point) -> bool:
        return any(project(place, a, b)[1] <= BESIDE_M for a, b in hops)

    on = {vertex for edge in surface for vertex in edge if near(at[vertex])}
    between = {edge for edge, tags in surface.items() if not tags and edge[0] in on and edge[1] in on}
    quarters = {edge: [_at_share(at, edge, share) for share in (0.25, 0.5, 0.75)] for edge in between}
    return {edge for edge, places in quarters.items() if all(near(place) for place in places)}


def _at_share(at: Mapping[int, Point], edge: tuple[int, int], share: float) -> Point:
    (lat_a, lon_a), (lat_b, lon_b) = at[edge[0]], at[edge[1]]
    return lat_a + (lat_b - lat_a) * share, lon_a + (lon_b - lon_a) * share


def _connected(surface: Mapping[tuple[int, int], Tags], lines: Sequence[Line]) -> dict[tuple[int, int], Tags]:
    """Edges that still hang together with the expressways; what dropping other carriageways cut off goes too."""
    whole = nx.Graph(list(surface))
    for line in lines:
        whole.add_edges_from(line.hops)
    largest = max(nx.connected_components(whole), key=lambda part: (len(part), -min(part)))
    return {edge: tags for edge, tags in surface.items() if edge[0] in largest}
