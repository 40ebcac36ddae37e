"""The fact that a file came with a case: a 12-lead strip, a photo, a clip, a loop of ultrasound."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from casebook.events.fact import Event, fact


@fact("file_received")
@dataclass(frozen=True, slots=True)
class FileReceived(Event):
    """A vehicle handed in a file, and the hub has all of it: `sha256` names it. `kind`: what the crew says that it is;
    `media_type`: what its first bytes say; `taken_at`: when it came to the vehicle."""

    casualty: str
    unit: str
    kind: str
    media_type: str
    sha256: str
    bytes: int
    taken_at: datetime
