"""What the picture knows of one recording (casebook/folding/recordings.py); what screens say of it is `recordings`'."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from casebook import events as e

WITHDRAWN = "withdrawn"  # why a recording was stopped (RecordingStopped): the only reason that a vehicle may give


@dataclass(frozen=True)
class RecordingState:
    """One recording of a vehicle's picture. It runs until it is stopped; `files` by name are what was kept of it."""

    started: e.RecordingStarted
    at: datetime
    stopped: e.RecordingStopped | None = None
    stopped_at: datetime | None = None
    files: Mapping[str, e.RecordingKept] = field(default_factory=dict)
    held: bool = False
    hold: e.RecordingHeld | None = None  # the newest word on it, and when it was said
    hold_at: datetime | None = None
    deleted_at: datetime | None = None
