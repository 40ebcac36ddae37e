"""Putting a place on the road."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paper_towns import Draw, on_edge, roadmap_of
from shapely import LineString, Point

from casebook.place import EARTH_RADIUS_M, Place, distance_m
from routing.roads import Roadmap
from routing.roads.graphml import network_of
from routing.roads.network import distances_m
from routing.roads.snapping import FENCE_M, FENCED, MAX_OFF_ROAD_M, SAME_POINT_M

CLASSES = ["motorway", "primary", "residential", "residential"]

# Two carriageways of a motorway 40 m apart, joined at both ends, and a street 300 m north with a link to it.
NODES = {
    1: (31.0000, 121.000),
    2: (31.0000, 121.020),
    3: (31.0004, 121.020),
    4: (31.0004, 121.000),
    5: (31.0040, 121.000),
    6: (31.0040, 121.020),
}
WAYS = [
    (1, [1, 2], {"highway": "motorway", "ref": "G60"}),
    (2, [2, 3], {"highway": "primary", "oneway": "yes"}),
    (3, [3, 4], {"highway": "motorway", "ref": "G60"}),
    (4, [4, 1], {"highway": "primary", "oneway": "yes"}),
    (5, [4, 5, 6, 3], {"highway": "primary"}),
]


@pytest.fixture
def roads(draw: Draw) -> Roadmap:
    return draw(NODES, WAYS)


def test_a_place_on_the_carriageway_is_put_on_that_carriageway(roads: Roadmap):
    (snap,) = roads.snap(Place(31.00002, 121.005))
    assert roads.edge_of(snap.arc)[:2] == (1, 2)
    assert snap.fraction == pytest.approx(0.25, abs=1e-3)
    assert snap.distance_m == pytest.approx(2.2, abs=0.1)


def test_a_two_way_street_offers_both_directions(roads: Roadmap):
    snaps = roads.snap(Place(31.0041, 121.005))
    assert {roads.edge_of(snap.arc)[:2] for snap in snaps} == {(5, 6), (6, 5)}
    assert sum(snap.fraction for snap in snaps) == pytest.approx(1.0)


def test_a_moving_vehicle_is_put_on_the_carriageway_of_its_course(roads: Roadmap):
    between_carriageways = Place(31.00015, 121.005)  # nearer to the eastbound one
    (east,) = roads.snap(between_carriageways, heading_deg=90)
    (west,) = roads.snap(between_carriageways, heading_deg=270)
    assert roads.edge_of(east.arc)[:2] == (1, 2)
    assert roads.edge_of(west.arc)[:2] == (3, 4)


def test_a_house_beside_the_motorway_is_reached_over_the_street(roads: Roadmap):
    house = Place(31.0014, 121.010)  # 111 m from the motorway's fence, 290 m from the street
    assert {roads.network.tag("highway", snap.arc) for snap in roads.snap(house)} == {"primary"}


def test_arcs_that_may_not_be_used_are_not_snapped_to(roads: Roadmap):
    place = Place(31.00002, 121.005)
    (snap,) = roads.snap(place)
    usable = np.ones(roads.network.arcs, np.bool_)
    usable[snap.arc] = False
    assert roads.edge_of(roads.snap(place, usable)[0].arc)[:2] == (3, 4)


def test_a_place_off_the_map_is_put_nowhere(roads: Roadmap):
    assert roads.snap(Place(32.0, 121.0)) == ()


@settings(deadline=None, max_examples=60)
@given(lat=st.floats(30.99, 31.03), lon=st.floats(120.99, 121.03))
def test_the_nearest_arc_is_the_nearest(lat: float, lon: float):
    corners = {n: (31 + 0.01 * (n // 3), 121 + 0.01 * (n % 3)) for n in range(9)}
    ring = [0, 1, 2, 5, 4, 3, 6, 7, 8]
    arcs = [(u, v, None) for u, v in pairwise(ring)]
    roads = roadmap_of(corners, arcs + [(v, u, length) for u, v, length in arcs])
    place = Place(lat, lon)
    snaps = roads.snap(place)
    net = roads.network
    along = np.linspace(0, 1, 2001)[:, None]
    lons = net.lon[net.tail] + (net.lon[net.head] - net.lon[net.tail]) * along
    lats = net.lat[net.tail] + (net.lat[net.head] - net.lat[net.tail]) * along
    nearest = distances_m(lons, lats, np.full_like(lons, lon), np.full_like(lats, lat)).min()
    assert snaps[0].distance_m == pytest.approx(nearest, abs=1.0)
    assert distance_m(place, Place(snaps[0].lat, snaps[0].lon)) == pytest.approx(
        snaps[0].distance_m, rel=1e-3, abs=0.01
    )


def test_a_point_on_an_edge_comes_back_with_its_fraction(roads: Roadmap):
    (snap,) = roads.snap(on_edge(roads, 3, 4, 0.7))
    assert snap.fraction == pytest.approx(0.7)
    assert snap.distance_m < 0.01


def nearest_by_hand(
    roads: Roadmap, place: Place, usable: np.ndarray, heading_deg: float | None
) -> dict[int, tuple[float, float]]:
    """All arcs looked at one by one: arc -> (metres off, fraction), by the words of Snapper.near's contract."""
    net, found = roads.network, {}
    per_lat, fence_m = EARTH_RADIUS_M * math.pi / 180, FENCE_M + (roads.accuracy_m or 0.0)
    per_lon = per_lat * math.cos(math.radians(place.lat))
    course = {}
    for arc in np.flatnonzero(usable).tolist():
        ends = [(net.lon[row], net.lat[row]) for row in (net.tail[arc], net.head[arc])]
        (ax, ay), (bx, by) = [((lon - place.lon) * per_lon, (lat - place.lat) * per_lat) for lon, lat in ends]
        length2 = (bx - ax) ** 2 + (by - ay) ** 2
        share = 0.0 if length2 < 1e-12 else min(1.0, max(0.0, -(ax * (bx - ax) + ay * (by - ay)) / length2))
        off_m = math.hypot(ax + (bx - ax) * share, ay + (by - ay) * share)
        if off_m <= (fence_m if net.tag("highway", arc) in FENCED else MAX_OFF_ROAD_M):
            found[arc] = (off_m, share)
            course[arc] = math.degrees(math.atan2(bx - ax, by - ay))
    least_m = min((off_m for off_m, _ in found.values()), default=0.0)
    if heading_deg is not None:
        ahead = {arc for arc in found if abs((course[arc] - heading_deg + 180) % 360 - 180) < 90}
        ahead = {arc for arc in ahead if found[arc][0] <= least_m + fence_m}
        found = {arc: found[arc] for arc in ahead} or found
    least_m = min((off_m for off_m, _ in found.values()), default=0.0)
    return {arc: at for arc, at in found.items() if at[0] <= least_m + SAME_POINT_M}


