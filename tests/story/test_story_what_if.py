"""What if: a full room, a closed site, a grounded aircraft, silence, a wish, another seed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from story_stage import CREW, A, inserted, play, saying, severe_alone, with_free, without

from routing.air import Weather
from routing.roads import Roadmap
from scenarios.format import Scenario, Step
from scenarios.report import DECIDED, decided_hash

pytestmark = pytest.mark.story


@pytest.fixture(scope="module")
def alone(g60: Scenario) -> Scenario:
    return severe_alone(g60)


def open_roads(scenario: Scenario) -> Scenario:
    return without(scenario, "close_road", "slow_road")


def grounded(scenario: Scenario) -> Scenario:
    """The same day with fog: a ceiling and a sight below any minimum."""
    return replace(scenario, region=replace(scenario.region, weather=Weather(ceiling_ft=200, visibility_m=300)))


def wishing(scenario: Scenario, hospital: str) -> Scenario:
    """The first casualty, hurt lightly, wishes to go to `hospital`."""
    minor = saying(scenario, "triage", answers={"walks": 1, "breathing": 1, "rr": 16})
    minor = saying(minor, "findings", pathway="general", concern="minor", ask=[])
    command = {"casualty": "$A", "hospital": hospital, "by": "patient"}
    found = {"fact": "casualty_found", "label": "A"}
    return inserted(minor, Step(0, f"crew:{CREW}", after=found, plus_s=20, ask="wish", command=command))


def test_full_resus_room_sends_the_casualty_to_the_next_capable_centre_and_says_so(alone: Scenario, roads: Roadmap):
    story = play(with_free(alone, {"sgh_south": 0, "sixth": 2}), roads)
    assert story.best() == ("sixth", "road")
    assert "capacity" in story.reasons("sgh_south", "rendezvous") & story.reasons("sgh_south", "road")
    assert "capability" in story.reasons("jiashan_first", "road")
    assert story.first("prealert_sent").body["hospital"] == "sixth"
    assert [hold.body["hospital"] for hold in story.all("hold_placed")] == ["sixth"]


def test_a_room_that_fills_before_the_request_counts_as_full(alone: Scenario, roads: Roadmap):
    full = {"hospital": "sgh_south", "resource": "resus_bay", "free": 0, "total": 6}
    later = inserted(alone, Step(0, "hospital:sgh_south", at_s=240, ask="report_capacity", command=full))
    story = play(with_free(later, {"sixth": 2}), roads)
    assert story.best() == ("sixth", "road")
    assert "capacity" in story.reasons("sgh_south", "rendezvous")


def test_a_closed_service_is_passed_by_with_its_reason(alone: Scenario, roads: Roadmap):
    closed = {"hospital": "sgh_south", "resource": "ct", "reason": "scanner down"}
    broken = inserted(alone, Step(0, "hospital:sgh_south", at_s=60, ask="close_service", command=closed))
    story = play(with_free(broken, {"sixth": 2}), roads)
    assert story.best() == ("sixth", "road")
    assert "closed" in story.reasons("sgh_south", "rendezvous")


def test_unreported_capacity_never_wins_over_a_bay_that_is_known_to_be_free(alone: Scenario, roads: Roadmap):
    free = with_free(open_roads(grounded(alone)), {"sixth": 2})
    silent = replace(free, capacity={id: one for id, one in free.capacity.items() if id != "sgh_south"})
    heard, unheard = play(free, roads), play(silent, roads)
    assert heard.best() == ("sgh_south", "road")
    assert unheard.best() == ("sixth", "road"), "farther, but it has said that it has room"
    assert "capacity_unknown" in unheard.reasons("sgh_south", "road")


def test_where_only_a_silent_hospital_is_left_it_is_proposed_as_unknown(alone: Scenario, roads: Roadmap):
    story = play(with_free(alone, {"sgh_south": 0, "sixth": 0}), roads)
    assert story.best() == ("changzheng", "road")
    assert "capacity_unknown" in [one["code"] for one in story.proposal()["options"][0]["reasons"]]


def without_fengjing(scenario: Scenario, *, hoist: bool) -> Scenario:
    """The same region without that landing site, its helicopter with a hoist or without."""
    region = scenario.region
    sites = tuple(site for site in region.sites if site.id != "fengjing_service_area")
    machines = {id: replace(one, hoist=hoist) for id, one in region.aircraft.items()}
    return replace(scenario, region=replace(region, sites=sites, aircraft=machines))


def test_without_the_fengjing_site_and_a_hoist_the_casualty_goes_by_road(alone: Scenario, roads: Roadmap):
    story = play(without_fengjing(alone, hoist=False), roads)
    assert story.best() == ("sgh_south", "road")
    assert "rendezvous" not in {one["mode"] for one in story.proposal()["options"]}
    assert {"closure", "faster"} <= {one["code"] for one in story.proposal()["options"][0]["reasons"]}
    assert not story.all("unit_assigned", unit="rescue_helicopter")


def test_without_that_site_a_hoist_is_proposed_where_the_road_is_too_long_and_says_what_is_open(
    alone: Scenario, roads: Roadmap
):
    story = play(without_fengjing(alone, hoist=True), roads)
    best = story.proposal()["options"][0]
    assert (best["hospital"], best["mode"], best["rendezvous"]) == ("sgh_south", "air", None)
    assert {"hoisted", "air_hoist_place_unknown"} <= {one["code"] for one in best["reasons"]}
    road = next(one for one in story.proposal()["options"] if one["mode"] == "road")
    assert road["eta_s"] > best["eta_s"]


def test_a_grounded_helicopter_leaves_the_road_and_says_why(alone: Scenario, roads: Roadmap):
    story = play(grounded(alone), roads)
    assert story.best() == ("sgh_south", "road")
    assert "air_ceiling_low" in story.reasons("sgh_south", "rendezvous")
    assert not story.all("unit_assigned", unit="rescue_helicopter")


def test_a_helicopter_not_in_service_leaves_the_road(alone: Scenario, roads: Roadmap):
    on_the_road = replace(alone, units=tuple(unit for unit in alone.units if unit.kind != "helicopter"))
    story = play(without(on_the_road, "order_standby"), roads)
    assert story.best() == ("sgh_south", "road")


def test_a_pre_alert_that_nobody_acknowledges_is_repeated_escalated_and_told_as_undelivered(
    alone: Scenario, roads: Roadmap
):
    story = play(without(alone, "acknowledge_prealert"), roads)
    sent, repeated = story.first("prealert_sent"), story.all("prealert_repeated")
    escalated, lost = story.first("prealert_escalated"), story.first("alert_undelivered")
    assert [round((one.at - sent.at).total_seconds()) for one in (repeated[0], escalated, lost)] == [60, 120, 180]
    assert lost.body["about"] == f"prealert:{A}"
    assert lost.body["why"] == "not_acknowledged"


def test_an_acknowledged_pre_alert_is_not_repeated(drill):
    assert not drill.all("prealert_repeated")
    assert not drill.all("alert_undelivered")


def test_the_patients_wish_is_followed_where_it_costs_little(alone: Scenario, roads: Roadmap):
    unasked = play(open_roads(wishing(alone, "jiashan_first")), roads)
    asked = play(open_roads(wishing(alone, "songjiang_hospital")), roads)
    assert unasked.best() == ("jiashan_first", "road")
    assert asked.best() == ("songjiang_hospital", "road")
    assert "wish" in {reason["code"] for reason in asked.proposal()["options"][0]["reasons"]}


def test_the_patients_wish_is_not_followed_through_the_works(alone: Scenario, roads: Roadmap):
    story = play(wishing(alone, "songjiang_hospital"), roads)
    assert story.first("wish_stated").body["hospital"] == "songjiang_hospital"
    assert story.best() == ("jiashan_first", "road")


def vitals(story):
    return [one.body["vitals"] for one in story.all("vitals_recorded")]


def test_one_seed_one_drill_and_another_seed_changes_only_what_the_monitors_show(alone: Scenario, roads: Roadmap):
    short = replace(alone, lasts_s=8 * 60)
    one, again = (play(short, roads, with_monitors=True) for _ in range(2))
    other = play(replace(short, seed=short.seed + 1), roads, with_monitors=True)
    assert {x.kind for x in one.entries} >= {"destination_chosen", "hold_placed", "prealert_sent", "casualty_triaged"}
    assert decided_hash(one.entries) == decided_hash(again.entries) == decided_hash(other.entries)
    assert vitals(one) == vitals(again)
    assert len(vitals(one)) == len(vitals(other)) > 100
    assert vitals(one) != vitals(other)


def test_the_hash_of_decisions_changes_when_a_decision_does(alone: Scenario, roads: Roadmap):
    one, other = play(alone, roads), play(grounded(alone), roads)
    assert {x.kind for x in one.entries} & DECIDED
    assert decided_hash(one.entries) != decided_hash(other.entries)
