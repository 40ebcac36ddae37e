"""When a vehicle set off, where it is bound for, what its arrival is, and what its crew does next."""

from __future__ import annotations

from datetime import timedelta

import pytest
from unit_story import BASE, SCENE, SITE, START, WARD, Story, leg

from ambulance_unit.mission import arrival_of, bound_for, departed_at, drive_of, stands_at, with_leg_now
from ambulance_unit.next_step import next_step
from ambulance_unit.overlay import OwnFact, overlay
from casebook import events as e


def minute(n: float):
    return START + timedelta(minutes=n)


def test_a_drive_begins_when_the_wheels_roll_not_when_the_leg_was_given():
    story = Story().called().assigned(minute=1)
    assert drive_of(story.view()) is None
    story.tell(e.UnitEnRoute("A01"), minute=2.5)
    drive = drive_of(story.view())
    assert drive is not None
    assert (drive.departed_at, drive.eta_s, drive.to.name_en) == (minute(2.5), 240, "G60")


def test_a_new_route_under_way_begins_when_it_was_given():
    story = Story().called().assigned(minute=1).tell(e.UnitEnRoute("A01"), minute=2)
    story.tell(e.LegGiven("A01", "scene", leg(SCENE, BASE, 400)), minute=3)
    drive = drive_of(story.view())
    assert drive is not None and drive.departed_at == minute(3)


def test_who_left_the_scene_without_a_leg_waits_for_one():
    story = Story().at_scene().tell(e.CasualtyBoarded("I1-A", "A01"), e.UnitLeftScene("A01"), minute=9)
    assert drive_of(story.view()) is None
    story.tell(e.LegGiven("A01", "hospital", leg(WARD, SCENE, 900)), minute=10)
    drive = drive_of(story.view())
    assert drive is not None and drive.departed_at == minute(10)


def test_departed_at_of_a_standing_vehicle_is_none():
    assert departed_at("at_patient", minute(1), {"unit_en_route": minute(1)}) is None
    assert departed_at("en_route", None, {"unit_en_route": minute(1)}) is None


def test_the_ambulance_of_a_rendezvous_is_bound_for_the_landing_site():
    story = Story().at_scene().decided().tell(e.CasualtyBoarded("I1-A", "A01"), e.UnitLeftScene("A01"), minute=9)
    assert bound_for(story.view()) == "landing_site"
    assert arrival_of(story.view()) == e.UnitAtLandingSite("A01", "fengjing")


def test_the_helicopter_is_bound_for_the_landing_site_and_then_for_the_hospital():
    story = Story().at_scene().decided()
    assert arrival_of(story.view("H01")) == e.UnitAtLandingSite("H01", "fengjing")
    story.at_fengjing().tell(e.CasualtyTransferred("I1-A", "A01", "H01", "fengjing"), minute=16)
    story.tell(e.LegGiven("H01", "hospital", leg(WARD, SITE, 480, "air")), e.UnitLeftScene("H01"), minute=17)
    assert arrival_of(story.view("H01")) == e.UnitAtDestination("H01", "sgh")


def test_an_ambulance_whose_helicopter_never_came_drives_on_to_the_hospital():
    story = Story().at_scene().decided().tell(e.CasualtyBoarded("I1-A", "A01"), e.UnitLeftScene("A01"), minute=9)
    story.tell(e.UnitAtLandingSite("A01", "fengjing"), minute=14).tell(e.UnitLeftScene("A01"), minute=20)
    assert bound_for(story.view()) == "hospital"


def test_outbound_the_arrival_is_the_scene():
    story = Story().called().assigned().tell(e.UnitEnRoute("A01"), minute=2)
    assert arrival_of(story.view()) == e.UnitOnScene("A01")


def test_a_standing_vehicle_is_at_the_right_end_of_its_leg():
    story = Story().called()
    assert stands_at(story.view(), BASE) == BASE
    story = Story().at_scene()
    assert stands_at(story.view(), BASE).lat == pytest.approx(SCENE.lat)
    story.decided()  # the leg onward begins where it stands
    assert stands_at(story.view(), BASE).lat == pytest.approx(SCENE.lat)
    story.at_fengjing()
    assert stands_at(story.view(), BASE).lat == pytest.approx(SITE.lat)


