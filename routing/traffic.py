"""What is different on the roads today: closures and slow stretches, as immutable versions.

Pure data and geometry. An arc under an active closure is absent for every vehicle; it is never a large weight, so no
answer can cross it. Which traffic is current is the dispatcher's to say; times are left to routing/ground.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon
from shapely.geometry import mapping, shape

from casebook.errors import NotFound, RefusedInput
from routing.roads.roadmap import EdgeKey, Roadmap

SlowSource = Literal["works", "congestion", "weather", "other"]


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
        """Rows of the arcs meant, ascending; empty when nothing on this map is meant."""
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


@dataclass(frozen=True, slots=True)
class _Dated:
    """A change with its author and its time; `until` None = until somebody lifts it. Instants are aware UTC."""

    id: str
    where: Stretch
    reason: str
    author: str
    since: datetime
    until: datetime | None = None

    def __post_init__(self) -> None:
        assert self.since.tzinfo is not None and (self.until is None or self.until.tzinfo is not None)

    def holds_at(self, at: datetime) -> bool:
        return self.since <= at and (self.until is None or at < self.until)

    def as_facts(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "where": self.where.as_facts(),
            "reason": self.reason,
            "author": self.author,
            "since": self.since.isoformat(),
            "until": self.until.isoformat() if self.until else None,
        }


def _read_dated(facts: Mapping[str, Any]) -> dict[str, Any]:
    until = facts.get("until")
    return {
        "id": facts["id"],
        "where": Stretch.read(facts["where"]),
        "reason": facts["reason"],
        "author": facts["author"],
        "since": datetime.fromisoformat(facts["since"]),
        "until": datetime.fromisoformat(until) if until else None,
    }


@dataclass(frozen=True, slots=True)
class Closure(_Dated):
    """Nobody drives here, siren or not, from `since` until `until`."""

    @classmethod
    def read(cls, facts: Mapping[str, Any]) -> Closure:
        return cls(**_read_dated(facts))


@dataclass(frozen=True, slots=True)
class Slowdown(_Dated):
    """Nobody is faster here than `speed_kph`. A siren helps in congestion only: works leave no room to pass."""

    speed_kph: float = field(kw_only=True)
    source: SlowSource = field(kw_only=True)

    def __post_init__(self) -> None:
        _Dated.__post_init__(self)
        if not 0 < self.speed_kph < 200:
            raise RefusedInput("bad_field", where=self.id, field="speed_kph", why=str(self.speed_kph))

    def as_facts(self) -> dict[str, Any]:
        return _Dated.as_facts(self) | {"speed_kph": self.speed_kph, "source": self.source}

    @classmethod
    def read(cls, facts: Mapping[str, Any]) -> Slowdown:
        return cls(**_read_dated(facts), speed_kph=float(facts["speed_kph"]), source=facts["source"])


@dataclass(frozen=True, slots=True)
class Traffic:
    """One version of the day's traffic. Every change gives a new object with the next `version`."""

    version: int = 0
    closures: tuple[Closure, ...] = ()
    slowdowns: tuple[Slowdown, ...] = ()

    def with_closure(self, closure: Closure) -> Traffic:
        """Add it, or replace the one with the same id."""
        kept = tuple(old for old in self.closures if old.id != closure.id)
        return replace(self, version=self.version + 1, closures=(*kept, closure))

    def with_slowdown(self, slowdown: Slowdown) -> Traffic:
        """Add it, or replace the one with the same id."""
        kept = tuple(old for old in self.slowdowns if old.id != slowdown.id)
        return replace(self, version=self.version + 1, slowdowns=(*kept, slowdown))

    def without(self, id: str) -> Traffic:
        """Lift the closure or slowdown with this id. Raises NotFound when there is none."""
        closures = tuple(old for old in self.closures if old.id != id)
        slowdowns = tuple(old for old in self.slowdowns if old.id != id)
        if len(closures) + len(slowdowns) == len(self.closures) + len(self.slowdowns):
            raise NotFound(what="closure", id=id)
        return replace(self, version=self.version + 1, closures=closures, slowdowns=slowdowns)

    def as_facts(self) -> dict[str, Any]:
        return {
            "version": self.version,
            "closures": [closure.as_facts() for closure in self.closures],
            "slowdowns": [slowdown.as_facts() for slowdown in self.slowdowns],
        }

    @classmethod
    def read(cls, facts: Mapping[str, Any]) -> Traffic:
        closures = tuple(Closure.read(closure) for closure in facts["closures"])
        return cls(facts["version"], closures, tuple(Slowdown.read(slow) for slow in facts["slowdowns"]))


FREE_FLOW = Traffic()
