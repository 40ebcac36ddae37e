"""Vital signs: what is refused, what is doubted, what alarms, and how units change at the edge."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casebook.errors import RefusedInput
from casebook.vitals import (
    FIELDS,
    NUMERIC_FIELDS,
    Quantity,
    Vitals,
    alarms,
    check,
    convert,
    from_device,
    limits,
    refuse_impossible_sample,
    to_canonical,
    without_doubtful,
)
from casebook.words import LANGUAGES, catalogue

CALM = Vitals(
    hr_bpm=72, pulse_bpm=72, spo2_pct=98, sbp_mmhg=120, dbp_mmhg=80, map_mmhg=93, rr_bpm=14, etco2_mmhg=38, temp_c=36.8
)


def refusal_of(sample: dict) -> RefusedInput:
    with pytest.raises(RefusedInput) as caught:
        Vitals.from_dict(sample)
    return caught.value


def test_a_calm_sample_raises_neither_doubt_nor_alarm():
    assert check(CALM) == []
    assert alarms(CALM) == []


def test_nothing_measured_raises_nothing_at_all():
    assert check(Vitals()) == []
    assert alarms(Vitals()) == []
    assert Vitals().as_dict() == {}


@pytest.mark.parametrize("name", NUMERIC_FIELDS)
def test_every_field_has_bounds_and_its_edges_are_kept_while_one_step_beyond_is_refused(name: str):
    low, high = limits().fields[name].hard
    assert getattr(Vitals.from_dict({name: low}), name) == low
    assert getattr(Vitals.from_dict({name: high}), name) == high
    for beyond in (low - 1, high + 1):
        refusal = refusal_of({name: beyond})
        assert refusal.key == "impossible_vital"
        assert (refusal.facts["field"], refusal.facts["low"], refusal.facts["high"]) == (name, low, high)
        assert refusal.facts["unit"] == limits().fields[name].unit


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400])
def test_what_is_not_a_finite_number_is_refused_and_said_in_both_languages(value: float):
    refusal = refusal_of({"hr_bpm": value})
    assert refusal.key == "impossible_vital"
    assert "?" not in refusal.said("zh") + refusal.said("en")


@pytest.mark.parametrize("value", ["80", True, [], {"a": 1}])
def test_text_and_truth_values_are_not_numbers(value: object):
    assert refusal_of({"hr_bpm": value}).key == "bad_vital"


def test_an_unknown_field_is_refused_by_name():
    refusal = refusal_of({"heart_rate": 80})
    assert refusal.key == "unknown_vital"
    assert refusal.facts["field"] == "heart_rate"


def test_half_a_coma_point_is_refused():
    assert refusal_of({"gcs_eye": 3.5}).key == "bad_vital"


def test_a_word_that_is_no_avpu_letter_is_refused():
    assert refusal_of({"avpu": "C"}).key == "bad_vital"


def test_a_cuff_time_without_zone_is_refused():
    assert refusal_of({"nibp_at": "2021-04-18T09:35:00"}).key == "bad_vital"
    assert refusal_of({"nibp_at": 5}).key == "bad_vital"


def test_one_untestable_part_leaves_no_coma_total():
    assert Vitals(gcs_eye=4, gcs_verbal=5, gcs_motor=6).gcs == 15
    assert Vitals(gcs_eye=4, gcs_verbal="NT", gcs_motor=6).gcs is None
    assert Vitals(gcs_eye=4, gcs_motor=6).gcs is None
    assert check(Vitals(gcs_verbal="NT")) == []


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "hr_bpm": st.floats(0, 500),
            "spo2_pct": st.integers(0, 100),
            "temp_c": st.floats(0, 50),
            "gcs_verbal": st.sampled_from([1, 2, 3, 4, 5, "NT"]),
            "avpu": st.sampled_from("AVPU"),
            "nibp_at": st.datetimes(timezones=st.just(timezone(timedelta(hours=8)))).map(datetime.isoformat),
        },
    )
)
def test_writing_and_reading_a_sample_gives_it_back(sample: dict):
    vitals = Vitals.from_dict(sample)
    assert Vitals.from_dict(vitals.as_dict()) == vitals
    assert set(vitals.as_dict()) == set(sample)


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [("hr_bpm", 250, 251), ("spo2_pct", 50, 49), ("sbp_mmhg", 40, 39), ("rr_bpm", 3, 2), ("temp_c", 43, 43.1)],
)
def test_values_outside_the_soft_bounds_are_kept_with_a_doubt(name: str, inside: float, outside: float):
    assert check(Vitals.from_dict({name: inside})) == []
    (doubt,) = check(Vitals.from_dict({name: outside}))
    assert (doubt.field, doubt.key) == (name, "check_sensor")


def test_a_heart_rate_of_zero_is_asystole_or_lead_off_never_a_bare_zero():
    assert [doubt.key for doubt in check(Vitals(hr_bpm=0))] == ["asystole_or_lead_off"]
    assert [(alarm.key, alarm.priority) for alarm in alarms(Vitals(hr_bpm=0))] == [("hr_zero", "high")]


def test_pressures_out_of_order_are_doubted():
    assert [doubt.key for doubt in check(Vitals(sbp_mmhg=80, dbp_mmhg=90))] == ["pressures_out_of_order"]
    assert [doubt.key for doubt in check(Vitals(sbp_mmhg=120, dbp_mmhg=80, map_mmhg=70))] == ["pressures_out_of_order"]


def test_a_mean_far_from_a_third_of_the_way_is_doubted():
    assert [doubt.key for doubt in check(Vitals(sbp_mmhg=120, dbp_mmhg=60, map_mmhg=115))] == ["mean_does_not_fit"]


def test_pulse_and_ecg_rate_more_than_ten_apart_are_doubted():
    assert check(Vitals(hr_bpm=80, pulse_bpm=90)) == []
    assert [doubt.key for doubt in check(Vitals(hr_bpm=80, pulse_bpm=91))] == ["pulse_differs"]


def test_doubtful_fields_are_left_out_of_what_may_be_scored():
    kept = without_doubtful(Vitals(hr_bpm=300, sbp_mmhg=120, gcs_verbal="NT"))
    assert kept == Vitals(sbp_mmhg=120, gcs_verbal="NT")


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        ({"hr_bpm": 120}, []),
        ({"hr_bpm": 121}, [("hr_high", "medium")]),
        ({"hr_bpm": 141}, [("hr_extreme_high", "high")]),
        ({"hr_bpm": 50}, []),
        ({"hr_bpm": 49}, [("hr_low", "medium")]),
        ({"hr_bpm": 39}, [("hr_extreme_low", "high")]),
        ({"spo2_pct": 90}, []),
        ({"spo2_pct": 89}, [("spo2_low", "medium")]),
        ({"spo2_pct": 84}, [("desaturation", "high")]),
        ({"sbp_mmhg": 89}, [("sbp_low", "medium")]),
        ({"rr_bpm": 0}, [("rr_zero", "high")]),
        ({"temp_c": 34.9}, [("temp_low", "low")]),
        ({"gcs_eye": 2, "gcs_verbal": 2, "gcs_motor": 4}, [("gcs_low", "high")]),
        ({"gcs_eye": 2, "gcs_verbal": 2, "gcs_motor": 5}, []),
        ({"gcs_eye": 1, "gcs_verbal": "NT", "gcs_motor": 1}, []),
    ],
)
def test_default_alarms_break_just_beyond_their_limit(sample: dict, expected: list):
    assert [(alarm.key, alarm.priority) for alarm in alarms(Vitals.from_dict(sample))] == expected


def test_alarms_stand_worst_first_and_once_for_each_field():
    raised = alarms(Vitals(temp_c=34, hr_bpm=150, sbp_mmhg=85))
    assert [alarm.priority for alarm in raised] == ["high", "medium", "low"]
    assert len({alarm.field for alarm in raised}) == 3


@given(st.floats(0, 100), st.floats(0, 100))
def test_a_lower_saturation_never_alarms_less(one: float, other: float):
    rank = {"low": 1, "medium": 2, "high": 3}
    lower, upper = sorted((one, other))
    worst = [max((rank[a.priority] for a in alarms(Vitals(spo2_pct=value))), default=0) for value in (lower, upper)]
    assert worst[0] >= worst[1]


def test_what_a_device_sends_for_no_value_is_never_a_measurement():
    sent = {"hr_bpm": 0, "spo2_pct": 127, "sbp_mmhg": -1, "rr_bpm": 255, "temp_c": 32767, "map_mmhg": math.nan}
    assert from_device(sent) == Vitals()


def test_127_beats_a_minute_is_a_heart_rate_unless_the_device_says_otherwise():
    assert from_device({"hr_bpm": 127}).hr_bpm == 127
    assert from_device({"hr_bpm": 127}, sentinels={"hr_bpm": frozenset({127})}).hr_bpm is None


def test_a_device_reading_beyond_the_possible_is_refused():
    with pytest.raises(RefusedInput):
        from_device({"spo2_pct": 101})


def test_units_convert_as_the_cases_say(vectors: Path):
    rows = list(csv.DictReader((vectors / "units.csv").open(encoding="utf-8")))
    assert rows
    for row in rows:
        got = convert(cast(Quantity, row["quantity"]), float(row["value"]), row["unit"], row["to_unit"])
        assert got == pytest.approx(float(row["expected_2dp"]), abs=float(row["tolerance"])), row["case_id"]


def test_readings_enter_in_the_unit_the_device_uses():
    assert to_canonical("sbp_mmhg", 16.0, "kPa") == pytest.approx(120.01, abs=0.01)
    assert to_canonical("glucose_mmol_l", 70, "mg/dL") == pytest.approx(3.885, abs=0.001)
    assert to_canonical("hr_bpm", 70, "/min") == 70


@pytest.mark.parametrize(("name", "unit"), [("sbp_mmhg", "psi"), ("hr_bpm", "Hz")])
def test_a_unit_that_does_not_fit_is_refused(name: str, unit: str):
    with pytest.raises(RefusedInput) as caught:
        to_canonical(name, 1.0, unit)
    assert caught.value.key == "unknown_unit"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_field_alarm_and_doubt_has_its_words(language: str):
    words = catalogue(language)
    keys = [f"vital.{name}" for name in (*FIELDS, "gcs")] + [f"alarm.{rule.key}" for rule in limits().alarms]
    keys += [f"doubt.{key}" for key in ("check_sensor", "asystole_or_lead_off", "pressures_out_of_order")]
    keys += ["doubt.mean_does_not_fit", "doubt.pulse_differs"]
    keys += [f"unit.{bounds.unit}" for bounds in limits().fields.values()]
    assert [key for key in keys if key not in words] == []


def test_the_cuff_instant_is_kept_in_utc():
    at = datetime(2021, 4, 18, 9, 35, tzinfo=timezone(timedelta(hours=8)))
    assert Vitals.from_dict({"sbp_mmhg": 120, "nibp_at": at.isoformat()}).nibp_at == at.astimezone(UTC)


words = st.sampled_from(["NT", "A", "2021-04-18T01:30:00Z", "?"])
anything = st.one_of(st.none(), st.booleans(), st.integers(-5, 500), st.floats(), words)


@given(st.dictionaries(st.sampled_from([*FIELDS, "pulse"]), anything, max_size=5))
def test_a_sample_is_refused_without_a_look_at_all_of_it_exactly_when_it_would_be_with_one(sample: dict):
    def said(look: Callable[[dict], object]) -> str | None:
        try:
            look(sample)
        except RefusedInput as refusal:
            return refusal.said("en")
        return None

    assert said(refuse_impossible_sample) == said(Vitals.from_dict)
