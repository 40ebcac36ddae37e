"""GCJ-02 in, WGS-84 inside: the published points, and there and back to the millimetre."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casebook.place import Place, distance_m
from dispatch.datum import to_gcj02, to_wgs84


def test_the_published_points_agree_both_ways():
    assert to_gcj02(31.030, 121.227) == pytest.approx((31.027880, 121.231417), abs=1e-6)
    assert to_wgs84(31.027880, 121.231417, "gcj02") == pytest.approx((31.030, 121.227), abs=1e-6)


@pytest.mark.parametrize(("at", "moved_m"), [(Place(30.89, 121.03), 485), (Place(31.03, 121.227), 482)])
def test_the_shift_at_fengjing_and_songjiang_is_half_a_kilometre(at: Place, moved_m: float):
    assert distance_m(at, Place(*to_gcj02(at.lat, at.lon))) == pytest.approx(moved_m, abs=5)


@given(st.floats(18.0, 53.0), st.floats(74.0, 135.0))
def test_there_and_back_is_where_one_was(lat: float, lon: float):
    back = to_wgs84(*to_gcj02(lat, lon), "gcj02")
    assert distance_m(Place(lat, lon), Place(*back)) < 0.01


@pytest.mark.parametrize("at", [(-36.85, 174.76), (49.4, 8.7)])
def test_outside_china_the_datums_are_one(at: tuple[float, float]):
    assert to_wgs84(*at, "gcj02") == at
    assert to_gcj02(*at) == at


def test_wgs84_passes_untouched():
    assert to_wgs84(31.03, 121.227, "wgs84") == (31.03, 121.227)
