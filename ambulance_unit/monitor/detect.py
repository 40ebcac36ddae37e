"""Find heart beats, pulses and breaths in recorded waves, so that a record without numbers still shows some.

Band-pass, then peaks above a share of the local strength, never closer than the body allows. The beat finder keeps the
steps of Pan J, Tompkins WJ, IEEE Trans Biomed Eng 1985;32:230-236 (band-pass, slope, square, moving average) with a
simpler threshold, for whole records at once. For drills, not for diagnosis.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, find_peaks, sosfiltfilt

_QRS_BAND_HZ = (5.0, 20.0)
_PULSE_BAND_HZ = (0.5, 8.0)
_BREATH_BAND_HZ = (0.08, 0.8)
_QRS_S = 0.12  # width of the moving average: about one QRS
_CLOSEST_BEATS_S, _CLOSEST_BREATHS_S = 0.25, 1.0  # 240 beats, 60 breaths a minute
_NEARBY = 16  # closest distances around a peak within which it must stand out: 4 s of pulse, 16 s of breathing
_SHARE = 0.4  # of the usual local strength that a beat must reach
_FLAT_SHARE = 0.05  # of the record's strength, below which nothing is a beat


@dataclass(frozen=True, slots=True, eq=False)
class Pulses:
    """Arterial pulses: when each peaks, its systolic, and the diastolic before it (NaN where it cannot be told)."""

    at_s: np.ndarray
    sbp: np.ndarray
    dbp: np.ndarray


def find_beats(ecg: np.ndarray, rate_hz: float) -> np.ndarray:
    """Instants (s) of the R peaks of one lead, any polarity. NaN samples are silence."""
    band = _band(ecg, rate_hz, _QRS_BAND_HZ)
    if band is None:
        return np.empty(0)
    slope = np.gradient(band) * rate_hz
    strength = np.sqrt(np.maximum(uniform_filter1d(slope**2, max(1, round(_QRS_S * rate_hz))), 0.0))
    peaks, _ = find_peaks(strength, height=_threshold(strength, rate_hz), distance=_distance(_CLOSEST_BEATS_S, rate_hz))
    height, reach = np.abs(band), round(0.08 * rate_hz)
    return np.array([_strongest(height, peak, reach) for peak in peaks]) / rate_hz


def find_pulses(wave: np.ndarray, rate_hz: float) -> Pulses:
    """Pulses of a pleth or an arterial line, with the wave's own highs and lows as systolic and diastolic."""
    band = _band(wave, rate_hz, _PULSE_BAND_HZ)
    if band is None:
        return Pulses(np.empty(0), np.empty(0), np.empty(0))
    peaks = _prominent(band, rate_hz, _CLOSEST_BEATS_S)
    height, reach = np.where(np.isnan(wave), -np.inf, wave), round(0.1 * rate_hz)
    tops = np.array([_strongest(height, peak, reach) for peak in peaks], int)
    sbp = wave[tops] if len(tops) else np.empty(0)
    dbp = np.array([_low_before(wave, tops[number - 1] if number else None, top) for number, top in enumerate(tops)])
    return Pulses(tops / rate_hz, sbp, dbp)


def find_breaths(resp: np.ndarray, rate_hz: float) -> np.ndarray:
    """Instants (s) at which breathing in ends."""
    band = _band(resp, rate_hz, _BREATH_BAND_HZ)
    return np.empty(0) if band is None else _prominent(band, rate_hz, _CLOSEST_BREATHS_S) / rate_hz


def _band(wave: np.ndarray, rate_hz: float, band_hz: tuple[float, float]) -> np.ndarray | None:
    """The wave in its band, gaps held at the median; None when it is too short or all gap."""
    known = wave[~np.isnan(wave)]
    if len(known) < 2 * rate_hz or len(wave) < 64:
        return None
    filled = np.where(np.isnan(wave), np.median(known), wave).astype(float)
    high = min(band_hz[1], 0.45 * rate_hz)
    return sosfiltfilt(butter(2, (band_hz[0], high), "bandpass", fs=rate_hz, output="sos"), filled)


def _threshold(strength: np.ndarray, rate_hz: float) -> np.ndarray:
    """A share of the usual height of beats around each sample: the median over 20 s of the maxima of 2 s blocks."""
    block = round(2 * rate_hz)
    padded = np.pad(strength, (0, -len(strength) % block))
    maxima = padded.reshape(-1, block).max(axis=1)
    around = np.lib.stride_tricks.sliding_window_view(
        np.pad(maxima, 5, mode="reflect" if len(maxima) > 5 else "edge"), 11
    )
    usual = np.maximum(np.median(around, axis=1), _FLAT_SHARE * np.percentile(maxima, 95))
    return np.repeat(np.maximum(_SHARE * usual, 1e-9), block)[: len(strength)]


def _prominent(band: np.ndarray, rate_hz: float, closest_s: float) -> np.ndarray:
    """Peaks that stand out by a share of the usual swing."""
    prominence = 2 * _threshold(np.abs(band), rate_hz * max(1.0, closest_s * 4))
    nearby = round(_NEARBY * closest_s * rate_hz)
    peaks, _ = find_peaks(band, prominence=prominence, distance=_distance(closest_s, rate_hz), wlen=nearby)
    return peaks


def _distance(closest_s: float, rate_hz: float) -> int:
    return max(1, round(closest_s * rate_hz))


def _strongest(wave: np.ndarray, around: int, reach: int) -> int:
    start = max(0, around - reach)
    return start + int(np.argmax(wave[start : around + reach + 1]))


def _low_before(wave: np.ndarray, before: int | None, top: int) -> float:
    span = wave[before:top] if before is not None else wave[:0]
    return float(np.nanmin(span)) if len(span) and not np.isnan(span).all() else float("nan")
