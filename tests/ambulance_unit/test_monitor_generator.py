"""The monitor of a scripted casualty: waves and numbers of one body, the same for the same seed, whenever asked."""

from __future__ import annotations

import itertools
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import find_peaks

from ambulance_unit.monitor import KINDS, Course, CourseMonitor, Monitor
from ambulance_unit.monitor.detect import find_beats, find_breaths, find_pulses
from ambulance_unit.monitor.feed import sample_range
from ambulance_unit.monitor.generator import CHANNELS
from casebook.vitals import Vitals, alarms, check
from media.waveforms import PACKET_MS, ChannelWave, WaveKind, WavePacket, decode, encode

START = datetime(2021, 4, 18, 1, 30, tzinfo=UTC)
SHOCK = {"hr_bpm": 128, "spo2_pct": 91, "sbp_mmhg": 82, "dbp_mmhg": 50, "rr_bpm": 28, "etco2_mmhg": 28, "temp_c": 35.6}
CALM = {"hr_bpm": 66, "spo2_pct": 98, "sbp_mmhg": 124, "dbp_mmhg": 78, "rr_bpm": 13, "etco2_mmhg": 38, "temp_c": 36.8}


def monitor(*points: dict, **settings_: object) -> CourseMonitor:
    timed = [{"at": 0, **points[0]}] if len(points) == 1 and "at" not in points[0] else list(points)
    return CourseMonitor(Course(timed), START, **settings_)  # type: ignore[arg-type]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def wave(feed: Monitor, kind: str, start_s: float = 60.0, duration_s: float = 60.0) -> np.ndarray:
    return feed.chunk(start_s, duration_s)[kind].samples.astype(float)


# ---- the heart


@pytest.mark.parametrize("hr", [35, 50, 66, 90, 128, 150, 190])
def test_the_ecg_has_as_many_beats_as_the_course_says(hr: int):
    beats = find_beats(wave(monitor({**CALM, "hr_bpm": hr}), "ecg_ii"), 250)
    assert len(beats) == pytest.approx(hr, abs=max(2, 0.02 * hr))


@pytest.mark.parametrize("vitals", [CALM, SHOCK])
def test_the_number_is_the_rate_of_the_wave_and_follows_the_course(vitals: dict):
    feed = monitor(vitals, seed=4)
    for second in (30, 60, 90, 240):
        shown = feed.numerics(at(second)).hr_bpm
        beats = find_beats(wave(feed, "ecg_ii", second - 10, 10), 250)
        assert shown == pytest.approx(vitals["hr_bpm"], abs=4)
        assert 60 * (len(beats) - 1) / (beats[-1] - beats[0]) == pytest.approx(shown, abs=4)


def test_a_ramp_of_the_course_is_followed():
    feed = monitor({"at": 0, "hr_bpm": 70}, {"at": 600, "hr_bpm": 130})
    shown = [feed.numerics(at(second)).hr_bpm or 0 for second in range(0, 601, 60)]
    assert shown == pytest.approx([70 + second / 10 for second in range(0, 601, 60)], abs=5)


def test_a_calm_heart_varies_with_breathing_and_a_racing_one_hardly():
    def spread(vitals: dict) -> float:
        beats = find_beats(wave(monitor(vitals), "ecg_ii", 60, 120), 250)
        return float(np.std(60 / np.diff(beats)) / vitals["hr_bpm"])

    assert spread(CALM) > 0.012
    assert spread(SHOCK) < 0.012


def test_each_beat_has_its_p_before_and_its_t_after_the_r_peak():
    feed = monitor(CALM)
    ecg = wave(feed, "ecg_ii", 100, 20)
    beats = (find_beats(ecg, 250) * 250).astype(int)
    average = np.mean([ecg[beat - 75 : beat + 120] for beat in beats if 75 <= beat < len(ecg) - 120], axis=0)
    average -= np.median(average)
    peaks, _ = find_peaks(average, prominence=0.05)
    assert len(peaks) == 3
    to_p_s, to_t_s = (peaks[0] - 75) / 250, (peaks[2] - 75) / 250
    assert abs(peaks[1] - 75) <= 1
    assert -0.20 < to_p_s < -0.12
    assert 0.2 < to_t_s < 0.35
    assert average[peaks[1]] > 0.8 > average[peaks[2]] > average[peaks[0]] > 0.05


def test_ectopic_beats_come_early_wide_and_pump_less():
    feed = monitor(CALM, ectopics_per_min=6, pressure="line", seed=2)
    feed_without = monitor(CALM, pressure="line", seed=2)
    tops = find_pulses(wave(feed, "abp", 60, 180), 125).sbp
    assert np.nanmin(tops) < 124 - 15
    assert np.nanmin(find_pulses(wave(feed_without, "abp", 60, 180), 125).sbp) > 124 - 12
    gaps = np.diff(find_beats(wave(feed, "ecg_ii", 60, 180), 250))
    assert gaps.min() < 0.75 * np.median(gaps) < 1.2 * np.median(gaps) < gaps.max()


