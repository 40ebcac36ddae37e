"""The best way to the door: road, air, or both with a rendezvous."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paper_towns import AT, Draw, on_edge

from casebook.place import Place, distance_m
from casebook.words import say
from routing.air import Aircraft, AirTimes, LandingSite, Weather, total_s
from routing.ground import route
from routing.profiles import AMBULANCE_SIREN
from routing.rendezvous import MODES, Question, compare, drive_times

FENGJING = LandingSite("fengjing", Place(30.897, 121.037, "枫泾服务区", "Fengjing"), "service_area", (60, 40), True)
XINBANG = LandingSite("xinbang", Place(30.935, 121.061, "新浜", "Xinbang"), "field", (60, 40), False)
PAD = LandingSite("pad", Place(31.036, 121.236), "helipad", lit=True, pad_to_ed_s=90)
STANDBY = Aircraft("h1", Place(31.03, 121.2), "一号机", "One", status="standby", pilots=2)
FAIR = Weather(3000, 8000)


def question(**changes) -> Question:
    facts = {
        "hospital": "songjiang",
        "drive_to_door_s": 3000.0,
        "drive_to_site_s": {"fengjing": 300.0, "xinbang": 700.0},
        "sites": [FENGJING, XINBANG],
        "aircraft": [STANDBY],
        "pad": PAD,
        "on_scene_s": 240.0,
        "weather": FAIR,
    }
    return Question(**(facts | changes))


def test_the_rendezvous_beats_the_road_and_says_by_how_much():
    comparison = compare(question())
    best = comparison.best
    assert best is not None
    assert (best.mode, best.site, best.aircraft) == ("rendezvous", FENGJING, STANDBY)
    ground = comparison.best_of("ground")
    assert ground is not None
    assert ground.door_s == 3240
    assert comparison.saved_s == pytest.approx(3240 - best.door_s)
    assert not comparison.refused


def test_the_terms_are_the_longest_chain_and_add_up():
    for plan in compare(question()).plans:
        assert total_s(plan.terms) == pytest.approx(plan.door_s)
        assert plan.meet_s == max(total_s(plan.ground_arm), total_s(plan.air_arm))


def test_it_says_which_arm_decides_and_who_waits():
    early_aircraft = compare(question(sites=[FENGJING], drive_to_site_s={"fengjing": 2000.0})).best_of("rendezvous")
    at_base = [Aircraft("h1", STANDBY.base)]
    late_aircraft = compare(question(sites=[FENGJING], aircraft=at_base)).best_of("rendezvous")
    assert early_aircraft is not None and late_aircraft is not None
    assert (early_aircraft.decides, early_aircraft.wait_s < 0) == ("drive", True)
    assert (late_aircraft.decides, late_aircraft.wait_s > 0) == ("flight", True)


def test_landing_at_the_scene_waits_for_the_patient():
    scene = LandingSite("scene", Place(30.863, 121.001), "field", (60, 60))
    plan = compare(question(scene_landing=scene, on_scene_s=1500)).best_of("air")
    assert plan is not None
    assert plan.decides == "on_scene"
    assert [term.name for term in plan.ground_arm] == ["on_scene"]
    assert plan.meet_s == 1500


def refused_codes(**changes) -> set[str]:
    return {reason.code for refusal in compare(question(**changes)).refused for reason in refusal.reasons}


def test_what_is_not_possible_is_refused_with_its_reason():
    assert refused_codes(pad=None) == {"air_no_pad"}
    assert refused_codes(weather=Weather(100, 8000)) == {"air_ceiling_low"}
    assert refused_codes(aircraft=[Aircraft("h", STANDBY.base, status="unavailable")]) == {"air_unavailable"}
    assert refused_codes(night=True) == {"air_site_unlit"}
    assert refused_codes(drive_to_site_s={"fengjing": None, "xinbang": 1.0}) == {"air_no_road"}
    assert refused_codes(drive_to_door_s=None) == {"ground_no_road"}
    said = compare(question(pad=None)).refused[0].said("zh")
    assert said == "空地会合: 医院没有停机坪"


def test_at_night_the_lit_site_is_taken_though_the_other_is_quicker():
    near_unlit = question(night=True, drive_to_site_s={"fengjing": 900.0, "xinbang": 10.0}, weather=Weather(5000, 9000))
    plan = compare(near_unlit).best_of("rendezvous")
    assert plan is not None
    assert plan.site == FENGJING


def test_what_is_not_known_is_carried_with_the_plan():
    plan = compare(question(weather=None)).best_of("rendezvous")
    assert plan is not None
    assert {reason.code for reason in plan.unknown} == {"air_ceiling_unknown", "air_visibility_unknown"}


def test_without_road_and_air_there_is_no_plan():
    comparison = compare(question(drive_to_door_s=None, pad=None))
    assert (comparison.best, comparison.saved_s) == (None, None)
    assert len(comparison.refused) == 2


def test_every_term_mode_and_verdict_is_said_in_both_languages():
    scene = LandingSite("scene", Place(30.863, 121.001), "field", (60, 60), True)
    asleep = Aircraft("h2", STANDBY.base, pilots=2)
    asked = question(scene_landing=scene, aircraft=[STANDBY, asleep], night=True, weather=Weather(5000, 9000))
    for plan in compare(asked).plans:
        for language in ("zh", "en"):
            assert all(term.said(language) for term in plan.ground_arm + plan.air_arm + plan.after)
            assert say(f"routing.mode.{plan.mode}", language)
            assert say(f"routing.decides.{plan.decides}", language)


def test_plans_are_plain_json():
    for plan in compare(question()).plans:
        json.dumps(plan.as_facts(), allow_nan=False)


places = st.builds(Place, st.floats(30.7, 31.3), st.floats(120.8, 121.6))
fleets = st.lists(
    st.tuples(places, st.sampled_from(["at_base", "standby", "airborne"]), st.floats(150, 310), st.floats(0, 900)),
    min_size=1,
    max_size=3,
)
spots = st.lists(st.tuples(places, st.one_of(st.none(), st.floats(0, 4000))), min_size=1, max_size=6)


@settings(deadline=None)
@given(fleets, spots, st.floats(0, 8000), st.floats(0, 1800), places, st.booleans())
def test_the_best_plan_is_the_best_of_all_by_hand(fleet, sites, drive_s, on_scene_s, pad, night):
    times = AirTimes()
    aircraft = [
        Aircraft(f"h{n}", base, status=status, cruise_kmh=kmh, alarmed_s_ago=ago, pilots=2)
        for n, (base, status, kmh, ago) in enumerate(fleet)
    ]
    landing = [LandingSite(f"s{n}", place, "helipad", lit=True) for n, (place, _) in enumerate(sites)]
    drives = {f"s{n}": seconds for n, (_, seconds) in enumerate(sites)}
    asked = Question(
        "h", drive_s, drives, landing, aircraft, LandingSite("p", pad, "helipad", lit=True), None, on_scene_s,
        times, night, Weather(9000, 9000),
    )  # fmt: skip
    by_hand = [on_scene_s + drive_s]
    for craft in aircraft:
        ready_s = {"at_base": 600, "standby": 180, "airborne": 0}[craft.status]
        if craft.status != "airborne":
            ready_s = max(0, ready_s + (450 if night else 0) - craft.alarmed_s_ago) + 30
        for site in landing:
            if drives[site.id] is None:
                continue
            out_s = ready_s + distance_m(craft.base, site.place) / (craft.cruise_kmh / 3.6) + 60
            back_s = 180 + 30 + distance_m(site.place, pad) / (craft.cruise_kmh / 3.6) + 60 + 60 + 378
            by_hand.append(max(on_scene_s + drives[site.id], out_s) + back_s)
    comparison = compare(asked)
    assert comparison.best is not None
    assert comparison.best.door_s == pytest.approx(min(by_hand), abs=1e-6)
    assert [plan.door_s for plan in comparison.plans] == sorted(plan.door_s for plan in comparison.plans)
    assert len(comparison.plans) == len(by_hand)


@given(st.floats(0, 3000), st.floats(0, 600))
def test_a_longer_drive_never_brings_the_door_nearer(drive_s: float, longer_s: float):
    def door_s(seconds: float) -> float:
        best = compare(question(drive_to_site_s={"fengjing": seconds}, drive_to_door_s=None)).best
        return math.inf if best is None else best.door_s

    assert door_s(drive_s + longer_s) >= door_s(drive_s)


def test_on_equal_times_the_simpler_way_comes_first():
    by_air = compare(question()).best_of("rendezvous")
    assert by_air is not None
    tied = compare(question(drive_to_door_s=by_air.door_s - 240))
    assert [plan.mode for plan in tied.plans[:2]] == list(MODES[:2])


def test_the_driving_times_come_from_the_road_map(draw: Draw):
    nodes = {1: (31.0, 121.0), 2: (31.0, 121.1), 3: (31.05, 121.1)}
    roads = draw(nodes, [(1, [1, 2, 3], {"highway": "primary"})])
    scene, door = on_edge(roads, 1, 2, 0.2), on_edge(roads, 2, 3, 0.5)
    site = LandingSite("s", on_edge(roads, 1, 2, 0.7), "field")
    nowhere = LandingSite("n", Place(35.0, 121.0), "field")
    to_door_s, to_site_s = drive_times(roads, scene, door, [site, nowhere], profile=AMBULANCE_SIREN, at=AT)
    assert to_door_s == route(roads, scene, door, profile=AMBULANCE_SIREN, at=AT).eta_s
    assert to_site_s == {"s": route(roads, scene, site.place, profile=AMBULANCE_SIREN, at=AT).eta_s, "n": None}
