"""A road network that answers where things are: its graph, its nearest roads, what lies inside an area.

Times on it are left to routing/ground.py, changes of the day to routing/traffic.py.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from casebook.place import Place
from routing.roads.network import CAR, LoadReport, Network
from routing.roads.snapping import Snap, Snapper

if TYPE_CHECKING:
    import networkx as nx
    from shapely.geometry.base import BaseGeometry

EdgeKey = tuple[int, int, int]  # (u, v, key) of Roadmap.graph: OSM node ids and the number of the parallel edge
EDGE_TAGS = ("highway", "ref", "name", "name:zh", "name:en", "maxspeed", "lanes", "junction", "service", "access")


class Roadmap:
    """A checked, strongly connected road network in WGS-84.

    `accuracy_m` is how far its lines may be off (None: not stated). `country` (ISO 3166 two letters or None) picks the
    speed table. `digest` names the content it was read from: two answers with one digest stood on the same roads.
    """

    def __init__(
        self,
        network: Network,
        report: LoadReport,
        *,
        name: str,
        digest: str,
        attribution: str,
        accuracy_m: float | None = None,
        country: str | None = None,
    ) -> None:
        self.network, self.report = network, report
        self.name, self.digest, self.attribution = name, digest, attribution
        self.accuracy_m, self.country = accuracy_m, country

    def __repr__(self) -> str:
        return f"<Roadmap {self.name}: {self.network.nodes} nodes, {self.network.arcs} arcs, {self.digest[:12]}>"

    @cached_property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees."""
        lon, lat = self.network.lon, self.network.lat
        return float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())

    @cached_property
    def graph(self) -> nx.MultiDiGraph:
        """The network as networkx, as osmnx makes it: nodes x, y; edges highway, ref, name, oneway, maxspeed, length,
        osmid. `arc` is the row in the arrays. A view for reading: times come from the arrays."""
        import networkx as nx

        net = self.network
        graph = nx.MultiDiGraph(crs="epsg:4326", name=self.name, simplified=False)
        ids = net.node_id.tolist()
        graph.add_nodes_from(
            zip(ids, ({"x": x, "y": y} for x, y in zip(net.lon.tolist(), net.lat.tolist(), strict=True)), strict=True)
        )
        tags = self._way_tags()
        twins = self._has_twin()
        rows = zip(
            net.tail.tolist(), net.head.tolist(), net.key.tolist(), net.way.tolist(), net.length_m.tolist(), strict=True
        )
        for arc, (tail, head, key, way, length_m) in enumerate(rows):
            graph.add_edge(
                ids[tail],
                ids[head],
                key,
                **tags[way],
                oneway=not twins[arc],
                reversed=not net.forward[arc],
                length=length_m,
                arc=arc,
            )
        return graph

    def _way_tags(self) -> list[dict[str, Any]]:
        columns = {name: self.network.columns[name] for name in EDGE_TAGS}
        return [
            {"osmid": osmid} | {name: column[way] for name, column in columns.items() if column.code[way]}
            for way, osmid in enumerate(self.network.way_id.tolist())
        ]

    def _has_twin(self) -> NDArray[np.bool_]:
        """For each arc, whether the same way is also driven the other way."""
        net = self.network
        ways_both = np.zeros(len(net.way_id), np.uint8)
        np.bitwise_or.at(ways_both, net.way, np.where(net.forward, 1, 2).astype(np.uint8))
        return ways_both[net.way] == 3

    @cached_property
    def _snapper(self) -> Snapper:
        return Snapper(self.network, self.accuracy_m)

    @cached_property
    def usable_by_car(self) -> NDArray[np.bool_]:
        """For each arc, whether a plain car may use it; an ambulance on duty may use every arc kept."""
        return (self.network.access & CAR) > 0

    def snap(
        self, place: Place, usable: NDArray[np.bool_] | None = None, heading_deg: float | None = None
    ) -> tuple[Snap, ...]:
        """The nearest points on the road to `place`; see Snapper.near. Empty when the place is not on this map."""
        everything = np.ones(self.network.arcs, np.bool_) if usable is None else usable
        return self._snapper.near(place, everything, heading_deg)

    def arcs_in(self, area: BaseGeometry) -> NDArray[np.intp]:
        """Rows of the arcs that touch the area (WGS-84 degrees), ascending."""
        return np.sort(self._snapper.tree.query(area, predicate="intersects"))

    @cached_property
    def _arc_of_edge(self) -> dict[EdgeKey, list[int]]:
        net = self.network
        tails, heads = net.node_id[net.tail].tolist(), net.node_id[net.head].tolist()
        found: dict[EdgeKey, list[int]] = {}
        for arc, edge in enumerate(zip(tails, heads, net.key.tolist(), strict=True)):
            found[edge] = [arc]
        for arc, (u, v, key) in enumerate(net.origin.tolist()):
            rows = found.setdefault((u, v, key), [])
            if arc not in rows:
                rows.append(arc)
        return found

    def arcs_of(self, edge: EdgeKey) -> list[int]:
        """Rows of the arcs of an edge (u, v, key); several when a simplified file's edge was cut; [] when unknown."""
        return self._arc_of_edge.get(edge, [])

    def edge_of(self, arc: int) -> EdgeKey:
        net = self.network
        return int(net.node_id[net.tail[arc]]), int(net.node_id[net.head[arc]]), int(net.key[arc])

    def as_facts(self) -> dict[str, Any]:
        """What is in it and what was dropped, as plain JSON; the words stand under ``routing.roads.<name>``."""
        net = self.network
        km = np.bincount(net.columns["highway"].code[net.way], net.length_m / 1000)
        by_class = {
            word: round(float(km[code]), 1)
            for code, word in enumerate(net.columns["highway"].words)
            if code < len(km) and km[code]
        }
        told = {
            name: getattr(self.report, name)
            for name in ("ways_read", "ways_kept", "ways_dropped", "ways_clipped", "nodes_missing", "nodes_islands")
        }
        return {
            "name": self.name,
            "nodes": net.nodes,
            "arcs": net.arcs,
            "arcs_car": self.report.arcs_car,
            "length_km": round(float(net.length_m.sum()) / 1000, 1),
            "classes": dict(sorted(by_class.items(), key=lambda item: -item[1])),
            "bounds": [round(edge, 6) for edge in self.bounds],
            "country": self.country,
            "accuracy_m": self.accuracy_m,
            "attribution": self.attribution,
            "digest": self.digest,
        } | told

    def as_geojson(self, classes: Collection[str] | None = None) -> dict[str, Any]:
        """The roads as GeoJSON lines for a map, one feature per way and direction pair; `classes` None = all.

        Properties: osmid, highway, ref, name, name_en, oneway. Keep `attribution` visible beside it.
        """
        net, tags, twins = self.network, self._way_tags(), self._has_twin()
        wanted = np.ones(net.arcs, np.bool_) if classes is None else net.where_tag("highway", set(classes))
        drawn = np.flatnonzero(wanted & (net.forward | ~twins))
        features = [self._feature(run, tags, twins) for run in self._runs(drawn)]
        return {"type": "FeatureCollection", "attribution": self.attribution, "features": features}

    def _runs(self, arcs: NDArray[np.intp]) -> list[NDArray[np.intp]]:
        """Arcs split where the way changes or the chain breaks; loaders write a way's arcs in a row."""
        net = self.network
        if len(arcs) == 0:
            return []
        breaks = (net.way[arcs][1:] != net.way[arcs][:-1]) | (net.tail[arcs][1:] != net.head[arcs][:-1])
        return np.split(arcs, np.flatnonzero(breaks) + 1)

    def _feature(self, run: NDArray[np.intp], tags: list[dict[str, Any]], twins: NDArray[np.bool_]) -> dict[str, Any]:
        net = self.network
        nodes = [int(net.tail[run[0]]), *net.head[run].tolist()]
        way = tags[int(net.way[run[0]])]
        properties = {"osmid": way["osmid"], "oneway": not bool(twins[run[0]])}
        properties |= {
            name.replace(":", "_"): way[name] for name in ("highway", "ref", "name", "name:en") if name in way
        }
        line = [[round(float(net.lon[node]), 6), round(float(net.lat[node]), 6)] for node in nodes]
        return {"type": "Feature", "properties": properties, "geometry": {"type": "LineString", "coordinates": line}}