def test_a_heart_that_stops_shows_a_flat_line_zero_and_a_high_alarm_and_no_saturation():
    feed = monitor(
        {"at": 0, **CALM}, {"at": 100, **CALM}, {"at": 101, **CALM, "hr_bpm": 0, "sbp_mmhg": 0, "dbp_mmhg": 0}
    )
    shown = feed.numerics(at(130))
    assert (shown.hr_bpm, shown.spo2_pct, shown.pulse_bpm) == (0, None, None)
    assert next((alarm.key, alarm.priority) for alarm in alarms(shown)) == ("hr_zero", "high")
    assert next(doubt.key for doubt in check(shown)) == "asystole_or_lead_off"
    assert np.ptp(wave(feed, "ecg_ii", 120, 10)) < 0.35


# ---- pulse and pressure


@pytest.mark.parametrize("vitals", [CALM, SHOCK])
def test_the_pressure_wave_reaches_the_systolic_and_diastolic_of_the_course(vitals: dict):
    pulses = find_pulses(wave(monitor(vitals, pressure="line"), "abp"), 125)
    assert np.nanmean(pulses.sbp) == pytest.approx(vitals["sbp_mmhg"], abs=3)
    assert np.nanmean(pulses.dbp) == pytest.approx(vitals["dbp_mmhg"], abs=2)


@pytest.mark.parametrize("vitals", [CALM, SHOCK])
def test_every_beat_is_followed_by_its_pulse_at_wrist_and_finger(vitals: dict):
    feed = monitor(vitals, pressure="line")
    beats = find_beats(wave(feed, "ecg_ii"), 250)
    for kind, rate_hz in (("abp", 125), ("pleth", 125)):
        pulses = find_pulses(wave(feed, kind), rate_hz).at_s
        delays = [pulses[pulses > beat][0] - beat for beat in beats[2:-3]]
        assert 0.15 < np.median(delays) < 0.5, kind
        assert np.std(delays) < 0.03, kind
        assert len(pulses) == pytest.approx(len(beats), abs=2)


def test_the_finger_comes_after_the_wrist():
    feed = monitor(CALM, pressure="line")
    pulses = [find_pulses(wave(feed, kind), 125).at_s for kind in ("abp", "pleth")]
    count = min(map(len, pulses))
    assert 0.04 < np.median(pulses[1][:count] - pulses[0][:count]) < 0.12


def test_a_weak_pulse_pressure_makes_a_small_pleth_and_none_at_all_no_number():
    def height(vitals: dict) -> float:
        return float(np.ptp(wave(monitor(vitals), "pleth", 60, 10)))

    assert height(SHOCK) < 0.85 * height(CALM)
    pulseless = monitor({**SHOCK, "sbp_mmhg": 40, "dbp_mmhg": 32}).numerics(at(60))
    assert (pulseless.spo2_pct, pulseless.pulse_bpm) == (None, None)
    assert pulseless.hr_bpm is not None


def test_breathing_moves_the_pressure_of_an_empty_patient_more():
    def swing(vitals: dict) -> float:
        tops = find_pulses(wave(monitor(vitals, pressure="line"), "abp"), 125).sbp
        return float(np.nanstd(tops) / (vitals["sbp_mmhg"] - vitals["dbp_mmhg"]))

    assert swing(SHOCK) > 1.5 * swing(CALM)


def test_the_line_shows_its_waves_own_numbers():
    for vitals in (CALM, SHOCK):
        shown = monitor(vitals, pressure="line").numerics(at(60))
        assert shown.sbp_mmhg == pytest.approx(vitals["sbp_mmhg"], abs=3)
        assert shown.dbp_mmhg == pytest.approx(vitals["dbp_mmhg"], abs=2)
        assert shown.nibp_at is None
        assert check(shown) == []


def test_the_cuff_measures_every_two_and_a_half_minutes_and_keeps_when():
    feed = monitor(SHOCK)
    assert feed.numerics(at(29)).sbp_mmhg is None
    shown = [feed.numerics(at(second)) for second in range(30, 700)]
    assert sorted({(s.nibp_at - START).total_seconds() for s in shown if s.nibp_at}) == [30, 180, 330, 480, 630]
    assert {s.sbp_mmhg for s in shown[:150]} == {shown[0].sbp_mmhg}
    for s in shown:
        assert s.sbp_mmhg == pytest.approx(SHOCK["sbp_mmhg"], abs=6)
        assert s.dbp_mmhg is not None and s.map_mmhg is not None and s.dbp_mmhg < s.map_mmhg < (s.sbp_mmhg or 0)
    assert "abp" not in feed.channels


