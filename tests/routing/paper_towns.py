"""Small towns on paper: an OSM file's text, or a road map of a few arcs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from xml.sax.saxutils import quoteattr

import networkx as nx

from casebook.place import Place
from routing.roads import Roadmap
from routing.roads.graphml import network_of

AT = datetime(2021, 4, 18, 1, 30, tzinfo=UTC)
Nodes = Mapping[int, tuple[float, float]]  # id -> (lat, lon)
Ways = Sequence[tuple[int, Sequence[int], Mapping[str, str]]]  # (id, node ids, tags)
Relations = Sequence[tuple[Sequence[tuple[str, str, int]], Mapping[str, str]]]  # (members: role, type, id; tags)
Draw = Callable[..., Roadmap]


def osm_xml(
    nodes: Nodes,
    ways: Ways,
    header: str = "",
    *,
    node_tags: Mapping[int, Mapping[str, str]] | None = None,
    relations: Relations = (),
) -> str:
    lines = ["<?xml version='1.0' encoding='UTF-8'?>", f'<osm version="0.6" {header}>']
    for id, (lat, lon) in nodes.items():
        tags = _tags((node_tags or {}).get(id, {}))
        head = f'<node id="{id}" version="1" lat="{lat}" lon="{lon}"'
        lines.append(head + (">" + "".join(tags) + "</node>" if tags else "/>"))
    for id, refs, tags in ways:
        lines.append(f'<way id="{id}" version="1">')
        lines += [f'<nd ref="{ref}"/>' for ref in refs]
        lines += [*_tags(tags), "</way>"]
    for number, (members, tags) in enumerate(relations, 1):
        lines.append(f'<relation id="{number}" version="1">')
        lines += [f'<member type="{kind}" ref="{ref}" role="{role}"/>' for role, kind, ref in members]
        lines += [*_tags({"type": "restriction"} | dict(tags)), "</relation>"]
    return "\n".join([*lines, "</osm>"])


def _tags(tags: Mapping[str, str]) -> list[str]:
    return [f"<tag k={quoteattr(key)} v={quoteattr(value)}/>" for key, value in tags.items()]


def roadmap_of(nodes: Nodes, arcs: Sequence[tuple[int, int, float | None]], **tags: str) -> Roadmap:
    """A road map of directed arcs (from, to, length_m or None = as the crow flies), parallel ones kept."""
    graph = nx.MultiDiGraph(crs="epsg:4326")
    for id, (lat, lon) in nodes.items():
        graph.add_node(id, x=lon, y=lat)
    for number, (u, v, length_m) in enumerate(arcs):
        length = {} if length_m is None else {"length": length_m}
        graph.add_edge(u, v, highway="primary", oneway=True, osmid=number + 1, **length, **tags)
    network, report = network_of(graph, twins=False)  # these arcs and no others
    return Roadmap(network, report, name="paper", digest="0" * 64, attribution="")


def on_edge(roadmap: Roadmap, u: int, v: int, fraction: float) -> Place:
    """The point `fraction` of the way along the edge from u to v."""
    row = {int(id): index for index, id in enumerate(roadmap.network.node_id)}
    lon, lat = roadmap.network.lon, roadmap.network.lat
    a, b = row[u], row[v]
    return Place(float(lat[a] + (lat[b] - lat[a]) * fraction), float(lon[a] + (lon[b] - lon[a]) * fraction))
