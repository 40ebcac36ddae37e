"""The wall's view from kept parts is the view made anew, and a screen that applies its patches stands where it does."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ward_story import AMBULANCE, DOOR, HELICOPTER, JINSHAN, PAD, SONGJIANG, arrived, at, expected, leg_to, on_scene

from casebook import events as e
from casebook.casualty import Category
from casebook.errors import CoordinationError, NotFound
from casebook.ledger_now import LedgerNow
from casebook.live import merge_patch, patched, plain
from casebook.log import By, Entry, Source
from casebook.picture import Occasion, Picture, fold
from hospital_board.board import wall_view
from hospital_board.wall_parts import WallParts

A, B = "I1-A", "I1-B"
BY_ROAD = e.Option(SONGJIANG, "road", 900, {"drive": 900.0})
BY_AIR = e.Option(SONGJIANG, "air", 600, {}, rendezvous="pad", aircraft=HELICOPTER)
ELSEWHERE = e.Option(JINSHAN, "road", 1200, {"drive": 1200.0})

instants = st.one_of(st.integers(-300, 4000), st.sampled_from([0, 460, 1300, 1301, 2140, 2141, 90_000])).map(at)
people, wards = st.sampled_from([A, B]), st.sampled_from([SONGJIANG, JINSHAN])
signs = st.sampled_from(
    [{"hr_bpm": 90}, {"hr_bpm": 190, "sbp_mmhg": 70}, {"spo2_pct": 82, "rr_bpm": 30, "temp_c": 36.5, "avpu": "A"}]
)
happenings = st.one_of(
    st.builds(e.VitalsRecorded, people, st.just(AMBULANCE), signs),
    st.builds(e.VitalsRecorded, people, st.just(AMBULANCE), signs),
    st.builds(e.PositionReported, st.just(AMBULANCE), st.floats(30, 32), st.just(121.0)),
    st.builds(e.PictureQualityChanged, st.just(AMBULANCE), st.just("video_360p8"), st.just("link_thin")),
    st.builds(e.VideoStarted, st.just(AMBULANCE), st.just(f"{AMBULANCE}.cabin")),
    st.builds(e.VideoStopped, st.just(AMBULANCE), st.just(f"{AMBULANCE}.cabin")),
    st.builds(e.LegGiven, st.sampled_from([AMBULANCE, HELICOPTER]), st.just("hospital"), st.just(leg_to(DOOR, 900))),
    st.builds(e.LegGiven, st.just(HELICOPTER), st.just("rendezvous"), st.just(leg_to(PAD, 300, "air"))),
    st.builds(e.UnitAssigned, st.just(HELICOPTER), st.just("I1")),
    st.builds(e.UnitLeftScene, st.just(AMBULANCE)),
    st.builds(e.UnitAtDestination, st.just(AMBULANCE), wards),
    st.builds(e.CasualtyFound, st.just(B), st.just("I1"), st.just("B"), st.sampled_from([None, 7.0, 40.0])),
    st.builds(e.CasualtyTriaged, people, st.just("start"), st.sampled_from(Category), st.just("crew")),
    st.builds(e.CasualtyBoarded, people, st.just(AMBULANCE)),
    st.builds(e.CasualtyArrived, people, wards, st.just(AMBULANCE)),
    st.builds(e.CasualtyClosed, people, st.just("refused")),
    st.builds(e.DestinationChosen, people, st.sampled_from([BY_ROAD, BY_AIR, ELSEWHERE])),
    st.builds(e.PrealertSent, people, wards, instants, instants, st.just(1)),
    st.builds(e.PrealertAcknowledged, people, wards, st.just("sister Li"), st.sampled_from(["accept", "query"])),
    st.builds(e.HoldPlaced, people, wards, st.just("resus_bay"), st.integers(1, 2), instants),
    st.builds(e.HoldReleased, people, wards, st.just("resus_bay"), st.integers(1, 2), st.just("over")),
    st.builds(e.CapacityReported, wards, st.sampled_from(["resus_bay", "ct"]), st.integers(0, 3), st.just(3)),
    st.builds(e.ServiceClosed, wards, st.just("ct"), st.just("down"), instants),
    st.builds(e.BayAssigned, people, wards, st.sampled_from(["R1", "R2"])),
    st.builds(e.TeamActivated, people, wards, st.just("trauma"), st.just(1), st.just(("surgeon",))),
    st.builds(e.MessageSent, st.sampled_from(["m1", "m2"]), people, st.just(SONGJIANG), st.just("?"), st.booleans()),
    st.builds(e.MessageRead, st.sampled_from(["m1", "m2"]), st.just("crew"), st.sampled_from(["", "yes"])),
    st.builds(
        e.RecordingStarted,
        st.sampled_from(["r1", "r2"]),
        people,
        st.just(AMBULANCE),
        *map(st.just, ("li", "", "given")),
    ),
    st.builds(e.RecordingStopped, st.sampled_from(["r1", "r2"]), people, st.just("asked")),
    st.builds(e.HandoverSigned, people, st.sampled_from(["crew", "hospital"]), st.just("sister Li")),
    st.builds(e.HandoverCompleted, people, wards),
    st.builds(e.SamplesCounted, st.just(AMBULANCE), people, instants, instants, st.integers(0, 9)),
)


class Ward:
    """A wall with its ledger and a screen that knows only what it was told."""

    def __init__(self, picture: Picture) -> None:
        self.picture, self.ledger = picture, LedgerNow()
        self.parts = WallParts(SONGJIANG, self.ledger.view)
        self.shown: dict[str, Any] = {}
        self._before: dict[str, Any] = {}

    def tell(self, fact: e.Event, when: datetime) -> None:
        """As it was where the fact does not fit."""
        seq = self.picture.seq + 1
        try:
            self.picture = fold(self.picture, fact, Occasion(seq, when, "ed:x", AMBULANCE, "e", seq))
        except CoordinationError:
            return
        by, body = By("paramedic", AMBULANCE, "device"), e.encode(fact)
        self.ledger.hear([Entry(seq, fact.name, fact.version, body, when, when, by, Source(AMBULANCE, "e", seq))])

    def look(self, now: datetime) -> dict[str, Any]:
        view = self.parts.look(self.picture, now)
        self.shown, self._before = patched(self.shown, merge_patch(self._before, view)), view
        return view

    def anew(self, now: datetime) -> dict[str, Any]:
        return plain(wall_view(self.picture, SONGJIANG, now, self.ledger.view))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(happenings, instants, instants), max_size=14), st.booleans())
def test_kept_parts_and_patched_screens_say_what_a_view_made_anew_says(
    story: list[tuple[e.Event, datetime, datetime]], later: bool
):
    ward = Ward(arrived(expected()) if later else expected())
    assert ward.look(at(410)) == ward.anew(at(410))
    for fact, when, now in story:
        ward.tell(fact, when)
        assert ward.look(now) == ward.anew(now) == ward.shown
    for now in (at(410), at(4000), at(4000) + timedelta(days=1)):
        assert ward.look(now) == ward.anew(now) == ward.shown


def test_a_sample_makes_its_own_case_anew_and_leaves_the_others_the_same_object():
    ward = Ward(on_scene(expected(), B))
    ward.tell(e.DestinationChosen(B, BY_ROAD), at(400))
    ward.tell(e.VitalsRecorded(A, AMBULANCE, {"hr_bpm": 90}), at(409))
    before = ward.look(at(410))
    ward.tell(e.VitalsRecorded(A, AMBULANCE, {"hr_bpm": 91}), at(411))
    after = ward.look(at(411))
    assert after["cases"][B] is before["cases"][B] and after["bays"] is before["bays"]
    patch = merge_patch(before, after)["cases"]
    assert patch.keys() == {A} and patch[A].keys() <= {"report", "monitored_at", "scores", "alarms"}
    assert patch[A]["report"]["signs"]["vitals"]["hr_bpm"]["value"] == 91


@pytest.mark.parametrize("later_s", [890, 900.000001, 1740, 1740.000001, 30 * 60 + 405.000001, 3190])
def test_time_alone_makes_a_case_anew_when_it_says_something_else(later_s: float):
    ward = Ward(expected())
    ward.tell(e.VitalsRecorded(A, AMBULANCE, {"hr_bpm": 90, "rr_bpm": 20, "sbp_mmhg": 110}), at(405))
    ward.tell(e.VitalsRecorded(A, AMBULANCE, {"spo2_pct": 97}), at(1740))
    ward.look(at(410))
    assert ward.look(at(410 + later_s)) == ward.anew(at(410 + later_s))


def test_who_has_gone_takes_no_room():
    ward = Ward(expected())
    ward.look(at(410))
    ward.tell(e.CasualtyClosed(A, "refused"), at(420))
    assert ward.look(at(420))["cases"] == {}
    assert ward.parts._cases._parts == {} == ward.parts._lasting._parts


def test_an_unknown_hospital_has_no_wall():
    with pytest.raises(NotFound):
        WallParts("nowhere").look(Picture(), at(0))