def test_a_leg_under_way_ends_by_the_crews_own_departure_and_one_that_is_done_is_not_shown():
    story = Story().called().assigned(minute=1)
    assert "eta_at" not in with_leg_now(story.view())["leg"]
    under_way = overlay(story.view(), [OwnFact(1, minute(3), e.UnitEnRoute("A01"))])
    assert with_leg_now(under_way)["leg"]["eta_at"] == minute(7)
    story.tell(e.UnitEnRoute("A01"), minute=3).tell(e.UnitOnScene("A01"), minute=7)
    assert "leg" not in with_leg_now(story.view())
    assert with_leg_now({}) == {}


def test_the_big_button_leads_a_crew_through_the_whole_mission():
    """Each time the button is pressed the hub's picture moves on; nothing has to be searched for."""
    story, pressed = Story().called().assigned(), []

    def press(*facts: e.Event, minute: float, unit: str = "A01") -> None:
        pressed.append(next_step(story.view(unit)).get("do") or next_step(story.view(unit))["wait"])
        story.tell(*facts, minute=minute)

    press(e.UnitAcknowledged("A01"), minute=1)
    press(e.UnitEnRoute("A01"), minute=1)
    press(e.UnitOnScene("A01"), minute=5)
    press(e.CasualtyFound("I1-A", "I1", "A"), minute=5)
    press(e.UnitAtPatient("A01", "I1-A"), minute=6)
    press(e.CasualtyTriaged("I1-A", "start", "red", "crew"), minute=6)  # type: ignore[arg-type]
    press(e.DestinationRequested("I1-A", "A01"), minute=7)
    story.decided()
    press(e.CasualtyBoarded("I1-A", "A01"), minute=9)
    press(e.UnitLeftScene("A01"), minute=9)
    press(e.UnitAtLandingSite("A01", "fengjing"), minute=14)
    press(minute=14)
    press(e.UnitAtLandingSite("H01", "fengjing"), minute=15, unit="H01")
    press(e.CasualtyTransferred("I1-A", "A01", "H01", "fengjing"), minute=16)
    press(e.UnitBackInService("A01"), minute=17)
    press(minute=17, unit="H01")
    story.tell(e.LegGiven("H01", "hospital", leg(WARD, SITE, 480, "air")), minute=17)
    press(e.UnitLeftScene("H01"), minute=17, unit="H01")
    press(e.UnitAtDestination("H01", "sgh"), minute=25, unit="H01")
    press(e.CasualtyArrived("I1-A", "sgh", "H01"), minute=28, unit="H01")
    press(e.HandoverStarted("I1-A", "sgh"), minute=28, unit="H01")
    press(e.HandoverSigned("I1-A", "crew", "crew"), minute=29, unit="H01")
    press(e.HandoverSigned("I1-A", "hospital", "王医生"), e.HandoverCompleted("I1-A", "sgh"), minute=30, unit="H01")
    press(e.UnitBackInService("H01"), minute=31, unit="H01")
    press(minute=31, unit="H01")
    assert pressed == [
        "acknowledge", "en_route", "on_scene", "find", "at_patient", "triage", "request_destination", "board",
        "left_scene", "at_landing_site", "helicopter", "at_landing_site", "transfer", "back_in_service", "route",
        "left_scene", "at_destination", "arrived", "handover", "handover", "signature", "back_in_service", "mission",
    ]  # fmt: skip


def test_the_worst_is_taken_first_and_everyone_is_tagged_before_anyone_is_taken():
    story = Story().at_scene()
    story.tell(e.CasualtyFound("I1-B", "I1", "B"), minute=7)
    assert next_step(story.view()) == {"do": "triage", "with": {"casualty": "I1-B"}}
    story.tell(e.CasualtyTriaged("I1-B", "start", "green", "crew"), minute=7)  # type: ignore[arg-type]
    assert next_step(story.view()) == {"do": "request_destination", "with": {"casualty": "I1-A"}}


