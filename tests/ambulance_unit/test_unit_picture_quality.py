"""How the live picture goes out: told when it changes, not more often than every few seconds, and never made up."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambulance_unit.picture_quality import LOOK_S, TOLD_EVERY_S, Quality, QualityWatch, is_due, quality_of
from casebook import events as e
from casebook.clock import JumpClock
from casebook.words import LANGUAGES, catalogue
from media.quality import RUNGS, Why

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
GOOD, THIN = Quality("video_480p15", "link_better"), Quality("stills", "link_thin")


class Watched:
    """A vehicle of which only the picture is real; seconds pass by `goes_on`."""

    def __init__(self) -> None:
        self.clock, self.wall_s, self.enrolled = JumpClock(START), 100.0, True
        self.quality = GOOD
        self.told: list[tuple[float, e.PictureQualityChanged]] = []
        self.shown = 0
        self.watch = QualityWatch(
            "A01", self.clock, lambda: self.wall_s, look=lambda: self.quality, tell=self.tell,
            heard=lambda: self.enrolled, changed=self.show,
        )  # fmt: skip

    def tell(self, at: datetime, fact: e.PictureQualityChanged) -> None:
        self.told.append((self.wall_s, fact))

    def show(self) -> None:
        self.shown += 1

    def goes_on(self, looks: int) -> None:
        for _ in range(looks):
            self.wall_s += LOOK_S
            self.watch.look()


def test_the_first_word_comes_when_the_connection_has_had_its_time():
    vehicle = Watched()
    vehicle.goes_on(4)
    assert not vehicle.told
    vehicle.goes_on(1)
    assert [fact for _, fact in vehicle.told] == [e.PictureQualityChanged("A01", "video_480p15", "link_better")]


def test_what_stays_as_it_is_is_told_once():
    vehicle = Watched()
    vehicle.goes_on(100)
    assert len(vehicle.told) == 1


def test_the_tablet_sees_a_change_at_once_and_since_when():
    vehicle = Watched()
    assert vehicle.watch.as_view() is None, "before the first look nobody knows"
    vehicle.goes_on(6)
    vehicle.quality = THIN
    vehicle.goes_on(1)
    assert vehicle.watch.as_view() == {"rung": "stills", "why": "link_thin", "at": START}
    assert vehicle.shown == 2


def test_a_vehicle_that_the_hub_does_not_know_yet_tells_nothing_that_would_be_refused():
    vehicle = Watched()
    vehicle.enrolled = False
    vehicle.goes_on(20)
    assert not vehicle.told
    vehicle.enrolled = True
    vehicle.goes_on(1)
    assert len(vehicle.told) == 1


@given(st.lists(st.sampled_from([GOOD, THIN, Quality("none", "link_down")]), min_size=1, max_size=120))
def test_a_ladder_that_wavers_is_told_every_few_seconds_and_ends_with_what_is_so(seen: list[Quality]):
    vehicle = Watched()
    for quality in seen:
        vehicle.quality = quality
        vehicle.goes_on(1)
    vehicle.goes_on(int(TOLD_EVERY_S))
    instants = [at_s for at_s, _ in vehicle.told]
    assert all(later - earlier >= TOLD_EVERY_S for earlier, later in pairwise(instants))
    facts = [(fact.rung, fact.why) for _, fact in vehicle.told]
    assert all(one != other for one, other in pairwise(facts)), "each is a change"
    assert facts[-1] == (seen[-1].rung, seen[-1].why)


@pytest.mark.parametrize(
    ("connected", "moves", "still_looks", "told"),
    [
        (True, True, 0, Quality("video_360p8", "start")),
        (True, True, 1, Quality("video_360p8", "start")),
        (True, True, 2, Quality("none", "camera_lost")),
        (True, False, 9, Quality("video_360p8", "start")),
        (False, True, 0, Quality("none", "link_down")),
        (False, True, 9, Quality("none", "link_down")),
    ],
)
def test_a_rung_counts_only_while_pictures_go_out(connected: bool, moves: bool, still_looks: int, told: Quality):
    now = quality_of("video_360p8", "start", moves=moves, connected=connected, still_looks=still_looks)
    assert now == told


def test_nothing_is_due_that_was_told_already():
    assert not is_due(GOOD, GOOD, 1000)
    assert is_due(None, GOOD, TOLD_EVERY_S)
    assert not is_due(THIN, GOOD, TOLD_EVERY_S - 1)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_rung_and_every_reason_has_its_words(language):
    words = catalogue(language)
    rungs = [rung.name for rung in RUNGS] + ["none"]
    reasons = [str(why) for why in Why] + ["link_down", "no_camera", "camera_lost"]
    keys = [f"media.rung.{name}" for name in rungs] + [f"media.rung_why.{name}" for name in reasons]
    assert not [key for key in keys if key not in words]
