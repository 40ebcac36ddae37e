"""A scripted course: straight lines between points, findings that hold, sensors that come off."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambulance_unit.monitor import Course
from ambulance_unit.monitor.course import AT_REST
from ambulance_unit.monitor.trains import Train, per_minute_at
from casebook.errors import RefusedInput
from casebook.words import LANGUAGES


def refused(points: list[dict]) -> RefusedInput:
    with pytest.raises(RefusedInput) as caught:
        Course(points)
    for language in LANGUAGES:
        assert "?" not in caught.value.said(language)
    return caught.value


def test_between_two_points_a_value_goes_straight_and_outside_them_it_holds():
    course = Course([{"at": 60, "hr_bpm": 80}, {"at": 120, "hr_bpm": 100}])
    assert [course.measured("hr_bpm", at_s) for at_s in (0, 60, 90, 120, 9999)] == [80, 80, 90, 100, 100]


def test_a_field_that_no_point_names_is_never_measured_but_the_body_goes_on():
    course = Course([{"at": 0, "hr_bpm": 80}])
    assert course.measured("spo2_pct", 10) is None
    assert course.off_mask("spo2_pct", np.array([0.0, 10.0])).all()
    assert course.body("spo2_pct", np.array([10.0]))[0] == AT_REST["spo2_pct"]


def test_a_field_named_later_is_measured_from_then_on():
    course = Course([{"at": 0, "hr_bpm": 80}, {"at": 100, "temp_c": 36.5}])
    assert course.measured("temp_c", 99) is None
    assert course.measured("temp_c", 100) == 36.5


def test_none_takes_the_sensor_off_until_the_next_number_while_the_heart_beats_on():
    course = Course([{"at": 0, "hr_bpm": 80}, {"at": 10, "hr_bpm": None}, {"at": 20, "hr_bpm": 100}])
    assert [course.measured("hr_bpm", at_s) for at_s in (9, 10, 19, 20)] == [89, None, None, 100]
    assert course.body("hr_bpm", np.array([10.0]))[0] == 90
    assert course.off_mask("hr_bpm", np.array([9.9, 10.0, 19.9, 20.0])).tolist() == [False, True, True, False]


def test_a_finding_of_a_moment_holds_until_the_next_and_is_not_drawn_as_a_line():
    course = Course([{"at": 0, "glucose_mmol_l": 5.0, "avpu": "A"}, {"at": 100, "glucose_mmol_l": 9.0}])
    assert course.spot("glucose_mmol_l", 50) == 5.0
    assert course.spot("glucose_mmol_l", 100) == 9.0
    assert course.spot("avpu", 500) == "A"
    assert course.spot("avpu", -1) is None


@pytest.mark.parametrize(
    ("points", "key"),
    [
        ([], "course_empty"),
        ([{"hr_bpm": 80}], "bad_course_point"),
        ([{"at": float("nan"), "hr_bpm": 80}], "bad_course_point"),
        ([{"at": 0, "heart": 80}], "bad_course_point"),
        ([{"at": 0, "hr_bpm": 80}, {"at": 0, "hr_bpm": 81}], "course_not_ascending"),
        ([{"at": 0, "hr_bpm": 600}], "impossible_vital"),
        ([{"at": 0, "hr_bpm": "80"}], "bad_vital"),
        ([{"at": 0, "avpu": "C"}], "bad_vital"),
        ([{"at": 0, "sbp_mmhg": 80, "dbp_mmhg": 90}], "course_pressures"),
    ],
)
def test_a_course_that_cannot_be_is_refused(points: list[dict], key: str):
    assert refused(points).key == key


@given(st.floats(0, 600), st.floats(10, 240))
def test_a_steady_train_has_its_rate_everywhere(at_s: float, rate: float):
    train = Train(lambda grid: np.full(len(grid), rate))
    counted = per_minute_at(train.until(at_s), at_s, events=8, silent_s=200.0)
    assert counted == pytest.approx(rate, rel=0.01)


def test_a_train_gives_the_same_instants_however_it_is_asked():
    def rate(grid: np.ndarray) -> np.ndarray:
        return 80 + 20 * np.sin(grid / 7)

    at_once, in_steps = Train(rate), Train(rate)
    for end_s in (1, 5, 300, 800, 2000):
        in_steps.until(end_s)
    assert np.array_equal(at_once.until(2000.0), in_steps.until(2000.0))


def test_a_train_that_stops_reads_zero_and_counts_anew_when_it_starts_again():
    train = Train(lambda grid: np.where((grid > 100) & (grid < 160), 0.0, 60.0))
    times = train.until(300.0)
    assert per_minute_at(times, 103.0, events=8, silent_s=4.0) == pytest.approx(60, abs=1)
    assert per_minute_at(times, 150.0, events=8, silent_s=4.0) == 0.0
    assert per_minute_at(times, 161.0, events=8, silent_s=4.0) in (0.0, None)
    assert per_minute_at(times, 170.0, events=8, silent_s=4.0) == pytest.approx(60, abs=1)


def test_phase_counts_the_events_of_the_train():
    train = Train(lambda grid: np.full(len(grid), 90.0))
    times = train.until(60.0)
    assert train.phase(times[50:55]) == pytest.approx(np.arange(51, 56), abs=1e-6)