def test_a_cuff_that_finds_no_pulse_leaves_the_pressure_empty():
    feed = monitor(
        {"at": 0, "hr_bpm": 100, "sbp_mmhg": 90, "dbp_mmhg": 60}, {"at": 100, "sbp_mmhg": 35, "dbp_mmhg": 25}
    )
    assert feed.numerics(at(60)).sbp_mmhg is not None
    assert feed.numerics(at(181)).sbp_mmhg is None


# ---- breath, saturation, the rest


@pytest.mark.parametrize("vitals", [CALM, SHOCK])
def test_breaths_of_the_wave_are_those_of_the_number_and_the_course(vitals: dict):
    feed = monitor(vitals)
    breaths = find_breaths(wave(feed, "resp"), 50)
    assert len(breaths) == pytest.approx(vitals["rr_bpm"], abs=2)
    assert feed.numerics(at(100)).rr_bpm == pytest.approx(vitals["rr_bpm"], abs=3)


def test_the_capnogram_falls_to_nothing_and_rises_to_the_end_tidal_value():
    co2 = wave(monitor(CALM), "co2")
    assert co2.min() == 0
    assert co2.max() == pytest.approx(38, abs=0.5)
    assert 0.35 < np.mean(co2 < 1) < 0.55


def test_breathing_that_stops_reads_zero_after_twenty_seconds():
    feed = monitor({"at": 0, **CALM}, {"at": 60, **CALM}, {"at": 61, **CALM, "rr_bpm": 0})
    assert feed.numerics(at(120)).rr_bpm == 0
    assert "rr_zero" in {alarm.key for alarm in alarms(feed.numerics(at(120)))}


def test_saturation_is_averaged_so_a_step_arrives_as_a_slope():
    feed = monitor({"at": 0, **CALM}, {"at": 100, **CALM}, {"at": 100.1, **CALM, "spo2_pct": 80})
    shown = [feed.numerics(at(second)).spo2_pct or 0 for second in (99, 104, 112)]
    assert shown[0] > shown[1] + 4 > shown[2] + 8


def test_findings_of_the_course_are_passed_on():
    shown = monitor({**CALM, "glucose_mmol_l": 5.4, "gcs_eye": 4, "gcs_verbal": "NT", "gcs_motor": 6}).numerics(at(5))
    assert (shown.glucose_mmol_l, shown.gcs_eye, shown.gcs_verbal) == (5.4, 4, "NT")


@settings(max_examples=25, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "hr_bpm": st.integers(30, 200),
            "spo2_pct": st.integers(60, 100),
            "sbp_mmhg": st.integers(70, 220),
            "dbp_mmhg": st.integers(30, 55),
            "rr_bpm": st.integers(6, 45),
            "etco2_mmhg": st.integers(10, 70),
            "temp_c": st.floats(30, 41),
        }
    ),
    st.integers(0, 2**40),
)
def test_whatever_the_course_the_numbers_stay_near_it_and_are_possible(vitals: dict, seed: int):
    shown = monitor(vitals, seed=seed, pressure="line").numerics(at(200))
    check(shown)
    assert Vitals.from_dict(shown.as_dict()) == shown
    for name, near in (
        ("hr_bpm", 6),
        ("rr_bpm", 4),
        ("spo2_pct", 3),
        ("sbp_mmhg", 8),
        ("dbp_mmhg", 4),
        ("temp_c", 0.2),
    ):
        got = getattr(shown, name)
        assert got == pytest.approx(vitals[name], abs=max(near, 0.04 * vitals[name])), name


# ---- sensors off, not yet on


def test_a_lead_that_is_off_is_a_gap_without_a_number_and_the_others_go_on():
    feed = monitor({"at": 0, **CALM}, {"at": 100, "hr_bpm": None}, {"at": 120, "hr_bpm": 66})
    assert np.isnan(wave(feed, "ecg_ii", 100, 20)).all()
    assert not np.isnan(wave(feed, "ecg_ii", 120, 5)).any()
    assert not np.isnan(wave(feed, "pleth", 100, 20)).any()
    shown = feed.numerics(at(110))
    assert shown.hr_bpm is None
    assert shown.pulse_bpm == pytest.approx(66, abs=4)
    assert feed.numerics(at(121)).hr_bpm == pytest.approx(66, abs=4)


