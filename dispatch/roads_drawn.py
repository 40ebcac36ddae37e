"""The road network as the console draws it: lines in order of importance, simplified to what a map shows."""

from __future__ import annotations

from typing import Any

import msgspec
from shapely import LineString

from routing.roads import Roadmap

# Shown from the district scale up; smaller streets only where the network is small enough to draw whole.
MAIN = (
    "motorway", "motorway_link", "trunk", "trunk_link", "primary", "primary_link", "secondary", "secondary_link",
    "tertiary", "tertiary_link",
)  # fmt: skip
WHOLE_UP_TO = 20_000  # lines; MapLibre pans twenty thousand without a GPU (measured in reference/ui.md, section 2)
OFF_DEG = 0.00005  # about 5 m


def roads_geojson(roadmap: Roadmap) -> bytes:
    """GeoJSON lines with `class`, `ref`, `name`, `name_en`, `oneway`; the network's bounds and attribution.

    Costs a moment for a city: take it once and keep it.
    """
    drawn: dict[str, Any] = roadmap.as_geojson()
    if len(drawn["features"]) > WHOLE_UP_TO:
        drawn = roadmap.as_geojson(MAIN)
    features = [_line(feature) for feature in drawn["features"]]
    whole = {"type": "FeatureCollection", "attribution": roadmap.attribution, "bbox": roadmap.bounds}
    return msgspec.json.encode(whole | {"features": features})


def _line(feature: dict[str, Any]) -> dict[str, Any]:
    said = feature["properties"]
    told: dict[str, Any] = {"class": said.get("highway", ""), "ref": said.get("ref"), "name": said.get("name")}
    told |= {"name_en": said.get("name_en"), "oneway": said.get("oneway")}
    points = feature["geometry"]["coordinates"]
    if len(points) > 2:
        points = [list(point) for point in LineString(points).simplify(OFF_DEG).coords]
    rounded = [[round(lon, 5), round(lat, 5)] for lon, lat in points]
    properties = {name: value for name, value in told.items() if value}
    return {"type": "Feature", "properties": properties, "geometry": {"type": "LineString", "coordinates": rounded}}
