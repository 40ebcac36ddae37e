"""The fact that waves of a vehicle are kept: the samples themselves are no facts, their record's name is."""

from __future__ import annotations

from dataclasses import dataclass

from casebook.events.fact import Event, fact


@fact("wave_record_begun")
@dataclass(frozen=True, slots=True)
class WaveRecordBegun(Event):
    """`record`: the run of the vehicle's wave feed, as it names the file, the ledger and the way to read it."""

    unit: str
    record: str
