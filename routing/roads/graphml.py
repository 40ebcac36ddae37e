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
from routing.roads.islands import report_on
from routing.roads.network import COLUMNS, Column, LoadReport, Network, distances_m, parallel_keys
from routing.roads.osm import MAXSPEED_TYPES, malformed
from routing.roads.rules import CAR_CLASSES, directions, who_may_use

SUFFIXES = (".graphml",)


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
    return network_of(graph)


def network_of(graph: Any) -> tuple[Network, LoadReport]:
    """The network of an osmnx MultiDiGraph (nodes x, y; edges with at least `highway`), in WGS-84 degrees."""
    cut = _Cut(graph)
    dropped: Counter[str] = Counter()
    for u, v, key, tags in graph.edges(keys=True, data=True):
        words = _words(tags)
        access = who_may_use(words)
        along, against = _driven(tags, words)
        if access and (along or against):
            cut.edge(u, v, key, tags, words, access, along=along, against=against)
        else:
            dropped[f"highway={words['highway']}"] += 1
    return report_on(cut.network(), dropped, ways_read=graph.number_of_edges(), ways_kept=len(cut.way_id))


def _driven(tags: dict[str, Any], words: dict[str, str]) -> tuple[bool, bool]:
    """Whether an edge is driven from u to v, and from v to u.

    osmnx writes oneway as a truth value and an edge for each direction. Where it kept the raw tag (its setting
    all_oneway), the edge stands for the whole way, already turned round when the tag says -1.
    """
    if isinstance(tags.get("oneway"), bool):
        return True, False
    along, against = directions(words)
    return (True, False) if against and not along else (along, against)


def _words(tags: dict[str, Any]) -> dict[str, str]:
    """Edge attributes as tag words; lists (merged ways) are joined by ``;``, highway takes its first known class."""
    words = {name: _word(tags[name]) for name in (*COLUMNS, *MAXSPEED_TYPES) if name in tags}
    classes = words.get("highway", "").split(";")
    words["highway"] = next((name for name in classes if name in CAR_CLASSES), classes[0])
    words["maxspeed:type"] = next((words[key] for key in MAXSPEED_TYPES if ":" in words.get(key, "")), "")
    return words


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
        self,
        u: Any,
        v: Any,
        key: int,
        tags: dict[str, Any],
        words: dict[str, str],
        access: int,
        *,
        along: bool,
        against: bool,
    ) -> None:
        inside: Sequence[tuple[float, float]] = list(tags["geometry"].coords)[1:-1] if "geometry" in tags else []
        first = len(self.points)
        self.points.extend((float(point[0]), float(point[1])) for point in inside)
        self.node_id.extend(-1 - (first - len(self.row) + step) for step in range(len(inside)))
        chain = [self.row[u], *range(first, first + len(inside)), self.row[v]]
        osmid = tags.get("osmid", 0)
        self.way_id.append(int(osmid[0] if isinstance(osmid, list) else osmid))
        self.tags.append(words)
        pieces = list(zip(chain[:-1], chain[1:], self._lengths(chain, tags.get("length")), strict=True))
        drawn = not tags.get("reversed", False) and words.get("oneway") not in ("-1", "reverse")
        for tail, head, length_m in pieces if along else ():
            self._arc(tail, head, length_m, access, drawn, (int(u), int(v), int(key)))
        for tail, head, length_m in reversed(pieces) if against else ():
            self._arc(head, tail, length_m, access, not drawn, (int(v), int(u), int(key)))

    def _arc(
        self, tail: int, head: int, length_m: float, access: int, forward: bool, origin: tuple[int, int, int]
    ) -> None:
        self.tail.append(tail)
        self.head.append(head)
        self.length_m.append(length_m)
        self.way.append(len(self.way_id) - 1)
        self.access.append(access)
        self.forward.append(forward)
        self.origin.append(origin)

    def _lengths(self, chain: list[int], total_m: Any) -> list[float]:
        """Great-circle lengths of the pieces, scaled so that they add up to the edge's own length where it has one."""
        lon, lat = np.array([self.points[row] for row in chain]).T
        pieces = distances_m(lon[:-1], lat[:-1], lon[1:], lat[1:])
        if total_m is not None and pieces.sum() > 0:
            pieces = pieces * (float(total_m) / pieces.sum())
        return [float(piece) for piece in pieces]

    def network(self) -> Network:
        tail, head = np.array(self.tail, np.int32), np.array(self.head, np.int32)
        points = np.array(self.points, np.float64).reshape(-1, 2)
        return Network(
            node_id=np.array(self.node_id, np.int64),
            lon=points[:, 0].copy(),
            lat=points[:, 1].copy(),
            tail=tail,
            head=head,
            key=parallel_keys(tail, head),
            length_m=np.array(self.length_m, np.float64),
            way=np.array(self.way, np.int32),
            forward=np.array(self.forward, np.bool_),
            access=np.array(self.access, np.uint8),
            origin=np.array(self.origin, np.int64).reshape(-1, 3),
            way_id=np.array(self.way_id, np.int64),
            columns={name: Column.of([words.get(name, "") for words in self.tags]) for name in COLUMNS},
        )
