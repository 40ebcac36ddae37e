"""Facts of the talk about a vehicle's patient: who was on, and who spoke when. What was said is nowhere kept.

The author of each is the one who joined, left or spoke. Whoever was on heard what the others said.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from casebook.events.fact import Event, fact


@fact("voice_joined")
@dataclass(frozen=True, slots=True)
class VoiceJoined(Event):
    """`party` names this taking part; the same person's next one has another name."""

    unit: str
    party: str


@fact("voice_left")
@dataclass(frozen=True, slots=True)
class VoiceLeft(Event):
    """`reason`: left, again (the same screen came anew), link_lost, not_allowed, hub_closes. `spoke_s`: altogether."""

    unit: str
    party: str
    reason: str
    spoke_s: int = 0


@fact("voice_spoke")
@dataclass(frozen=True, slots=True)
class VoiceSpoke(Event):
    """A turn of speech; pauses of up to three seconds belong to it, and a longer one than a minute is several."""

    unit: str
    party: str
    since: datetime
    for_s: int