def assert_by_hand(roads: Roadmap, place: Place, usable: np.ndarray, heading_deg: float | None) -> None:
    snaps = roads.snap(place, usable, heading_deg)
    by_hand = nearest_by_hand(roads, place, usable, heading_deg)
    clear = {arc for arc, (off_m, _) in by_hand.items() if off_m < min(at[0] for at in by_hand.values()) + 0.999}
    assert clear <= {snap.arc for snap in snaps} <= set(by_hand) or len(by_hand) != len(snaps) == len(clear)
    assert [snap.distance_m for snap in snaps] == sorted(snap.distance_m for snap in snaps)
    for snap in snaps:
        off_m, share = by_hand.get(snap.arc, (None, None))
        assert (snap.distance_m, snap.fraction) == pytest.approx((off_m, share), abs=1e-6)


TOWNS = st.lists(st.tuples(st.integers(0, 15), st.integers(0, 15), st.sampled_from(CLASSES)), min_size=1, max_size=30)


@settings(deadline=None, max_examples=120)
@given(
    links=TOWNS,
    corners=st.lists(st.tuples(st.floats(-0.02, 0.02), st.floats(-0.02, 0.02)), min_size=16, max_size=16, unique=True),
    lat=st.floats(30.94, 31.06),
    lon=st.floats(120.94, 121.06),
    heading=st.one_of(st.none(), st.floats(0, 360)),
    shut=st.integers(0, 2**30),
    accuracy_m=st.sampled_from([None, 100.0]),
)
def test_the_grid_finds_what_looking_at_every_arc_finds(links, corners, lat, lon, heading, shut, accuracy_m):
    roads = town_of(links, corners, accuracy_m)
    if roads is None:
        return
    usable = np.array([shut >> arc % 30 & 1 == 0 for arc in range(roads.network.arcs)])
    for place in (Place(lat, lon), on_arc(roads, int(shut) % roads.network.arcs, 0.3)):
        assert_by_hand(roads, place, usable, heading)


