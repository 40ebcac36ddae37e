"""The picture is a fold of facts: the same facts give the same picture, and an illegal step changes nothing."""

from __future__ import annotations

import copy
import dataclasses

import pytest
from casebook_tales import HERE, OPENING, START, facts, occasion, tales, that_fit, told
from hypothesis import given
from hypothesis import strategies as st

from casebook import events as e
from casebook.casualty import Category, Findings, Stage
from casebook.errors import AlreadyHeld, CoordinationError, IllegalStep, NotFound, RefusedInput
from casebook.picture import FOLDERS, TREND_LENGTH, CasualtyState, Picture, changed, fold

A = "I1-A"


@given(tales)
def test_folding_a_log_twice_gives_the_same_picture(tale):
    assert told(tale) == told(tale)


@given(tales, st.data())
def test_splitting_a_log_anywhere_and_resuming_gives_the_same_picture(tale, data):
    facts_that_fit = that_fit(tale)
    cut = data.draw(st.integers(0, len(facts_that_fit)))
    assert told(facts_that_fit[cut:], told(facts_that_fit[:cut])) == told(facts_that_fit)


@given(tales)
def test_what_went_into_the_log_comes_out_of_it_the_same(tale):
    for fact in tale:
        assert e.decode(fact.name, e.encode(fact)) == fact


@given(tales, facts)
def test_an_illegal_step_raises_and_changes_nothing(tale, fact):
    picture = told(tale)
    before = copy.deepcopy(picture)
    try:
        after = fold(picture, fact, occasion(picture.seq + 1))
    except CoordinationError as wrong:
        assert "?" not in wrong.said("zh") + wrong.said("en")
    else:
        assert after.seq == before.seq + 1
    assert picture == before  # also when the step was legal: the old picture is never touched


@given(tales)
def test_whatever_happens_no_slot_has_two_casualties_and_nobody_is_in_two_vehicles(tale):
    picture = told(tale)
    assert all(key == hold.key for key, hold in picture.holds.items())
    aboard = [casualty for unit in picture.units.values() for casualty in unit.aboard]
    assert len(set(aboard)) == len(aboard)
    for casualty in aboard:
        assert picture.casualties[casualty].stage in (Stage.ABOARD, Stage.ARRIVED, Stage.HANDING_OVER)


def after(picture: Picture, *more: e.Event) -> Picture:
    for fact in more:
        picture = fold(picture, fact, occasion(picture.seq + 1))
    return picture


def opening() -> Picture:
    return after(Picture(), *OPENING)


def on_scene() -> Picture:
    return after(opening(), e.UnitAssigned("A01", "I1"), e.UnitEnRoute("A01"), e.UnitOnScene("A01"))


def test_every_fact_is_folded_or_known_to_change_nothing():
    silent = {kind.__name__ for kind in e.FACTS.values()} - {kind.__name__ for kind in FOLDERS}
    assert silent == {
        "DrillEnded", "AlertUndelivered", "RowRefused", "VoiceJoined", "VoiceLeft", "VoiceSpoke", "WaveRecordBegun",
        "SamplesCounted", "SamplesShown", "PictureOpened", "PictureClosed", "RecordingWatched",
    }  # fmt: skip


def test_a_changed_state_is_what_was_named_and_the_rest_of_the_old_one():
    before = CasualtyState(A, "I1", "A", age_years=40)
    after = changed(before, unit="A01", bay="R1")
    assert after == dataclasses.replace(before, unit="A01", bay="R1") and type(after) is CasualtyState
    assert before == CasualtyState(A, "I1", "A", age_years=40), "whoever holds the old one keeps it"
    assert list(vars(after)) == [field.name for field in dataclasses.fields(after)], "nothing more, in its order"


def test_a_state_is_never_changed_in_place_and_has_no_other_fields():
    state = CasualtyState(A, "I1", "A")
    with pytest.raises(dataclasses.FrozenInstanceError):
        state.unit = "A01"  # type: ignore[misc]
    with pytest.raises(TypeError, match="ambulance"):
        changed(state, ambulance="A01")


def test_a_newer_tag_replaces_and_never_erases_the_older():
    picture = after(opening(), e.CasualtyTriaged(A, "start", Category.YELLOW, "one"))
    picture = after(picture, e.CasualtyTriaged(A, "start", Category.RED, "two"))
    assert picture.casualties[A].category is Category.RED
    assert [tag.category for _, tag in picture.casualties[A].triage] == [Category.YELLOW, Category.RED]


def test_history_that_comes_late_goes_where_it_belongs_in_time():
    picture = opening()
    for seq, rate in ((30, 130), (10, 110), (20, 120)):
        picture = fold(picture, e.VitalsRecorded(A, "A01", {"hr_bpm": rate}), occasion(seq))
    assert [sample.vitals["hr_bpm"] for sample in picture.casualties[A].trend] == [110, 120, 130]
    picture = fold(picture, e.PositionReported("A01", 31.0, 121.0), occasion(50))
    late = fold(picture, e.PositionReported("A01", 30.0, 120.0), occasion(40))
    assert late.units["A01"].position == e.PositionReported("A01", 31.0, 121.0)


