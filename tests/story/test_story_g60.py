"""The G60 drill as the paper gives it: 9:30 crash, 9:35 first data, 9:45 at Fengjing, 9:58 at the door."""

from __future__ import annotations

import pytest
from story_stage import A, Story, overlapping

from casebook.log import verify
from scenarios.report import Watched, clocks_of, make_report

pytestmark = pytest.mark.story


def test_every_step_of_the_file_is_played_and_none_is_refused(drill: Story):
    assert [(one.step.number, one.step.ask, one.why or one.error) for one in drill.played if one.error] == []
    assert not drill.all("row_refused")


def test_first_data_reach_the_hospital_within_five_minutes(drill: Story):
    assert clocks_of(drill.entries, "A", None).incident_to_first_data <= 300


def test_ambulance_and_helicopter_meet_at_fengjing_fifteen_minutes_after_the_crash(drill: Story):
    met = drill.first("casualty_transferred", casualty=A)
    assert drill.minutes("casualty_transferred", casualty=A) == pytest.approx(15, abs=2)
    assert met.body["site"] == "fengjing_service_area"
    assert {one.body["unit"] for one in drill.all("unit_at_landing_site")} == {"SJ-5G-01", "rescue_helicopter"}


def test_the_severe_casualty_is_at_the_trauma_centre_after_twenty_eight_minutes(drill: Story):
    assert drill.best() == ("sgh_south", "rendezvous")
    assert drill.minutes("casualty_arrived", casualty=A) == pytest.approx(28, abs=3)
    assert drill.first("casualty_arrived", casualty=A).body["hospital"] == "sgh_south"


def test_the_losing_ways_say_why_they_lost(drill: Story):
    assert {"closure", "time"} <= drill.reasons("sgh_south", "road")
    assert "capability" in drill.reasons("jiashan_first", "road")
    assert "capacity" in drill.reasons("sixth", "road")
    assert "capacity_unknown" in drill.reasons("changzheng", "road")
    refused = drill.proposal()["rejected"]
    assert all(one["reasons"] for one in refused)
    assert {one["hospital"] for one in refused if one["mode"] == "road"} == set(drill.picture().hospitals)


def test_three_districts_approve_and_the_aircraft_stands_by(drill: Story):
    tasks = drill.picture().tasks.values()
    approved = {task.to for task in tasks if task.kind == "cross_district" and task.stage == "approved"}
    assert approved == {"jinshan", "jiashan", "qingpu"}
    assert drill.minutes("unit_on_standby") < drill.minutes("unit_assigned", unit="rescue_helicopter")


def test_the_hospital_is_ready_before_the_door_opens(drill: Story):
    door = drill.first("casualty_arrived", casualty=A).at
    assert drill.first("prealert_acknowledged", casualty=A).at < door
    assert drill.first("bay_assigned", casualty=A).body["bay"] == "R1"
    assert drill.first("team_activated", casualty=A).body["level"] == 1
    members = [one for one in drill.all("team_member_reported", casualty=A) if one.at < door]
    assert {one.body["state"] for one in members} == {"coming", "ready"}


def test_the_doctors_order_is_read_back_and_carried_out(drill: Story):
    order = drill.first("message_sent", casualty=A, order=True)
    read = drill.first("message_read", message=order.body["message"])
    treated = drill.all("findings_recorded", casualty=A)[-1]
    assert read.body["read_back"]
    assert order.at < read.at < treated.at


def test_every_casualty_is_handed_over_and_signed_for_by_both_sides(drill: Story):
    casualties = drill.picture().casualties
    assert {one.label for one in casualties.values()} == set("ABCDE")
    for id in casualties:
        assert {one.body["side"] for one in drill.all("handover_signed", casualty=id)} == {"crew", "hospital"}
        assert len(drill.all("handover_completed", casualty=id)) == 1


def test_no_bay_is_held_twice_and_none_is_held_in_the_end(drill: Story):
    assert len(drill.all("hold_placed")) >= 5
    assert overlapping(drill.entries) == []
    assert not drill.picture().holds


def test_every_unit_is_back_in_service(drill: Story):
    assert {one.duty for one in drill.picture().units.values()} == {"available"}


def test_every_sample_is_stored_once(drill: Story):
    rows = [(one.source.unit, one.source.epoch, one.source.seq) for one in drill.all("vitals_recorded") if one.source]
    assert len(rows) == len(set(rows)) == drill.sampled > 4000


def test_the_book_is_one_chain(drill: Story):
    count, head = verify(iter(drill.entries))
    assert (count, head) == (len(drill.entries), drill.entries[-1].hash)


def test_the_road_takes_thirty_minutes_longer(drill: Story, ground: dict[bool, float]):
    assert clocks_of(drill.entries, "A", ground[True]).saved >= 30 * 60


def test_without_the_works_the_helicopter_saves_less(drill: Story, ground: dict[bool, float]):
    flown = clocks_of(drill.entries, "A", None).incident_to_door
    assert flown < ground[False] < ground[True]


def test_every_figure_of_the_paper_is_met(drill: Story, ground: dict[bool, float]):
    watched = Watched(sampled=drill.sampled, shown=drill.sampled)
    report = make_report(
        drill.scenario, drill.entries, drill.played, watched, rate=1, ground_s=ground[True], ground_open_s=ground[False]
    )
    assert [one["name"] for one in report["expectations"] if not one["passed"]] == []
    assert len(report["expectations"]) >= 8
    assert report["vitals"]["lost"] == 0
    assert report["passed"]


def test_the_works_are_there_before_anything_moves_so_no_way_changes(drill: Story):
    assert drill.first("road_closed", closure="g60_works").at < drill.first("unit_assigned").at
    assert [one.body["unit"] for one in drill.all("leg_given") if one.body.get("why")] == []
    assert not drill.all("leg_blocked")
    assert len(drill.all("destination_proposed", casualty=A)) == 1
