"""Timing all flights at once tells the best flight, and the reasons where there is none, as looking at each does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casebook.events import Reason
from casebook.picture import HospitalState
from casebook.place import Place
from dispatch.area import Area
from dispatch.case_ways import OPEN_WEATHER
from dispatch.flights import Flights, prepared_for
from dispatch.flown import range_of_plan, terms_s
from routing.air import Aircraft, LandingSite, Term, Weather
from routing.rendezvous import Comparison, Plan, Question, Refusal, compare

SCENE = Place(31.0, 121.0)
places = st.builds(Place, st.sampled_from((30.9, 31.0, 31.1, 31.3)), st.sampled_from((120.9, 121.0, 121.2)))
sizes = st.sampled_from((None, (60.0, 60.0), (24.0, 24.0)))
drives = st.one_of(st.none(), st.floats(60, 5000))


@dataclass(frozen=True)
class Asked:
    """One world: the area, its hospitals, what is asked, and the drives to the sites."""

    area: Area
    hospitals: Sequence[HospitalState]
    question: Question
    drives_s: Sequence[float | None]


def aircraft(number: int) -> st.SearchStrategy[Aircraft]:
    return st.builds(
        Aircraft, st.just(f"air{number}"), places, cruise_kmh=st.sampled_from((200.0, 250.0)),
        pilots=st.sampled_from((1, 2)), night_capable=st.sampled_from((None, True, False)),
        hoist=st.booleans(), hoist_at_night=st.sampled_from((None, True, False)),
        wind_limit_kt=st.sampled_from((None, 30.0)), d_value_m=st.sampled_from((11.0, 13.0)),
        status=st.sampled_from(("at_base", "standby", "unavailable")),
    )  # fmt: skip


@st.composite
def asked(draw: Any) -> Asked:
    spots = draw(st.lists(places, max_size=5))
    lit, kinds = st.sampled_from((None, True, False)), st.sampled_from(("field", "helipad", "service_area"))
    sites = tuple(
        LandingSite(f"s{n}", place, draw(kinds), size_m=draw(sizes), lit=draw(lit)) for n, place in enumerate(spots)
    )
    machines = tuple(draw(aircraft(n)) for n in range(draw(st.integers(0, 3))))
    weather = st.sampled_from((None, Weather(3000.0, 9999.0, 5.0), Weather(3000.0, None, None), Weather(100.0, 500.0)))
    night = draw(st.booleans())
    question = Question(
        "", None, sites=sites, aircraft=machines, on_scene_s=300.0, night=night, weather=draw(weather),
        daylight_left_s=None if night else draw(st.sampled_from((None, 1200.0, 2400.0, 3600.0, 30_000.0))),
        scene_landing=draw(st.sampled_from((None, LandingSite("here", SCENE, "field", size_m=(60.0, 60.0))))),
        scene=draw(st.sampled_from((None, SCENE))), scene_clear=draw(st.sampled_from((None, True, False))),
    )  # fmt: skip
    pads = st.one_of(st.none(), places)
    hospitals = [HospitalState(f"h{n}", "", "", SCENE, (), pad=draw(pads)) for n in range(draw(st.integers(1, 3)))]
    return Asked(Area(sites), hospitals, question, [draw(drives) for _ in sites])


def each_looked_at(one: Asked, hospital: HospitalState) -> Comparison:
    drives_s = {site.id: span_s for site, span_s in zip(one.question.sites, one.drives_s, strict=True)}
    pad = one.area.find_pad(hospital)
    return compare(replace(one.question, hospital=hospital.id, drive_to_site_s=drives_s, pad=pad))


def flights_of(one: Asked, judged: frozenset[str] = frozenset()) -> Flights:
    def still_open(aircraft: str, reasons: Sequence[Reason]) -> tuple[Reason, ...]:
        return tuple(reason for reason in reasons if not (aircraft in judged and reason.code in OPEN_WEATHER))

    row_s = np.array(one.drives_s, np.float64)
    return Flights(prepared_for(one.area, one.hospitals), one.question, row_s, still_open)


def best(plans: Sequence[Plan], judged: frozenset[str]) -> Plan | None:
    """Settled first, then the soonest; as a way is chosen in dispatch/case_ways.py."""

    def order(plan: Plan) -> tuple[Any, ...]:
        assert plan.aircraft is not None
        settled = OPEN_WEATHER if plan.aircraft.id in judged else ()
        open_ = any(reason.code not in settled for reason in plan.unknown)
        return open_, plan.door_s, plan.site.id if plan.site else "", plan.aircraft.id

    return min(plans, key=order, default=None)


@settings(max_examples=300)
@given(asked(), st.sampled_from((frozenset[str](), frozenset({"air0"}))))
def test_the_best_flight_of_all_at_once_is_the_best_of_each(one: Asked, judged: frozenset[str]):
    flights = flights_of(one, judged)
    for hospital in one.hospitals:
        looked = each_looked_at(one, hospital)
        for mode in ("air", "rendezvous"):
            expected = best([plan for plan in looked.plans if plan.mode == mode], judged)
            assert best(flights.plans(hospital.id, mode), judged) == expected


@settings(max_examples=300)
@given(asked())
def test_a_flight_told_without_building_it_is_the_built_one_term_by_term(one: Asked):
    flights = flights_of(one)
    for hospital in one.hospitals:
        for mode in ("air", "rendezvous"):
            told = flights.ways(hospital.id, mode)
            for (way, flown), plan in zip(told or [], flights.plans(hospital.id, mode), strict=told is not None):
                wait = (Term("wait_for_aircraft", plan.wait_s),) if plan.wait_s > 0 else ()
                assert list(way.terms_s.items()) == list(terms_s((*plan.ground_arm, *wait, *plan.after)).items())
                assert (way.rendezvous is None) == plan.hoist == ("hoist" in way.terms_s)
                assert (way.decides, way.unsettled) == (plan.decides, plan.unknown)
                assert flown.range_s(None) == pytest.approx(range_of_plan(plan, None), abs=1e-9)


@settings(max_examples=300)
@given(asked())
def test_what_bars_every_flight_is_told_in_the_same_order(one: Asked):
    flights = flights_of(one)
    for hospital in one.hospitals:
        looked = each_looked_at(one, hospital)
        flown = [outcome for outcome in (*looked.plans, *looked.refused) if outcome.mode != "ground"]
        assert flights.told(hospital.id) == bool(flown)
        for mode in ("air", "rendezvous") if flights.from_scene else ("rendezvous",):
            if not any(plan.mode == mode for plan in looked.plans):
                refused = [refusal for refusal in looked.refused if bars(refusal, mode, one.question)]
                assert list(flights.barred(hospital.id, mode)) == [
                    why for refusal in refused for why in refusal.reasons
                ]


def bars(refusal: Refusal, mode: str, question: Question) -> bool:
    """Whether this is why nobody flies in this mode: of the mode, or of a machine or a pad whatever the mode."""
    if refusal.mode == "ground" or (refusal.mode != mode and (refusal.mode == "air" or refusal.site in question.sites)):
        return False
    only_by_hoist = mode == "air" and question.scene_landing is None
    hoistless = refusal.aircraft is not None and not refusal.aircraft.hoist
    return not (hoistless and (only_by_hoist or refusal.reasons[0].code == "air_no_hoist"))


@settings(max_examples=300)
@given(asked())
def test_where_dusk_is_not_met_the_day_would_change_nothing(one: Asked):
    if one.question.night or flights_of(one).meets_dusk:
        return
    by_day = replace(one, question=replace(one.question, daylight_left_s=None))
    for hospital in one.hospitals:
        assert each_looked_at(one, hospital) == each_looked_at(by_day, hospital)


@pytest.mark.parametrize("changed", ["pad", "sites"])
def test_what_was_prepared_is_prepared_anew_for_another_area(changed: str):
    pad, other = Place(31.1, 121.1), Place(31.2, 121.2)
    site = LandingSite("s", SCENE, "helipad")
    area, hospital = Area((site,)), HospitalState("h", "", "", SCENE, (), pad=pad)
    first = prepared_for(area, [hospital])
    assert prepared_for(area, [hospital]) is first
    if changed == "pad":
        again = prepared_for(area, [HospitalState("h", "", "", SCENE, (), pad=other)])
    else:
        again = prepared_for(Area((LandingSite("s", other, "helipad"),)), [hospital])
    assert again is not first
