"""Putting a place on the road."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paper_towns import Draw, on_edge, roadmap_of

from casebook.place import Place, distance_m
from routing.roads import Roadmap
from routing.roads.network import distances_m

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
