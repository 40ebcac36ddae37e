"""Roads change under way: a closed way becomes another, a faster one beyond the threshold, none is said; all dated."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec import structs
from valley import BEYOND_SERVICE, CITY, SCENE, SERVICE, START, Stage, casualty, crash, enrolled, reported, valley_area

from casebook import events as e
from casebook.asking import Asker, read_command
from casebook.desks import look_after
from casebook.picture import Picture, UnitState
from casebook.place import Place, distance_m
from dispatch.app import DispatchRoom
from dispatch.journeys import road_leg
from dispatch.leg_on_roads import shut_strokes, strokes_of
from dispatch.redecide import redecide
from dispatch.rerouting import ahead_of, may_change, reroute
from dispatch.rule_files import default_rerouting
from dispatch.whereabouts import along
from routing.roads import Roadmap

ID = "20210418-001"
A = f"{ID}-A"
RULES = default_rerouting()
ALL_OLD_ROAD = ((120.9, 31.05), (121.4, 31.05), (121.4, 31.2), (120.9, 31.2))


class Drive(Stage):
    """Ambulance A1 drives casualty A from the crash to the city over the motorway."""

    def __init__(self, roads: Roadmap) -> None:
        super().__init__(*enrolled(helicopter=False), *reported(), *crash(), *casualty())
        self.roads = roads

    async def asked_for(self) -> Drive:
        """The crew has asked where to; the proposal is open."""
        await self.open()
        self.room = DispatchRoom(self.book, self.clock, self.roads, valley_area(), threaded=False)
        self.asks = {ask.name: ask for ask in self.room.asks()}
        await self.happen(e.DestinationRequested(A, "A1"))
        await look_after(self.book, self.room)
        return self

    async def chosen(self) -> Drive:
        """The city's hospital, by road; the ambulance still stands at the scene."""
        await self.ask("choose_destination", casualty=A, hospital="city", mode="road", override_reason="as told")
        return self

    async def begin(self, driven_s: float = 0) -> Drive:
        await (await self.asked_for()).chosen()
        await self.happen(e.CasualtyBoarded(A, "A1"), e.UnitLeftScene("A1"))
        self.pass_s(driven_s)
        return self

    async def ask(self, name: str, at: datetime | None = None, key: str = "", **fields: Any) -> dict[str, Any]:
        command = read_command(json.dumps(fields).encode(), self.asks[name].command, name)
        return await self.asks[name].handle(command, Asker(self.dispatcher.badge, at, key)) or {}

    async def close_motorway(self, **more: Any) -> dict[str, Any]:
        return await self.ask(
            "close_road", closure="G1-east", reason="works", ref="G1", bearing_deg=90.0, polygon=BEYOND_SERVICE, **more
        )

    @property
    def unit(self) -> UnitState:
        return self.book.picture.units["A1"]

    @property
    def leg(self) -> e.Leg:
        assert self.unit.leg is not None
        return self.unit.leg

    @property
    def halted(self) -> Place:
        assert self.unit.halted is not None
        return self.unit.halted

    @property
    def proposal(self) -> e.Decision:
        proposal = self.book.picture.casualties[A].proposal
        assert proposal is not None
        return proposal

    @property
    def codes(self) -> list[str]:
        return [reason.code for reason in self.unit.leg_why]


def crosses(roads: Roadmap, leg: e.Leg, ref: str) -> bool:
    mask = roads.network.where_tag("ref", {ref})
    return any(shut_strokes(strokes_of(roads, leg.line), mask))


def here(leg: e.Leg) -> Place:
    lon, lat, _ = leg.line[0]
    return Place(lat, lon)


