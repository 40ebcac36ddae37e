"""A casualty whom no aircraft can land beside is offered a hoist: told as what it is, and carried out."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from valley import CITY, FAIR, G1_EAST, SCENE, START, Stage, casualty, crash, enrolled, reported, told, valley_area

from casebook import events as e
from casebook.asking import read_command
from casebook.desks import do_due
from casebook.errors import NotFound
from casebook.events import Decision, Reason
from casebook.log import By
from casebook.steps import Duty
from casebook.words import Language, say
from dispatch.app import DispatchRoom
from dispatch.area import Area
from dispatch.case_export import case_at
from dispatch.case_file import read_case, write_case
from dispatch.case_picture import decide_case
from dispatch.desk import decision_on
from dispatch.destination import Way, canonical
from dispatch.journeys import flight_leg
from dispatch.redecide import redecide
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

    def console(self) -> dict[str, Any]:
        return self.room.console_view(self.book.picture, self.clock.now())

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


# --- somebody looks up at the scene

ID = "20210418-001"
SLOW = (G1_EAST, e.RoadSlowed("slow", "works", 60.0, ref="X1"))  # in time by road, sooner by air
CREW = By("paramedic", "A1", "crew")


@pytest.mark.parametrize("said", [None, False], ids=["nobody has looked", "somebody saw wires"])
def test_that_somebody_finds_the_scene_clear_is_the_change_by_which_the_hoist_would_win(
    valley: Roadmap, said: bool | None
):
    judged = [] if said is None else [e.HoistPlaceJudged(ID, said)]
    now = decided(valley, LIFTING, *SLOW, *judged)
    assert now.options[0].mode == "road"
    lost = next(one for one in now.rejected if _is_flight(one))
    assert lost.would_win == Reason("change.scene_clear")
    then = decided(valley, LIFTING, *SLOW, *judged, e.HoistPlaceJudged(ID, True))
    assert (then.options[0].hospital, then.options[0].mode) == ("city", "air")
    assert not any(one.would_win == Reason("change.scene_clear") for one in then.rejected)


def test_where_nobody_has_a_hoist_no_scene_has_to_be_clear(valley: Roadmap):
    now = decided(valley, area_with(), *SLOW)
    assert "change.scene_clear" not in {one.would_win.code for one in now.rejected if one.would_win}


def test_the_look_at_the_scene_is_said_in_both_languages():
    assert say("reason.change.scene_clear", "en") == "if the scene were clear for a hoist"
    assert say("reason.change.scene_clear", "zh") == "若现场可绞车吊运"


async def asked(valley: Roadmap, *facts: e.Event) -> Desk:
    """A crew has asked where to, and the desk has answered."""
    desk = await Desk(*BASE, *facts, e.DestinationRequested(A, "A1")).opened(valley)
    await desk.react()
    return desk


async def judged(desk: Desk, clear: bool, *, late_s: float = 0.0) -> list[str]:
    """The crew says so; what the desk wrote because of it. `late_s`: for so long its vehicle had no link."""
    before, at = len(desk.kinds), desk.clock.now() - timedelta(seconds=late_s)
    await desk.book.write(lambda picture: [e.HoistPlaceJudged(ID, clear)], CREW, at)
    await desk.react()
    return desk.kinds[before + 1 :]


def proposed(desk: Desk) -> Decision:
    proposal = desk.book.picture.get_casualty(A).proposal
    assert proposal is not None
    return proposal


def test_a_place_that_is_clear_leaves_nothing_open_and_the_hoist_may_go_first(valley: Roadmap):
    unknown, clear = decided(valley, LIFTING, *SLOW), decided(valley, LIFTING, *SLOW, e.HoistPlaceJudged(ID, True))
    assert [one.mode for one in unknown.options][:2] == ["road", "air"]
    assert [one.mode for one in clear.options][:2] == ["air", "road"]
    assert "air_hoist_place_unknown" not in codes(clear.options[0].reasons)
    assert unknown.inputs != clear.inputs


def test_a_place_that_is_not_clear_bars_the_hoist_and_says_why(valley: Roadmap):
    found = decided(valley, LIFTING, *CUT_OFF, e.HoistPlaceJudged(ID, False))
    assert all(one.mode != "air" for one in found.options)
    lost = next(one for one in found.rejected if _is_flight(one))
    assert codes(lost.reasons) == ["air_hoist_obstacles"]


def test_of_several_judgements_the_newest_holds_also_when_an_older_one_arrives_after_it(valley: Roadmap):
    assert by_air(valley, LIFTING, e.HoistPlaceJudged(ID, True), e.HoistPlaceJudged(ID, False)).barred
    assert not by_air(valley, LIFTING, e.HoistPlaceJudged(ID, False), e.HoistPlaceJudged(ID, True)).barred


def test_a_judgement_is_of_its_own_incident_only(valley: Roadmap):
    elsewhere = e.IncidentOpened("20210418-002", CITY, "fall", 1, "120", "")
    way = by_air(valley, LIFTING, elsewhere, e.HoistPlaceJudged("20210418-002", True))
    assert codes(way.unsettled) == ["air_hoist_place_unknown"]


async def test_the_desk_thinks_again_at_once_and_the_hoist_goes_first(valley: Roadmap):
    desk = await asked(valley, *SLOW)
    assert proposed(desk).options[0].mode == "road"
    desk.pass_s(5)
    assert await judged(desk, True) == ["destination_proposed"]
    assert proposed(desk).options[0].mode == "air"
    desk.pass_s(5)
    assert await judged(desk, False) == ["destination_proposed"]
    assert {one.mode for one in proposed(desk).options} == {"road"}
    assert list(redecide(desk.book.log.read(), valley, LIFTING)) == []  # the log decides as it did


async def test_a_word_of_the_same_instant_as_the_answer_is_heeded(valley: Roadmap):
    desk = await asked(valley, *SLOW)
    assert await judged(desk, True) == ["destination_proposed"]
    assert proposed(desk).options[0].mode == "air"


async def test_who_looked_up_is_answered_also_where_the_first_way_stays_and_once(valley: Roadmap):
    desk = await asked(valley)
    assert proposed(desk).options[0].mode == "road"
    desk.pass_s(5)
    assert await judged(desk, False) == ["destination_proposed"]
    lost = next(one for one in proposed(desk).rejected if _is_flight(one))
    assert codes(lost.reasons) == ["air_hoist_obstacles"] and proposed(desk).options[0].mode == "road"
    desk.pass_s(5)
    assert await judged(desk, False) == []


async def test_a_word_that_comes_late_does_not_take_the_place_of_a_newer_one(valley: Roadmap):
    desk = await asked(valley, *SLOW)
    desk.pass_s(60)
    await judged(desk, False)
    desk.pass_s(5)
    assert await judged(desk, True, late_s=60) == []
    said = desk.book.picture.get_incident(ID).hoist_place
    assert said is not None and (said.clear, said.by) == (False, "paramedic:A1")


async def test_a_hoist_on_its_way_to_a_place_that_is_not_clear_is_lost_and_another_way_proposed(valley: Roadmap):
    desk = await asked(valley, *SLOW, e.HoistPlaceJudged(ID, True))
    await desk.ask("choose_destination", casualty=A)
    option = desk.book.picture.get_casualty(A).option
    assert option is not None and option.mode == "air"
    desk.pass_s(5)
    assert await judged(desk, False) == ["destination_proposed"]
    assert proposed(desk).options[0].mode == "road"
    assert desk.book.picture.get_casualty(A).option == option  # until a person says yes


async def test_the_dispatcher_may_say_it_for_them_and_the_console_shows_who_said_what(valley: Roadmap):
    desk = await asked(valley, *SLOW)
    assert desk.console()["incidents"][ID].get("hoist_place") is None
    desk.pass_s(5)
    await desk.ask("judge_hoist_place", incident=ID, clear=True)
    await desk.react()
    assert proposed(desk).options[0].mode == "air"
    shown = desk.console()["incidents"][ID]["hoist_place"]
    assert (shown["clear"], shown["by"]) == (True, "dispatcher:desk 1")


@pytest.mark.parametrize(("language", "words"), [("en", "does not exist"), ("zh", "不存在")])
async def test_an_incident_that_nobody_knows_is_refused_in_words(valley: Roadmap, language: Language, words: str):
    desk = await asked(valley)
    before = desk.kinds
    with pytest.raises(NotFound) as caught:
        await desk.ask("judge_hoist_place", incident="20990101-001", clear=True)
    assert words in caught.value.said(language) and "20990101-001" in caught.value.said(language)
    assert desk.kinds == before


@pytest.mark.parametrize("clear", [None, True, False])
def test_the_file_of_a_moment_says_what_was_said_and_decides_as_the_desk_did(valley: Roadmap, clear: bool | None):
    said = () if clear is None else (e.HoistPlaceJudged(ID, clear),)
    desk, region = decided(valley, LIFTING, *SLOW, *said), [fact for fact in BASE if type(fact) is e.HospitalEnrolled]
    case = case_at(told([*BASE, *SLOW, *said]), A, START, "valley", LIFTING, region)
    assert case.scene_clear is clear
    assert canonical(decide_case(read_case(write_case(case)), LIFTING, region, valley)) == canonical(desk)
