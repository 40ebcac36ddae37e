"""What one heart beat and one breath look like on each channel, as functions of time since they began.

Shapes only, in their channel's unit or normalised to 0..1; when beats come, and how strong they are, is `generator`.
Intervals and amplitudes are those of an adult's textbook trace; the sum of Gaussian humps follows the idea of McSharry
PE et al., IEEE Trans Biomed Eng 2003;50:289-294. For drills and demonstration, not for diagnosis.
"""

from __future__ import annotations

import numpy as np

# wave: seconds from the R peak, height (mV), width (s, one sigma), whether it moves with the heart rate
_SINUS = (
    ("P", -0.165, 0.13, 0.022, True),
    ("Q", -0.026, -0.10, 0.009, False),
    ("R", 0.0, 1.05, 0.011, False),
    ("S", 0.028, -0.22, 0.011, False),
    ("T", 0.275, 0.28, 0.045, True),
)
# a ventricular ectopic beat: no P, a wide QRS, T the other way
_ECTOPIC = (
    ("R", 0.0, 1.35, 0.038, False),
    ("S", 0.090, -0.55, 0.040, False),
    ("T", 0.300, -0.38, 0.060, True),
)
ECG_REACH_S = 0.6  # no hump reaches further from its R peak

NOTCH_PHASE = 0.42  # of a beat at rest: aortic valve closure


def ecg_mv(since_r_s: np.ndarray, rr_s: float, *, ectopic: bool = False) -> np.ndarray:
    """One beat of lead II, mV, at these seconds from its R peak; `rr_s` is the interval to the next beat."""
    stretch = min(max(rr_s, 0.3), 1.2) ** 0.5  # intervals follow the root of RR; source: Bazett 1920
    value = np.zeros(len(since_r_s))
    for _, centre, height, width, moves in _ECTOPIC if ectopic else _SINUS:
        by = stretch if moves else 1.0
        value += height * np.exp(-0.5 * ((since_r_s - centre * by) / (width * by)) ** 2)
    return value


def _pulse_table() -> np.ndarray:
    """A pressure pulse over one beat, 0..1: upstroke, systolic peak, dicrotic notch and wave, run-off."""
    phase = np.linspace(0.0, 1.0, 1025)
    upstroke = 1 / (1 + np.exp(-(phase - 0.07) / 0.016))
    run_off = np.exp(-1.9 * np.maximum(phase - 0.16, 0.0))
    notch = 0.10 * np.exp(-0.5 * ((phase - NOTCH_PHASE) / 0.020) ** 2)
    dicrotic = 0.08 * np.exp(-0.5 * ((phase - NOTCH_PHASE - 0.07) / 0.035) ** 2)
    pulse = upstroke * run_off - notch + dicrotic
    pulse -= pulse[0] + (pulse[-1] - pulse[0]) * phase  # a beat ends where the next begins
    return np.clip(pulse / pulse.max(), 0.0, 1.0)


_PULSE = _pulse_table()


def pulse(phase: np.ndarray, rr_s: np.ndarray) -> np.ndarray:
    """The pulse at these phases (0..1) of beats of length `rr_s`: 0 at both ends, 1 at the systolic peak.

    Systole shortens with the root of RR, diastole takes the rest: fast pulses lose their run-off first.
    """
    systole = np.clip(NOTCH_PHASE * np.sqrt(0.85 / np.maximum(rr_s, 0.2)), 0.3, 0.65)
    in_systole = phase < systole
    early, late = phase / systole * NOTCH_PHASE, NOTCH_PHASE + (phase - systole) / (1 - systole) * (1 - NOTCH_PHASE)
    return np.interp(np.where(in_systole, early, late), np.linspace(0.0, 1.0, len(_PULSE)), _PULSE)


def breath(phase: np.ndarray) -> np.ndarray:
    """Chest volume over one breath, -0.5..0.5: in for two fifths, out for three."""
    inspiring = phase < 0.4
    angle = np.where(inspiring, phase / 0.4, 1 + (phase - 0.4) / 0.6) * np.pi
    return -0.5 * np.cos(angle)


def capnogram(phase: np.ndarray) -> np.ndarray:
    """Carbon dioxide over one breath, 0..1: none while breathing in, then a steep rise and a plateau that ends at 1."""
    rise = 1 / (1 + np.exp(-(phase - 0.47) / 0.012))
    plateau = 0.90 + 0.10 * np.clip((phase - 0.47) / 0.50, 0.0, 1.0)
    fall = 1 / (1 + np.exp((phase - 0.985) / 0.003))
    return np.where(phase < 0.4, 0.0, rise * plateau * fall)
