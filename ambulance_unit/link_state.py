"""Whether the vehicle has its hub: connected, late, lost since when, or refused and why. Pure: told what happens.

Silence is measured on the wall (a drill's clock does not make a network faster); `heard_at` is clock time, for people.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

Word = Literal["connecting", "connected", "late", "lost", "refused"]
LATE_S, LOST_S = 5.0, 15.0  # wall seconds of silence; the same as every screen's (casebook/browser/feed.js)


@dataclass(frozen=True, slots=True)
class LinkState:
    """`began_s`: when the agent began; `heard_s`: when the hub last spoke, both on a monotonic wall clock."""

    began_s: float
    is_open: bool = False
    heard_s: float | None = None
    heard_at: datetime | None = None
    refusal: dict[str, Any] | None = None  # error, facts, zh, en: as the hub said it

    def heard(self, now_s: float, at: datetime) -> LinkState:
        """The hub said something, so the link is open and we are welcome."""
        return replace(self, is_open=True, heard_s=now_s, heard_at=at, refusal=None)

    def closed(self) -> LinkState:
        return replace(self, is_open=False)

    def refused(self, refusal: dict[str, Any]) -> LinkState:
        """The hub does not want this vehicle (unknown token, wrong unit). It stays so until it is heard again."""
        return replace(self, is_open=False, refusal=refusal)

    def word(self, now_s: float) -> Word:
        """A connection that closed counts as late at once and as lost when the silence has lasted."""
        if self.refusal is not None:
            return "refused"
        silence_s = now_s - (self.began_s if self.heard_s is None else self.heard_s)
        if silence_s > LOST_S:
            return "lost"
        if self.heard_s is None:
            return "connecting"
        return "connected" if self.is_open and silence_s <= LATE_S else "late"

    def as_view(self, now_s: float) -> dict[str, Any]:
        """What the tablet shows: `state`, `since` (when the hub last spoke), and the refusal."""
        return {"state": self.word(now_s), "since": self.heard_at, "refusal": self.refusal}
