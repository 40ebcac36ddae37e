"""Follow how the live picture goes out (its rung of the quality ladder, and why); make each change a fact of the log.

Pure deciding, a thin loop. Choosing the rung is media's, sending is `camera`'s, storing the agent's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from casebook import events as e
from casebook.clock import Clock

LOOK_S = 1.0  # wall seconds between looks
TOLD_EVERY_S = 5.0  # wall seconds between two facts at least: a ladder that wavers fills neither log nor link
STILL_LOOKS = 2  # looks in a row without a new picture after which the camera is taken for lost
NO_PICTURE = "none"


@dataclass(frozen=True, slots=True)
class Quality:
    """`rung`: a name of the ladder or `NO_PICTURE`. `why`: a reason of the ladder, or what keeps any picture back."""

    rung: str
    why: str


def quality_of(rung: str, why: str, *, moves: bool, connected: bool, still_looks: int) -> Quality:
    """What goes out in truth. `moves`: the rung has moving pictures; `still_looks`: looks since the last picture."""
    if not connected:
        return Quality(NO_PICTURE, "link_down")
    if moves and still_looks >= STILL_LOOKS:
        return Quality(NO_PICTURE, "camera_lost")
    return Quality(rung, why)


def is_due(told: Quality | None, now: Quality, since_told_s: float) -> bool:
    """Whether the book should hear of it: it differs from what was told, and the last fact is some seconds ago."""
    return now != told and since_told_s >= TOLD_EVERY_S


class QualityWatch:
    """Looks once a second. `tell` makes a fact durable; `heard`: whether the hub knows this vehicle, and so takes one.

    `wall_s` is a monotonic clock; `changed` is called when the crew should see something new.
    """

    def __init__(
        self,
        unit: str,
        clock: Clock,
        wall_s: Callable[[], float],
        *,
        look: Callable[[], Quality],
        tell: Callable[[datetime, e.PictureQualityChanged], None],
        heard: Callable[[], bool],
        changed: Callable[[], None],
    ) -> None:
        self._unit, self._clock, self._wall_s = unit, clock, wall_s
        self._look, self._tell, self._heard, self._changed = look, tell, heard, changed
        self._told: Quality | None = None
        self._told_s = wall_s()  # the first is told when the connection has had its time
        self._now: Quality | None = None
        self._since: datetime | None = None

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_S)

    def look(self) -> None:
        """Once: note what is so, and tell it when it is due."""
        now, at, at_s = self._look(), self._clock.now(), self._wall_s()
        if now != self._now:
            self._now, self._since = now, at
            self._changed()
        if self._since is not None and self._heard() and is_due(self._told, now, at_s - self._told_s):
            self._told, self._told_s = now, at_s
            self._tell(at, e.PictureQualityChanged(self._unit, now.rung, now.why))

    def as_view(self) -> dict[str, Any] | None:
        """{rung, why, at} for the tablet; None before the first look."""
        if self._now is None:
            return None
        return {"rung": self._now.rung, "why": self._now.why, "at": self._since}
