"""The virtual casualty behind a course: when the heart beats and the chest moves, and how strong each beat is.

Rates come from the course; breathing quickens and slows the heart and moves the pressure, a falling pressure weakens
the pulse and deepens its swing. What a monitor makes of it is `generator`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ambulance_unit.monitor.course import Course
from ambulance_unit.monitor.noise import chance, wander
from ambulance_unit.monitor.shapes import breath
from ambulance_unit.monitor.trains import Train

# Sizes of the swings: customary teaching values, not measured on anybody.
_SINUS_ARRHYTHMIA = 0.04  # share of the heart rate that a breath moves at rest; gone by 120 a minute
_SLOW_VARIATION = 0.015  # share that drifts over minutes
_PRESSURE_SWING = 0.03  # share of the pulse pressure that a breath moves in health
_WEAKEST_PULSE_MMHG = 12.0  # pulse pressure below which a finger sensor finds no pulse
_ECTOPIC_EARLY = 0.35  # of the interval


@dataclass(slots=True)
class Body:
    """One life at one pace: `course_s_per_s` seconds of the course pass in each second of the body's own time.

    At a pace of 1 it is the patient; a drill that runs faster shows waves of a body whose heart keeps its natural rate
    while the course passes quickly.
    """

    course: Course
    seed: int
    course_s_per_s: float = 1.0
    ectopics_per_min: float = 0.0
    breaths: Train = field(init=False)
    _sinus: Train = field(init=False)
    _beats: np.ndarray = field(init=False, default_factory=lambda: np.empty(0))
    _ectopic: np.ndarray = field(init=False, default_factory=lambda: np.empty(0, bool))

    def __post_init__(self) -> None:
        self.breaths = Train(lambda at_s: self._course("rr_bpm", at_s) * self._drift("rr_bpm", at_s, 2.0))
        self._sinus = Train(self._heart_rate)

    def beats_until(self, end_s: float) -> tuple[np.ndarray, np.ndarray]:
        """Instants of the R peaks to at least `end_s`, and which of them are ectopic."""
        sinus = self._sinus.until(end_s)
        done = len(self._beats)
        if done < len(sinus):
            flags = np.array([self._is_ectopic(number, sinus) for number in range(done, len(sinus))], bool)
            new = sinus[done:].copy()
            before = sinus[np.maximum(np.arange(done, len(sinus)) - 1, 0)]
            new[flags] -= _ECTOPIC_EARLY * (new - before)[flags]
            self._beats = np.concatenate([self._beats, new])
            self._ectopic = np.concatenate([self._ectopic, flags])
        return self._beats, self._ectopic

    def pressures(self, at_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Systolic and diastolic, mmHg, with the swing of breathing. A wide swing is a sign of empty vessels."""
        sbp, dbp = self._course("sbp_mmhg", at_s), self._course("dbp_mmhg", at_s)
        pulse_pressure = np.maximum(sbp - dbp, 0.0)
        emptiness = np.clip(self._course("hr_bpm", at_s) / np.maximum(sbp, 1.0) - 0.7, 0.0, 1.0)
        swing = (_PRESSURE_SWING + 0.08 * emptiness) * self._breathing(at_s)
        return dbp + pulse_pressure * (1 + swing), dbp

    def pulse_strength(self, at_s: np.ndarray) -> np.ndarray:
        """How strong a finger's pulse is, 1 at a pulse pressure of 45 mmHg, 0 where none can be found."""
        sbp, dbp = self.pressures(at_s)
        pulse_pressure = sbp - dbp
        return np.where(pulse_pressure < _WEAKEST_PULSE_MMHG, 0.0, np.clip(pulse_pressure / 45.0, 0.0, 1.6))

    def breath_phase(self, at_s: np.ndarray) -> np.ndarray:
        """0..1 through each breath; stands still while breathing does."""
        return self.breaths.phase(at_s) % 1.0

    def _heart_rate(self, at_s: np.ndarray) -> np.ndarray:
        rate = self._course("hr_bpm", at_s)
        calm = np.clip((120.0 - rate) / 60.0, 0.05, 1.0)
        return rate * (1 + calm * _SINUS_ARRHYTHMIA * self._breathing(at_s)) * self._drift("hr_bpm", at_s, calm)

    def _breathing(self, at_s: np.ndarray) -> np.ndarray:
        """-1..1: out, in."""
        return 2 * breath(self.breath_phase(at_s))

    def _drift(self, name: str, at_s: np.ndarray, scale: np.ndarray | float) -> np.ndarray:
        return 1 + _SLOW_VARIATION * scale * np.clip(wander(self.seed, name, at_s), -2.0, 2.0)

    def _course(self, name: str, at_s: np.ndarray) -> np.ndarray:
        return self.course.body(name, at_s * self.course_s_per_s)

    def _is_ectopic(self, number: int, sinus: np.ndarray) -> bool:
        """Seeded by the beat's number; never two in a row, never after a pause."""
        if self.ectopics_per_min <= 0 or number < 1:
            return False
        interval_s = float(sinus[number] - sinus[number - 1])
        share = min(0.4, self.ectopics_per_min * interval_s / 60.0)
        hit = chance(self.seed, "ectopic", number) < share
        return bool(hit and interval_s < 2.0 and not chance(self.seed, "ectopic", number - 1) < share)
