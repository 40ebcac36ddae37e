"""Helicopter times term by term; may it fly, may it land."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casebook.place import Place
from casebook.words import say
from routing.air import (
    Aircraft,
    AirTimes,
    LandingSite,
    Weather,
    check_aircraft,
    check_site,
    check_weather,
    is_night,
    outbound_terms,
    sun_elevation_deg,
    takeoff_terms,
    to_the_door_terms,
    total_s,
)

FENGJING = Place(30.897, 121.037, "枫泾服务区", "Fengjing service area")
SONGJIANG = Place(31.036, 121.236, "松江", "Songjiang")
BASE = Place(31.1669, 121.454, "龙华", "Longhua")
HELICOPTER = Aircraft("h1", BASE)
TIMES = AirTimes()


def codes(check) -> tuple[list[str], list[str]]:
    return [reason.code for reason in check.refused], [reason.code for reason in check.unknown]


def test_the_drills_thirteen_minutes_come_from_named_terms_at_full_cruise_speed():
    service_area = LandingSite("fengjing", FENGJING, "service_area", (60, 40), lit=True)
    pad = LandingSite("songjiang", SONGJIANG, "helipad", pad_to_ed_s=90)  # a pad at the door: assumption of the drill
    terms = to_the_door_terms(HELICOPTER, service_area, pad, TIMES)
    assert [term.name for term in terms] == ["loading", "climb", "cruise", "approach_landing", "unloading", "pad_to_ed"]
    cruise = next(term for term in terms if term.name == "cruise")
    assert cruise.seconds == pytest.approx(350, abs=5)  # 24.5 km at 252 km/h
    assert total_s(terms) / 60 == pytest.approx(13, abs=0.5)


def test_take_off_is_quicker_from_standby_and_counts_what_has_passed():
    alarm = takeoff_terms(HELICOPTER, TIMES, night=False)
    standby = takeoff_terms(Aircraft("h1", BASE, status="standby"), TIMES, night=False)
    warned = takeoff_terms(Aircraft("h1", BASE, alarmed_s_ago=400), TIMES, night=False)
    ready = takeoff_terms(Aircraft("h1", BASE, alarmed_s_ago=4000), TIMES, night=False)
    assert [total_s(terms) for terms in (alarm, standby, warned, ready)] == [600, 180, 200, 0]


def test_night_adds_its_own_term():
    assert [(t.name, t.seconds) for t in takeoff_terms(HELICOPTER, TIMES, night=True)] == [
        ("alarm_to_takeoff", 600),
        ("night_extra", 450),
    ]
    half = takeoff_terms(Aircraft("h1", BASE, alarmed_s_ago=800), TIMES, night=True)
    assert total_s(half) == 250


def test_an_airborne_aircraft_neither_takes_off_nor_climbs():
    flying = Aircraft("h1", BASE, status="airborne", at=FENGJING)
    assert [term.name for term in outbound_terms(flying, SONGJIANG, TIMES, night=True)] == [
        "cruise",
        "approach_landing",
    ]


def test_a_pad_that_states_no_way_to_the_door_takes_the_published_mean():
    pad = LandingSite("far", SONGJIANG, "helipad")
    site = LandingSite("fengjing", FENGJING, "service_area")
    assert to_the_door_terms(HELICOPTER, site, pad, TIMES)[-1].seconds == 378


DAY_TWO_PILOTS = [
    (Weather(3000, 8000), True),
    (Weather(450, 1000), True),
    (Weather(450, 900), False),
    (Weather(350, 2000), True),
    (Weather(350, 1900), False),
    (Weather(290, 9000), False),
]


@pytest.mark.parametrize(("weather", "allowed"), DAY_TWO_PILOTS)
def test_minima_by_day_with_two_pilots(weather: Weather, allowed: bool):
    assert check_weather(weather, Aircraft("h", BASE, pilots=2), night=False).allowed is allowed


@pytest.mark.parametrize(
    ("weather", "pilots", "allowed"),
    [
        (Weather(1200, 2500), 2, True),
        (Weather(1200, 2500), 1, False),
        (Weather(1200, 3000), 1, True),
        (Weather(1100, 9000), 2, False),
    ],
)
def test_minima_by_night(weather: Weather, pilots, allowed: bool):
    assert check_weather(weather, Aircraft("h", BASE, pilots=pilots), night=True).allowed is allowed


def test_weather_that_is_not_reported_is_not_fair():
    assert check_weather(None, HELICOPTER, night=False).allowed is None
    assert codes(check_weather(Weather(ceiling_ft=3000), HELICOPTER, night=False)) == ([], ["air_visibility_unknown"])
    assert check_weather(Weather(ceiling_ft=100), HELICOPTER, night=False).allowed is False  # enough is known


def test_wind_is_judged_against_the_operators_limit_only():
    strict = Aircraft("h", BASE, wind_limit_kt=35)
    assert check_weather(Weather(3000, 8000), HELICOPTER, night=False).allowed is True
    assert check_weather(Weather(3000, 8000), strict, night=False).allowed is None
    assert codes(check_weather(Weather(3000, 8000, 40), strict, night=False)) == (["air_wind_high"], [])


@given(
    st.floats(0, 5000),
    st.floats(0, 20000),
    st.floats(0, 2000),
    st.floats(0, 9000),
    st.booleans(),
    st.sampled_from([1, 2]),
)
def test_better_weather_never_grounds_an_aircraft(ceiling_ft, visibility_m, higher_ft, farther_m, night, pilots):
    aircraft = Aircraft("h", BASE, pilots=pilots)
    if check_weather(Weather(ceiling_ft, visibility_m), aircraft, night=night).allowed:
        assert check_weather(Weather(ceiling_ft + higher_ft, visibility_m + farther_m), aircraft, night=night).allowed


@pytest.mark.parametrize(
    ("size_m", "lit", "night", "refused", "unknown"),
    [
        ((25, 25), None, False, [], []),
        ((24, 40), None, False, ["air_site_too_small"], []),
        (None, None, False, [], ["air_site_size_unknown"]),
        ((50, 25), True, True, [], []),
        ((40, 40), True, True, ["air_site_too_small"], []),
        ((50, 25), False, True, ["air_site_unlit"], []),
        ((50, 25), None, True, [], ["air_site_light_unknown"]),
    ],
)
def test_a_site_needs_room_and_at_night_light(size_m, lit, night, refused, unknown):
    site = LandingSite("s", FENGJING, "service_area", size_m, lit)
    assert codes(check_site(site, HELICOPTER, night=night)) == (refused, unknown)


def test_a_surveyed_pad_is_not_measured():
    assert check_site(LandingSite("p", SONGJIANG, "helipad"), HELICOPTER, night=False).allowed is True


def test_every_reason_is_said_in_both_languages():
    small_dark = check_site(LandingSite("s", FENGJING, "field", (5, 5), lit=False), HELICOPTER, night=True)
    bad = check_weather(Weather(100, 100), HELICOPTER, night=True).also(check_weather(None, HELICOPTER, night=True))
    foggy = check_weather(Weather(3000, 100), HELICOPTER, night=False)
    windy = check_weather(Weather(9000, 9000, 90), Aircraft("h", BASE, wind_limit_kt=30), night=False)
    gone = check_aircraft(Aircraft("h", BASE, "警航", "Police air", status="unavailable"))
    for check in (small_dark, bad, foggy, windy, gone):
        for reason in check.refused + check.unknown:
            zh, en = (say(f"reason.{reason.code}", language, **reason.facts) for language in ("zh", "en"))
            assert zh != en
            assert "?" not in zh + en  # every placeholder has its fact


@pytest.mark.parametrize(
    ("at", "expected_deg"),
    [  # solar noon at 121.2 E is 03:55 UTC; heights at noon = 90 - latitude + declination
        (datetime(2021, 6, 21, 3, 57, tzinfo=UTC), 90 - 31.0 + 23.4),
        (datetime(2021, 12, 21, 3, 53, tzinfo=UTC), 90 - 31.0 - 23.4),
        (datetime(2021, 3, 20, 4, 2, tzinfo=UTC), 90 - 31.0),
    ],
)
def test_the_suns_height_at_noon(at: datetime, expected_deg: float):
    assert sun_elevation_deg(at, Place(31.0, 121.2)) == pytest.approx(expected_deg, abs=0.5)


def test_the_drill_is_by_day_and_midnight_is_night():
    assert not is_night(datetime(2021, 4, 18, 1, 30, tzinfo=UTC), FENGJING)  # 9:30 in Shanghai
    assert is_night(datetime(2021, 4, 18, 16, 0, tzinfo=UTC), FENGJING)
    assert not is_night(datetime(2021, 4, 18, 10, 35, tzinfo=UTC), FENGJING)  # the sun is down, twilight is not
