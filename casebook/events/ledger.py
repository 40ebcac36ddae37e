"""Facts about facts: what a vehicle sampled, and what a screen showed. With them the log alone proves what became of
every sample (casebook/ledger.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from casebook.events.fact import Event, fact


@fact("samples_counted")
@dataclass(frozen=True, slots=True)
class SamplesCounted(Event):
    """A vehicle's count for one casualty since the monitor came on (`since`), up to the sample at `until`.

    `unstored`: sampled, and the vehicle's disk did not take them. `missed`: seconds in which the vehicle was asleep.
    `waiting`: rows of the vehicle, of whatever kind, that the hub had not acknowledged then. A later count with the
    same `since` takes the place of this one.
    """

    unit: str
    casualty: str
    since: datetime
    until: datetime
    sampled: int
    unstored: int = 0
    missed: int = 0
    waiting: int = 0


@fact("samples_shown")
@dataclass(frozen=True, slots=True)
class SamplesShown(Event):
    """Rows of one vehicle that a screen says it has shown since it last said so; each pair is (first, last).

    `screen`: the feed's name, as wall/songjiang: all screens at one feed count as one.
    """

    screen: str
    unit: str
    epoch: str
    rows: tuple[tuple[int, int], ...]