def town_of(links, corners, accuracy_m: float | None) -> Roadmap | None:
    """A town whose every street is driven both ways, so that no arc is an island's; None when there is no street."""
    graph = nx.MultiDiGraph(crs="epsg:4326")
    for node, (north, east) in enumerate(corners):
        graph.add_node(node, x=121 + east, y=31 + north)
    for number, (u, v, highway) in enumerate(links):
        if u != v:
            graph.add_edge(u, v, highway=highway, oneway=False, osmid=number)
            graph.add_edge(v, u, highway=highway, oneway=False, osmid=number)
    network, report = network_of(graph)
    if not network.arcs:
        return None
    return Roadmap(network, report, name="town", digest="0" * 64, attribution="", accuracy_m=accuracy_m)


def on_arc(roads: Roadmap, arc: int, fraction: float) -> Place:
    net = roads.network
    (lon_a, lat_a), (lon_b, lat_b) = [(net.lon[row], net.lat[row]) for row in (net.tail[arc], net.head[arc])]
    return Place(float(lat_a + (lat_b - lat_a) * fraction), float(lon_a + (lon_b - lon_a) * fraction))


@settings(deadline=None, max_examples=40)
@given(links=TOWNS, seed=st.integers(0, 1000), far=st.booleans())
def test_many_places_at_once_get_the_answers_of_one_by_one(links, seed: int, far: bool):
    chance = random.Random(seed)
    corners = [(chance.uniform(-0.02, 0.02), chance.uniform(-0.02, 0.02)) for _ in range(16)]
    roads = town_of(links, corners, None)
    if roads is None:
        return
    spread = 0.2 if far else 0.02
    places = [Place(31 + chance.uniform(-spread, spread), 121 + chance.uniform(-spread, spread)) for _ in range(30)]
    headings = [chance.choice([None, chance.uniform(0, 360)]) for _ in places]
    usable = np.array([chance.random() < 0.8 for _ in range(roads.network.arcs)])
    for courses in (headings, None):
        one_by_one = [roads.snap(place, usable, courses[i] if courses else None) for i, place in enumerate(places)]
        assert roads.snap_many(places, usable, courses) == one_by_one
    assert roads.snap_many([], usable) == []


@pytest.mark.parametrize("city", ["auckland", "heidelberg"])
def test_on_a_real_city_the_grid_finds_what_the_formula_finds(city: str, request: pytest.FixtureRequest):
    roads: Roadmap = request.getfixturevalue(city)
    net, chance = roads.network, random.Random(5)
    lon, lat = net.lon, net.lat
    usable = roads.usable_by_car
    fenced = net.where_tag("highway", FENCED)
    places = []
    for _ in range(200):
        here = on_arc(roads, chance.randrange(net.arcs), chance.random())
        places.append(Place(here.lat + chance.gauss(0, 3e-4), here.lon + chance.gauss(0, 3e-4)))
    answers = roads.snap_many(places, usable)
    for place, snaps in zip(places, answers, strict=True):
        per_lat = EARTH_RADIUS_M * math.pi / 180
        scale = np.array([per_lat * math.cos(math.radians(place.lat)), per_lat])
        a = (np.stack((lon[net.tail], lat[net.tail]), axis=1) - (place.lon, place.lat)) * scale
        b = (np.stack((lon[net.head], lat[net.head]), axis=1) - (place.lon, place.lat)) * scale
        share = np.clip(-(a * (b - a)).sum(axis=1) / np.maximum(((b - a) ** 2).sum(axis=1), 1e-12), 0, 1)
        off_m = np.hypot(*(a + (b - a) * share[:, None]).T)
        off_m[~usable | (fenced & (off_m > FENCE_M))] = np.inf
        assert snaps[0].distance_m == pytest.approx(off_m.min(), abs=1e-6)
        sure = np.flatnonzero(off_m <= off_m.min() + SAME_POINT_M - 1e-6).tolist()
        assert set(sure) <= {snap.arc for snap in snaps}
        assert roads.snap(place, usable) == snaps


@settings(deadline=None, max_examples=60)
@given(links=TOWNS, seed=st.integers(0, 1000))
def test_an_area_holds_the_arcs_that_touch_it(links, seed: int):
    chance = random.Random(seed)
    corners = [(chance.uniform(-0.02, 0.02), chance.uniform(-0.02, 0.02)) for _ in range(16)]
    roads = town_of(links, corners, None)
    if roads is None:
        return
    area = Point(121 + chance.uniform(-0.03, 0.03), 31 + chance.uniform(-0.03, 0.03)).buffer(chance.uniform(0.0, 0.03))
    net = roads.network
    lines = [
        LineString([(net.lon[t], net.lat[t]), (net.lon[h], net.lat[h])])
        for t, h in zip(net.tail, net.head, strict=True)
    ]
    assert roads.arcs_in(area).tolist() == [arc for arc, line in enumerate(lines) if line.intersects(area)]
