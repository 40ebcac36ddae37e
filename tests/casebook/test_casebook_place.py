"""Points on the ground: possible coordinates only, distances and bearings as on a globe."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casebook.errors import RefusedInput
from casebook.place import EARTH_RADIUS_M, Place, bearing_deg, between, distance_m

places = st.builds(Place, st.floats(-90, 90), st.floats(-180, 180))
near_songjiang = st.builds(Place, st.floats(30.5, 31.5), st.floats(120.5, 121.8))
FENGJING, SONGJIANG = Place(30.897, 121.037), Place(31.036, 121.236)


@pytest.mark.parametrize(
    ("lat", "lon", "field"),
    [
        (90.1, 0, "lat"),
        (-91, 0, "lat"),
        (0, 180.1, "lon"),
        (0, -181, "lon"),
        (math.nan, 0, "lat"),
        (0, math.inf, "lon"),
    ],
)
def test_a_point_that_is_nowhere_is_refused_by_its_field(lat: float, lon: float, field: str):
    with pytest.raises(RefusedInput) as caught:
        Place(lat, lon)
    assert caught.value.facts["field"] == field


@given(places, places)
def test_distance_is_the_same_both_ways_and_never_more_than_half_around(a: Place, b: Place):
    assert distance_m(a, b) == pytest.approx(distance_m(b, a))
    assert 0 <= distance_m(a, b) <= math.pi * EARTH_RADIUS_M + 1
    assert distance_m(a, a) == 0


@given(places, places, places)
def test_a_detour_is_never_shorter(a: Place, b: Place, c: Place):
    assert distance_m(a, c) <= distance_m(a, b) + distance_m(b, c) + 1e-3


def test_a_degree_along_a_meridian_is_111_km():
    assert distance_m(Place(30, 121), Place(31, 121)) == pytest.approx(math.radians(1) * EARTH_RADIUS_M)


def test_fengjing_to_songjiang_is_24_km_north_east():
    assert distance_m(FENGJING, SONGJIANG) == pytest.approx(24_500, rel=0.01)
    assert bearing_deg(FENGJING, SONGJIANG) == pytest.approx(50.8, abs=0.5)


@pytest.mark.parametrize(("lat", "lon", "bearing"), [(32, 121, 0), (31, 122, 90), (30, 121, 180), (31, 120, 270)])
def test_bearings_go_clockwise_from_north(lat: float, lon: float, bearing: float):
    assert bearing_deg(Place(31, 121), Place(lat, lon)) == pytest.approx(bearing, abs=0.3)


@given(near_songjiang, near_songjiang, st.floats(0, 1))
def test_a_point_between_two_lies_between_them(a: Place, b: Place, fraction: float):
    point = between(a, b, fraction)
    assert min(a.lat, b.lat) - 1e-9 <= point.lat <= max(a.lat, b.lat) + 1e-9
    assert distance_m(a, point) == pytest.approx(distance_m(a, b) * fraction, rel=0.01, abs=5)
    assert (between(a, b, 0).lat, between(a, b, 0).lon) == (a.lat, a.lon)
