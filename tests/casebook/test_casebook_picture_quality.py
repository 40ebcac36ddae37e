"""What the hub says of a vehicle's live picture: what was told last, and unknown when that cannot be so any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from casebook import events as e
from casebook.book import VEHICLE_FACTS
from casebook.errors import NotFound
from casebook.picture import Occasion, Picture, fold
from casebook.picture_quality import quality_view
from casebook.place import Place

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
ENROLLED = e.UnitEnrolled("A01", "ambulance_5g", "一号车", "Unit 1", "songjiang", Place(31.0, 121.2, "站", "Post"))
STREAM = e.VideoStarted("A01", "A01")


def told(rung: str, why: str = "link_better") -> e.PictureQualityChanged:
    return e.PictureQualityChanged("A01", rung, why)


def after(*facts: e.Event, at_s: tuple[float, ...] = ()) -> Picture:
    picture = Picture()
    for number, fact in enumerate(facts):
        at = START + timedelta(seconds=at_s[number] if at_s else number)
        picture = fold(picture, fact, Occasion(number + 1, at))
    return picture


def test_a_vehicle_may_tell_it():
    assert e.PictureQualityChanged in VEHICLE_FACTS


def test_the_rung_in_force_is_told_with_its_reason_and_instant():
    picture = after(ENROLLED, STREAM, told("video_480p15"))
    at = START + timedelta(seconds=2)
    assert quality_view(picture, "A01") == {"rung": "video_480p15", "why": "link_better", "at": at}


def test_what_nobody_has_told_is_unknown():
    assert quality_view(after(ENROLLED, STREAM), "A01") is None, "pictures come, how well nobody has said"
    assert quality_view(Picture(), "A01") is None
    assert quality_view(Picture(), None) is None


def test_a_vehicle_that_never_sent_a_picture_is_told_from_one_whose_pictures_stopped():
    assert quality_view(after(ENROLLED), "A01") == {"missing": "yet"}
    assert quality_view(after(ENROLLED, told("video_480p15")), "A01") == {"missing": "now"}
    stopped = after(ENROLLED, STREAM, told("video_480p15"), e.VideoStopped("A01", "A01"))
    assert quality_view(stopped, "A01") == {"missing": "now"}


@pytest.mark.parametrize(("rung", "why"), [("none", "no_camera"), ("none", "link_down"), ("stills", "link_thin")])
def test_no_moving_picture_is_told_also_without_a_stream(rung: str, why: str):
    seen = quality_view(after(ENROLLED, told(rung, why)), "A01")
    assert seen is not None and (seen["rung"], seen["why"]) == (rung, why)


def test_that_the_link_was_down_is_not_said_of_a_picture_that_is_there_again():
    down = (ENROLLED, STREAM, told("video_360p15"), e.VideoStopped("A01", "A01"))
    assert quality_view(after(*down, STREAM, told("none", "link_down")), "A01") is None
    assert quality_view(after(*down, told("none", "link_down"), STREAM), "A01") is None
    lost = quality_view(after(ENROLLED, STREAM, told("none", "camera_lost")), "A01")
    assert lost is not None and lost["why"] == "camera_lost"


def test_what_comes_late_from_the_outbox_does_not_undo_what_is_newer():
    picture = after(ENROLLED, STREAM, told("stills"), told("video_480p15"), at_s=(0, 1, 20, 10))
    seen = quality_view(picture, "A01")
    assert seen is not None and seen["rung"] == "stills"


def test_a_vehicle_that_is_not_enrolled_cannot_tell():
    with pytest.raises(NotFound):
        after(told("stills"))


@pytest.mark.parametrize("state", ["asked", "pending", "granted", "refused", "lost"])
def test_the_wish_for_a_guaranteed_uplink_stands_beside_the_rung_and_without_one(state: str):
    uplink = e.UplinkChanged("A01", state, "silent" if state == "refused" else "", "s-1")
    shown = {"state": state} | ({"why": "silent"} if state == "refused" else {})
    assert quality_view(after(ENROLLED, uplink), "A01") == {"missing": "yet", "uplink": shown}
    beside = quality_view(after(ENROLLED, STREAM, told("video_480p15"), uplink), "A01")
    assert beside is not None and (beside["rung"], beside["uplink"]) == ("video_480p15", shown)


@pytest.mark.parametrize("state", ["given_back", "withdrawn"])
def test_of_a_wish_that_is_over_nothing_is_said(state: str):
    over = after(ENROLLED, STREAM, e.UplinkChanged("A01", "granted"), e.UplinkChanged("A01", state))
    assert quality_view(over, "A01") is None
