"""Day, night, and how long the day still lasts."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casebook.place import Place
from routing.air import CIVIL_TWILIGHT_DEG, daylight_left_s, is_night, sun_elevation_deg

FENGJING = Place(30.897, 121.037)
EQUINOX = datetime(2021, 3, 20, tzinfo=UTC)


def test_the_day_of_the_drill_ends_when_the_almanac_says():
    """Shanghai, 18 April 2021: sunset 18:24 and civil dusk 18:49 (from memory of the almanac, to a few minutes)."""
    left_s = daylight_left_s(datetime(2021, 4, 18, 1, 30, tzinfo=UTC), FENGJING)
    dusk = datetime(2021, 4, 18, 9, 30) + timedelta(seconds=left_s)  # noqa: DTZ001  Shanghai's clock
    assert abs(dusk - datetime(2021, 4, 18, 18, 49)) < timedelta(minutes=4)  # noqa: DTZ001


def test_night_begins_at_the_second_that_is_told():
    at = datetime(2021, 4, 18, 1, 30, tzinfo=UTC)
    left_s = daylight_left_s(at, FENGJING)
    assert not is_night(at + timedelta(seconds=left_s - 2), FENGJING)
    assert is_night(at + timedelta(seconds=left_s + 2), FENGJING)


def test_by_night_no_day_is_left():
    assert daylight_left_s(datetime(2021, 4, 18, 16, 0, tzinfo=UTC), FENGJING) == 0


def test_where_the_sun_does_not_set_the_day_has_no_end():
    assert daylight_left_s(datetime(2021, 6, 21, 12, 0, tzinfo=UTC), Place(70.0, 25.0)) == math.inf
    assert daylight_left_s(datetime(2021, 12, 21, 12, 0, tzinfo=UTC), Place(78.0, 15.0)) == 0


def test_solar_noon_is_where_the_sun_stands_highest():
    """At 121.04 E the mean sun is highest at 03:56 UTC; the equation of time on 20 March is about -7.5 min."""
    minutes = range(0, 1440, 2)
    heights = {m: sun_elevation_deg(EQUINOX + timedelta(minutes=m), FENGJING) for m in minutes}
    highest = max(heights, key=lambda minute: heights[minute])
    assert highest == pytest.approx(3 * 60 + 56 + 7.5, abs=3)


@given(st.floats(-60, 60), st.floats(-180, 180), st.integers(0, 365 * 24 * 60), st.floats(0.05, 0.95))
def test_until_the_told_second_it_is_day(lat: float, lon: float, minute: int, share: float):
    at, place = EQUINOX + timedelta(minutes=minute), Place(lat, lon)
    left_s = daylight_left_s(at, place)
    if 0 < left_s < math.inf:
        assert not is_night(at + timedelta(seconds=left_s * share), place)
        assert sun_elevation_deg(at + timedelta(seconds=left_s), place) == pytest.approx(CIVIL_TWILIGHT_DEG, abs=0.02)
