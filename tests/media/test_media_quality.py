"""Which rung of the quality ladder stands, why, and that it does not flutter."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.quality import (
    BESIDE_VIDEO_KBPS,
    DOWN_AFTER_S,
    FIRST_VIDEO,
    RUNGS,
    UP_AFTER_S,
    UP_AFTER_S_MAX,
    Standing,
    Why,
    highest_that_fits,
    needs_kbps,
    stand,
)

NAMES = [rung.name for rung in RUNGS]
TOP = len(RUNGS) - 1


def place(name: str) -> int:
    return NAMES.index(name)


def watch(standing: Standing, *carries_kbps: float | None, step_s: float = 0.5, top: int = TOP) -> list[Standing]:
    """The standings after a look every half second."""
    looks, at_s = [standing], max(standing.since_s, 0.0)
    for kbps in carries_kbps:
        at_s += step_s
        looks.append(stand(looks[-1], kbps, at_s, top=top))
    return looks[1:]


def test_the_ladder_goes_from_voice_to_large_pictures_and_each_rung_needs_more() -> None:
    assert NAMES[:5] == ["voice", "vitals", "twelve_lead", "stills", "video_360p8"] and NAMES[-1] == "video_1080p30"
    needs = [needs_kbps(one) for one in range(len(RUNGS))]
    assert needs == sorted(set(needs)) and needs[FIRST_VIDEO] == BESIDE_VIDEO_KBPS + 150


@pytest.mark.parametrize(
    ("kbps", "name"), [(0, "voice"), (60, "vitals"), (359, "stills"), (360, "video_360p8"), (9e9, "video_1080p30")]
)
def test_the_best_rung_that_fits_is_found(kbps: float, name: str) -> None:
    assert NAMES[highest_that_fits(kbps)] == name


def test_a_thin_link_is_believed_after_a_second_and_costs_as_many_rungs_as_it_must() -> None:
    looks = watch(Standing(place("video_720p30")), 400, 400, 400)
    assert [look.rung.name for look in looks] == ["video_720p30", "video_720p30", "video_360p8"]
    assert looks[-1].why is Why.LINK_THIN and looks[-1].since_s == 1.5


def test_a_short_dip_changes_nothing() -> None:
    assert {look.place for look in watch(Standing(5), 300, 300, 900, 300, 300, 900)} == {5}


def test_a_better_link_is_climbed_one_rung_at_a_time() -> None:
    looks = watch(Standing(FIRST_VIDEO), *[9000.0] * 24)
    climbs = [(now.since_s, now.rung.name) for before, now in itertools.pairwise(looks) if now.place != before.place]
    assert climbs == [(5.5, "video_360p15"), (11.0, "video_480p15")] and looks[-1].why is Why.LINK_BETTER


def test_the_camera_s_best_is_never_exceeded() -> None:
    assert {look.place for look in watch(Standing(5), *[9000.0] * 60, top=5)} == {5}


def test_without_pictures_nobody_knows_the_link_and_a_trial_is_made_less_and_less_often() -> None:
    standing, trials = Standing(FIRST_VIDEO - 1), []
    at_s = 0.0
    while at_s < 240:
        at_s += 0.5
        before = standing
        standing = stand(standing, 220.0 if before.rung.is_video else None, at_s)
        if standing.why is Why.TRIAL and before.why is not Why.TRIAL:
            trials.append(at_s)
    pauses = [later - sooner for sooner, later in itertools.pairwise(trials)]
    assert pauses == sorted(pauses) and pauses[0] > UP_AFTER_S and UP_AFTER_S_MAX <= pauses[-1] <= UP_AFTER_S_MAX + 5


def test_an_unknown_link_moves_no_picture() -> None:
    assert {look.place for look in watch(Standing(place("video_480p15")), *[None] * 100)} == {place("video_480p15")}


looks = st.lists(st.one_of(st.none(), st.floats(0, 5000)), max_size=120)


@given(looks, st.integers(0, TOP), st.integers(FIRST_VIDEO, TOP))
def test_steps_up_go_by_one_after_their_time_steps_down_only_when_thin(
    carries: list[float | None], start: int, top: int
) -> None:
    standing = Standing(min(start, top))
    for at_s, kbps in enumerate(carries, 1):
        after = stand(standing, kbps, float(at_s), top=top)
        assert 0 <= after.place <= top and after.place - standing.place <= 1
        if after.place > standing.place:
            assert at_s - standing.since_s >= UP_AFTER_S
        if after.place < standing.place:
            assert kbps is not None and kbps < needs_kbps(standing.place) and after.why is Why.LINK_THIN
            assert standing.thin_since_s is not None and at_s - standing.thin_since_s >= DOWN_AFTER_S
        standing = after


@given(st.floats(0, 5000))
def test_a_steady_link_comes_to_rest_except_for_ever_rarer_trials(kbps: float) -> None:
    standing, changes = Standing(TOP), 0
    for at_s in range(1, 400):
        after = stand(standing, kbps if standing.rung.is_video else None, float(at_s))
        changes += after.place != standing.place
        standing = after
    assert changes <= 2 * 8 + TOP


def test_a_link_that_was_measured_and_carries_the_first_rung_is_no_longer_called_unmeasured() -> None:
    first = Standing(place("video_360p15"))
    top = first.place
    unmeasured = watch(first, *[None] * 40, top=top)
    assert {look.why for look in unmeasured} == {Why.START}
    looks = watch(first, *[1000.0] * 12, top=top)
    assert [look.why for look in looks] == [Why.START] * 9 + [Why.HOLDS] * 3
    assert {look.place for look in looks} == {top} and looks[-1].since_s == 0.0
