"""A monitor on a casualty who follows a scripted course: waves and numbers that fit each other.

Everything is a pure function of time and seed. The casualty is `body`, the traces' shapes are `shapes`; the numbers are
counted, averaged and aged as a monitor does it. For drills and demonstration, not for diagnosis.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import numpy as np

from ambulance_unit.monitor.body import Body
from ambulance_unit.monitor.course import Course
from ambulance_unit.monitor.feed import Channel, WaveChunk, sample_range
from ambulance_unit.monitor.noise import wander, white
from ambulance_unit.monitor.shapes import ECG_REACH_S, breath, capnogram, ecg_mv, pulse
from ambulance_unit.monitor.trains import per_minute_at
from casebook.vitals import GCS_FIELDS, Vitals

# Rates of the channels, samples/s; within the ranges monitors use (ECG 250-500, pleth 60-125, pressure 125)
CHANNELS: Mapping[str, Channel] = {
    "ecg_ii": Channel(250, "mV"),
    "pleth": Channel(125, "1"),
    "resp": Channel(50, "1"),
    "abp": Channel(125, "mm[Hg]"),
    "co2": Channel(50, "mm[Hg]"),
}
_SENSOR = {"ecg_ii": "hr_bpm", "pleth": "spo2_pct", "resp": "rr_bpm", "abp": "sbp_mmhg", "co2": "etco2_mmhg"}

CUFF_EVERY_S, CUFF_TAKES_S = 150.0, 30.0  # 2.5 min between measurements; inflating and letting down
CUFF_LOWEST_SBP_MMHG = 40.0  # below this the cuff finds no pulse; customary figure
SPO2_AVERAGE_S = 8.0  # usual averaging time of a pulse oximeter
ASYSTOLE_S, APNOEA_S = 4.0, 20.0  # without a beat or a breath for this long the rate reads 0
_LONGEST_BEAT_S = 2.0
_LINE_AVERAGE_S = 8.0
_TO_FINGER_S, _TO_WRIST_S = 0.25, 0.18  # pulse arrival after the R peak; typical adult values


class CourseMonitor:
    """The monitor of one casualty of a drill.

    `start_at` is the course's second 0; `attached_at` (default: the same) is when the sensors are on: before it nothing
    is measured, and the cuff first measures then. `rate` is course seconds per wall second: numbers follow the course,
    waves keep their natural rate. `pressure`: a cuff every 2.5 minutes, or an arterial line with its wave.
    """

    def __init__(
        self,
        course: Course,
        start_at: datetime,
        *,
        seed: int = 0,
        rate: float = 1.0,
        attached_at: datetime | None = None,
        pressure: Literal["cuff", "line"] = "cuff",
        ectopics_per_min: float = 0.0,
    ) -> None:
        assert start_at.tzinfo is not None and rate > 0
        self._course, self._seed, self._rate, self._pressure = course, seed, rate, pressure
        self._start_at = start_at.astimezone(UTC)
        self._attached_s = ((attached_at or start_at) - start_at).total_seconds()
        self._patient = Body(course, seed, 1.0, ectopics_per_min)
        self._drawn = self._patient if rate == 1 else Body(course, seed, rate, ectopics_per_min)
        self._channels = {kind: channel for kind, channel in CHANNELS.items() if self._shows(kind)}

    @property
    def channels(self) -> Mapping[str, Channel]:
        return self._channels

    def numerics(self, at: datetime) -> Vitals:
        """The numbers on the screen at `at`, renewed once a second."""
        now_s = float(np.floor((at - self._start_at).total_seconds()))
        if now_s < self._attached_s:
            return Vitals()
        course = self._course
        spots = {name: course.spot(name, now_s) for name in (*GCS_FIELDS, "avpu", "pain")}
        return Vitals(
            hr_bpm=self._heart_rate(now_s),
            rr_bpm=self._breath_rate(now_s),
            etco2_mmhg=self._drifting("etco2_mmhg", now_s, spread=0.6, digits=0),
            temp_c=self._drifting("temp_c", now_s, spread=0.03, digits=1),
            glucose_mmol_l=course.spot("glucose_mmol_l", now_s),
            **self._finger(now_s),
            **(self._cuff(now_s) if self._pressure == "cuff" else self._line(now_s)),
            **spots,
        )

    def chunk(self, start_s: float, duration_s: float) -> dict[str, WaveChunk]:
        """The waves from `start_s` wall seconds after the course's second 0."""
        draw: dict[str, Callable[[range, np.ndarray], np.ndarray]] = {
            "ecg_ii": self._draw_ecg,
            "pleth": self._draw_pleth,
            "resp": self._draw_resp,
            "abp": self._draw_abp,
            "co2": self._draw_co2,
        }
        chunks = {}
        for kind, channel in self._channels.items():
            indices = sample_range(start_s, duration_s, channel.rate_hz)
            at_s = np.arange(indices.start, indices.stop) / channel.rate_hz
            course_s = at_s * self._rate
            off = self._course.off_mask(_SENSOR[kind], course_s) | (course_s < self._attached_s)
            samples = np.where(off, np.nan, draw[kind](indices, at_s)) if len(at_s) else np.empty(0)
            chunks[kind] = WaveChunk(channel.rate_hz, indices.start, samples.astype(np.float32), channel.unit)
        return chunks

    def _shows(self, kind: str) -> bool:
        return self._course.has(_SENSOR[kind]) and (kind != "abp" or self._pressure == "line")

    # ---- numbers

    def _heart_rate(self, now_s: float) -> float | None:
        if not self._course.is_measured("hr_bpm", now_s):
            return None
        return _rounded(per_minute_at(self._patient.beats_until(now_s)[0], now_s, events=8, silent_s=ASYSTOLE_S))

    def _breath_rate(self, now_s: float) -> float | None:
        if not self._course.is_measured("rr_bpm", now_s):
            return None
        return _rounded(per_minute_at(self._patient.breaths.until(now_s), now_s, events=4, silent_s=APNOEA_S))

    def _drifting(self, name: str, now_s: float, *, spread: float, digits: int) -> float | None:
        target = self._course.measured(name, now_s)
        if target is None:
            return None
        shown = round(max(0.0, target + spread * float(wander(self._seed, name, now_s))), digits)
        return shown if digits else int(shown)

    def _finger(self, now_s: float) -> dict[str, Any]:
        """Saturation and pulse rate, averaged; nothing while the finger has no pulse or the heart stands still."""
        beats = per_minute_at(self._patient.beats_until(now_s)[0], now_s, events=8, silent_s=ASYSTOLE_S)
        strength = self._patient.pulse_strength(np.array([now_s]))[0]
        if not self._course.is_measured("spo2_pct", now_s) or not beats or strength == 0:
            return {}
        window = np.arange(now_s - SPO2_AVERAGE_S, now_s) + 1.0
        spo2 = float(self._course.body("spo2_pct", window).mean()) + 0.5 * float(wander(self._seed, "spo2_pct", now_s))
        return {"spo2_pct": int(np.clip(round(spo2), 0, 100)), "pulse_bpm": _rounded(beats)}

    def _cuff(self, now_s: float) -> dict[str, Any]:
        """The newest finished measurement of the cuff with its instant; none after one that found no pulse."""
        number = int((now_s - self._attached_s - CUFF_TAKES_S) // CUFF_EVERY_S)
        if number < 0:
            return {}
        done_s = self._attached_s + CUFF_TAKES_S + number * CUFF_EVERY_S
        sbp, dbp = (self._course.measured(name, done_s) for name in ("sbp_mmhg", "dbp_mmhg"))
        if sbp is None or sbp < CUFF_LOWEST_SBP_MMHG:
            return {}
        error = 1.5 * white(self._seed, "cuff", range(number, number + 1))[0]
        found = {"sbp_mmhg": round(sbp + error), "nibp_at": self._start_at + timedelta(seconds=done_s)}
        if dbp is not None:
            low = round(min(dbp + 0.7 * error, sbp + error - 5))
            found |= {"dbp_mmhg": low, "map_mmhg": round((found["sbp_mmhg"] + 2 * low) / 3)}
        return found

    def _line(self, now_s: float) -> dict[str, Any]:
        """Systolic, diastolic and mean of the arterial line over its last beats; without beats, the mean."""
        if not self._course.is_measured("sbp_mmhg", now_s):
            return {}
        at_s = np.arange(now_s - _LINE_AVERAGE_S, now_s, 0.008)
        wave = self._pressure_wave(self._patient, at_s)
        began = self._patient.beats_until(now_s)[0] + _TO_WRIST_S
        edges = np.unique(np.searchsorted(at_s, began[(began > at_s[0]) & (began < at_s[-1])]))
        if len(edges) < 3:
            return {"map_mmhg": max(1, round(float(wave.mean())))}
        highs, lows = (extreme.reduceat(wave, edges)[:-1] for extreme in (np.maximum, np.minimum))
        mean = float(wave[edges[0] : edges[-1]].mean())
        sbp, dbp = round(float(highs.mean())), round(float(lows.mean()))
        return {"sbp_mmhg": sbp, "dbp_mmhg": dbp, "map_mmhg": max(1, round(mean))}

    # ---- waves

    def _draw_ecg(self, indices: range, at_s: np.ndarray) -> np.ndarray:
        beats, ectopic = self._drawn.beats_until(at_s[-1] + ECG_REACH_S + _LONGEST_BEAT_S)
        first, last = np.searchsorted(beats, [at_s[0] - ECG_REACH_S, at_s[-1] + ECG_REACH_S])
        value = 0.012 * white(self._seed, "ecg_ii", indices)
        for number in range(first, last):
            rr_s = beats[number + 1] - beats[number] if number + 1 < len(beats) else _LONGEST_BEAT_S
            start, end = np.searchsorted(at_s, [beats[number] - ECG_REACH_S, beats[number] + ECG_REACH_S])
            value[start:end] += ecg_mv(at_s[start:end] - beats[number], rr_s, ectopic=bool(ectopic[number]))
        chest = breath(self._drawn.breath_phase(at_s))
        return value * (1 - 0.06 * chest) + 0.06 * chest + 0.03 * wander(self._seed, "baseline", at_s)

    def _draw_pleth(self, indices: range, at_s: np.ndarray) -> np.ndarray:
        beat = self._pulse_wave(self._drawn, at_s, _TO_FINGER_S)
        strength = self._drawn.pulse_strength(at_s)
        swing = 0.05 * breath(self._drawn.breath_phase(at_s))
        return strength * beat + swing + 0.004 * white(self._seed, "pleth", indices)

    def _draw_abp(self, indices: range, at_s: np.ndarray) -> np.ndarray:
        return self._pressure_wave(self._drawn, at_s) + 0.2 * white(self._seed, "abp", indices)

    def _draw_resp(self, indices: range, at_s: np.ndarray) -> np.ndarray:
        return breath(self._drawn.breath_phase(at_s)) + 0.005 * white(self._seed, "resp", indices)

    def _draw_co2(self, indices: range, at_s: np.ndarray) -> np.ndarray:
        etco2 = self._course.body("etco2_mmhg", at_s * self._rate)
        return np.maximum(0.0, etco2 * capnogram(self._drawn.breath_phase(at_s)))

    def _pressure_wave(self, body: Body, at_s: np.ndarray) -> np.ndarray:
        sbp, dbp = body.pressures(at_s)
        return dbp + (sbp - dbp) * self._pulse_wave(body, at_s, _TO_WRIST_S)

    def _pulse_wave(self, body: Body, at_s: np.ndarray, delay_s: float) -> np.ndarray:
        """0..1: each beat's pulse, arriving late; an ectopic beat pumps half; after the last beat it runs off to 0."""
        beats, ectopic = body.beats_until(float(at_s[-1]) + _LONGEST_BEAT_S)
        began = at_s - delay_s
        number = np.clip(np.searchsorted(beats, began, side="right") - 1, 0, max(0, len(beats) - 1))
        if not len(beats):
            return np.zeros(len(at_s))
        following = np.minimum(number + 1, len(beats) - 1)
        rr_s = np.where(following > number, beats[following] - beats[number], _LONGEST_BEAT_S)
        rr_s = np.minimum(rr_s, _LONGEST_BEAT_S)
        phase = np.clip((began - beats[number]) / rr_s, 0.0, 1.0)
        return pulse(phase, rr_s) * np.where(ectopic[number], 0.5, 1.0)


def _rounded(rate: float | None) -> int | None:
    return None if rate is None else round(rate)
