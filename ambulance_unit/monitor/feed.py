"""What every monitor feed gives: numbers once a second, and live waves.

A device's driver, a played record and a scripted course look the same from here on; sending them is the agent's work.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np

from casebook.vitals import Vitals

KINDS = (
    "ecg_i", "ecg_ii", "ecg_iii", "ecg_avr", "ecg_avl", "ecg_avf",
    "ecg_v1", "ecg_v2", "ecg_v3", "ecg_v4", "ecg_v5", "ecg_v6",
    "pleth", "resp", "abp", "co2", "cvp", "pap", "icp",
)  # fmt: skip
"""The names of wave channels, everywhere; on the wire they are numbers (media/waveforms.py)."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A wave that a feed can show. `unit` is UCUM: mV, mm[Hg], or 1 where the device gives no absolute scale."""

    rate_hz: int
    unit: str


@dataclass(frozen=True, slots=True, eq=False)
class WaveChunk:
    """Some samples of one channel, float32 in its unit; NaN where there is no signal (lead off, gap in a record).

    `first_index` numbers the first sample, at rate_hz, counted from the feed's start: chunks that follow each other
    have indices that follow each other.
    """

    rate_hz: int
    first_index: int
    samples: np.ndarray
    unit: str


class Monitor(Protocol):
    """A feed. Both methods are pure functions of time: a restarted vehicle goes on where the old one stopped."""

    @property
    def channels(self) -> Mapping[str, Channel]:
        """The waves there are, by kind; empty for a source of numbers only."""
        ...

    def numerics(self, at: datetime) -> Vitals:
        """What the monitor shows at `at` of the clock handed in; None for whatever it does not measure then."""
        ...

    def chunk(self, start_s: float, duration_s: float) -> dict[str, WaveChunk]:
        """The waves from `start_s` (wall seconds since the feed's start: waves keep their natural rate)."""
        ...


def sample_range(start_s: float, duration_s: float, rate_hz: float) -> range:
    """The indices of the samples in [start_s, start_s + duration_s): adjoining spans share none and skip none."""
    tolerance = 1e-6  # of a sample: 0.04 s * 25 Hz is one sample, also in floating point
    first = math.ceil(start_s * rate_hz - tolerance)
    return range(first, max(first, math.ceil((start_s + duration_s) * rate_hz - tolerance)))