def test_impossible_vitals_never_enter_the_picture():
    for vitals in ({"hr_bpm": -1}, {"spo2_pct": 101}, {"pulse": 80}, {"hr_bpm": "fast"}):
        with pytest.raises(RefusedInput):
            after(opening(), e.VitalsRecorded(A, "A01", vitals))


def test_a_value_taken_once_outlives_a_trend_of_streaming_ones():
    picture = after(opening(), e.VitalsRecorded(A, "A01", {"gcs_eye": 3}))
    for _ in range(TREND_LENGTH + 50):
        picture = after(picture, e.VitalsRecorded(A, "A01", {"hr_bpm": 100}))
    trend = picture.casualties[A].trend
    assert len(trend) == TREND_LENGTH
    assert trend[0].vitals == {"gcs_eye": 3}
    picture = after(picture, e.VitalsRecorded(A, "A01", {"gcs_eye": 4}))
    assert picture.casualties[A].trend[0].vitals == {"hr_bpm": 100}


def test_a_held_slot_is_refused_until_its_lease_ends_or_it_is_given_back():
    held = after(opening(), e.HoldPlaced(A, "songjiang", "resus_bay", 1, occasion(20).at))
    other = e.HoldPlaced("I1-B", "songjiang", "resus_bay", 1, occasion(99).at)
    with pytest.raises(AlreadyHeld):
        fold(held, other, occasion(19))
    assert fold(held, other, occasion(20)).find_hold("I1-B") is not None
    given_back = after(held, e.HoldReleased(A, "songjiang", "resus_bay", 1, "test"))
    assert fold(given_back, other, occasion(19)).find_hold("I1-B") is not None


def test_nobody_gives_back_what_another_holds():
    held = after(opening(), e.HoldPlaced(A, "songjiang", "resus_bay", 1, occasion(99).at))
    with pytest.raises(IllegalStep):
        after(held, e.HoldReleased("I1-B", "songjiang", "resus_bay", 1, "test"))


def test_a_patient_is_handed_over_only_between_vehicles_that_are_both_there():
    picture = after(on_scene(), e.CasualtyBoarded(A, "A01"), e.UnitLeftScene("A01"), e.UnitAssigned("H01", "I1"))
    picture = after(picture, e.UnitEnRoute("H01"), e.UnitAtLandingSite("A01", "field"))
    transfer = e.CasualtyTransferred(A, "A01", "H01", "field")
    with pytest.raises(IllegalStep):
        after(picture, transfer)
    picture = after(picture, e.UnitAtLandingSite("H01", "field"), transfer)
    assert (picture.units["A01"].aboard, picture.units["H01"].aboard) == ((), (A,))
    with pytest.raises(IllegalStep):
        after(picture, e.UnitBackInService("H01"))


def test_who_does_not_exist_is_not_found():
    for fact in (e.UnitEnRoute("Z"), e.CasualtyArrived("Z", "songjiang", "A01"), e.CapacityReported("Z", "ct", 1)):
        with pytest.raises(NotFound):
            after(opening(), fact)


def test_a_number_that_is_none_stays_out_of_the_log():
    for fact in (
        e.PositionReported("A01", float("nan"), 121.0),
        e.VitalsRecorded(A, "A01", {"hr_bpm": float("inf")}),
        e.LegGiven("A01", "hospital", e.Leg(HERE, ((1.0, 2.0, float("nan")),), 1.0, 1.0)),
    ):
        with pytest.raises(RefusedInput) as caught:
            e.encode(fact)
        assert caught.value.facts["where"] == fact.name


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("unit_en_rout", {"unit": "A01"}),
        ("unit_en_route", {}),
        ("unit_en_route", {"unit": 5}),
        ("unit_en_route", {"unit": "A01", "speed": 3}),
        ("casualty_triaged", {"casualty": A, "method": "start", "category": "purple", "assessor": "x"}),
        ("incident_opened", {"incident": "I9", "place": {"lat": 95, "lon": 0}, "kind": "", "priority": 1}),
    ],
)
def test_a_body_that_does_not_fit_its_fact_is_refused(kind, body):
    with pytest.raises(RefusedInput):
        e.decode(kind, body)


def test_a_stage_of_the_unit_keeps_the_times_of_its_mission():
    times = on_scene().units["A01"].times
    assert list(times) == ["unit_assigned", "unit_en_route", "unit_on_scene"]
    assert all(at > START for at in times.values())


def test_what_the_crew_says_again_unchanged_keeps_the_time_of_its_first_telling():
    picture = after(opening(), e.FindingsRecorded(A, Findings(mechanism="fall", injuries=("hip",))))
    first = picture.casualties[A].findings_at
    picture = after(picture, e.FindingsRecorded(A, Findings(mechanism="fall", injuries=("hip", "wrist"))))
    told = picture.casualties[A].findings_told
    assert set(told) == {"mechanism", "injuries"}
    assert told["mechanism"] == first and told["injuries"] == picture.casualties[A].findings_at != first
