"""What a closure would mean before it is recorded, the stretch under a click, and how a closure is called and drawn."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import valley as valley_module
from test_dispatch_rerouting import A, Drive
from valley import BEYOND_SERVICE, NODES, START, told, valley_area, valley_roads

from casebook import events as e
from casebook.errors import NoAnswer, RefusedInput
from casebook.picture import RoadState
from casebook.place import Place
from dispatch.closure_named import lines_of, name_of
from dispatch.console_view import console_view, door_at, leg_eta_at
from routing.roads import Roadmap


async def test_a_preview_names_the_roads_and_whose_way_it_cuts_and_records_nothing(valley: Roadmap):
    drive = await Drive(valley).begin(60)
    count = len(drive.kinds)
    seen = await drive.ask("preview_closure", ref="G1", bearing_deg=90.0, polygon=BEYOND_SERVICE)
    assert [road["ref"] for road in seen["roads"]] == ["G1"]
    assert seen["units"] == ["A1"]
    assert seen["length_m"] == pytest.approx(25_800, rel=0.02)
    nowhere = await drive.ask("preview_closure", polygon=[[100, 20], [101, 20], [101, 21]])
    assert (nowhere["roads"], nowhere["units"], nowhere["lines"]) == ([], [], [])
    assert len(drive.kinds) == count
    with pytest.raises(RefusedInput):
        await drive.ask("preview_closure", polygon=[[100, 20], [101, 20]])
    for off in ([1.7e308, 0], [181, 0], [0, -91], [-1e308, 1e308]):
        with pytest.raises(RefusedInput) as refused:
            await drive.ask("preview_closure", polygon=[[100, 20], [101, 20], off])
        assert refused.value.facts["field"].startswith("polygon[2]"), "no place on earth"


async def test_the_stretch_under_a_click_reaches_from_junction_to_junction(valley: Roadmap):
    drive = await Drive(valley).begin()
    stretch = await drive.ask("find_stretch", lat=31.05, lon=121.0)
    assert (stretch["ref"], stretch["oneway"]) == ("X1", False)
    assert stretch["length_m"] == pytest.approx(2 * 11_120 + 28_600, rel=0.02), "the old road, end to end"
    seen = await drive.ask("preview_closure", ref=stretch["ref"], polygon=stretch["polygon"])
    assert [road["ref"] for road in seen["roads"]] == ["X1"]
    alone = await drive.ask("preview_closure", polygon=stretch["polygon"])
    assert [road["ref"] for road in alone["roads"]] == ["X1"], "clear of the roads at its ends, also without a number"
    with pytest.raises(NoAnswer):
        await drive.ask("find_stretch", lat=30.5, lon=121.2)


# --- how it is called and drawn


def closure(*, ref: str = "", edges: tuple[tuple[int, int, int], ...] = (), polygon=()) -> RoadState:
    return RoadState("R9", "flood", polygon, ref, None, None, None, START, "dispatcher:desk 1", None, edges)


def test_a_closure_is_called_by_the_road_it_mostly_lies_on(valley: Roadmap):
    around_the_mill = ((121.2, 31.05), (121.4, 31.05), (121.4, 31.15), (121.2, 31.15))
    assert name_of(valley, closure(ref="G1")) == "G1"
    assert name_of(valley, closure(polygon=around_the_mill)) == "X1"
    assert name_of(valley, closure(polygon=((10.0, 10.0), (11.0, 10.0), (11.0, 11.0)))) == "R9"


def test_an_area_is_not_called_by_the_drive_of_a_hospital_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    drive = {"highway": "residential", "name": "City hospital"}
    monkeypatch.setattr(valley_module, "NODES", {**NODES, 6: Place(31.0, 121.31)})
    monkeypatch.setattr(valley_module, "WAYS", [(13, [1, 4, 5, 3], {"highway": "secondary"}), (14, [3, 6], drive)])
    town = valley_roads(tmp_path)
    whole, beside = ((120.0, 30.0), (122.0, 30.0), (122.0, 32.0)), ((121.29, 30.9), (121.4, 30.9), (121.4, 31.01))
    assert name_of(town, closure(polygon=(*whole, (120.0, 32.0)))) == "R9"
    assert name_of(town, closure(edges=((3, 6, 0),), polygon=(*beside, (121.29, 31.01)))) == "City hospital"


def test_what_number_and_polygon_do_not_say_is_drawn_by_its_lines(valley: Roadmap):
    assert lines_of(valley, closure(ref="G1")) is None
    assert lines_of(valley, closure(edges=((2, 3, 0),))) == (((121.03, 31.0), (121.3, 31.0)),)


def test_the_console_names_each_closure_with_its_author_and_whether_it_is_in_force(valley: Roadmap):
    to_come = e.RoadClosed("later", "works", ref="X1", since=START + timedelta(hours=1))
    over = e.RoadClosed("over", "works", ref="X1", until=START + timedelta(minutes=5))
    now = e.RoadClosed("now", "rock fall", BEYOND_SERVICE)
    view = console_view(told([to_come, over, now]), START + timedelta(minutes=10), valley_area(), (), valley)
    roads = view["roads"]
    assert {id: road["in_force"] for id, road in roads.items()} == {"later": False, "over": False, "now": True}
    assert (roads["now"]["name"], roads["now"]["by"], roads["now"]["at"]) == ("G1", "desk:test", START)


async def test_the_casualtys_arrival_follows_the_way_that_is_driven(valley: Roadmap):
    drive = await Drive(valley).begin(60)
    planned = door_at(drive.book.picture, drive.book.picture.casualties[A])
    await drive.close_motorway()
    state = drive.book.picture.casualties[A]
    late = door_at(drive.book.picture, state)
    assert planned is not None and late is not None and late > planned
    assert late == leg_eta_at(drive.unit) == drive.clock.now() + timedelta(seconds=drive.leg.eta_s)
    await drive.happen(e.LegBlocked("A1", drive.leg.to, drive.leg.to, ("G1-east",)))
    assert door_at(drive.book.picture, state) is None, "nobody knows"