async def test_a_closure_ahead_sends_the_vehicle_another_way_from_where_it_is_and_says_why(valley: Roadmap):
    drive = await Drive(valley).begin(60)
    before = drive.leg
    place = along(before, 60)
    answer = await drive.close_motorway()
    after = drive.leg
    assert distance_m(here(after), place) < 1
    assert crosses(valley, before, "X1") is False
    assert crosses(valley, after, "X1")
    assert after.to == before.to
    assert after.avoids == ("G1-east",)
    assert after.eta_s > before.eta_s
    (why,) = drive.unit.leg_why
    assert (why.code, why.facts["road"], why.facts["why"]) == ("leg_avoids", "G1", "works")
    assert why.facts["by"] == "dispatcher:desk 1"
    assert why.facts["change_s"] == pytest.approx(after.eta_s - (before.eta_s - 60), abs=1)
    assert why.facts["change_min"].startswith("+")
    entry = next(x for x in drive.book.log.read() if x.kind == "leg_given" and "why" in x.body)
    assert entry.at == START + timedelta(seconds=60)
    assert entry.seq in answer["follows"]
    assert drive.unit.purpose == "hospital", "the ward still counts the minutes of this leg"


async def test_a_vehicle_on_the_stretch_that_closes_drives_on_to_its_end(valley: Roadmap):
    drive = await Drive(valley).begin()
    on_it_s = next(at_s for lon, _, at_s in drive.leg.line if lon >= SERVICE.lon) + 60
    drive.pass_s(on_it_s)
    before = drive.leg
    await drive.close_motorway()
    assert drive.codes == ["leg_out"]
    assert drive.unit.halted is None
    assert drive.leg.eta_s == pytest.approx(before.eta_s - on_it_s, abs=2)
    assert [v[:2] for v in drive.leg.line][-1] == (CITY.lon, CITY.lat)
    await drive.ask("close_road", closure="X", reason="flood", polygon=ALL_OLD_ROAD)
    assert drive.kinds.count("leg_given") == 2, "told once: another closure does not change the way out"


async def test_where_no_way_is_left_the_vehicle_waits_and_that_is_a_fact(valley: Roadmap):
    drive = await Drive(valley).begin(60)
    place = along(drive.leg, 60)
    await drive.ask("close_road", closure="X", reason="flood", polygon=ALL_OLD_ROAD)
    assert "leg_blocked" not in drive.kinds, "the motorway is still open"
    await drive.close_motorway()
    assert distance_m(drive.halted, place) < 1
    assert set(drive.unit.halted_by) == {"G1-east", "X"}
    assert "no_destination" in drive.kinds, "and no hospital can be reached: a person must act"
    drive.pass_s(300)
    await look_after(drive.book, drive.room)
    assert drive.kinds.count("leg_blocked") == 1, "said once"
    await drive.ask("reopen_road", closure="X")
    assert drive.codes == ["leg_free"]
    assert drive.unit.halted is None
    assert distance_m(here(drive.leg), place) < 1, "from where it waited"


async def test_reopening_gives_the_better_way_back_only_above_the_threshold(valley: Roadmap):
    drive = await Drive(valley).begin(60)
    await drive.close_motorway()
    detour = drive.leg
    await drive.ask("reopen_road", closure="G1-east")
    assert drive.codes == ["leg_faster"]
    assert drive.leg.eta_s <= detour.eta_s - RULES.faster_way_s.seconds
    assert crosses(valley, drive.leg, "X1") is False


async def test_below_the_threshold_the_vehicle_keeps_its_way(valley: Roadmap):
    drive = await Drive(valley).begin(60)
    await drive.close_motorway()
    rules = structs.replace(RULES, faster_way_s=structs.replace(RULES.faster_way_s, seconds=100_000))
    opened = replace(drive.book.picture, roads={})
    assert reroute(valley, opened, "A1", drive.clock.now(), rules) is None
    assert isinstance(reroute(valley, opened, "A1", drive.clock.now(), RULES), e.LegGiven)


