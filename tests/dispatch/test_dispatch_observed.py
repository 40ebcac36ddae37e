"""A traffic feed at dispatch: what is news becomes a fact, decisions stand on it, and the log decides as it did."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from valley import CITY, SCENE, START, Stage, casualty, crash, enrolled, reported, told, valley_area

from casebook import events as e
from casebook.asking import read_command
from casebook.desks import look_after
from casebook.errors import RefusedInput
from casebook.picture import Occasion, Picture, TrafficSeen, fold
from dispatch.app import DispatchRoom
from dispatch.closures import CloseRoad, close_road, refuse_nowhere
from dispatch.journeys import road_leg, traffic_of, traffic_version
from dispatch.observed import observed_of, told_by
from dispatch.redecide import redecide
from routing.roads import Roadmap
from routing.traffic import Observed

A = "20210418-001-A"
MOTORWAY_EAST = [[121.0, 31.0], [121.3, 31.0]]


class Desk(Stage):
    """The valley's desk with a casualty whose crew has asked where to."""

    def __init__(self, roads: Roadmap) -> None:
        super().__init__(*enrolled(helicopter=False), *reported(), *crash(), *casualty())
        self.roads = roads

    async def open(self) -> Desk:
        await super().open()
        self.room = DispatchRoom(self.book, self.clock, self.roads, valley_area(), threaded=False)
        await self.happen(e.DestinationRequested(A, "A1"))
        await look_after(self.book, self.room)
        return self

    async def ask(self, name: str, **fields: Any) -> dict[str, Any]:
        ask = next(ask for ask in self.room.asks() if ask.name == name)
        command = read_command(json.dumps(fields).encode(), ask.command, name)
        return await ask.handle(command, self.dispatcher) or {}

    async def push(self, kph: float, at: datetime | None = None, **more: Any) -> dict[str, Any]:
        """The feed's word on the motorway to the east."""
        told_at = (at or self.clock.now()).isoformat()
        row = {"line": MOTORWAY_EAST, "speed_kph": kph, "at": told_at, "confidence": 0.95} | more
        return await self.ask("report_traffic", source="loops", shape="jsonl", rows=json.dumps(row))

    @property
    def picture(self) -> Picture:
        return self.book.picture

    def leg(self) -> e.Leg:
        return road_leg(self.roads, SCENE, CITY, self.picture, self.clock.now())


async def test_a_queue_on_the_motorway_sends_the_next_leg_over_the_old_road(valley: Roadmap):
    desk = await Desk(valley).open()
    free = desk.leg()
    answer = await desk.push(8)
    assert (answer["report"]["taken"], answer["report"]["refused"]) == (1, [])
    assert desk.leg().length_m > free.length_m
    desk.pass_s(4 * 3600)
    assert desk.leg().line == free.line  # nobody believes it any more


async def test_a_batch_is_one_fact_with_what_is_news_in_it(valley: Roadmap):
    desk = await Desk(valley).open()
    await desk.push(30)
    assert desk.kinds.count("traffic_observed") == 1
    desk.pass_s(60)
    await desk.push(31)  # not different enough, not old enough
    assert desk.kinds.count("traffic_observed") == 1
    desk.pass_s(60)
    await desk.push(20)
    assert desk.kinds.count("traffic_observed") == 2
    fact = next(entry for entry in desk.book.log.read() if entry.kind == "traffic_observed").body
    assert fact["source"] == "loops" and fact["roads"] == valley.digest
    assert len(fact["rows"]) == 1 and len(fact["runs"]) <= 2


async def test_open_proposals_are_decided_again_on_new_speeds(valley: Roadmap):
    desk = await Desk(valley).open()
    before = desk.picture.get_casualty(A).proposal
    answer = await desk.push(8)
    after = desk.picture.get_casualty(A).proposal
    assert before is not None and after is not None and answer["follows"]
    assert before.traffic_version != after.traffic_version == traffic_version(desk.picture, desk.clock.now())
    assert after.options[0].eta_s > before.options[0].eta_s or after.options[0].hospital != before.options[0].hospital


async def test_the_log_decides_again_as_it_did(valley: Roadmap):
    desk = await Desk(valley).open()
    for kph in (8, 40, 25):
        desk.pass_s(200)
        await desk.push(kph)
        await desk.ask("propose_destination", casualty=A)
    assert desk.kinds.count("destination_proposed") >= 4
    assert list(redecide(list(desk.book.log.read()), valley, valley_area())) == []


async def test_a_bad_batch_changes_nothing_and_says_what_is_wrong(valley: Roadmap):
    desk = await Desk(valley).open()
    await desk.push(20)
    before = desk.picture
    for rows in ("", "{", '{"u": 1, "v": 2, "speed_kph": NaN, "at": "now"}'):
        try:
            answer = await desk.ask("report_traffic", source="loops", shape="jsonl", rows=rows)
            assert answer["entries"] == [] and answer["report"]["refused"][0]["zh"]
        except RefusedInput as refused:
            assert refused.key == "feed_empty"
    assert desk.picture == before


