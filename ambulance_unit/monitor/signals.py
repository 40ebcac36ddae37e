"""What a record of vital signs holds, whatever file it came from: waves by channel, numbers by field.

Reading files is `wfdb_record` and `bidmc_csv`; finding beats is `detect`; playing it is `record`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ambulance_unit.monitor.feed import Channel

FASTEST_HZ = (
    500  # faster channels are thinned: 12 leads at 1000 Hz do not fit one wave packet, and no screen shows them
)
SAMPLES_MAX = 60_000_000  # of all channels of a record: half a gigabyte in memory


@dataclass(frozen=True, slots=True, eq=False)
class Wave:
    """One channel, float32 from the record's first second; NaN where there was no signal."""

    channel: Channel
    samples: np.ndarray

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.channel.rate_hz


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One field's numbers, a value every `every_s` seconds from `first_s`; NaN where the device gave none."""

    first_s: float
    every_s: float
    values: np.ndarray

    def at(self, at_s: float) -> float | None:
        """The value that stood at this second."""
        index = int((at_s - self.first_s) // self.every_s)
        return _known(self.values[index]) if 0 <= index < len(self.values) else None

    def newest(self, at_s: float) -> tuple[float, float] | None:
        """The newest value given until this second, and when that was: an aperiodic measurement with its age."""
        count = min(len(self.values), int((at_s - self.first_s) // self.every_s) + 1)
        given = np.flatnonzero(~np.isnan(self.values[: max(0, count)]))
        if not len(given):
            return None
        return float(self.values[given[-1]]), self.first_s + float(given[-1]) * self.every_s


@dataclass(frozen=True, slots=True, eq=False)
class Signals:
    """A record: `numbers` by field of the casebook's Vitals, those of a cuff apart in `cuff`."""

    name: str
    waves: dict[str, Wave]
    numbers: dict[str, Series]
    cuff: dict[str, Series]

    @property
    def duration_s(self) -> float:
        ends = [wave.duration_s for wave in self.waves.values()]
        ends += [series.first_s + len(series.values) * series.every_s for series in self.numbers.values()]
        ends += [series.first_s + len(series.values) * series.every_s for series in self.cuff.values()]
        return max(ends)


# what files call a channel -> our kind; a lead of unstated position ("V") is not shown under a name it may not have
_LEADS = ("I", "II", "III", "AVR", "AVL", "AVF", "V1", "V2", "V3", "V4", "V5", "V6")
KIND_OF = {lead: f"ecg_{lead.lower()}" for lead in _LEADS} | {
    "MLII": "ecg_ii",  # modified leads of long-term recorders
    "MCL1": "ecg_v1",
    "PLETH": "pleth",
    "RESP": "resp",
    "ABP": "abp",
    "ART": "abp",
    "CO2": "co2",
}
UNIT_OF_KIND = {"pleth": "1", "resp": "1", "abp": "mm[Hg]", "co2": "mm[Hg]"}


def wave_of(kind: str, samples: np.ndarray, rate_hz: float, *, unit: str = "") -> Wave:
    """A channel at a whole rate of at most FASTEST_HZ; an odd rate (62.47 Hz) is played at the whole one next to it."""
    every = int(np.ceil(rate_hz / FASTEST_HZ))
    if every > 1:
        samples = _thinned(samples, every)
    channel = Channel(max(1, round(rate_hz / every)), unit or UNIT_OF_KIND.get(kind, "mV"))
    return Wave(channel, np.asarray(samples, np.float32))


def _thinned(samples: np.ndarray, every: int) -> np.ndarray:
    """Every n-th sample of the smoothed channel; a gap stays a gap."""
    from scipy.signal import resample_poly  # heavy: only a record needs it, never a vehicle's own monitor

    gaps = np.isnan(samples)
    thinned = resample_poly(np.where(gaps, 0.0, samples), 1, every)
    thinned[gaps[::every][: len(thinned)]] = np.nan
    return thinned


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
