"""A casualty whom no aircraft can land beside is offered a hoist: told as what it is, and carried out."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
from valley import CITY, FAIR, G1_EAST, SCENE, START, Stage, casualty, crash, enrolled, reported, told, valley_area

from casebook import events as e
from casebook.asking import read_command
from casebook.desks import do_due
from casebook.events import Decision, Reason
from casebook.steps import Duty
from casebook.words import say
from dispatch.app import DispatchRoom
from dispatch.area import Area
from dispatch.desk import decision_on
from dispatch.destination import Way
from dispatch.journeys import flight_leg
from dispatch.rule_files import default_policy
from dispatch.timing import ways_for
from routing.air import FIGURES
from routing.roads import Roadmap

POLICY = default_policy()
A = "20210418-001-A"
PLAIN = valley_area()
BASE = [*enrolled(), *reported(), *crash(), *casualty()]
CUT_OFF = (G1_EAST, e.RoadClosed("X1", "flood", ref="X1"))  # no way by road is left
NIGHT = START + timedelta(hours=12)


def area_with(**machine: Any) -> Area:
    """Nowhere to land but at the pads; H1 as it is but for what is said."""
    return replace(PLAIN, sites=(), aircraft={"H1": replace(PLAIN.aircraft["H1"], **machine)})


LIFTING = area_with(hoist=True)


def by_air(valley: Roadmap, area: Area, *facts: e.Event, at: datetime = START) -> Way:
    timed = ways_for(valley, area, told([*BASE, *facts]), A, at, POLICY)
    return next(way for way in timed.ranged(timed.ways) if (way.hospital, way.mode) == ("city", "air"))


def decided(valley: Roadmap, area: Area, *facts: e.Event, at: datetime = START) -> Decision:
    picture = told([*BASE, *facts])
    return decision_on(picture, A, ways_for(valley, area, picture, A, at, POLICY), at, POLICY, valley)


def codes(reasons: tuple[Reason, ...]) -> list[str]:
    return [reason.code for reason in reasons]


def test_a_machine_with_a_hoist_lifts_from_the_scene_and_its_minutes_have_their_own_name(valley: Roadmap):
    way = by_air(valley, LIFTING)
    assert list(way.terms_s) == [
        "on_scene", "wait_for_aircraft", "hoist", "climb", "cruise", "approach_landing", "unloading", "pad_to_ed",
    ]  # fmt: skip
    assert way.terms_s["hoist"] == FIGURES["hoist"].p50_s
    assert (way.rendezvous, way.aircraft) == (None, "H1")
    assert way.eta_low_s < way.eta_s < way.eta_high_s  # type: ignore[operator]


def test_nobody_has_looked_up_at_the_scene_so_a_person_must_settle_it(valley: Roadmap):
    assert codes(by_air(valley, LIFTING).unsettled) == ["air_hoist_place_unknown"]
    silent = replace(LIFTING, weather=replace(FAIR, wind_kt=None))
    assert codes(by_air(valley, silent).unsettled) == ["air_wind_unknown", "air_hoist_place_unknown"]
    judged = by_air(valley, silent, e.UnitOnStandby("H1", "20210418-001"))
    assert codes(judged.unsettled) == ["air_hoist_place_unknown"]  # its crew knows the wind, not the wires


def test_without_a_hoist_one_short_reason_is_told_as_ever(valley: Roadmap):
    (line,) = [one for one in decided(valley, area_with()).rejected if one.mode == "air"]
    assert (line.hospital, codes(line.reasons), line.would_win) == ("", ["no_landing_site"], None)


def test_of_machines_without_a_hoist_nothing_is_said_where_another_has_one(valley: Roadmap):
    two = replace(LIFTING, aircraft={**area_with().aircraft, "H2": replace(LIFTING.aircraft["H1"], id="H2")})
    second = e.UnitEnrolled("H2", "helicopter", "直升机2", "Helicopter 2", "air", CITY)
    busy = [e.IncidentOpened("20210418-002", CITY, "fall", 1, "120", ""), e.UnitOnStandby("H2", "20210418-002")]
    assert by_air(valley, two, second).aircraft == "H2"
    (why,) = by_air(valley, two, second, *busy).barred
    assert (why.code, why.facts["aircraft_en"]) == ("air_unavailable", "Helicopter 2")


def test_a_hoist_that_is_barred_says_why_and_what_would_change_it(valley: Roadmap):
    unable = area_with(hoist=True, hoist_at_night=False, night_capable=True)
    assert codes(by_air(valley, unable, at=NIGHT).barred) == ["air_no_hoist_by_night"]
    lost = next(one for one in decided(valley, unable, *CUT_OFF, at=NIGHT).rejected if _is_flight(one))
    assert codes(lost.reasons) == ["air_no_hoist_by_night"] and lost.would_win == Reason("change.daylight")
    elsewhere = [e.IncidentOpened("20210418-002", CITY, "fall", 1, "120", ""), e.UnitOnStandby("H1", "20210418-002")]
    busy = next(one for one in decided(valley, LIFTING, *CUT_OFF, *elsewhere).rejected if _is_flight(one))
    assert codes(busy.reasons) == ["air_unavailable"]
    assert busy.would_win == Reason("change.aircraft_freed", {"aircraft": "H1"})


def _is_flight(one: e.Rejection) -> bool:
    return (one.hospital, one.mode) == ("city", "air")


def test_what_is_settled_goes_first_and_where_no_road_leads_there_the_hoist_does(valley: Roadmap):
    by_road = decided(valley, LIFTING)
    assert by_road.options[0].mode == "road"
    lifted = decided(valley, LIFTING, *CUT_OFF).options[0]
    assert (lifted.hospital, lifted.mode, lifted.rendezvous) == ("city", "air", None)
    assert "hoisted" in codes(lifted.reasons) and "air_hoist_place_unknown" in codes(lifted.reasons)


def test_an_open_hoist_in_time_goes_before_roads_that_are_too_late(valley: Roadmap):
    first, second = decided(valley, LIFTING, G1_EAST, e.RoadSlowed("slow", "works", 25.0, ref="X1")).options[:2]
    assert (first.mode, second.mode) == ("air", "road")
    assert "policy.bypass_limit" in codes(second.reasons)


def test_the_hoist_is_said_in_both_languages_with_its_minutes(valley: Roadmap):
    first = decided(valley, LIFTING, *CUT_OFF).options[0]
    (told_of,) = [reason for reason in first.reasons if reason.code == "hoisted"]
    assert say("reason.hoisted", "en", **told_of.facts) == (
        "hoisted at the scene, about 15.0 min: the aircraft does not land there"
    )
    assert say("reason.hoisted", "zh", **told_of.facts) == "现场绞车吊运，约15.0分钟，直升机不降落"


def test_a_place_to_land_at_the_scene_is_quicker_than_a_hoist(valley: Roadmap):
    field = replace(PLAIN.sites[0], id="field", place=SCENE)
    assert by_air(valley, replace(LIFTING, sites=(field,))).rendezvous == "field"
    small = replace(field, size_m=(10, 10))
    assert "hoist" in by_air(valley, replace(LIFTING, sites=(small,))).terms_s


def test_nobody_is_lifted_out_of_a_vehicle(valley: Roadmap):
    beside = replace(LIFTING, sites=PLAIN.sites)
    assert "hoist" in by_air(valley, beside).terms_s
    aboard = [one for one in decided(valley, beside, e.CasualtyBoarded(A, "A1")).rejected if one.mode == "air"]
    assert [(one.hospital, codes(one.reasons)) for one in aboard] == [("", ["no_landing_site"])]


class Desk(Stage):
    """The stage with a dispatch room whose area has nowhere to land but at the pads, and a machine with a hoist."""

    async def opened(self, roads: Roadmap) -> Desk:
        await self.open()
        self.room = DispatchRoom(self.book, self.clock, roads, LIFTING, threaded=False)
        return self

    async def ask(self, name: str, **fields: Any) -> None:
        ask = next(one for one in self.room.asks() if one.name == name)
        await ask.handle(read_command(msgspec.json.encode(fields), ask.command, name), self.dispatcher)

    async def react(self) -> None:
        await self.room.react()
        await do_due(self.book, self.room)


async def test_a_yes_sends_the_aircraft_to_the_scene_and_from_there_to_the_pad(valley: Roadmap):
    desk = await Desk(*BASE, *CUT_OFF, e.DestinationRequested(A, "A1")).opened(valley)
    await desk.react()
    await desk.ask("choose_destination", casualty=A)
    unit = desk.book.picture.get_unit("H1")
    assert (unit.duty, unit.leg and unit.leg.to) == (Duty.ASSIGNED, SCENE)
    landing = flight_leg(unit.base, SCENE, LIFTING.aircraft["H1"], LIFTING.air_times)
    assert unit.leg is not None and unit.leg.eta_s == round(landing.eta_s - FIGURES["approach_landing"].p50_s, 1)
    assert [task.kind for task in desk.book.picture.tasks.values()] == ["air_tasking"]  # nobody secures a landing site
    await desk.happen(e.UnitEnRoute("H1"), e.UnitOnScene("H1"))
    await desk.react()
    over_the_scene = by_air_on(valley, desk)
    assert list(over_the_scene.terms_s)[:2] == ["on_scene", "hoist"]  # it is there: nobody waits for it
    await desk.happen(e.CasualtyBoarded(A, "H1"))
    await desk.react()
    unit = desk.book.picture.get_unit("H1")
    assert (unit.purpose, unit.leg and unit.leg.to) == ("hospital", CITY)
    assert desk.kinds.count("destination_proposed") == 1  # boarding changed nobody's mind


def by_air_on(valley: Roadmap, desk: Desk) -> Way:
    timed = ways_for(valley, LIFTING, desk.book.picture, A, START, POLICY)
    return next(way for way in timed.ways if (way.hospital, way.mode) == ("city", "air"))
