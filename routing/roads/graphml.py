"""Read and write GraphML road networks through osmnx, the format in which ready-made city networks are published.

Edges with a geometry (simplified networks) are cut into straight arcs; `Network.origin` remembers the edge, so a
closure may still name it. osmnx is imported inside the functions: it costs hundreds of megabytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import numpy as np

from casebook.errors import RefusedInput
from routing.roads.barriers import with_barriers
from routing.roads.islands import report_on
from routing.roads.network import COLUMNS, CONTRAFLOW, Column, LoadReport, Network, distances_m, parallel_keys
from routing.roads.osm import MAXSPEED_TYPES, RULE_TAGS, malformed
from routing.roads.rules import BARRIER_TAGS, CAR_CLASSES, access_by_direction, passage

SUFFIXES = (".graphml",)
ACCESS, TWIN = "access_bits", "contraflow"  # edge attributes of graphs that Roadmap.graph made


def read_graphml(path: Path) -> tuple[Network, LoadReport]:
    """The network of a GraphML file that osmnx wrote. Raises RefusedInput (`roads_malformed`, `roads_projected`)."""
    import osmnx
    from networkx import NetworkXError

    try:
        graph = osmnx.load_graphml(path)
    except ParseError as broken:
        raise malformed(path, broken) from broken
    except (NetworkXError, KeyError, ValueError, TypeError, AttributeError) as broken:
        raise RefusedInput("roads_malformed", file=path.name, line="-", why=repr(broken)) from broken
    if str(graph.graph.get("crs", "epsg:4326")).lower() != "epsg:4326":
        raise RefusedInput("roads_projected", file=path.name, crs=str(graph.graph["crs"]))
    try:
        return network_of(graph)
    except (KeyError, ValueError, TypeError, AttributeError) as broken:
        raise RefusedInput("roads_malformed", file=path.name, line="-", why=repr(broken)) from broken


def network_of(graph: Any, *, twins: bool = True) -> tuple[Network, LoadReport]:
    """The network of an osmnx MultiDiGraph (nodes x, y; edges with at least `highway`), in WGS-84 degrees.

    Such a graph carries no turn restrictions; barriers only where its nodes do. Without `twins` one-way roads get no
    arcs against the traffic.
    """
    cut = _Cut(graph)
    dropped: Counter[str] = Counter()
    for u, v, key, tags in graph.edges(keys=True, data=True):
        words = _words(tags)
        along, against = _driven(tags, words)
        against &= 0xFF if twins else 0xFF ^ CONTRAFLOW
        if along | against:
            cut.edge((u, v, key), tags, words, along, against)
        else:
            dropped[f"highway={words['highway']}"] += 1
    network, barriers = with_barriers(cut.network(), _barriers(graph))
    counts = {"ways_read": graph.number_of_edges(), "ways_kept": len(cut.way_id), "barriers": barriers}
    return report_on(network, dropped, **counts)


def _barriers(graph: Any) -> dict[int, int]:
    told = {
        int(node): passage(_plain(tags, BARRIER_TAGS)) for node, tags in graph.nodes(data=True) if "barrier" in tags
    }
    return {node: passed for node, passed in told.items() if passed is not None}


def _driven(tags: dict[str, Any], words: dict[str, str]) -> tuple[int, int]:
    """The access bits of an edge from u to v, and of its way back.

    osmnx writes oneway as a truth value and an edge for each direction, so that only a one-way edge has a way back
    here. Where it kept the raw tag (its setting all_oneway), the edge stands for the whole way, already turned round
    when the tag says -1.
    """
    if ACCESS in tags:
        return _written_bits(tags[ACCESS]), CONTRAFLOW if str(tags.get(TWIN)) == "True" else 0
    oneway = tags.get("oneway")
    if not isinstance(oneway, bool):
        along, against = access_by_direction(words)
        return (against, along) if words.get("oneway") in ("-1", "reverse") else (along, against)
    if oneway:
        return access_by_direction(words | {"oneway": "yes"})
    return access_by_direction(words | {"oneway": "no"})[0], 0


def _written_bits(value: Any) -> int:
    """Access bits as save_roads wrote them; of an edge that osmnx merged from several, what all of them grant."""
    bits = 0xFF
    for part in value if isinstance(value, list) else [value]:
        bits &= int(part)
    return bits


def _words(tags: dict[str, Any]) -> dict[str, str]:
    """Edge attributes as tag words; lists (merged ways) are joined by ``;``, highway takes its first known class."""
    words = _plain(tags, (*COLUMNS, *RULE_TAGS))
    classes = words.get("highway", "").split(";")
    words["highway"] = next((name for name in classes if name in CAR_CLASSES), classes[0])
    words["maxspeed:type"] = next((words[key] for key in MAXSPEED_TYPES if ":" in words.get(key, "")), "")
    return words


def _plain(tags: dict[str, Any], wanted: tuple[str, ...]) -> dict[str, str]:
    return {name: _word(tags[name]) for name in wanted if name in tags}


def _word(value: Any) -> str:
    return ";".join(str(part) for part in value) if isinstance(value, list) else str(value)


class _Cut:
    """Cuts edges into straight arcs; points inside an edge become nodes with ids -1, -2 ..."""

    def __init__(self, graph: Any) -> None:
        self.node_id: list[int] = [int(node) for node in graph.nodes]
        self.points: list[tuple[float, float]] = [(float(at["x"]), float(at["y"])) for _, at in graph.nodes(data=True)]
        self.row = {node: row for row, node in enumerate(graph.nodes)}
        self.tail: list[int] = []
        self.head: list[int] = []
        self.length_m: list[float] = []
        self.way: list[int] = []
        self.access: list[int] = []
        self.origin: list[tuple[int, int, int]] = []
        self.way_id: list[int] = []
        self.tags: list[dict[str, str]] = []
        self.forward: list[bool] = []

    def edge(
        self, edge: tuple[Any, Any, int], tags: dict[str, Any], words: dict[str, str], along: int, against: int
    ) -> None:
        """Take an edge (u, v, key) with the access bits `along` it and `against` it."""
        u, v, key = int(edge[0]), int(edge[1]), int(edge[2])
        inside: Sequence[tuple[float, float]] = list(tags["geometry"].coords)[1:-1] if "geometry" in tags else []
        first = len(self.points)
        self.points.extend((float(point[0]), float(point[1])) for point in inside)
        self.node_id.extend(-1 - (first - len(self.row) + step) for step in range(len(inside)))
        chain = [self.row[edge[0]], *range(first, first + len(inside)), self.row[edge[1]]]
        osmid = tags.get("osmid", 0)
        self.way_id.append(int(osmid[0] if isinstance(osmid, list) else osmid))
        self.tags.append(words)
        pieces = list(zip(chain[:-1], chain[1:], self._lengths(chain, tags.get("length")), strict=True))
        drawn = not tags.get("reversed", False) and words.get("oneway") not in ("-1", "reverse")
        back = (u, v, key) if against == CONTRAFLOW else (v, u, key)  # what closes the road closes it both ways
        for tail, head, length_m in pieces if along else ():
            self._arc((tail, head, length_m), along, drawn, (u, v, key))
        for tail, head, length_m in reversed(pieces) if against else ():
            self._arc((head, tail, length_m), against, not drawn, back)

    def _arc(self, piece: tuple[int, int, float], access: int, forward: bool, origin: tuple[int, int, int]) -> None:
        self.tail.append(piece[0])
        self.head.append(piece[1])
        self.length_m.append(piece[2])
        self.way.append(len(self.way_id) - 1)
        self.access.append(access)
        self.forward.append(forward)
        self.origin.append(origin)

    def _lengths(self, chain: list[int], total_m: Any) -> list[float]:
        """Great-circle lengths of the pieces, scaled so that they add up to the edge's own length where it has one."""
        lon, lat = np.array([self.points[row] for row in chain]).T
        pieces = distances_m(lon[:-1], lat[:-1], lon[1:], lat[1:])
        stated_m = float(total_m) if total_m is not None else 0.0
        if 0 < stated_m < np.inf and pieces.sum() > 0:  # NaN, zero and negative lengths are none
            pieces = pieces * (stated_m / pieces.sum())
        return [float(piece) for piece in pieces]

    def network(self) -> Network:
        """The arrays. Raises ValueError naming a node that lies nowhere in WGS-84."""
        for node, (lon, lat) in zip(self.node_id, self.points, strict=True):
            if not (-180 <= lon <= 180 and -90 <= lat <= 90):
                raise ValueError(f"node {node}: x={lon} y={lat} is not within WGS-84")
        access = np.array(self.access, np.uint8)
        order = np.argsort(access == CONTRAFLOW, kind="stable")  # what is lawful is numbered first
        tail, head = np.array(self.tail, np.int32)[order], np.array(self.head, np.int32)[order]
        points = np.array(self.points, np.float64).reshape(-1, 2)
        return Network(
            node_id=np.array(self.node_id, np.int64),
            lon=points[:, 0].copy(),
            lat=points[:, 1].copy(),
            tail=tail,
            head=head,
            key=parallel_keys(tail, head),
            length_m=np.array(self.length_m, np.float64)[order],
            way=np.array(self.way, np.int32)[order],
            forward=np.array(self.forward, np.bool_)[order],
            access=access[order],
            origin=np.array(self.origin, np.int64).reshape(-1, 3)[order],
            way_id=np.array(self.way_id, np.int64),
            columns={name: Column.of([words.get(name, "") for words in self.tags]) for name in COLUMNS},
        )
