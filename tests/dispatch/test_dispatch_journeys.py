"""Ways and legs on the valley's roads: itemised, honest about closures, stale when something moved."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from valley import CITY, G1_EAST, QUARRY, SCENE, SERVICE, START, casualty, crash, enrolled, reported, told, valley_area

from casebook import events as e
from casebook.errors import NoAnswer
from casebook.picture import Picture
from casebook.place import distance_m
from dispatch.desk import decision_on
from dispatch.destination import Way, canonical, case_of, decide_destination
from dispatch.journeys import flight_leg, road_leg, standing, traffic_version
from dispatch.rule_files import default_policy
from dispatch.timing import ways_for, ways_for_all
from dispatch.whereabouts import along, where_is, where_is_unit
from routing.air import Weather
from routing.ground import route
from routing.profiles import AMBULANCE_SIREN
from routing.roads import Roadmap

POLICY = default_policy()
AREA = valley_area()
A = "20210418-001-A"
BASE = [*enrolled(), *reported(), *crash(), *casualty()]


def ways(valley: Roadmap, picture: Picture, at=START, area=AREA) -> dict[tuple[str, str], Way]:
    timed = ways_for(valley, area, picture, A, at, POLICY)
    return {(way.hospital, way.mode): way for way in timed.ranged(timed.ways)}


def test_every_hospital_is_timed_by_road_and_where_a_helicopter_is_by_air_and_rendezvous(valley: Roadmap):
    found = ways(valley, told(BASE))
    assert set(found) == {(h, m) for h in ("city", "mill", "quarry") for m in ("road", "rendezvous")}
    at_scene = replace(AREA, sites=(*AREA.sites, replace(AREA.sites[0], id="field", place=SCENE)))
    beside = ways(valley, told(BASE), area=at_scene)
    assert set(beside) == {(h, m) for h in ("city", "mill", "quarry") for m in ("road", "air", "rendezvous")}
    without = ways(valley, told([*enrolled(helicopter=False), *reported(), *crash(), *casualty()]))
    assert {mode for _, mode in without} == {"road"}


def test_the_terms_add_up_to_the_time_and_the_drive_is_routings_own(valley: Roadmap):
    found = ways(valley, told(BASE))
    for way in found.values():
        if way.eta_s is not None:
            assert way.eta_s == pytest.approx(sum(way.terms_s.values()), abs=0.01)
    drive = route(valley, SCENE, CITY, profile=AMBULANCE_SIREN, at=START).eta_s
    assert found["city", "road"].terms_s == {"on_scene": POLICY.before_leaving_s.seconds, "drive": round(drive, 1)}


def test_every_way_has_a_range_and_the_roads_is_the_routes_own(valley: Roadmap):
    found = ways(valley, told(BASE))
    for way in found.values():
        if way.eta_s is not None:
            assert way.eta_low_s < way.eta_s < way.eta_high_s  # type: ignore[operator]
    drive = route(valley, SCENE, CITY, profile=AMBULANCE_SIREN, at=START)
    on_scene_s = POLICY.before_leaving_s.seconds
    assert found["city", "road"].eta_low_s == pytest.approx(on_scene_s + drive.eta_low_s, abs=0.1)
    assert found["city", "road"].eta_high_s == pytest.approx(on_scene_s + drive.eta_high_s, abs=0.1)


def test_a_machine_that_does_not_fly_by_night_is_barred_by_night_and_shortly_before(valley: Roadmap):
    day_only = replace(AREA, aircraft={"H1": replace(AREA.aircraft["H1"], night_capable=False)})
    for hours, code in ((9, "air_dusk"), (12, "air_not_by_night")):  # 18:30 and 21:30; night begins at 18:48
        way = ways(valley, told(BASE), at=START + timedelta(hours=hours), area=day_only)["city", "rendezvous"]
        assert [reason.code for reason in way.barred] == [code]


def test_what_is_kept_of_a_machine_a_sky_and_a_door_is_looked_at_anew_where_it_changes(valley: Roadmap):
    picture, low = told(BASE), replace(AREA, weather=Weather(ceiling_ft=100.0, visibility_m=9999.0, wind_kt=5.0))
    before = ways(valley, picture)
    at_service = replace(picture, units={**picture.units, "H1": replace(picture.units["H1"], base=SERVICE)})
    nearer = ways(valley, at_service)["city", "rendezvous"]
    assert nearer.terms_s.get("wait_for_aircraft", 0.0) < before["city", "rendezvous"].terms_s["wait_for_aircraft"]
    assert [one.code for one in ways(valley, picture, area=low)["city", "rendezvous"].barred] == ["air_ceiling_low"]
    city, quarry = picture.hospitals["city"], picture.hospitals["quarry"]
    elsewhere = replace(picture, hospitals={**picture.hospitals, "city": replace(city, place=quarry.place)})
    assert ways(valley, elsewhere)["city", "road"].eta_s == before["quarry", "road"].eta_s
    assert ways(valley, picture) == before


def test_a_rendezvous_is_told_as_the_patient_lives_it(valley: Roadmap):
    way = ways(valley, told(BASE))["city", "rendezvous"]
    names = list(way.terms_s)
    assert names[:2] == ["on_scene", "drive"]
    assert names[-2:] == ["unloading", "pad_to_ed"]
    assert "wait_for_aircraft" in names  # the machine needs ten minutes to take off, the drive three
    assert (way.rendezvous, way.aircraft, way.decides) == ("service", "H1", "flight")


def test_a_hospital_without_pad_says_so_and_a_scene_without_site_says_it_once_for_all(valley: Roadmap):
    found = ways(valley, told(BASE))
    assert [r.code for r in found["mill", "rendezvous"].barred] == ["air_no_pad"]
    assert [r.code for r in unflown(valley, told(BASE))] == ["no_landing_site"]
    without = told([*enrolled(helicopter=False), *reported(), *crash(), *casualty()])
    assert unflown(valley, without) == ()  # nobody flies at all: there is nothing to say of the scene


def unflown(valley: Roadmap, picture: Picture, area=AREA) -> tuple[e.Reason, ...]:
    return ways_for(valley, area, picture, A, START, POLICY).unflown


def test_sixty_hospitals_that_nobody_is_flown_to_are_one_line_at_the_end_of_the_record(valley: Roadmap):
    more = [e.HospitalEnrolled(f"h{n}", "", "", CITY, ("ct",), None, "", CITY) for n in range(57)]
    picture = told([*BASE, *more])
    decision = decision_on(picture, A, ways_for(valley, AREA, picture, A, START, POLICY), START, POLICY, valley)
    by_air = [one for one in decision.rejected if one.mode == "air"]
    assert by_air == [e.Rejection("", "air", None, (e.Reason("no_landing_site"),))]
    assert decision.rejected[-1] == by_air[0]
    assert sum(one.mode == "road" for one in (*decision.rejected, *decision.options[:1])) == 60


def test_what_is_said_of_the_scene_belongs_to_what_was_looked_at_and_ranks_nothing(valley: Roadmap):
    picture = told(BASE)
    timed = ways_for(valley, AREA, picture, A, START, POLICY)
    with_it, without = (
        decision_on(picture, A, one, START, POLICY, valley) for one in (timed, replace(timed, unflown=()))
    )
    assert with_it.inputs != without.inputs
    assert (with_it.options, with_it.rejected[:-1]) == (without.options, without.rejected)


def test_the_reason_of_a_way_is_its_own_else_the_one_that_holds_for_all_hospitals():
    for_all, own = (e.Rejection(id, "air", None, (e.Reason("no_landing_site"),)) for id in ("", "city"))
    by_road = e.Rejection("mill", "road", None, (e.Reason("ground_no_road"),))
    assert e.find_rejection((by_road, for_all), "city", "air") is for_all
    assert e.find_rejection((for_all, own), "city", "air") is own  # as older records have it
    assert e.find_rejection((by_road, for_all), "mill", "road") is by_road
    assert e.find_rejection((by_road, for_all), "city", "road") is None


def test_a_landing_site_at_the_scene_opens_the_way_by_air(valley: Roadmap):
    at_scene = replace(AREA.sites[0], id="field", place=SCENE)
    beside = replace(AREA, sites=(*AREA.sites, at_scene))
    found = ways(valley, told(BASE), area=beside)
    assert unflown(valley, told(BASE), beside) == ()
    assert found["city", "air"].rendezvous == "field"
    assert "drive" not in found["city", "air"].terms_s


def test_a_closure_tells_what_it_costs_and_the_way_goes_round_it(valley: Roadmap):
    open_way = ways(valley, told(BASE))["city", "road"]
    way = ways(valley, told([*BASE, G1_EAST]))["city", "road"]
    (detour,) = way.detours
    assert way.eta_s is not None and open_way.eta_s is not None
    assert detour.facts["closure"] == "G1-east"
    assert detour.facts["cost_s"] == round(way.eta_s - open_way.eta_s)


def test_two_closures_that_only_together_block_are_both_named(valley: Roadmap):
    old_road = e.RoadClosed("X1", "flood", ref="X1")
    way = ways(valley, told([*BASE, G1_EAST, old_road]))["city", "road"]
    assert way.eta_s is None
    assert [r.code for r in way.barred] == ["ground_no_road"]
    assert {(r.code, r.facts["closure"]) for r in way.detours} == {
        ("closure_blocks", "G1-east"),
        ("closure_blocks", "X1"),
    }


def test_a_closure_that_ran_out_costs_nothing(valley: Roadmap):
    old = replace(G1_EAST, until=START)
    assert ways(valley, told([*BASE, old]))["city", "road"].detours == ()


def test_weather_nobody_reported_stays_open_until_the_crew_stands_by(valley: Roadmap):
    blind = valley_area(weather=None)
    unsettled = ways(valley, told(BASE), area=blind)["city", "rendezvous"]
    assert [r.code for r in unsettled.unsettled] == ["air_ceiling_unknown", "air_visibility_unknown"]
    settled = ways(valley, told([*BASE, e.UnitOnStandby("H1", "20210418-001")]), area=blind)["city", "rendezvous"]
    assert settled.unsettled == ()


def test_standing_by_shortens_the_wait_and_being_alarmed_shortens_it_further(valley: Roadmap):
    cold = ways(valley, told(BASE))["city", "rendezvous"]
    standby = ways(valley, told([*BASE, e.UnitOnStandby("H1", "20210418-001")]))["city", "rendezvous"]
    tasked = told([*BASE, e.UnitOnStandby("H1", "20210418-001"), e.UnitAssigned("H1", "20210418-001")])
    later = ways(valley, tasked, at=START + timedelta(seconds=60))["city", "rendezvous"]
    assert cold.eta_s > standby.eta_s > later.eta_s  # type: ignore[operator]


def test_a_helicopter_that_serves_another_incident_is_not_available(valley: Roadmap):
    other = e.IncidentOpened("20210418-002", QUARRY, "fall", 1, "120", "")
    way = ways(valley, told([*BASE, other, e.UnitOnStandby("H1", "20210418-002")]))["city", "rendezvous"]
    assert [r.code for r in way.barred] == ["air_unavailable"]


def test_with_the_motorway_closed_the_rendezvous_wins_and_the_road_hears_why(valley: Roadmap):
    picture = told([*BASE, G1_EAST, e.UnitOnStandby("H1", "20210418-001")])
    way_list = ways_for(valley, AREA, picture, A, START, POLICY).ways
    decision = decide_destination(
        case_of(picture.get_casualty(A)), way_list, picture.hospitals, picture.holds.values(), START, POLICY
    )
    assert (decision.options[0].hospital, decision.options[0].mode) == ("city", "rendezvous")
    road = next(one for one in decision.rejected if (one.hospital, one.mode) == ("city", "road"))
    assert [r.code for r in road.reasons] == ["closure", "policy.bypass_limit", "wait_for_bay", "time"]


def test_many_casualties_asked_for_together_are_timed_as_each_alone(valley: Roadmap):
    second = "20210418-001-B"
    more = [
        e.IncidentOpened("20210418-002", QUARRY, "fall", 1, "120", ""),
        e.CasualtyFound("Q", "20210418-002", "B", 30),
    ]
    facts = [
        *BASE,
        G1_EAST,
        e.CasualtyFound(second, "20210418-001", "B", 60),
        *more,
        e.UnitOnStandby("H1", "20210418-001"),
    ]
    picture, ids = told(facts), [second, A, "Q"]
    together = ways_for_all(valley, AREA, picture, ids, START, POLICY)
    for id in ids:
        alone = ways_for(valley, AREA, picture, id, START, POLICY)
        assert canonical(together[id].ways) == canonical(alone.ways)
        assert canonical(together[id].what_ifs) == canonical(alone.what_ifs)
        assert together[id].ranged(alone.ways) == alone.ranged(alone.ways)


@pytest.mark.parametrize("facts", [[], [G1_EAST], [e.UnitOnStandby("H1", "20210418-001")]])
def test_a_decision_that_asks_for_the_ranges_it_tells_is_the_one_that_had_them_all(valley: Roadmap, facts):
    picture = told([*BASE, *facts])
    timed = ways_for(valley, AREA, picture, A, START, POLICY)
    case, holds = case_of(picture.get_casualty(A)), picture.holds.values()

    def decided(ways, **more):
        return decide_destination(
            case,
            ways,
            picture.hospitals,
            holds,
            START,
            POLICY,
            onward_s=timed.onward_s,
            what_ifs=timed.what_ifs,
            **more,
        )

    asking, having = decided(timed.ways, ranged=timed.ranged), decided(timed.ranged(timed.ways))
    assert canonical(asking) == canonical(having)
    assert all(one.eta_low_s is not None for one in asking.options)


# --- legs and whereabouts


def test_a_road_leg_says_where_it_is_at_every_second(valley: Roadmap):
    picture = told([*BASE, G1_EAST])
    leg = road_leg(valley, SCENE, CITY, picture, START)
    assert leg.line[0][2] == 0.0 and leg.line[-1][2] == pytest.approx(leg.eta_s, abs=0.1)
    assert leg.avoids == ("G1-east",) and leg.traffic_version == traffic_version(picture, START)
    assert leg.eta_low_s <= leg.eta_s <= leg.eta_high_s  # type: ignore[operator]
    assert distance_m(along(leg, 0), SCENE) < 1 and distance_m(along(leg, leg.eta_s), CITY) < 1
    passed = [distance_m(along(leg, s), SCENE) for s in range(0, int(leg.eta_s), 60)]
    assert len(set(passed)) == len(passed)


def test_there_is_no_leg_where_there_is_no_road(valley: Roadmap):
    picture = told([*BASE, G1_EAST, e.RoadClosed("X1", "flood", ref="X1")])
    with pytest.raises(NoAnswer):
        road_leg(valley, SCENE, CITY, picture, START)


def test_a_flight_leg_is_straight_and_counts_from_lift_off():
    leg = flight_leg(QUARRY, SERVICE, AREA.aircraft["H1"], AREA.air_times)
    cruise_s = distance_m(QUARRY, SERVICE) * 3.6 / 252
    assert leg.eta_s == pytest.approx(cruise_s + 30 + 60, abs=0.1)
    assert leg.mode == "air"


def test_a_casualty_is_at_the_scene_until_the_vehicle_leaves_and_then_along_its_leg(valley: Roadmap):
    leg = road_leg(valley, SCENE, CITY, told(BASE), START)
    boarded = [*BASE, e.LegGiven("A1", "hospital", leg), e.CasualtyBoarded(A, "A1")]
    assert where_is(told(boarded), told(boarded).get_casualty(A), START) == (SCENE, False)
    picture = told([*boarded, e.UnitLeftScene("A1")])
    here, left = where_is(picture, picture.get_casualty(A), START + timedelta(seconds=120))
    assert left and distance_m(here, along(leg, 120)) < 1


def test_an_idle_unit_stands_at_its_base_until_it_reports_otherwise():
    picture = told(enrolled())
    assert where_is_unit(picture.get_unit("A1"), START) == QUARRY
    moved = told([*enrolled(), e.PositionReported("A1", 31.05, 121.0)])
    assert where_is_unit(moved.get_unit("A1"), START).lat == 31.05


@pytest.mark.parametrize(
    "fact",
    [
        G1_EAST,
        e.UnitOnStandby("H1", "20210418-001"),
        e.HospitalEnrolled("new", "新", "New", SERVICE, ()),
        e.CasualtyBoarded(A, "A1"),  # nobody is hoisted out of a vehicle
    ],
)
def test_an_answer_goes_stale_with_roads_aircraft_hospitals_and_boarding(fact: e.Event):
    assert standing(told(BASE), A, START) != standing(told([*BASE, fact]), A, START)


def test_an_answer_does_not_go_stale_with_vitals_or_capacity():
    more = [*BASE, e.VitalsRecorded(A, "A1", {"hr_bpm": 120}), e.CapacityReported("city", "resus_bay", 0)]
    assert standing(told(BASE), A, START) == standing(told(more), A, START)


def test_from_the_air_only_hospitals_with_a_pad_are_in_reach(valley: Roadmap):
    picture = told(
        [
            *BASE, e.UnitAssigned("H1", "20210418-001"), e.UnitEnRoute("H1"), e.UnitAtLandingSite("H1", "service"),
            e.CasualtyBoarded(A, "A1"), e.UnitLeftScene("A1"), e.UnitAtLandingSite("A1", "service"),
            e.CasualtyTransferred(A, "A1", "H1", "service"),
            e.LegGiven("H1", "hospital", flight_leg(SERVICE, CITY, AREA.aircraft["H1"], AREA.air_times)),
        ]
    )  # fmt: skip
    found = ways(valley, picture)
    assert set(found) == {(h, "air") for h in ("city", "mill", "quarry")}
    assert [h for (h, _), way in found.items() if way.eta_s is not None] == ["city"]