async def test_a_slow_road_on_the_way_changes_the_time_of_the_same_way(valley: Roadmap):
    drive = await Drive(valley).begin(60)
    before = drive.leg
    await drive.ask(
        "slow_road", closure="S", reason="works", ref="G1", bearing_deg=90.0, polygon=BEYOND_SERVICE, speed_kmh=80
    )
    assert drive.codes == ["leg_retimed"]
    assert drive.leg.eta_s > before.eta_s - 60 + 30
    assert [v[:2] for v in drive.leg.line][1:] == [v[:2] for v in before.line][1:], "the way is the same"
    again = reroute(valley, drive.book.picture, "A1", drive.clock.now(), RULES)
    assert again is None


async def test_a_closure_elsewhere_changes_nothing(valley: Roadmap):
    drive = await Drive(valley).begin(60)
    await drive.ask("close_road", closure="X", reason="flood", polygon=ALL_OLD_ROAD)
    assert drive.kinds.count("leg_given") == 1


async def test_a_closure_that_runs_out_is_followed_at_the_instant_it_ended(valley: Roadmap):
    drive = await Drive(valley).begin(60)
    until = drive.clock.now() + timedelta(seconds=120)
    await drive.close_motorway(until=until.isoformat())
    drive.pass_s(123)
    await look_after(drive.book, drive.room)
    last = [x for x in drive.book.log.read() if x.kind == "leg_given"][-1]
    assert last.at == until
    assert [reason["code"] for reason in last.body["why"]] == ["leg_faster"]


async def test_a_vehicle_that_has_not_left_gets_its_new_way_before_it_leaves(valley: Roadmap):
    drive = await (await Drive(valley).asked_for()).chosen()
    drive.pass_s(30)
    await drive.close_motorway()
    assert drive.codes == ["leg_avoids"]
    assert distance_m(here(drive.leg), SCENE) < 1


async def test_an_open_proposal_is_decided_again_on_the_changed_roads(valley: Roadmap):
    drive = await Drive(valley).asked_for()
    before = drive.proposal
    drive.pass_s(20)
    await drive.close_motorway()
    after = drive.proposal
    assert before.options[0].hospital == "city"
    assert after.traffic_version != before.traffic_version
    slower = {o.hospital: o.eta_s for o in after.options}
    assert slower["city"] > {o.hospital: o.eta_s for o in before.options}["city"]
    assert after.options[0].hospital == "mill", "nearer round the north"
    assert drive.book.picture.casualties[A].proposed_at == drive.clock.now()


async def test_another_hospital_for_somebody_on_the_way_is_proposed_and_not_taken(valley: Roadmap):
    drive = await Drive(valley).begin(60)
    await drive.close_motorway()
    state = drive.book.picture.casualties[A]
    assert state.hospital == "city"
    assert drive.proposal.options[0].hospital == "mill"
    assert state.proposed_at is not None and state.chosen_at is not None
    assert state.proposed_at > state.chosen_at
    await drive.ask("choose_destination", casualty=A)
    assert drive.book.picture.casualties[A].hospital == "mill"
    assert "prealert_withdrawn" in drive.kinds


async def test_the_same_closure_asked_twice_is_followed_once(valley: Roadmap):
    drive = await Drive(valley).begin(60)
    first = await drive.close_motorway(key="once")
    count = len(drive.kinds)
    again = await drive.close_motorway(key="once")
    assert again["entries"] == first["entries"]
    assert len(drive.kinds) == count


async def test_the_log_decides_again_as_it_did(valley: Roadmap):
    drive = await Drive(valley).begin(60)
    await drive.close_motorway()
    drive.pass_s(40)
    await drive.ask("reopen_road", closure="G1-east")
    assert list(redecide(drive.book.log.read(), valley, valley_area())) == []


