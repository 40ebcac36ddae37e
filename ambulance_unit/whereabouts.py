"""Report where the vehicle is, and notice its arrival at the instant it happens.

Reports stand on whole multiples of five clock seconds, so that a drill's are the same each time. Where it is comes from
a source (`position`), which leg it is on from the view (`mission`); recording is the agent's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from ambulance_unit.mission import Drive, View, drive_of
from ambulance_unit.position import Fix, PositionSource
from ambulance_unit.technical import Technical
from casebook import events as e
from casebook.clock import Clock
from casebook.errors import FeedLost
from casebook.place import distance_m

POSITION_S = 5  # clock seconds between reports of a moving vehicle
PARKED_S = 60  # of one that stands
MOVED_M = 10.0


class Whereabouts:
    """`report(at, fact)` takes each position; `arrived(at)` is called when the leg under way has ended at `at`."""

    def __init__(
        self,
        unit: str,
        clock: Clock,
        source: PositionSource,
        technical: Technical,
        report: Callable[[datetime, e.PositionReported], None],
        arrived: Callable[[datetime], Awaitable[None]],
    ) -> None:
        self.unit, self._clock, self.source, self._technical = unit, clock, source, technical
        self._report, self._arrived = report, arrived
        self._last: tuple[datetime, Fix] | None = None
        self._drive: Drive | None = None
        self._ended: Drive | None = None
        self._key: tuple[Any, ...] = ()
        self._another_leg = asyncio.Event()

    def follow(self, view: View) -> None:
        """The view may have changed: another leg may be under way, or none."""
        unit = view["unit"]
        leg = view.get("leg", {})
        key = (unit["duty"], unit.get("duty_at"), leg.get("given_at"), "halted" in leg)
        if key != self._key:
            self._key, self._drive = key, drive_of(view)
            self._another_leg.set()

    async def run(self) -> None:
        """Report and look for arrivals until cancelled."""
        due = _next_multiple(self._clock.now())
        while True:
            await self._look_for_arrival()
            end = self._end_of_leg()
            if due - self._clock.now() > timedelta(seconds=POSITION_S):
                due = _next_multiple(self._clock.now())  # the clock was set back
            await self._sleep_until(min(due, end) if end else due)
            if (now := self._clock.now()) >= due:
                due = _next_multiple(now)
                self.tell(due - timedelta(seconds=POSITION_S))

    def tell(self, at: datetime) -> None:
        """Report the place at `at`, unless the vehicle stands and has said so lately."""
        fix = self.source.fix(at)
        if fix is None:
            self._technical.note("position", FeedLost("position_lost"), at)
            return
        self._technical.clear("position")
        if self._last is not None and not _is_news(*self._last, at, fix):
            return
        self._last = (at, fix)
        speed = None if fix.speed_kmh is None else round(fix.speed_kmh, 1)
        heading = None if fix.heading_deg is None else round(fix.heading_deg, 1)
        self._report(at, e.PositionReported(self.unit, round(fix.lat, 6), round(fix.lon, 6), speed, heading))

    def as_view(self) -> dict[str, Any] | None:
        """When the vehicle last said where it is, and how fast it was."""
        return {"at": self._last[0], "speed_kmh": self._last[1].speed_kmh} if self._last else None

    async def _look_for_arrival(self) -> None:
        at = self.source.arrived_at(self._drive, self._clock.now()) if self._drive else None
        if at is not None and self._drive != self._ended:  # once for each leg, also when the hub did not accept it
            await self._arrived(at)
            self._ended = self._drive

    def _end_of_leg(self) -> datetime | None:
        if self._drive is None:
            return None
        end = self._drive.departed_at + timedelta(seconds=self._drive.eta_s)
        return end if end > self._clock.now() else None

    async def _sleep_until(self, at: datetime) -> None:
        """Until `at`, or until another leg is under way."""
        self._another_leg.clear()
        waits = [asyncio.ensure_future(wait) for wait in (self._clock.sleep_until(at), self._another_leg.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


def _is_news(last_at: datetime, last: Fix, at: datetime, fix: Fix) -> bool:
    return abs((at - last_at).total_seconds()) >= PARKED_S or distance_m(last.place, fix.place) > MOVED_M


def _next_multiple(now: datetime) -> datetime:
    """The next whole multiple of POSITION_S after `now`."""
    return datetime.fromtimestamp((now.timestamp() // POSITION_S + 1) * POSITION_S, now.tzinfo)
