"""Which arcs of the map a change of the day means: named edges, an area, a road number, kilometre posts.

Pure geometry. What the change does to them is left to routing/traffic/changes.py.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon
from shapely.geometry import mapping, shape

from casebook.errors import RefusedInput
from routing.roads.network import Network
from routing.roads.roadmap import EdgeKey, Roadmap

KEPT_STRETCHES = 4_096  # per road map; a day's closures many times over


@dataclass(frozen=True, slots=True)
class Stretch:
    """Which arcs are meant: named edges, or all in an area, or all of a road number (in an area, or from kilometre
    post `km[0]` to `km[1]`, if given). Several conditions mean the arcs that meet them all.

    `bearing_deg` keeps only arcs that run within 90 degrees of it: one carriageway of a motorway. An area alone takes
    everything that touches it, bridges and tunnels too; give the road number to take only that road.
    """

    area: Polygon | MultiPolygon | None = None
    edges: frozenset[EdgeKey] = frozenset()
    ref: str | None = None
    bearing_deg: float | None = None
    km: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.area is None and not self.edges and not self.ref:
            raise RefusedInput("stretch_empty")
        if self.km is not None and not (self.ref and all(map(math.isfinite, self.km)) and self.km[0] <= self.km[1]):
            raise RefusedInput("stretch_km", ref=self.ref or "-", km_a=self.km[0], km_b=self.km[1])
        if self.area is not None and (self.area.is_empty or not self.area.is_valid):
            raise RefusedInput("stretch_area", why=shapely.is_valid_reason(self.area))

    def arcs(self, roadmap: Roadmap) -> NDArray[np.intp]:
        """Rows of the arcs meant, ascending; empty when this map has none of them. Kept per map, read-only."""
        with _lock:
            kept = _kept.setdefault(roadmap, OrderedDict())
            if self not in kept:
                kept[self] = self._find_arcs(roadmap)
                kept[self].flags.writeable = False
            kept.move_to_end(self)
            while len(kept) > KEPT_STRETCHES:
                kept.popitem(last=False)
            return kept[self]

    def _find_arcs(self, roadmap: Roadmap) -> NDArray[np.intp]:
        """From the narrowest condition to the widest, so that a hundred closures cost no hundred looks at all arcs."""
        network = roadmap.network
        rows: NDArray[np.intp] | None = None
        if self.edges:
            rows = np.unique(np.array([arc for edge in self.edges for arc in roadmap.arcs_of(edge)], np.intp))
        if self.area is not None:
            rows = _both(rows, roadmap.arcs_in(self.area))
        if self.km is not None:
            return _both(rows, roadmap.kmposts.arcs(self.ref or "", *self.km, self.bearing_deg))
        if self.ref:
            rows = _with_ref(network, self.ref, rows)
        assert rows is not None, "a stretch says where"
        if self.bearing_deg is not None:
            rows = rows[np.abs((_bearing_deg(network, rows) - self.bearing_deg + 180) % 360 - 180) < 90]
        against = roadmap.against[rows]  # what closes a one-way road closes it against the traffic, too
        return np.union1d(rows, against[against >= 0])

    def as_facts(self) -> dict[str, Any]:
        """Plain JSON; the area as a GeoJSON geometry."""
        return {
            "area": None if self.area is None else mapping(self.area),
            "edges": [list(edge) for edge in sorted(self.edges)],
            "ref": self.ref,
            "bearing_deg": self.bearing_deg,
        } | ({"km": list(self.km)} if self.km else {})

    @classmethod
    def read(cls, facts: Mapping[str, Any]) -> Stretch:
        """From as_facts, or from GeoJSON (geometry, Feature or FeatureCollection of polygons) under ``area``."""
        edges = frozenset((int(u), int(v), int(key)) for u, v, key in facts.get("edges") or ())
        area, km = facts.get("area"), facts.get("km")
        posts = None if km is None else (float(km[0]), float(km[1]))
        polygons = None if area is None else read_area(area)
        return cls(polygons, edges, facts.get("ref"), facts.get("bearing_deg"), posts)


_kept: WeakKeyDictionary[Roadmap, OrderedDict[Stretch, NDArray[np.intp]]] = WeakKeyDictionary()
_lock = threading.Lock()


def _both(rows: NDArray[np.intp] | None, more: NDArray[np.intp]) -> NDArray[np.intp]:
    return more if rows is None else np.intersect1d(rows, more, assume_unique=True)


def _with_ref(network: Network, ref: str, rows: NDArray[np.intp] | None) -> NDArray[np.intp]:
    """Those of the rows (of all arcs when None) whose way carries the road number."""
    if rows is None:
        return np.flatnonzero(network.where_tag("ref", {ref}))
    column = network.columns["ref"]
    carries = np.array([ref in (part.strip() for part in word.split(";")) for word in column.words])
    return rows[carries[column.code[network.way[rows]]]]


def _bearing_deg(network: Network, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Network.bearing_deg of these rows only."""
    tail, head = network.tail[rows], network.head[rows]
    east = (network.lon[head] - network.lon[tail]) * np.cos(np.radians(network.lat[tail]))
    return np.degrees(np.arctan2(east, network.lat[head] - network.lat[tail])) % 360


def read_area(geojson: Mapping[str, Any]) -> Polygon | MultiPolygon:
    """The polygons of a GeoJSON object in WGS-84. Raises RefusedInput (`stretch_area`) for anything else."""
    try:
        if geojson["type"] == "FeatureCollection":
            area = shapely.union_all([shape(feature["geometry"]) for feature in geojson["features"]])
        else:
            area = shape(dict(geojson["geometry"] if geojson["type"] == "Feature" else geojson))
    except (KeyError, TypeError, ValueError, AttributeError, shapely.errors.ShapelyError) as broken:
        raise RefusedInput("stretch_area", why=repr(broken)) from broken
    if not isinstance(area, (Polygon, MultiPolygon)):
        raise RefusedInput("stretch_area", why=area.geom_type)
    west, south, east, north = area.bounds if not area.is_empty else (0, 0, 0, 0)
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise RefusedInput("stretch_area", why=f"{west}, {south}, {east}, {north}")
    return area
