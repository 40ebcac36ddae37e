"""Closures and slow stretches: which arcs they mean, and how versions change."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from paper_towns import AT, Draw
from shapely import MultiPolygon, Polygon, box

from casebook.errors import NotFound, RefusedInput
from routing.roads import Roadmap
from routing.traffic import FREE_FLOW, Closure, Slowdown, Stretch, Traffic, read_area

NODES = {1: (31.0, 121.0), 2: (31.0, 121.01), 3: (31.0, 121.02), 4: (31.01, 121.01), 5: (30.99, 121.01)}
WAYS = [
    (1, [1, 2, 3], {"highway": "trunk", "ref": "G60;S36"}),
    (2, [4, 5], {"highway": "primary", "ref": "G320", "bridge": "yes"}),  # crosses above, without a junction
    (3, [4, 2], {"highway": "primary"}),
    (4, [5, 2], {"highway": "primary"}),
]
AROUND_THE_CROSSING = box(121.009, 30.999, 121.011, 31.001)


@pytest.fixture
def roads(draw: Draw) -> Roadmap:
    return draw(NODES, WAYS)


def meant(roads: Roadmap, where: Stretch) -> set[tuple[int, int]]:
    return {roads.edge_of(arc)[:2] for arc in where.arcs(roads).tolist()}


def test_an_area_takes_everything_it_touches_bridges_too(roads: Roadmap):
    area = meant(roads, Stretch(area=AROUND_THE_CROSSING))
    assert {(1, 2), (2, 3), (4, 5), (5, 4), (4, 2)} <= area


def test_a_road_number_in_an_area_takes_only_that_road(roads: Roadmap):
    assert meant(roads, Stretch(area=AROUND_THE_CROSSING, ref="S36")) == {(1, 2), (2, 1), (2, 3), (3, 2)}


def test_a_bearing_takes_one_carriageway(roads: Roadmap):
    assert meant(roads, Stretch(ref="G60", bearing_deg=80)) == {(1, 2), (2, 3)}
    assert meant(roads, Stretch(ref="G60", bearing_deg=260)) == {(2, 1), (3, 2)}


def test_edges_are_taken_by_their_key_and_unknown_ones_mean_nothing(roads: Roadmap):
    assert meant(roads, Stretch(edges=frozenset({(2, 3, 0), (98, 99, 0)}))) == {(2, 3)}


def test_a_stretch_must_say_where():
    with pytest.raises(RefusedInput, match="must say where"):
        Stretch(bearing_deg=90)


@pytest.mark.parametrize(
    "geojson",
    [
        {"type": "Point", "coordinates": [121, 31]},
        {"type": "Polygon", "coordinates": [[[121, 31], [121.1, 31.1], [121.1, 31], [121, 31.1], [121, 31]]]},
        {"type": "Polygon", "coordinates": [[[121000, 31], [121, 31.1], [121.1, 31], [121000, 31]]]},
        {"type": "Polygon"},
        {"type": "FeatureCollection", "features": []},
        {"type": "FeatureCollection"},
        {},
    ],
)
def test_an_area_that_is_none_is_refused(geojson: dict):
    with pytest.raises(RefusedInput) as refused:
        Stretch(area=read_area(geojson))
    assert refused.value.key == "stretch_area"


def test_areas_come_from_any_geojson():
    polygon = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
    far = {"type": "Polygon", "coordinates": [[[5, 5], [6, 5], [6, 6], [5, 5]]]}
    features = {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": g} for g in (polygon, far)]}
    assert isinstance(read_area(polygon), Polygon)
    assert isinstance(read_area({"type": "Feature", "geometry": polygon}), Polygon)
    assert isinstance(read_area(features), MultiPolygon)


def closure(id: str = "G60-works", **changes) -> Closure:
    facts = {"where": Stretch(ref="G60"), "reason": "大修", "author": "dispatcher", "since": AT, "until": None}
    return Closure(id, **(facts | changes))


def test_every_change_is_a_new_version_and_the_old_one_stays():
    one = FREE_FLOW.with_closure(closure())
    two = one.with_closure(closure(reason="still works"))
    three = two.without("G60-works")
    assert [traffic.version for traffic in (FREE_FLOW, one, two, three)] == [0, 1, 2, 3]
    assert [len(traffic.closures) for traffic in (FREE_FLOW, one, two, three)] == [0, 1, 1, 0]
    assert two.closures[0].reason == "still works"


def test_lifting_what_is_not_there_is_refused():
    with pytest.raises(NotFound):
        FREE_FLOW.without("nothing")


def test_a_closure_holds_from_since_until_until():
    closed = closure(until=AT + timedelta(hours=1))
    holds = [closed.holds_at(AT + timedelta(minutes=minutes)) for minutes in (-1, 0, 59, 60)]
    assert holds == [False, True, True, False]


def test_a_slowdown_needs_a_speed():
    with pytest.raises(RefusedInput):
        Slowdown("slow", Stretch(ref="G60"), "works", "me", AT, speed_kph=0, source="works")


def test_traffic_survives_json():
    slow = Slowdown("slow", Stretch(area=AROUND_THE_CROSSING), "jam", "me", AT, speed_kph=20, source="congestion")
    edges = closure("edges", where=Stretch(edges=frozenset({(1, 2, 0)}), bearing_deg=10.0), until=AT)
    traffic = Traffic().with_closure(closure()).with_closure(edges).with_slowdown(slow)
    assert Traffic.read(json.loads(json.dumps(traffic.as_facts()))) == traffic
