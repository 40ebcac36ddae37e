"""Three quantiles, their sources, and how the terms of a flight are joined."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casebook.errors import RefusedInput
from casebook.place import Place
from routing.air import (
    FIGURES,
    QUANTILES,
    Aircraft,
    AirTimes,
    Approval,
    Base,
    Flight,
    LandingSite,
    Spread,
    Term,
    Weather,
    air_times_of,
    spread_of,
    takeoff_terms,
    to_the_door,
    total_s,
    wait_terms,
)

BASE, AWAY = Place(31.0, 121.0), Place(31.0, 121.5)
MACHINE = Aircraft("h1", BASE)

seconds = st.floats(0, 4000)
spreads = st.lists(seconds, min_size=3, max_size=3).map(lambda found: Spread(*sorted(found)))


@pytest.mark.parametrize("wrong", [(2, 1, 3), (1, 3, 2), (-1, 0, 1), (0, 1, math.inf), (math.nan, 1, 2)])
def test_quantiles_out_of_order_are_refused(wrong: tuple[float, float, float]):
    with pytest.raises(RefusedInput):
        Spread(*wrong)


def test_a_figure_is_one_number_or_a_spread_with_its_source():
    assert spread_of(90.0) == Spread(90, 90, 90)
    told = {"p10_s": 60, "p50_s": 90, "p90_s": 200, "mark": "published", "source": "a paper"}
    assert spread_of(told) == Spread(60, 90, 200, "published", source="a paper")


def test_an_operators_number_keeps_the_shipped_ratio_and_its_ends_are_assumed():
    found = AirTimes(loading_s=360).spread("loading")
    assert (found.p10_s, found.p50_s, found.p90_s) == (240, 360, 600)
    assert (found.mark, found.ends) == ("given", "assumption")
    assert AirTimes().spread("loading") == FIGURES["loading"]


def test_an_operators_spread_is_taken_whole():
    own = {"p10_s": 100, "p50_s": 200, "p90_s": 900, "mark": "published", "ends": "published", "source": "its log"}
    times = air_times_of({"alarm_to_takeoff_s": own, "loading_s": 120})
    assert (times.alarm_to_takeoff_s, times.loading_s) == (200, 120)
    (takeoff,) = takeoff_terms(MACHINE, times, night=False)
    assert (takeoff.at("p10"), takeoff.seconds, takeoff.at("p90")) == (100, 200, 900)
    assert not takeoff.assumed and takeoff.source == "its log"


@pytest.mark.parametrize("wrong", [-1.0, math.nan])
def test_a_time_below_nothing_is_refused(wrong: float):
    with pytest.raises(RefusedInput):
        AirTimes(loading_s=wrong)


def test_every_base_has_its_own_time_to_take_off():
    slow = Aircraft("h2", BASE, home=Base("b", BASE, alarm_to_takeoff=Spread(600, 900, 1500)))
    quick, late = (takeoff_terms(machine, AirTimes(), night=False) for machine in (MACHINE, slow))
    assert [total_s(quick, q) for q in QUANTILES] == [174, 600, 1020]  # 2.9 and 17.0 min: Scand J Trauma 2012;20:56
    assert [total_s(late, q) for q in QUANTILES] == [600, 900, 1500]
    assert total_s(takeoff_terms(slow, AirTimes(), night=True)) == 900 + 450


@given(spreads, spreads, seconds)
def test_time_since_the_alarm_shortens_all_quantiles_and_keeps_their_order(needed: Spread, extra: Spread, ago_s: float):
    home = Base("b", BASE, alarm_to_takeoff=needed, night_extra=extra)
    terms = takeoff_terms(Aircraft("h", BASE, home=home, alarmed_s_ago=ago_s), AirTimes(), night=True)
    left = [total_s(terms, quantile) for quantile in QUANTILES]
    assert left == sorted(left)
    assert left == pytest.approx([max(0.0, needed.at(q) + extra.at(q) - ago_s) for q in QUANTILES], abs=1e-6)


@given(spreads, st.lists(spreads, max_size=4))
def test_with_the_wait_the_terms_end_when_both_are_done(until: Spread, before: list[Spread]):
    terms = [Term("part", spread.p50_s, spread.p10_s, spread.p90_s) for spread in before]
    waits = wait_terms("approval_wait", until, terms)
    for quantile in QUANTILES:
        alone_s = total_s(terms, quantile)
        assert total_s([*terms, *waits], quantile) == pytest.approx(max(alone_s, until.at(quantile)), abs=1e-6)


def test_the_approval_runs_beside_the_crew_and_only_its_rest_is_waited_for():
    asked = Approval(expected=Spread(600, 1200, 1800), running_s=300)
    terms = Flight(Aircraft("h", BASE, approval=asked)).ready_terms()
    assert [(term.name, term.seconds) for term in terms] == [("alarm_to_takeoff", 600), ("approval_wait", 300)]
    granted = Flight(Aircraft("h", BASE, approval=Approval(granted=True))).ready_terms()
    airborne = Flight(Aircraft("h", BASE, status="airborne", approval=asked)).ready_terms()
    assert ([term.name for term in granted], airborne) == (["alarm_to_takeoff"], ())


def test_a_slow_day_is_a_head_wind_and_a_quick_one_pushes():
    calm, windy = (Flight(MACHINE, weather=Weather(wind_kt=kt)).cruise(42_000) for kt in (0, 40))
    unknown = Flight(MACHINE).cruise(42_000)
    assert calm.at("p10") == calm.seconds == calm.at("p90") == 600
    assert windy.at("p10") < windy.seconds == 600 < windy.at("p90")
    assert (windy.assumed, unknown.assumed) == (False, True)
    assert unknown.at("p90") == pytest.approx(600 / 0.9)
    storm = Flight(MACHINE, weather=Weather(wind_kt=500)).cruise(42_000)
    assert storm.at("p90") == pytest.approx(1200)  # nobody flies then; the time stays a time


def test_a_machine_that_climbs_well_loses_less():
    assert Flight(MACHINE).climb().seconds == 30
    assert Flight(Aircraft("h", BASE, climb_ms=15)).climb().seconds == 15


def test_nobody_lands_before_the_site_is_secured():
    site = LandingSite(
        "s", AWAY, "road", secured_by="police", secure=Spread(300, 900, 1200, "assumption", "assumption")
    )
    flight = Flight(Aircraft("h", BASE, status="airborne"))
    above = flight.outbound_terms(site.place)
    landing = flight.landing_terms(site, above)
    assert [term.name for term in landing] == ["site_wait", "approach_landing"]
    assert total_s((*above, landing[0])) == pytest.approx(900)
    sent_before = flight.landing_terms(site, above, secured_s_ago=900)
    assert [term.name for term in sent_before] == ["approach_landing"]


def test_a_pad_away_from_the_door_takes_the_published_mean_with_an_ambulance():
    pad = LandingSite("p", AWAY, "helipad", by_ambulance=True)
    found = to_the_door(pad, AirTimes())
    assert (found.name, found.seconds, found.mark, found.ends) == (
        "pad_to_ed_by_ambulance", 528, "published", "assumption",
    )  # fmt: skip


def test_a_term_tells_its_range_its_source_and_what_of_it_is_assumed():
    pad = to_the_door(LandingSite("p", AWAY, "helipad"), AirTimes()).as_facts()
    assert (pad["term"], pad["seconds"], pad["assumed"]) == ("pad_to_ed", 378, ["range"])
    assert "179,003 missions" in pad["source"]
    assert Term("drive", 61.23).as_facts() == {"term": "drive", "seconds": 61.2}


@pytest.mark.parametrize("name", FIGURES)
def test_every_shipped_figure_has_a_range_a_mark_and_a_source(name: str):
    figure = FIGURES[name]
    assert figure.p10_s < figure.p50_s < figure.p90_s
    assert figure.source and figure.mark in ("published", "derived", "assumption")
