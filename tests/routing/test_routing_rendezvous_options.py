"""Hoist, second ambulance, sites to secure, airspace to ask: what each costs, what decides, and the four clocks."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from casebook.place import Place
from casebook.words import say
from routing.air import FIGURES, QUANTILES, Aircraft, Approval, LandingSite, Spread, Weather, total_s
from routing.rendezvous import OPTIONS, CarryOn, Comparison, Plan, Question, compare

SCENE = Place(30.863, 121.001, "事故点", "Scene")
FENGJING = LandingSite("fengjing", Place(30.897, 121.037, "枫泾服务区", "Fengjing"), "service_area", (60, 40), True)
PAD = LandingSite("pad", Place(31.036, 121.236, "停机坪", "Pad"), "helipad", lit=True, pad_to_ed_s=90)
PARK = LandingSite(
    "park", Place(31.030, 121.225, "公园", "Park"), "field", (80, 80), True, surface="grass", slope_deg=1
)
STANDBY = Aircraft("h1", Place(31.03, 121.2), "一号机", "One", status="standby", pilots=2, hoist=True, payload_kg=500)
FAIR = Weather(3000, 8000, 0)


def question(**changes) -> Question:
    facts = {
        "hospital": "songjiang",
        "drive_to_door_s": 3000.0,
        "drive_to_site_s": {"fengjing": 300.0},
        "sites": [FENGJING],
        "aircraft": [STANDBY],
        "pad": PAD,
        "on_scene_s": 240.0,
        "weather": FAIR,
    }
    return Question(**(facts | changes))


def asked(**changes) -> Comparison:
    return compare(question(**changes))


def only(option, **changes) -> Plan:
    plan, *_ = asked(**changes).best_two(option)
    return plan


def names(plan: Plan) -> list[str]:
    return [term.name for term in plan.air_arm + plan.after]


# --- hoist


def test_a_hoist_lifts_from_the_scene_without_landing_and_without_a_drive():
    plan = only("scene_hoist", scene=SCENE)
    assert names(plan) == [
        "standby_takeoff", "climb", "cruise", "hoist", "climb", "cruise", "approach_landing", "unloading", "pad_to_ed",
    ]  # fmt: skip
    assert (plan.site, plan.mode, [term.name for term in plan.ground_arm]) == (None, "air", ["on_scene"])
    assert "hoist" in plan.as_facts()["assumed"]


def test_without_a_hoist_on_board_it_is_refused():
    comparison = asked(scene=SCENE, aircraft=[replace(STANDBY, hoist=False)])
    assert not comparison.best_two("scene_hoist")
    assert [reason.code for refusal in comparison.refused for reason in refusal.reasons] == ["air_no_hoist"]


# --- second ambulance


def test_without_a_pad_the_aircraft_lands_near_and_a_second_ambulance_carries_on():
    plan = only("second_ambulance", pad=None, onward=[CarryOn(PARK, drive_s=240.0, there_s=300.0)])
    assert names(plan)[-3:] == ["unloading", "transfer", "onward_drive"]  # it stands there before the aircraft
    assert (plan.pad, plan.mode) == (PARK, "rendezvous")
    direct = only("rendezvous")
    assert plan.door_s > direct.door_s - 90 - 60


def test_a_second_ambulance_that_comes_late_decides():
    plan = only("second_ambulance", pad=None, onward=[CarryOn(PARK, drive_s=240.0, there_s=2400.0)])
    assert plan.decides == "second_ambulance"
    transfer = next(term for term in plan.after if term.name == "transfer")
    assert plan.door_s == pytest.approx(2400 + transfer.seconds + 240)
    assert plan.door_at("p90") == pytest.approx(2400 + transfer.at("p90") + 240)


def test_a_second_ambulance_nobody_asked_for_has_to_be_settled_and_one_without_a_road_is_refused():
    plan = only("second_ambulance", pad=None, onward=[CarryOn(PARK, drive_s=240.0)])
    assert [reason.code for reason in plan.unknown] == ["air_no_second_ambulance"]
    comparison = asked(pad=None, onward=[CarryOn(PARK, drive_s=None)])
    assert [reason.code for refusal in comparison.refused for reason in refusal.reasons] == ["air_no_road_on"]


def test_a_pad_away_from_the_door_competes_with_a_field_beside_it():
    away = replace(PAD, pad_to_ed_s=None, by_ambulance=True)
    best, runner_up = asked(pad=away, onward=[CarryOn(PARK, 60.0, 0.0)]).best_two("second_ambulance")
    assert (best.pad, runner_up.pad) == (PARK, away)
    assert runner_up.after[-1].seconds == FIGURES["pad_to_ed_by_ambulance"].p50_s


# --- what decides


def test_a_site_that_is_secured_late_decides_until_somebody_was_sent_in_time():
    slow = replace(FENGJING, secured_by="police", secure=Spread(600, 1200, 1800, "assumption", "assumption"))
    late = only("rendezvous", sites=[slow])
    assert late.decides == "securing"
    assert late.meet_s == pytest.approx(1200 + 60)
    sent = only("rendezvous", sites=[slow], securing_s_ago={"fengjing": 900.0})
    assert sent.decides == "flight"
    assert sent.decides_at("p90") == "securing"  # on a slow day it is still waited for


def test_an_approval_that_takes_long_decides():
    asking = replace(STANDBY, approval=Approval(expected=Spread(600, 1200, 1800)))
    plan = only("rendezvous", aircraft=[asking])
    assert plan.decides == "approval"
    ready = [term.seconds for term in plan.air_arm if term.name in ("standby_takeoff", "approval_wait")]
    assert sum(ready) == pytest.approx(1200)


def test_the_longest_term_says_where_a_minute_is_looked_for_first():
    asleep = replace(STANDBY, status="at_base")
    assert only("rendezvous", aircraft=[asleep]).longest_term.name == "alarm_to_takeoff"
    assert only("ground").longest_term.name == "drive"


def test_at_the_ends_of_the_range_another_arm_may_decide():
    asleep = replace(STANDBY, status="at_base")
    plan = only("rendezvous", aircraft=[asleep], drive_to_site_s={"fengjing": 500.0})
    facts = plan.as_facts()
    assert (facts["decides_low"], facts["decides"], facts["decides_high"]) == ("drive", "flight", "flight")


# --- range and clocks


def test_the_range_of_the_door_is_the_sum_of_the_ranges_along_the_deciding_arm():
    plan = only("rendezvous", drive_to_site_range_s={"fengjing": (250.0, 400.0)})
    for quantile in QUANTILES:
        arm = plan.air_arm if plan.wait_at(quantile) > 0 else plan.ground_arm
        assert total_s(arm + plan.after, quantile) == pytest.approx(plan.door_at(quantile))
    assert plan.door_at("p10") < plan.door_s < plan.door_at("p90")
    road = only("ground", drive_to_door_range_s=(2600.0, 3500.0))
    assert [road.door_at(quantile) for quantile in QUANTILES] == [2840, 3240, 3740]


def test_four_clocks_where_the_instant_of_the_incident_is_given():
    comparison = asked(incident_s_ago=390.0)
    plan = comparison.best
    assert plan is not None
    clocks = comparison.clocks(plan)
    assert clocks.incident_to_door_s == pytest.approx(390 + plan.door_s)
    assert clocks.decision_to_door_s == plan.door_s
    assert clocks.handover_to_door_s == pytest.approx(plan.door_s - plan.meet_s)
    assert (clocks.ground_s, clocks.saved_s) == (3240, pytest.approx(comparison.saved_s))
    json.dumps(clocks.as_facts(), allow_nan=False)


def test_a_clock_that_nobody_can_tell_is_absent():
    comparison = asked(drive_to_door_s=None)
    assert comparison.best is not None
    told = comparison.clocks(comparison.best)
    assert (told.incident_to_door_s, told.ground_s, told.saved_s) == (None, None, None)
    by_road = asked(aircraft=[])
    assert by_road.best is not None
    assert by_road.clocks(by_road.best).handover_to_door_s is None


# --- refused, unknown, assumed


def test_too_heavy_is_refused_with_its_reason():
    comparison = asked(load_kg=501.0)
    assert comparison.best_of("rendezvous") is None
    (refusal,) = comparison.refused
    assert refusal.said("en") == "Road and air, rendezvous: 501.0 kg is more than One carries (500 kg)"


def test_a_machine_for_the_day_has_to_be_down_before_night_also_on_a_slow_day():
    by_day = replace(STANDBY, night_capable=False)
    plan = only("rendezvous", aircraft=[by_day])
    down_s = plan.door_at("p90") - total_s(plan.after[-2:], "p90")
    assert asked(aircraft=[by_day], daylight_left_s=down_s + 1).best_of("rendezvous")
    refused = asked(aircraft=[by_day], daylight_left_s=down_s - 1).refused
    assert [reason.code for refusal in refused for reason in refusal.reasons] == ["air_dusk"]
    unsure = only("rendezvous", aircraft=[replace(STANDBY, night_capable=None)], daylight_left_s=0.0)
    assert [reason.code for reason in unsure.unknown] == ["air_dusk_unknown"]


def test_every_assumption_is_named_in_the_facts():
    facts = only("rendezvous").as_facts()
    assert {"loading", "approach_landing", "unloading", "climb"} <= set(facts["assumed"])
    assert not {"on_scene", "drive", "cruise", "standby_takeoff"} & set(facts["assumed"])  # given, calm air, published
    marked = {one["term"] for part in ("air_arm", "after") for one in facts[part] if one.get("assumed")}
    assert marked == set(facts["assumed"])
    assert all(one["source"] for one in facts["after"] if one.get("assumed") and one["term"] != "pad_to_ed")


def test_every_option_has_its_best_and_its_runner_up():
    scene_site = replace(PARK, id="beside", place=SCENE)
    second = Aircraft("h2", SCENE, status="standby", pilots=2, hoist=True)
    comparison = asked(
        aircraft=[STANDBY, second], scene_landing=scene_site, scene=SCENE, onward=[CarryOn(PARK, 240.0, 0.0)]
    )
    for option in OPTIONS:
        found = comparison.best_two(option)
        assert [plan.option for plan in found] == [option] * (1 if option == "ground" else 2)
        assert [plan.door_s for plan in found] == sorted(plan.door_s for plan in found)
    assert comparison.runner_up == comparison.plans[1]


def test_every_option_verdict_and_term_is_said_in_both_languages():
    slow = replace(FENGJING, secured_by="police", secure=Spread(600, 5000, 5000))
    asking = replace(STANDBY, approval=Approval(expected=Spread(600, 4000, 4800)))
    late = CarryOn(PARK, 240.0, 9000.0)
    plans = [
        *asked(scene=SCENE, aircraft=[asking], onward=[late]).plans,
        *asked(sites=[slow]).plans,
        *asked(pad=replace(PAD, by_ambulance=True)).plans,
    ]
    assert {"approval", "securing", "second_ambulance"} <= {plan.decides for plan in plans}
    for plan in plans:
        json.dumps(plan.as_facts(), allow_nan=False)
        for language in ("zh", "en"):
            assert all(term.said(language) for term in plan.ground_arm + plan.air_arm + plan.after)
            assert say(f"routing.option.{plan.option}", language)
            assert say(f"routing.decides.{plan.decides}", language)
    assert say("routing.assumed", "zh") != say("routing.assumed", "en")
