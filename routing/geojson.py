"""Answers as GeoJSON (RFC 7946) for maps: a route with its turns, the bands of a reach, how stations cover.

Every collection carries the roads' `attribution` and what the answer stood on; colours are the map's own business.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from shapely.geometry import mapping

from routing.coverage import Coverage
from routing.ground import Route
from routing.reach import Reach
from routing.roads.roadmap import Roadmap
from routing.turn_by_turn import Step


def route_geojson(roadmap: Roadmap, route: Route, steps: Sequence[Step] = ()) -> dict[str, Any]:
    """The way as one line, then a point for each step, with its words in both languages."""
    facts = route.as_facts()
    line = facts.pop("geometry")
    about = {name: value for name, value in facts.items() if name not in ("at_s", "legs")}
    features = [_feature({"type": "LineString", "coordinates": line}, about)]
    features += [_point(step.lon, step.lat, step.as_facts()) for step in steps]
    return collection(roadmap, features, _stood_on(facts))


def reach_geojson(roadmap: Roadmap, reach: Reach) -> dict[str, Any]:
    """A polygon for each band, the widest first so that a map draws the nearer ones upon it; then the place."""
    features = [
        _feature(mapping(band.area), {"minutes": band.minutes, "road_km": round(band.road_km, 1), "nodes": band.nodes})
        for band in reversed(reach.bands)
    ]
    about = {"toward": reach.toward, "profile": reach.profile, "at": reach.at.isoformat()}
    features.append(_point(reach.place.lon, reach.place.lat, {"name_en": reach.place.name_en} | about))
    stood_on = {"traffic_version": reach.traffic_version, "roads_digest": reach.roads_digest}
    return collection(roadmap, features, about | stood_on)


def coverage_geojson(coverage: Coverage) -> dict[str, Any]:
    """A point for each station with its share, and one for each weak spot; the figures beside them."""
    facts = coverage.as_facts()
    stations, spots = facts.pop("by_station"), facts.pop("weak_spots")
    features = [_point(one.pop("lon"), one.pop("lat"), {"kind": "station"} | one) for one in stations]
    features += [_point(one.pop("lon"), one.pop("lat"), {"kind": "weak_spot"} | one) for one in spots]
    return collection(coverage.roadmap, features, facts)


def collection(roadmap: Roadmap, features: Iterable[dict[str, Any]], about: dict[str, Any]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "attribution": roadmap.attribution} | about | {"features": [*features]}


def _stood_on(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: facts[name] for name in ("traffic_version", "roads_digest", "profile", "at")}


def _feature(geometry: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def _point(lon: float, lat: float, properties: dict[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in properties.items() if name not in ("lon", "lat")}
    return _feature({"type": "Point", "coordinates": [round(lon, 6), round(lat, 6)]}, told)
