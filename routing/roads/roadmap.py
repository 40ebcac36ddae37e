"""A road network that answers where things are: its graph, its nearest roads, what lies inside an area.

Times on it are left to routing/ground.py, changes of the day to routing/traffic.py.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from casebook.place import Place
from routing.roads.grid import Grid
from routing.roads.kmposts import KmPosts
from routing.roads.network import ACCESS_WORDS, CAR, COLUMNS, CONTRAFLOW, EMERGENCY, LoadReport, Network
from routing.roads.snapping import Snap, Snapper
from routing.roads.twins import twins

if TYPE_CHECKING:
    import networkx as nx
    from shapely.geometry.base import BaseGeometry

EdgeKey = tuple[int, int, int]  # (u, v, key) of Roadmap.graph: OSM node ids and the number of the parallel edge
EDGE_TAGS = tuple(name for name in COLUMNS if name != "oneway")  # that one is a truth value, as osmnx has it


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
        grid: Grid | None = None,
    ) -> None:
        self.network, self.report = network, report
        self.name, self.digest, self.attribution = name, digest, attribution
        self.accuracy_m, self.country = accuracy_m, country
        self._grid = grid

    def __repr__(self) -> str:
        return f"<Roadmap {self.name}: {self.network.nodes} nodes, {self.network.arcs} arcs, {self.digest[:12]}>"

    @cached_property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees."""
        lon, lat = self.network.lon, self.network.lat
        return float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())

    @cached_property
    def graph(self) -> nx.MultiDiGraph:
        """The lawful roads as networkx, as osmnx makes it: nodes x, y; edges highway, ref, name, oneway, maxspeed,
        length, osmid. `arc` is the row in the arrays, `access_bits` who may use it, `contraflow` whether there is
        an arc against it. A view for reading: times come from the arrays, turn restrictions stand beside them."""
        import networkx as nx

        net, tags = self.network, self._way_tags()
        graph = nx.MultiDiGraph(crs="epsg:4326", name=self.name, simplified=False)
        ids = net.node_id.tolist()
        graph.add_nodes_from(
            zip(ids, ({"x": x, "y": y} for x, y in zip(net.lon.tolist(), net.lat.tolist(), strict=True)), strict=True)
        )
        oneway = (self._twins < 0).tolist()
        against = (twins(net, ~self.lawful) >= 0).tolist()
        columns = (net.tail, net.head, net.key, net.way, net.length_m, net.forward, net.access)
        rows = list(zip(*(column.tolist() for column in columns), strict=True))
        for arc in np.flatnonzero(self.lawful).tolist():
            tail, head, key, way, length_m, forward, access = rows[arc]
            graph.add_edge(
                ids[tail],
                ids[head],
                key,
                **tags[way],
                oneway=oneway[arc],
                reversed=not forward,
                length=length_m,
                arc=arc,
                access_bits=access,
                contraflow=against[arc],
            )
        return graph

    def _way_tags(self) -> list[dict[str, Any]]:
        columns = {name: self.network.columns[name] for name in EDGE_TAGS}
        return [
            {"osmid": osmid} | {name: column[way] for name, column in columns.items() if column.code[way]}
            for way, osmid in enumerate(self.network.way_id.tolist())
        ]

    @cached_property
    def lawful(self) -> NDArray[np.bool_]:
        """For each arc, whether it runs with the traffic (whoever may use it), not against a one-way road."""
        return self.network.access != CONTRAFLOW

    @cached_property
    def _twins(self) -> NDArray[np.intp]:
        return twins(self.network, self.lawful)

    @cached_property
    def _snapper(self) -> Snapper:
        return Snapper(self.network, self.accuracy_m, self._grid)

    @cached_property
    def usable_by_car(self) -> NDArray[np.bool_]:
        """For each arc, whether a plain car may use it."""
        return (self.network.access & CAR) > 0

    @property
    def grid(self) -> Grid:
        """The arcs by the square they lie in."""
        return self._snapper.grid

    def snap(
        self, place: Place, usable: NDArray[np.bool_] | None = None, heading_deg: float | None = None
    ) -> tuple[Snap, ...]:
        """The nearest points on the road to `place`; see Snapper.near. Empty when the place is not on this map.

        Without `usable`: all arcs that cars or ambulances use by right.
        """
        return self._snapper.near(place, self._usable_on_duty if usable is None else usable, heading_deg)

    def snap_many(
        self,
        places: Sequence[Place],
        usable: NDArray[np.bool_] | None = None,
        heading_deg: Sequence[float | None] | None = None,
    ) -> list[tuple[Snap, ...]]:
        """`snap` for many places at once."""
        return self._snapper.many(places, self._usable_on_duty if usable is None else usable, heading_deg)

    @cached_property
    def _usable_on_duty(self) -> NDArray[np.bool_]:
        return (self.network.access & (CAR | EMERGENCY)) > 0

    @cached_property
    def kmposts(self) -> KmPosts:
        """Road numbers and kilometres on this map."""
        return KmPosts(self.network, self.accuracy_m)

    def arcs_in(self, area: BaseGeometry) -> NDArray[np.intp]:
        """Rows of the arcs that touch the area (WGS-84 degrees), ascending."""
        import shapely

        if area.is_empty:
            return np.empty(0, np.intp)
        net = self.network
        arcs = np.unique(self.grid.touching(*area.bounds)).astype(np.intp)
        tail, head = net.tail[arcs], net.head[arcs]
        ends = np.stack((net.lon[tail], net.lat[tail], net.lon[head], net.lat[head]), axis=1).reshape(-1, 2, 2)
        shapely.prepare(area)
        return arcs[shapely.intersects(area, shapely.linestrings(ends))]

    @cached_property
    def _arcs_from(self) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
        """Arcs in the order of the node id that they leave, and those ids: a dict of all edges costs seconds."""
        ids = self.network.node_id[self.network.tail]
        order = np.argsort(ids, kind="stable")
        return order, ids[order]

    @cached_property
    def _cut_from(self) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
        """The same of the simplified edges that arcs were cut from."""
        ids = self.network.origin[:, 0]
        order = np.argsort(ids, kind="stable")
        return order, ids[order]

    def arcs_of(self, edge: EdgeKey) -> list[int]:
        """Rows of the arcs of an edge (u, v, key), and of the arcs against it where it is one-way; [] when unknown.

        Several when a simplified file's edge was cut.
        """
        net, (u, v, key) = self.network, edge
        if max(map(abs, edge)) >= 1 << 63:  # no id
            return []
        rows = _leaving(self._arcs_from, u)
        arcs = rows[(net.node_id[net.head[rows]] == v) & (net.key[rows] == key)].tolist()
        if len(net.origin):
            rows = _leaving(self._cut_from, u)
            arcs += [arc for arc in rows[(net.origin[rows, 1:] == (v, key)).all(axis=1)].tolist() if arc not in arcs]
        against = self.against[arcs]
        return arcs + [arc for arc in against[against >= 0].tolist() if arc not in arcs]

    @cached_property
    def against(self) -> NDArray[np.intp]:
        """The contraflow arc of each one-way arc, else -1: what closes the road closes it in both directions."""
        return np.where(self.lawful, twins(self.network, ~self.lawful), -1)

    def edge_of(self, arc: int) -> EdgeKey:
        net = self.network
        return int(net.node_id[net.tail[arc]]), int(net.node_id[net.head[arc]]), int(net.key[arc])

    def as_facts(self) -> dict[str, Any]:
        """What is in it and what was dropped, as plain JSON; the words stand under ``routing.roads.<name>``."""
        net = self.network
        km = np.bincount(net.columns["highway"].code[net.way], np.where(self.lawful, net.length_m, 0.0) / 1000)
        by_class = {
            word: round(float(km[code]), 1)
            for code, word in enumerate(net.columns["highway"].words)
            if code < len(km) and km[code]
        }
        told = {
            name: getattr(self.report, name)
            for name in self.report.__slots__
            if name not in ("nodes", "arcs", "arcs_car")
        }
        return {
            "name": self.name,
            "nodes": net.nodes,
            "arcs": net.arcs,
            "arcs_car": self.report.arcs_car,
            "arcs_by_access": {word: int(((net.access & bit) > 0).sum()) for bit, word in ACCESS_WORDS.items()},
            "length_km": round(float(net.length_m[self.lawful].sum()) / 1000, 1),
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
        net, tags, paired = self.network, self._way_tags(), self._twins >= 0
        wanted = np.ones(net.arcs, np.bool_) if classes is None else net.where_tag("highway", set(classes))
        drawn = np.flatnonzero(wanted & self.lawful & (net.forward | ~paired))
        features = [self._feature(run, tags, paired) for run in self._runs(drawn)]
        return {"type": "FeatureCollection", "attribution": self.attribution, "features": features}

    def _runs(self, arcs: NDArray[np.intp]) -> list[NDArray[np.intp]]:
        """Arcs split where the way changes or the chain breaks; loaders write a way's arcs in a row."""
        net = self.network
        if len(arcs) == 0:
            return []
        breaks = (net.way[arcs][1:] != net.way[arcs][:-1]) | (net.tail[arcs][1:] != net.head[arcs][:-1])
        return np.split(arcs, np.flatnonzero(breaks) + 1)

    def _feature(self, run: NDArray[np.intp], tags: list[dict[str, Any]], paired: NDArray[np.bool_]) -> dict[str, Any]:
        net = self.network
        nodes = [int(net.tail[run[0]]), *net.head[run].tolist()]
        way = tags[int(net.way[run[0]])]
        properties = {"osmid": way["osmid"], "oneway": not bool(paired[run[0]])}
        properties |= {
            name.replace(":", "_"): way[name] for name in ("highway", "ref", "name", "name:en") if name in way
        }
        line = [[round(float(net.lon[node]), 6), round(float(net.lat[node]), 6)] for node in nodes]
        return {"type": "Feature", "properties": properties, "geometry": {"type": "LineString", "coordinates": line}}


def _leaving(sorted_arcs: tuple[NDArray[np.intp], NDArray[np.int64]], node_id: int) -> NDArray[np.intp]:
    order, ids = sorted_arcs
    return order[np.searchsorted(ids, node_id) : np.searchsorted(ids, node_id, side="right")]
