"""A road is closed while the ambulance drives: it takes another way from where it is, arrives, and the log says why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from story_stage import Story, play

from casebook.place import Place, distance_m
from dispatch.redecide import redecide
from routing.roads import Roadmap
from scenarios.area import area_of
from scenarios.format import Scenario, load_scenario
from scenarios.vocabulary import all_asks

pytestmark = pytest.mark.story
UNIT, A = "SJ-01", "20260301-001-A"
# The interchange of G60 and G1503, on the way from Xinbang to Songjiang.
SMALL = """
scenario: closed_on_the_way
title: {zh: "途中封路", en: "Closed on the way"}
region: yangtze_delta
starts_at: 2026-03-01T14:00:00+08:00
lasts: "1:00:00"
severe: A
units:
  - {id: SJ-01, kind: ambulance, name_zh: "松江01", name_en: "Songjiang 01", district: songjiang, at: xinbang_station}
casualties:
  - label: A
    age_years: 31
    sex: f
    course:
      - {at: 0, hr_bpm: 104, spo2_pct: 96, sbp_mmhg: 118, dbp_mmhg: 74, rr_bpm: 22}
capacity:
  sgh_south: {resus_bay: {free: 2, total: 6}, ed_bed: {free: 6, total: 24}}
steps:
  - {at: 15, who: dispatcher, ask: report_call, with: {place: {lat: 30.95, lon: 121.10}, kind: traffic}}
  - {after: {fact: incident_opened}, plus: 20, who: dispatcher, ask: assign_unit, with: {incident: $incident}}
  - {after: {fact: unit_assigned, unit: SJ-01}, plus: 5, who: "crew:SJ-01", ask: acknowledge}
  - {after: {fact: unit_acknowledged, unit: SJ-01}, plus: 10, who: "crew:SJ-01", ask: en_route}
  - {after: {fact: unit_on_scene, unit: SJ-01}, plus: 10, who: "crew:SJ-01",
     ask: found_casualty, with: {label: A, age_years: 31}}
  - {after: {fact: casualty_found, label: A}, plus: 5, who: "crew:SJ-01", ask: at_patient, with: {casualty: $A}}
  - {after: {fact: unit_at_patient, unit: SJ-01}, plus: 10, who: "crew:SJ-01",
     ask: triage, with: {casualty: $A, method: manual, category: red}}
  - {after: {fact: casualty_triaged, casualty: $A}, plus: 10, who: "crew:SJ-01",
     ask: findings, with: {casualty: $A, concern: shock, pathway: trauma}}
  - {after: {fact: findings_recorded, casualty: $A}, plus: 10, who: "crew:SJ-01",
     ask: request_destination, with: {casualty: $A}}
  - {after: {fact: destination_requested, casualty: $A}, plus: 30, who: dispatcher,
     ask: choose_destination, with: {casualty: $A}}
  - {after: {fact: destination_chosen, casualty: $A}, plus: 60, who: "crew:SJ-01", ask: board, with: {casualty: $A}}
  - {after: {fact: casualty_boarded, casualty: $A}, plus: 20, who: "crew:SJ-01", ask: left_scene}
  - {after: {fact: unit_left_scene, unit: SJ-01}, plus: 90, who: dispatcher,
     ask: close_road,
     with: {closure: crash, reason: "second crash",
            polygon: [[121.140, 31.008], [121.153, 31.008], [121.153, 31.017], [121.140, 31.017]]}}
  - {after: {fact: road_closed, closure: crash}, plus: 20, who: "crew:SJ-01", ask: see_leg}
  - {after: {fact: unit_at_destination, unit: SJ-01}, plus: 30, who: "crew:SJ-01", ask: arrived, with: {casualty: $A}}
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    file = tmp_path_factory.mktemp("small") / "closed_on_the_way.yaml"
    file.write_text(SMALL, encoding="utf-8")
    return load_scenario(file, all_asks())


@pytest.fixture(scope="module")
def story(small: Scenario, roads: Roadmap) -> Story:
    return play(small, roads)


@pytest.fixture(scope="module")
def undisturbed(small: Scenario, roads: Roadmap) -> Story:
    """The same drill on a day on which nothing is closed."""
    return play(replace(small, steps=tuple(s for s in small.steps if s.ask not in ("close_road", "see_leg"))), roads)


def test_every_step_is_played(story: Story):
    assert [(one.step.ask, one.why or one.error) for one in story.played if one.error] == []
    assert not story.all("row_refused")


def test_the_ambulance_gets_another_way_at_the_instant_of_the_closure_and_the_log_says_why(story: Story):
    closed = story.first("road_closed")
    first, second = story.all("leg_given", unit=UNIT)
    assert second.at == closed.at
    (why,) = second.body["why"]
    assert why["code"] == "leg_avoids"
    assert (why["facts"]["closure"], why["facts"]["why"]) == ("crash", "second crash")
    assert why["facts"]["change_s"] > 60
    assert list(second.body["leg"]["avoids"]) == ["crash"]
    assert second.body["leg"]["to"] == first.body["leg"]["to"]


def test_it_drives_on_without_a_jump(story: Story):
    fixes = [(one.at, one.body) for one in story.all("position_reported", unit=UNIT)]
    left = story.first("unit_left_scene").at
    fixes = [(at, Place(body["lat"], body["lon"])) for at, body in fixes if at > left]
    for (at_a, a), (at_b, b) in pairwise(fixes):
        span_s = (at_b - at_a).total_seconds()
        assert distance_m(a, b) <= span_s * 45, f"faster than 160 km/h at {at_b}"


def test_it_arrives_when_the_new_way_says_and_later_than_undisturbed(story: Story, undisturbed: Story):
    _, second = story.all("leg_given", unit=UNIT)
    arrived = story.first("unit_at_destination", unit=UNIT)
    assert arrived.at == second.at + timedelta(seconds=second.body["leg"]["eta_s"])
    late_s = (arrived.at - undisturbed.first("unit_at_destination", unit=UNIT).at).total_seconds()
    assert late_s == pytest.approx(second.body["why"][0]["facts"]["change_s"], abs=1)
    assert story.first("casualty_arrived", casualty=A).body["hospital"] == "sgh_south"


def test_the_crew_has_seen_the_change(story: Story):
    _, second = story.all("leg_given", unit=UNIT)
    seen = story.first("leg_seen", unit=UNIT)
    assert seen.at == second.at + timedelta(seconds=20)
    assert seen.source is not None, "a fact of the vehicle, through its outbox"


def test_the_log_decides_again_as_it_did(story: Story, roads: Roadmap):
    area = area_of(story.scenario.region, [unit.id for unit in story.scenario.units])
    assert list(redecide(story.entries, roads, area)) == []


def test_a_drill_without_a_closure_under_way_changes_no_leg(undisturbed: Story):
    assert len(undisturbed.all("leg_given", unit=UNIT)) == 1
    assert all("why" not in one.body for one in undisturbed.all("leg_given"))