async def test_a_feed_closes_a_road_and_opens_it_again(valley: Roadmap):
    desk = await Desk(valley).open()
    free = desk.leg()
    await desk.push(0, closed=True, segment="S1")
    (road,) = desk.picture.roads.values()
    assert (road.id, road.reason, road.since) == ("loops:S1", "feed", START)
    assert desk.leg().length_m > free.length_m
    desk.pass_s(60)
    await desk.push(0, closed=True, segment="S1")  # repeated long before it ends: no news
    assert desk.kinds.count("road_closed") == 1
    await desk.push(90, segment="S1")
    assert not desk.picture.roads and desk.leg().length_m == free.length_m


async def test_closures_of_a_feed_that_fell_silent_are_cleared_by_its_next_word(valley: Roadmap):
    desk = await Desk(valley).open()
    await desk.push(0, closed=True, segment="S1")
    desk.pass_s(3600)
    assert traffic_version(desk.picture, desk.clock.now()) == "free"
    await desk.push(60, segment="S2")
    assert not desk.picture.roads


async def test_the_version_of_the_traffic_is_the_entry_that_changed_it(valley: Roadmap):
    desk = await Desk(valley).open()
    assert traffic_of(desk.picture).version == 0
    report = (await desk.push(20))["report"]
    assert report["version"] == traffic_of(desk.picture).version == desk.picture.roads_seq
    await desk.happen(e.DestinationRequested(A, "A1"))
    assert traffic_of(desk.picture).version == report["version"] < desk.picture.seq


# --- closures by edge, by kilometre, to come


async def test_edges_are_closed_and_opened_exactly(valley: Roadmap):
    desk = await Desk(valley).open()
    free = desk.leg()
    await desk.ask("close_road", closure="c", reason="works", edges=[[2, 3, 0]])
    assert desk.leg().avoids == ("c",)
    await desk.ask("reopen_road", closure="c")
    assert desk.leg() == replace(free, traffic_version=desk.leg().traffic_version)
    assert traffic_of(desk.picture).holding(desk.clock.now()) == traffic_of(Picture()).holding(desk.clock.now())


async def test_works_to_come_count_from_their_beginning(valley: Roadmap):
    desk = await Desk(valley).open()
    free, begins = desk.leg(), START + timedelta(hours=2)
    await desk.ask("close_road", closure="c", reason="works", edges=[[2, 3, 0]], since=begins.isoformat())
    known = traffic_version(desk.picture, START)
    assert desk.leg().line == free.line
    desk.pass_s(2 * 3600)
    assert desk.leg().avoids == ("c",)
    assert traffic_version(desk.picture, desk.clock.now()) != known


@pytest.mark.parametrize(
    ("where", "key"),
    [
        ({"edges": ((98, 99, 0),)}, "closure_meets_no_road"),
        ({"ref": "G1", "km": (2.0, 1.0)}, "stretch_km"),
        ({"ref": "G1", "km": (1.0, 2.0)}, "km_no_posts"),
        ({"ref": "G1", "since": START + timedelta(hours=2), "until": START + timedelta(hours=1)}, "bad_field"),
        ({"ref": "G1", "since": datetime(2021, 4, 18, 9, 30)}, "bad_field"),  # noqa: DTZ001 - a naive instant
    ],
)
def test_a_closure_that_means_nothing_here_is_refused(valley: Roadmap, where: dict[str, Any], key: str):
    with pytest.raises(RefusedInput) as refused:
        refuse_nowhere(CloseRoad(reason="works", **where), START, valley)
    assert refused.value.key == key


def test_logs_from_before_kilometres_still_fold_and_name_the_same_traffic():
    body = {"closure": "G1-east", "reason": "works", "polygon": [], "ref": "G1", "bearing_deg": 90.0}
    (fact,) = close_road(Picture(), CloseRoad(reason="works", closure="G1-east", ref="G1", bearing_deg=90.0))
    assert e.decode("road_closed", body) == fact
    # The name that this closure had in books written before a closure could be by kilometre, edge, or to come.
    assert traffic_version(told([fact]), START) == "d3635113f816"


# --- the fact


@given(st.dictionaries(st.integers(0, 400), st.tuples(st.floats(3, 150), st.integers(0, 900)), max_size=30))
def test_a_fact_holds_what_the_batch_said(rows: dict[int, tuple[float, int]]):
    arcs = np.array(sorted(rows), np.int64)
    kph = np.array([round(rows[arc][0], 1) for arc in sorted(rows)])
    seen_s = START.timestamp() - np.array([float(rows[arc][1]) for arc in sorted(rows)])
    low, high = np.round(kph * 0.9, 1), np.round(kph * 1.2, 1)
    seen = Observed.of("r", arcs, low, kph, high, seen_s)
    fact = e.decode("traffic_observed", json.loads(json.dumps(e.encode(told_by("f", seen, START.timestamp())))))
    assert isinstance(fact, e.TrafficObserved)
    assert observed_of((TrafficSeen(1, START, fact),)) == seen


def test_the_picture_forgets_what_nobody_would_believe():
    fact = e.TrafficObserved("f", "r", ((20.0, 18.0, 22.0, 0.0),), ((0, 3, 0),))
    picture = Picture()
    for seq, hours in enumerate((0, 1, 8), start=1):
        picture = fold(picture, fact, Occasion(seq, START + timedelta(hours=hours), "desk:x"))
    assert [one.seq for one in picture.observed] == [3]