def test_nothing_is_measured_before_the_monitor_is_attached():
    feed = monitor(CALM, attached_at=at(300))
    assert feed.numerics(at(299)) == Vitals()
    assert feed.numerics(at(300)).hr_bpm is not None
    assert feed.numerics(at(329)).sbp_mmhg is None
    assert feed.numerics(at(330)).nibp_at == at(330)
    assert np.isnan(wave(feed, "ecg_ii", 290, 10)).all()
    assert not np.isnan(wave(feed, "ecg_ii", 300, 10)).any()


def test_only_what_the_course_names_has_a_channel():
    assert set(monitor({"hr_bpm": 80}).channels) == {"ecg_ii"}
    assert set(monitor(CALM, pressure="line").channels) == set(CHANNELS)
    assert monitor({"spo2_pct": 97}).numerics(at(10)).hr_bpm is None


def test_a_whole_course_has_no_gap_in_any_wave():
    feed = monitor({"at": 0, **CALM}, {"at": 300, **SHOCK}, pressure="line", ectopics_per_min=4)
    for kind, chunk in feed.chunk(0, 400).items():
        assert not np.isnan(chunk.samples).any(), kind
        assert chunk.samples.dtype == np.float32


# ---- pure functions of time


@pytest.mark.parametrize("rate", [1.0, 6.0])
def test_the_same_seed_gives_the_same_and_another_another(rate: float):
    one, same, other = (monitor(SHOCK, seed=seed, rate=rate) for seed in (7, 7, 8))
    one.chunk(500, 3)  # what was asked before does not matter
    for kind in one.channels:
        assert np.array_equal(wave(one, kind, 30, 5), wave(same, kind, 30, 5)), kind
    assert not np.array_equal(wave(one, "ecg_ii", 30, 5), wave(other, "ecg_ii", 30, 5))
    assert [one.numerics(at(s)) for s in range(50)] == [same.numerics(at(s)) for s in range(50)]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(0.001, 1.7), min_size=1, max_size=12), st.floats(0, 700))
def test_chunks_follow_each_other_without_a_seam(cuts: list[float], start_s: float):
    feed = monitor(SHOCK, pressure="line")
    whole = feed.chunk(start_s, sum(cuts))
    parts, now_s = [], start_s
    for cut in cuts:
        parts.append(feed.chunk(now_s, cut))
        now_s += cut
    for kind, chunk in whole.items():
        joined = np.concatenate([part[kind].samples for part in parts])
        count = min(len(joined), len(chunk.samples))
        assert abs(len(joined) - len(chunk.samples)) <= 1
        assert np.array_equal(joined[:count], chunk.samples[:count])
        for before, after in itertools.pairwise(parts):
            assert after[kind].first_index == before[kind].first_index + len(before[kind].samples)


def test_an_hour_of_packets_has_exactly_an_hour_of_samples():
    for rate_hz in (25, 50, 125, 250, 360, 500):
        spans = [sample_range(number * 0.04, 0.04, rate_hz) for number in range(90_000)]
        assert spans[0].start == 0 and spans[-1].stop == 3600 * rate_hz
        assert all(before.stop == after.start for before, after in itertools.pairwise(spans))


def test_a_fast_drill_shows_numbers_of_the_course_and_waves_at_their_natural_rate():
    points = [{"at": 0, **CALM}, {"at": 600, **CALM}, {"at": 601, **CALM, "hr_bpm": 120}]
    slow, fast = monitor(*points), monitor(*points, rate=6.0)
    assert [slow.numerics(at(s)) for s in (10, 300, 700)] == [fast.numerics(at(s)) for s in (10, 300, 700)]
    assert len(find_beats(wave(fast, "ecg_ii", 30, 60), 250)) == pytest.approx(66, abs=2)
    assert len(find_beats(wave(fast, "ecg_ii", 110, 60), 250)) == pytest.approx(120, abs=3)  # 660 s of the course


def test_the_channels_are_those_of_the_wire():
    assert {kind.name.lower() for kind in WaveKind} == set(KINDS)
    for kind, channel in CHANNELS.items():
        assert WaveKind[kind.upper()].unit == channel.unit


def test_a_packet_of_every_channel_fits_the_wire_and_comes_back():
    chunks = monitor(CALM, pressure="line").chunk(100, PACKET_MS / 1000)
    waves = tuple(
        ChannelWave(WaveKind[kind.upper()], chunk.rate_hz, chunk.first_index, chunk.samples)
        for kind, chunk in chunks.items()
    )
    for sent, got in zip(waves, decode(encode(WavePacket(1, 1000, waves))).channels, strict=True):
        assert got.samples == pytest.approx(sent.samples, abs=sent.kind.scale)


def test_a_vehicle_that_plays_no_record_never_loads_pandas():
    code = "import sys, ambulance_unit.monitor, ambulance_unit.monitor.record; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
