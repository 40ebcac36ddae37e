"""Which arcs of the map a change of the day means: named edges, an area, a road number.

Pure geometry. What the change does to them is left to routing/traffic/changes.py.
"""

from __future__ import annotations

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
from routing.roads.roadmap import EdgeKey, Roadmap

KEPT_STRETCHES = 4_096  # per road map; a day's closures many times over


@dataclass(frozen=True, slots=True)
class Stretch:
    """Which arcs are meant: named edges, or all in an area, or all of a road number (in an area if given).

    `bearing_deg` keeps only arcs that run within 90 degrees of it: one carriageway of a motorway. An area alone takes
    everything that touches it, bridges and tunnels too; give the road number to take only that road.
    """

    area: Polygon | MultiPolygon | None = None
    edges: frozenset[EdgeKey] = frozenset()
    ref: str | None = None
    bearing_deg: float | None = None

    def __post_init__(self) -> None:
        if self.area is None and not self.edges and not self.ref:
            raise RefusedInput("stretch_empty")
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
        network = roadmap.network
        taken = np.ones(network.arcs, np.bool_)
        if self.edges:
            taken &= _rows([arc for edge in self.edges for arc in roadmap.arcs_of(edge)], network.arcs)
        if self.area is not None:
            taken &= _rows(roadmap.arcs_in(self.area), network.arcs)
        if self.ref:
            taken &= network.where_tag("ref", {self.ref})
        if self.bearing_deg is not None:
            taken &= np.abs((network.bearing_deg() - self.bearing_deg + 180) % 360 - 180) < 90
        return np.flatnonzero(taken)

    def as_facts(self) -> dict[str, Any]:
        """Plain JSON; the area as a GeoJSON geometry."""
        return {
            "area": None if self.area is None else mapping(self.area),
            "edges": [list(edge) for edge in sorted(self.edges)],
            "ref": self.ref,
            "bearing_deg": self.bearing_deg,
        }

    @classmethod
    def read(cls, facts: Mapping[str, Any]) -> Stretch:
        """From as_facts, or from GeoJSON (geometry, Feature or FeatureCollection of polygons) under ``area``."""
        edges = frozenset((int(u), int(v), int(key)) for u, v, key in facts.get("edges") or ())
        area = facts.get("area")
        return cls(None if area is None else read_area(area), edges, facts.get("ref"), facts.get("bearing_deg"))


_kept: WeakKeyDictionary[Roadmap, OrderedDict[Stretch, NDArray[np.intp]]] = WeakKeyDictionary()
_lock = threading.Lock()


def _rows(arcs: Any, count: int) -> NDArray[np.bool_]:
    mask = np.zeros(count, np.bool_)
    mask[np.asarray(arcs, np.intp)] = True
    return mask


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