def test_a_casualty_who_is_hoisted_is_loaded_by_the_aircrew_and_by_nobody_before():
    story, ground, air = Story().at_scene(), [], []

    def press(*facts: e.Event) -> None:
        for unit, pressed in (("A01", ground), ("H01", air)):
            step = next_step(story.view(unit))
            pressed.append(step.get("do") or step["wait"])
        story.tell(*facts, minute=20)

    terms_s = {"on_scene": 300.0, "wait_for_aircraft": 600.0, "hoist": 900.0, "cruise": 300.0}
    lifted = e.Option("sgh", "air", 2100.0, terms_s, aircraft="H01")
    story.tell(e.DestinationRequested("I1-A", "A01"), minute=7).tell(e.DestinationChosen("I1-A", lifted), minute=8)
    story.tell(e.UnitAssigned("H01", "I1", "rendezvous", leg(SCENE, BASE, 240, "air")), minute=8)
    story.tell(e.UnitAcknowledged("H01"), e.UnitEnRoute("H01"), minute=9)
    assert arrival_of(story.view("H01")) == e.UnitOnScene("H01")
    press(e.UnitOnScene("H01"))
    press(e.UnitAtPatient("H01", "I1-A"))
    press(e.CasualtyBoarded("I1-A", "H01"))
    press(e.LegGiven("H01", "hospital", leg(WARD, SCENE, 480, "air")))
    press(e.UnitLeftScene("H01"))
    press(e.UnitAtDestination("H01", "sgh"))
    assert ground == ["helicopter"] * 3 + ["find"] * 3  # then they are gone from its page
    assert air == ["on_scene", "at_patient", "board", "route", "left_scene", "at_destination"]


def test_without_a_mission_the_crew_waits():
    assert next_step({}) == {"wait": "mission"}
    assert next_step(Story().view()) == {"wait": "mission"}


AVOIDS = e.Reason("leg_avoids", {"closure": "R1", "road": "G60", "why": "works", "change_min": "+4.0"})


def test_a_vehicle_without_a_way_waits_where_it_is_until_it_gets_one():
    story = Story().at_scene().tell(e.CasualtyBoarded("I1-A", "A01"), e.UnitLeftScene("A01"), minute=9)
    story.tell(e.LegGiven("A01", "hospital", leg(WARD, SCENE, 900)), minute=10)
    story.tell(e.LegBlocked("A01", WARD, SITE, ("R1",)), minute=12)
    assert drive_of(story.view()) is None
    assert stands_at(story.view(), BASE) == SITE
    assert "eta_at" not in story.view()["leg"]
    story.tell(e.LegGiven("A01", "hospital", leg(WARD, SITE, 700), (AVOIDS,)), minute=14)
    drive = drive_of(story.view())
    assert drive is not None and drive.departed_at == minute(14)
    assert drive.line[0][:2] == (SITE.lon, SITE.lat)


def test_a_changed_route_says_why_until_the_crew_has_seen_it():
    story = Story().called().assigned(minute=1).tell(e.UnitEnRoute("A01"), minute=2)
    assert "why" not in story.view()["leg"], "the first leg is no change"
    story.tell(e.LegGiven("A01", "scene", leg(SCENE, BASE, 400), (AVOIDS,)), minute=3)
    told = story.view()
    assert told["leg"]["why"][0]["code"] == "leg_avoids"
    fact = e.LegSeen("A01", minute(3))
    assert overlay(told, [OwnFact(1, minute(3.2), fact)])["leg"]["seen_at"], "at once, before the hub says it back"
    assert "seen_at" in story.tell(fact, minute=3.2).view()["leg"]
    story.tell(e.LegGiven("A01", "scene", leg(SCENE, BASE, 300), (AVOIDS,)), minute=4)
    assert "seen_at" not in story.view()["leg"], "another change is to be seen again"
    assert "seen_at" not in story.tell(fact, minute=5).view()["leg"], "what was seen was the one before"
