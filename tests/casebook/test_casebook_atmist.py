"""The pre-alert says the headline first, and says unknown where nobody knows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from casebook import events as e
from casebook.atmist import ITEMS, atmist
from casebook.casualty import Category, Findings, Pathway
from casebook.errors import NotFound
from casebook.picture import Occasion, Picture, fold
from casebook.place import Place

START = datetime(2021, 4, 18, 1, 30, tzinfo=UTC)
SONGJIANG = Place(31.036, 121.236)


def told(*facts: tuple[int, e.Event]) -> Picture:
    """A picture of these facts, each `seconds` after START."""
    picture = Picture()
    for seq, (seconds, fact) in enumerate(facts, start=1):
        picture = fold(picture, fact, Occasion(seq, START + timedelta(seconds=seconds), "desk:test"))
    return picture


OPENED = e.IncidentOpened("I1", Place(30.863, 121.001), "traffic", 1, "120", "two cars", hazards=("fuel",))
FOUND = e.CasualtyFound("I1-A", "I1", "A")
SEVERE = Findings(
    mechanism="trapped driver", injuries=("pelvis",), signs="pale", treatments=("binder",),
    concern="haemorrhagic shock", ask=("trauma team", "blood"), pathway=Pathway.TRAUMA, needs=("trauma_centre",),
)  # fmt: skip


def test_what_nobody_stated_is_said_to_be_unknown():
    told_so_far = atmist(told((0, OPENED), (60, FOUND)), "I1-A", START + timedelta(seconds=60))
    assert told_so_far["unknown"] == tuple(name for name in ITEMS if name != "time")
    assert told_so_far["hazards"] == ("fuel",)
    assert "mechanism" not in told_so_far


def test_headline_comes_before_atmist_and_nothing_is_unknown_once_all_is_stated():
    picture = told(
        (0, OPENED),
        (0, e.HospitalEnrolled("songjiang", "松江", "Songjiang", SONGJIANG, ("trauma_centre",))),
        (60, e.CasualtyFound("I1-A", "I1", "A", 42, "m")),
        (70, e.CasualtyTriaged("I1-A", "start", Category.RED, "crew")),
        (80, e.FindingsRecorded("I1-A", SEVERE)),
        (90, e.VitalsRecorded("I1-A", "u1", {"hr_bpm": 128, "sbp_mmhg": 84})),
        (100, e.DestinationChosen("I1-A", e.Option("songjiang", "road", 900, {"drive": 900.0}))),
        (100, e.HoldPlaced("I1-A", "songjiang", "resus_bay", 2, START + timedelta(hours=1))),
        (100, e.PrealertSent("I1-A", "songjiang", START, START + timedelta(seconds=1000), 1)),
    )
    now = START + timedelta(seconds=200)
    said = atmist(picture, "I1-A", now)
    assert said["unknown"] == ()
    assert [name for name in said if name in ITEMS] == list(ITEMS)
    assert said["requirements"] == {
        "needs": ("trauma_centre",), "level": 1, "hold": {"resource": "resus_bay", "slot": 2}
    }  # fmt: skip
    assert said["eta"]["overdue"] is False
    assert atmist(picture, "I1-A", START + timedelta(seconds=1001))["eta"]["overdue"] is True
    assert "hold" not in atmist(picture, "I1-A", START + timedelta(hours=2))["requirements"]


def test_each_sign_is_the_newest_measured_with_its_own_instant():
    picture = told(
        (0, OPENED), (1, FOUND),
        (10, e.VitalsRecorded("I1-A", "u1", {"hr_bpm": 120, "gcs_eye": 3, "gcs_verbal": 4, "gcs_motor": 6})),
        (11, e.VitalsRecorded("I1-A", "u1", {"hr_bpm": 122})),
        (99, e.VitalsRecorded("I1-A", "u1", {"hr_bpm": 90})),
    )  # fmt: skip
    signs = atmist(picture, "I1-A", START + timedelta(seconds=20))["signs"]
    assert signs["vitals"]["hr_bpm"] == {"value": 122, "at": START + timedelta(seconds=11)}
    assert signs["vitals"]["gcs"] == {"value": 13, "at": START + timedelta(seconds=10)}
    assert signs["at"] == START + timedelta(seconds=11)


def test_an_untestable_part_leaves_no_gcs_sum():
    sample = {"gcs_eye": "NT", "gcs_verbal": 4, "gcs_motor": 6}
    picture = told((0, OPENED), (1, FOUND), (2, e.VitalsRecorded("I1-A", "u1", sample)))
    assert "gcs" not in atmist(picture, "I1-A", START + timedelta(seconds=9))["signs"]["vitals"]


def test_a_cuff_pressure_is_as_old_as_the_cuff_says():
    cuff_at = START - timedelta(minutes=4)
    sample = {"sbp_mmhg": 84, "hr_bpm": 120, "nibp_at": cuff_at.isoformat()}
    picture = told((0, OPENED), (1, FOUND), (2, e.VitalsRecorded("I1-A", "u1", sample)))
    vitals = atmist(picture, "I1-A", START + timedelta(seconds=9))["signs"]["vitals"]
    assert vitals["sbp_mmhg"]["at"] == cuff_at
    assert vitals["hr_bpm"]["at"] == START + timedelta(seconds=2)


def test_an_unknown_casualty_is_refused():
    with pytest.raises(NotFound):
        atmist(Picture(), "nobody", START)


def test_another_way_to_the_same_door_moves_the_arrival_of_the_same_pre_alert():
    option = e.Option("songjiang", "road", 900, {"drive": 900.0})
    picture = told(
        (0, OPENED), (1, FOUND), (2, e.HospitalEnrolled("songjiang", "松江", "Songjiang", SONGJIANG, ())),
        (100, e.DestinationChosen("I1-A", option)),
        (100, e.PrealertSent("I1-A", "songjiang", START, START + timedelta(seconds=1000), 1)),
        (300, e.DestinationChosen("I1-A", e.Option("songjiang", "rendezvous", 400, {"flight": 400.0}))),
    )  # fmt: skip
    eta = atmist(picture, "I1-A", START + timedelta(seconds=301))["eta"]
    assert (eta["at"], eta["mode"]) == (START + timedelta(seconds=700), "rendezvous")
