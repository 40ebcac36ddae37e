"""Play a record of vital signs as if its patient lay in the vehicle; at its end it begins anew.

Numbers are the record's own where it has them, otherwise counted from its waves; what neither gives stays unmeasured.
Reading the file is `wfdb_record` or `bidmc_csv`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from ambulance_unit.monitor.feed import Channel, WaveChunk, sample_range
from ambulance_unit.monitor.signals import Series, Signals, Wave
from ambulance_unit.monitor.trains import per_minute_at
from casebook.vitals import Vitals, from_device, limits

ASYSTOLE_S, APNOEA_S = 4.0, 20.0  # without a beat or a breath for this long the rate reads 0
PRESSURE_AVERAGE_S = 10.0
STRETCH_S = (
    60.0  # in a drill that runs faster, waves play this long at their natural rate, then catch up with the clock
)


class RecordMonitor:
    """The monitor that shows a record.

    `start_at` is the record's second 0; `rate` is clock seconds per wall second.
    """

    def __init__(self, signals: Signals, start_at: datetime, *, rate: float = 1.0) -> None:
        assert start_at.tzinfo is not None and rate > 0
        self._signals, self._rate = signals, rate
        self._start_at = start_at.astimezone(UTC)
        self._channels = {kind: wave.channel for kind, wave in signals.waves.items()}
        self._found = _Found(signals.waves)

    @property
    def channels(self) -> Mapping[str, Channel]:
        return self._channels

    def numerics(self, at: datetime) -> Vitals:
        """The numbers at `at`. A field that the record has is the device's to give, also by blanking it (0, or beyond
        the possible); only the others are counted from the waves."""
        passed_s = (at - self._start_at).total_seconds()
        if passed_s < 0:
            return Vitals()
        at_s = passed_s % self._signals.duration_s
        given = from_device(_device_numbers(self._signals.numbers, at_s))
        found = {name: value for name, value in self._found.numbers(at_s).items() if name not in self._signals.numbers}
        shown = replace(given, **found)
        by_line = shown.sbp_mmhg is not None or shown.map_mmhg is not None
        return shown if by_line else replace(shown, **self._cuff(at_s, at))

    def chunk(self, start_s: float, duration_s: float) -> dict[str, WaveChunk]:
        """The record's waves, at their natural rate."""
        chunks = {}
        for kind, wave in self._signals.waves.items():
            indices = sample_range(start_s, duration_s, wave.channel.rate_hz)
            samples = wave.samples[self._places(wave, indices)]
            chunks[kind] = WaveChunk(wave.channel.rate_hz, indices.start, samples, wave.channel.unit)
        return chunks

    def _places(self, wave: Wave, indices: range) -> np.ndarray:
        """Which sample of the record each sample of the feed is."""
        count, stretch = np.arange(indices.start, indices.stop), round(STRETCH_S * wave.channel.rate_hz)
        ahead = np.rint(count // stretch * stretch * (self._rate - 1)).astype(int) if self._rate != 1 else 0
        whole = max(1, round(self._signals.duration_s * wave.channel.rate_hz))
        return np.minimum((count + ahead) % whole, len(wave.samples) - 1)

    def _cuff(self, at_s: float, at: datetime) -> dict[str, Any]:
        newest = {name: found for name, series in self._signals.cuff.items() if (found := series.newest(at_s))}
        when_s = max((given_s for _, given_s in newest.values()), default=0.0)
        measured = {name: value for name, (value, given_s) in newest.items() if given_s == when_s}
        kept = from_device({name: value for name, value in measured.items() if _is_possible(name, value)}).as_dict()
        return kept | {"nibp_at": at.astimezone(UTC) - timedelta(seconds=at_s - when_s)} if kept else {}


class _Found:
    """What the waves themselves tell: beats, pulses, breaths, pressures."""

    def __init__(self, waves: Mapping[str, Wave]) -> None:
        from ambulance_unit.monitor.detect import find_beats, find_breaths, find_pulses  # heavy: brings scipy.signal

        self._ecg = next((wave for kind, wave in _best_leads_first(waves) if kind.startswith("ecg")), None)
        self._pleth, self._line, self._resp = waves.get("pleth"), waves.get("abp"), waves.get("resp")
        self._beats = find_beats(self._ecg.samples, self._ecg.channel.rate_hz) if self._ecg else None
        self._pulses = find_pulses(self._pleth.samples, self._pleth.channel.rate_hz) if self._pleth else None
        self._pressures = find_pulses(self._line.samples, self._line.channel.rate_hz) if self._line else None
        self._breaths = find_breaths(self._resp.samples, self._resp.channel.rate_hz) if self._resp else None

    def numbers(self, at_s: float) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        if self._ecg and self._beats is not None and _is_on(self._ecg, at_s, ASYSTOLE_S):
            shown["hr_bpm"] = _rate(self._beats, at_s, 8, ASYSTOLE_S)
        if self._pleth and self._pulses is not None and _is_on(self._pleth, at_s, ASYSTOLE_S):
            shown["pulse_bpm"] = _rate(self._pulses.at_s, at_s, 8, ASYSTOLE_S) or None  # no pulse found is no number
        if self._resp and self._breaths is not None and _is_on(self._resp, at_s, APNOEA_S):
            shown["rr_bpm"] = _rate(self._breaths, at_s, 4, APNOEA_S)
        return {name: value for name, value in shown.items() if value is not None} | self._line_numbers(at_s)

    def _line_numbers(self, at_s: float) -> dict[str, Any]:
        """Medians over the last seconds, so that a flush or a movement is not shown as a pressure."""
        if self._line is None or self._pressures is None or not _is_on(self._line, at_s, PRESSURE_AVERAGE_S):
            return {}
        first, last = np.searchsorted(self._pressures.at_s, [at_s - PRESSURE_AVERAGE_S, at_s])
        sbp, dbp = self._pressures.sbp[first:last], self._pressures.dbp[first:last]
        if not len(sbp) or np.isnan(sbp).all() or np.isnan(dbp).all():
            return {}
        mean = float(np.nanmean(_last(self._line, at_s, PRESSURE_AVERAGE_S)))
        found = {"sbp_mmhg": float(np.nanmedian(sbp)), "dbp_mmhg": float(np.nanmedian(dbp)), "map_mmhg": mean}
        return {name: round(value) for name, value in found.items()} if _are_possible(found) else {}


def open_record(file: Path, start_at: datetime, *, rate: float = 1.0) -> RecordMonitor:
    """A monitor that plays `file`: a WFDB record (any of its files, or its bare name) or a BIDMC-style CSV.

    Raises RefusedInput: `record_not_found`, `record_malformed`, `record_empty`, `record_too_long`.
    """
    if file.suffix.lower() == ".csv":
        from ambulance_unit.monitor.bidmc_csv import read_bidmc

        return RecordMonitor(read_bidmc(file), start_at, rate=rate)
    from ambulance_unit.monitor.wfdb_record import read_wfdb  # heavy: only when a record is played

    return RecordMonitor(read_wfdb(file), start_at, rate=rate)


def _best_leads_first(waves: Mapping[str, Wave]) -> list[tuple[str, Wave]]:
    """Lead II has the tallest R in most people; then the order in which the record has them."""
    return sorted(waves.items(), key=lambda entry: entry[0] != "ecg_ii")


def _device_numbers(numbers: Mapping[str, Series], at_s: float) -> dict[str, Any]:
    """What the device says now; None where it says nothing or the impossible."""
    given = {name: series.at(at_s) for name, series in numbers.items()}
    return {name: value if value is not None and _is_possible(name, value) else None for name, value in given.items()}


def _is_possible(name: str, value: float) -> bool:
    low, high = limits().fields[name].hard
    return low <= value <= high


def _are_possible(found: Mapping[str, float]) -> bool:
    return all(_is_possible(name, value) for name, value in found.items())


def _rate(times_s: np.ndarray, at_s: float, events: int, silent_s: float) -> int | None:
    """As a monitor counts; in the first seconds of a record silence proves nothing."""
    rate = per_minute_at(times_s, at_s, events=events, silent_s=silent_s)
    return None if rate is None or (rate == 0 and at_s < silent_s) else round(rate)


def _is_on(wave: Wave, at_s: float, window_s: float) -> bool:
    """Whether most of the last seconds of a channel is signal."""
    recent = _last(wave, at_s, window_s)
    return len(recent) > 0 and float(np.isnan(recent).mean()) < 0.5


def _last(wave: Wave, at_s: float, window_s: float) -> np.ndarray:
    end = int(at_s * wave.channel.rate_hz) + 1
    return wave.samples[max(0, end - round(window_s * wave.channel.rate_hz)) : end]
