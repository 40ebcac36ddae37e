"""A trend keeps the newest samples in the order of time, and a value taken once until something newer tells it."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from casebook_tales import START
from hypothesis import given
from hypothesis import strategies as st

from casebook.atmist import newest_vitals
from casebook.folding import trend as trends
from casebook.folding.trend import Trend, still_told, with_samples
from casebook.picture import STILL_TOLD, TREND_LENGTH, Sample

FULL = 5  # samples, so that random stories go beyond it

rates = st.dictionaries(st.sampled_from(["hr_bpm", "spo2_pct", "gcs_eye", "pain"]), st.integers(0, 9), max_size=3)
stories = st.lists(st.tuples(st.integers(0, 30), rates), max_size=40)


def sample(seconds: int, vitals: dict[str, int], seq: int = 0) -> Sample:
    return Sample(START + timedelta(seconds=seconds), vitals, "A01", "e", seq)


def by_the_word(trend: tuple[Sample, ...], one: Sample) -> tuple[Sample, ...]:
    """The same rule, looked up anew in every sample."""
    after = tuple(sorted((*trend, one), key=lambda each: each.at))
    if len(after) <= FULL:
        return after
    for number, each in enumerate(after):
        told_since = {name for later in after[number + 1 :] for name in later.vitals}
        if told_since >= each.vitals.keys():
            return after[:number] + after[number + 1 :]
    return after


@given(stories)
def test_what_was_found_before_saves_time_and_changes_nothing(story):
    at_length, trends.TREND_LENGTH = trends.TREND_LENGTH, FULL
    try:
        kept = wanted = ()
        for seq, (seconds, vitals) in enumerate(story):
            one, held = sample(seconds, vitals, seq), list(kept)
            after = with_samples(kept, [one])
            assert list(kept) == held, "whoever holds the older trend sees no newer sample"
            kept, wanted = after, by_the_word(wanted, one)
            assert kept == wanted
    finally:
        trends.TREND_LENGTH = at_length


@given(stories, st.integers(1, 7))
def test_several_at_once_are_as_one_after_the_other(story, at_once):
    at_length, trends.TREND_LENGTH = trends.TREND_LENGTH, FULL
    try:
        samples = [sample(seconds, vitals, seq) for seq, (seconds, vitals) in enumerate(story)]
        kept: tuple[Sample, ...] = ()
        for start in range(0, len(samples), at_once):
            kept = with_samples(kept, samples[start : start + at_once])
        one_by_one: tuple[Sample, ...] = ()
        for one in samples:
            one_by_one = with_samples(one_by_one, [one])
        assert kept == one_by_one
    finally:
        trends.TREND_LENGTH = at_length


def full_with_a_coma_score() -> tuple[Sample, ...]:
    trend = with_samples((), [sample(0, {"gcs_eye": 3})])
    for second in range(1, TREND_LENGTH + 10):
        trend = with_samples(trend, [sample(second, {"hr_bpm": 100})])
    return trend


def test_a_full_trend_knows_what_lasts_and_forgets_it_when_it_is_told_anew():
    trend = full_with_a_coma_score()
    assert isinstance(trend, Trend) and trend.lasting == ("gcs_eye",)
    anew = with_samples(trend, [sample(9000, {"gcs_eye": 4})])
    assert not isinstance(anew, Trend)
    assert anew[0].vitals == {"hr_bpm": 100} and len(anew) == TREND_LENGTH
    assert trend[0].vitals == {"gcs_eye": 3}


def test_what_a_trend_knows_of_itself_goes_nowhere():
    trend = full_with_a_coma_score()
    assert trend == tuple(trend) and msgspec.to_builtins(trend) == msgspec.to_builtins(tuple(trend))
    assert msgspec.json.encode(trend) == msgspec.json.encode(tuple(trend))


moments = st.integers(0, 30)


@given(stories, stories, moments, st.integers(1, 7))
def test_once_a_case_is_over_what_comes_late_is_judged_with_what_stayed(before, late, over_s, at_once):
    over_at = START + timedelta(seconds=over_s)
    samples = [sample(seconds, vitals, seq) for seq, (seconds, vitals) in enumerate((*before, *late))]
    kept = still_told(samples[: len(before)], over_at)
    for start in range(len(before), len(samples), at_once):
        kept = still_told((*kept, *samples[start : start + at_once]), over_at)
    assert kept == still_told(samples, over_at)


@given(stories, moments)
def test_screens_tell_of_what_stayed_what_they_told_of_all(story, over_s):
    """At the end of the case, also of a vehicle whose clock is fast, and after the last sample."""
    over_at, late = START + timedelta(seconds=over_s), START + timedelta(hours=1)
    whole = tuple(sorted((sample(*one) for one in story), key=lambda one: one.at))
    kept = still_told(whole, over_at)
    assert newest_vitals(kept, over_at) == newest_vitals(whole, over_at)
    assert newest_vitals(kept, late) == newest_vitals(whole, late)
    assert kept[-STILL_TOLD:] == whole[-STILL_TOLD:], "an alarm stands on the last few"


def test_of_a_stream_of_an_hour_a_handful_stays():
    stream = [sample(second, {"hr_bpm": 80, "spo2_pct": 98}) for second in range(3600)]
    stream[5] = sample(5, {"gcs_eye": 4})
    kept = still_told(stream, START + timedelta(hours=1))
    assert [one.vitals for one in kept[:1]] == [{"gcs_eye": 4}] and len(kept) == 1 + STILL_TOLD