async def test_a_fix_that_bears_the_leg_out_changes_nothing_and_one_elsewhere_is_believed(valley: Roadmap):
    drive = await Drive(valley).begin(60)
    expected = along(drive.leg, 60)
    await drive.happen(e.PositionReported("A1", round(expected.lat, 6), round(expected.lon, 6)))
    assert distance_m(ahead_of(drive.unit, drive.clock.now(), RULES).here, expected) < 1
    behind = along(drive.leg, 30)
    assert distance_m(behind, expected) > RULES.off_leg_m.metres
    await drive.happen(e.PositionReported("A1", behind.lat, behind.lon))
    assert distance_m(ahead_of(drive.unit, drive.clock.now(), RULES).here, behind) < 60
    await drive.happen(e.PositionReported("A1", 31.05, 121.0))
    lost = ahead_of(drive.unit, drive.clock.now(), RULES)
    assert lost.lost == "leg_found"
    assert (lost.here.lat, lost.here.lon) == (31.05, 121.0)
    drive.pass_s(120)
    assert ahead_of(drive.unit, drive.clock.now(), RULES).lost == "", "an old fix says nothing about now"


@pytest.mark.parametrize("driven_s", [0.4, 17, 60, 99.5, 130, 400, 800])
async def test_the_new_way_begins_where_the_old_one_is_and_crosses_no_closure_ahead(valley: Roadmap, driven_s: float):
    drive = await Drive(valley).begin(driven_s)
    place = along(drive.leg, driven_s)
    await drive.close_motorway()
    leg = drive.leg
    assert distance_m(here(leg), place) < 1
    times = [at_s for _, _, at_s in leg.line]
    assert times == sorted(times)
    assert times[0] == 0
    assert times[-1] == pytest.approx(leg.eta_s, abs=0.2)
    if drive.codes == ["leg_avoids"]:
        closed = valley.network.where_tag("ref", {"G1"}) & (abs(valley.network.bearing_deg() - 90) < 45)
        beyond = [arc for arc in range(valley.network.arcs) if closed[arc] and _east_of_service(valley, arc)]
        closed[:] = False
        closed[beyond] = True
        assert not any(shut_strokes(strokes_of(valley, leg.line), closed))


def _east_of_service(roads: Roadmap, arc: int) -> bool:
    return bool(roads.network.lon[roads.network.head[arc]] > SERVICE.lon + 0.01)


async def test_who_comes_to_the_road_from_beside_it_may_turn_either_way(valley: Roadmap):
    """A house north of the motorway's beginning: its drive meets the old road at a right angle."""
    drive = await Drive(valley).begin()
    house = Place(31.05, 121.01)
    leg = road_leg(valley, house, CITY, drive.book.picture, drive.clock.now())
    await drive.happen(e.LegGiven("A1", "hospital", leg))
    drive.pass_s(20)
    assert distance_m(ahead_of(drive.unit, drive.clock.now(), RULES).here, house) > 10
    for _ in range(2):
        await drive.close_motorway()
        assert drive.codes == ["leg_avoids"]
        assert drive.leg.eta_s < leg.eta_s + 3600
        await drive.ask("reopen_road", closure="G1-east")
        assert drive.codes == ["leg_faster"]
        assert drive.leg.eta_s == pytest.approx(leg.eta_s - 20, abs=2), "the very way it had before"


async def test_who_flies_stands_or_has_arrived_is_left_alone(valley: Roadmap):
    drive = await Drive(valley).begin(60)
    assert may_change(drive.unit)
    assert not may_change(drive.book.picture.units["A2"])
    await drive.happen(e.UnitAtDestination("A1", "city"))
    assert not may_change(drive.unit)
    await drive.close_motorway()
    assert drive.kinds.count("leg_given") == 1


def test_a_strange_unit_is_named(valley: Roadmap):
    with pytest.raises(Exception, match="unit"):
        reroute(valley, Picture(), "nobody", START, RULES)


async def test_the_roads_of_a_leg_are_found_again_from_its_line(valley: Roadmap):
    drive = await Drive(valley).begin()
    half = Place(31.0, 121.1)
    leg = road_leg(valley, half, CITY, drive.book.picture, START, 90.0)
    strokes = strokes_of(valley, leg.line)
    assert [len(stroke.arcs) for stroke in strokes] == [1]
    assert strokes[0].share == pytest.approx(0.2 / 0.27, abs=0.01)
