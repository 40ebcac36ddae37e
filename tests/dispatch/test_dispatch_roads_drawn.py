"""The roads as the console draws them."""

from __future__ import annotations

import msgspec
from valley import CITY, SCENE

from dispatch.roads_drawn import roads_geojson
from routing.roads import Roadmap


def test_lines_carry_class_and_number_and_the_file_its_bounds_and_attribution(valley: Roadmap):
    drawn = msgspec.json.decode(roads_geojson(valley))
    assert drawn["bbox"][0] <= SCENE.lon and drawn["bbox"][2] >= CITY.lon
    assert "OpenStreetMap" in drawn["attribution"]
    told = {(f["properties"]["class"], f["properties"].get("ref")) for f in drawn["features"]}
    assert told == {("motorway", "G1"), ("secondary", "X1")}


def test_a_line_keeps_its_ends_and_its_bends(valley: Roadmap):
    drawn = msgspec.json.decode(roads_geojson(valley))
    old_road = next(f for f in drawn["features"] if f["properties"]["class"] == "secondary")
    assert len(old_road["geometry"]["coordinates"]) == 4
    motorway = next(f for f in drawn["features"] if f["properties"]["class"] == "motorway")
    assert len(motorway["geometry"]["coordinates"]) == 2  # the service area lies on the straight line
