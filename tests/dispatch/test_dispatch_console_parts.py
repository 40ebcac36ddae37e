"""The console's view from kept parts is the view made anew, whatever has happened and however late it is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from valley import CITY, G1_EAST, SCENE, START, casualty, crash, enrolled, reported, valley_area

from casebook import events as e
from casebook.casualty import Category
from casebook.errors import CoordinationError
from casebook.live import merge_patch, patched, plain
from casebook.picture import Occasion, Picture, fold
from dispatch.console_parts import ConsoleParts
from dispatch.console_view import console_view

AREA = valley_area()
INCIDENT = "20210418-001"
A, B = f"{INCIDENT}-A", f"{INCIDENT}-B"
OPENING = [*enrolled(), *reported(), *crash(), *casualty(), e.CasualtyFound(B, INCIDENT, "B")]
BY_ROAD, BY_AIR = e.Option("city", "road", 900, {"drive": 900.0}), e.Option("mill", "air", 600, {}, aircraft="H1")
LEG = e.Leg(CITY, ((121.0, 31.0, 0.0), (121.3, 31.0, 900.0)), 30_000.0, 900.0)

minutes = st.integers(-5, 300).map(lambda count: START + timedelta(minutes=count))
people, wards = st.sampled_from([A, B, f"{INCIDENT}-C"]), st.sampled_from(["city", "mill"])
happenings = st.one_of(
    st.builds(e.VitalsRecorded, people, st.just("A1"), st.sampled_from([{"hr_bpm": 90}, {"hr_bpm": 91, "pain": 3}])),
    st.builds(e.PositionReported, st.sampled_from(["A1", "H1"]), st.floats(30, 32), st.just(121.0)),
    st.builds(e.PictureQualityChanged, st.just("A1"), st.sampled_from(["video_360p8", "stills"]), st.just("link_thin")),
    st.builds(e.VideoStarted, st.just("A1"), st.just("A1.cabin")),
    st.builds(e.VideoStopped, st.just("A1"), st.just("A1.cabin")),
    st.builds(e.LegGiven, st.just("A1"), st.just("to_hospital"), st.just(LEG)),
    st.builds(e.UnitLeftScene, st.just("A1")),
    st.builds(e.UnitAtDestination, st.just("A1"), wards),
    st.builds(e.UnitAssigned, st.just("H1"), st.just(INCIDENT)),
    st.builds(e.CasualtyFound, people, st.just(INCIDENT), st.just("C")),
    st.builds(e.CasualtyTriaged, people, st.just("start"), st.sampled_from(Category), st.just("crew")),
    st.builds(e.CasualtyBoarded, people, st.just("A1")),
    st.builds(e.CasualtyArrived, people, wards, st.just("A1")),
    st.builds(e.CasualtyClosed, people, st.just("refused")),
    st.builds(e.DestinationChosen, people, st.sampled_from([BY_ROAD, BY_AIR])),
    st.builds(e.PrealertSent, people, wards, minutes),
    st.builds(e.HoldPlaced, people, wards, st.just("resus_bay"), st.integers(1, 2), minutes),
    st.builds(e.HoldReleased, people, wards, st.just("resus_bay"), st.integers(1, 2), st.just("over")),
    st.builds(e.CapacityReported, wards, st.sampled_from(["resus_bay", "ct"]), st.integers(0, 3), st.just(3)),
    st.builds(e.ServiceClosed, wards, st.just("ct"), st.just("down"), minutes),
    st.builds(e.ServiceReopened, wards, st.just("ct")),
    st.builds(e.RoadClosed, st.just("c1"), st.just("works"), ref=st.just("G1"), until=minutes, since=minutes),
    st.builds(e.RoadReopened, st.just("c1")),
    st.builds(e.TaskOpened, st.just("t1"), st.just(INCIDENT), st.just("standby"), st.just("agency"), minutes),
    st.builds(e.TaskApproved, st.just("t1"), st.just("chief")),
    st.just(G1_EAST),
    st.just(e.IncidentOpened("20210418-002", SCENE, "fall", 2, "120", "")),
)


def anew(picture: Picture, now: datetime) -> dict[str, Any]:
    return plain(console_view(picture, now, AREA))


def after(picture: Picture, fact: e.Event, at: datetime = START) -> Picture:
    """As it was where the fact does not fit."""
    try:
        return fold(picture, fact, Occasion(picture.seq + 1, at, "desk:test", "A1", "e", picture.seq + 1))
    except CoordinationError:
        return picture


def told(*facts: e.Event, picture: Picture | None = None) -> Picture:
    picture = picture or Picture()
    for fact in facts:
        picture = after(picture, fact)
    return picture


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(happenings, minutes, minutes), max_size=12))
def test_kept_parts_say_what_a_view_made_anew_says(story: list[tuple[e.Event, datetime, datetime]]):
    parts, picture = ConsoleParts(AREA), told(*OPENING)
    assert parts.look(picture, START) == anew(picture, START)
    for fact, at, now in story:
        picture = after(picture, fact, at)
        assert parts.look(picture, now) == anew(picture, now)
    for now in (START, START + timedelta(days=1)):
        assert parts.look(picture, now) == anew(picture, now)


def test_a_sample_of_one_case_leaves_every_other_part_the_same_object():
    parts, now = ConsoleParts(AREA), START + timedelta(minutes=5)
    picture = told(*OPENING, e.VitalsRecorded(A, "A1", {"hr_bpm": 90}), e.PositionReported("H1", 31.0, 121.0))
    before, kinds = parts.look(picture, now), ("incidents", "casualties", "units", "hospitals", "boards")
    later = parts.look(told(e.VitalsRecorded(A, "A1", {"hr_bpm": 91}), picture=picture), now)
    vitals = later["casualties"][A]["vitals"]
    other = [(kind, id) for kind in kinds for id, part in later[kind].items() if part is not before[kind][id]]
    assert vitals["hr_bpm"]["value"] == 91 and other == [("casualties", A)]
    assert merge_patch(before, later) == {"casualties": {A: {"vitals": {"hr_bpm": {"value": 91}}}}}


def test_a_sample_from_a_clock_that_is_fast_is_shown_once_it_is_so_late():
    parts, ahead = ConsoleParts(AREA), START + timedelta(minutes=1)
    picture = told(*OPENING)
    sample = e.VitalsRecorded(A, "A1", {"hr_bpm": 90})
    picture = fold(picture, sample, Occasion(picture.seq + 1, ahead, "x", "A1", "e", 1))
    assert parts.look(picture, START)["casualties"][A]["vitals"] == {}
    assert parts.look(picture, ahead)["casualties"][A]["vitals"]["hr_bpm"]["value"] == 90


def test_what_is_no_more_takes_no_room():
    parts = ConsoleParts(AREA)
    closed = told(*OPENING, *(e.RoadClosed(f"c{number}", "works", ref="G1") for number in range(5)))
    view = parts.look(closed, START)
    opened = told(*(e.RoadReopened(f"c{number}") for number in range(5)), picture=closed)
    later = parts.look(opened, START)
    assert len(view["roads"]) == 5 and later["roads"] == {}
    assert parts._kept["roads"]._parts == {}
    assert patched(view, merge_patch(view, later)) == later
