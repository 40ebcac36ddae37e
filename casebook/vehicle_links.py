"""Who is connected as which vehicle: one device for each unit, and two that claim the same identity are found out.

A device that connects anew takes the place of its own old connection at once. Another device, or the same begun anew,
waits until it is clear that the first is gone. If the first is heard meanwhile, and again when all must have come in
that it can have said before, there are two: the second is refused and both are told.
Kept in memory; talking is `vehicle_door`'s, asking the other hubs casebook/bus/elsewhere.py's.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from casebook.clock import Clock
from casebook.errors import NotAllowed

log = logging.getLogger(__name__)
TWIN_WAIT_S = 3.0  # wall seconds in which a vehicle that is there is heard: it pings each 2 s (ambulance_unit/hub_link)
UNDER_WAY_S = 1.5  # wall seconds in which may still come in what a device said that has died since
TWIN_TOLD = timedelta(minutes=10)  # a refused device tries again about twice a minute
Notice = dict[str, Any] | bytes | BaseException | None  # what to send, what went wrong, or None: make way
MARKS_KEPT = 50_000  # epochs whose last row is remembered: a fleet of 1,000 with 50 outages each


@dataclass(frozen=True, slots=True)
class Twin:
    """Two devices spoke as one unit: when that was last seen, and how often."""

    unit: str
    at: datetime
    times: int = 1


@dataclass(eq=False, slots=True)
class Presence:
    """One connection of a vehicle. `boot` tells devices (and restarts) apart; `link` names this connection."""

    unit: str
    boot: str
    link: str
    notices: asyncio.Queue[Notice] = field(default_factory=asyncio.Queue)
    _sign: asyncio.Event = field(default_factory=asyncio.Event)
    _is_there: bool = True

    def hear(self) -> None:
        """The vehicle said something on this connection."""
        self._sign.set()

    def end(self) -> None:
        self._is_there = False
        self._sign.set()

    async def is_heard(self, within_s: float, under_way_s: float) -> bool:
        """Whether the vehicle says something on this connection soon, and goes on to."""
        if not await self._speaks(within_s):
            return False
        await asyncio.sleep(under_way_s)
        return self._is_there and await self._speaks(within_s)

    async def _speaks(self, within_s: float) -> bool:
        self._sign.clear()
        try:
            async with asyncio.timeout(within_s):
                await self._sign.wait()
        except TimeoutError:
            return False
        return self._is_there


def draw_link() -> str:
    return secrets.token_hex(8)


async def nowhere_else(unit: str, boot: str) -> bool:
    return False


class VehicleLinks:
    """The vehicles of one hub. `draw` names a connection as none was ever named before. `elsewhere(unit, boot)` says
    whether another device speaks as the unit at another hub; set where there are several."""

    def __init__(
        self, clock: Clock, *, twin_wait_s: float = TWIN_WAIT_S, under_way_s: float = UNDER_WAY_S,
        draw: Callable[[], str] = draw_link,
    ) -> None:  # fmt: skip
        self._clock, self._twin_wait_s, self._under_way_s, self._draw = clock, twin_wait_s, under_way_s, draw
        self._present: dict[str, Presence] = {}
        self._twins: dict[str, Twin] = {}
        self._marks: dict[tuple[str, str], tuple[int, int]] = {}
        self.elsewhere: Callable[[str, str], Awaitable[bool]] = nowhere_else
        self.replays = 0  # messages of an earlier connection, refused

    @property
    def connected(self) -> list[str]:
        return sorted(self._present)

    @property
    def boots(self) -> dict[str, str]:
        """By unit, which device has a connection."""
        return {unit: presence.boot for unit, presence in self._present.items()}

    @property
    def twins(self) -> Mapping[str, Twin]:
        """Units as which two devices spoke since this hub began."""
        return dict(self._twins)

    def lately_twins(self) -> dict[str, float]:
        """Of the twins seen in the last minutes: unit -> how often."""
        since = self._clock.now() - TWIN_TOLD
        return {unit: float(twin.times) for unit, twin in self._twins.items() if twin.at >= since}

    async def admit(self, unit: str, boot: str) -> Presence:
        """Let a device speak as the unit. Raises NotAllowed (`unit_twin`) when another does so at this moment."""
        if await self.is_held(unit, boot):
            raise NotAllowed("unit_twin", unit=unit)
        if await self.elsewhere(unit, boot):
            self._note_twin(unit)
            raise NotAllowed("unit_twin", unit=unit)
        self.make_way(unit)
        self._present[unit] = presence = Presence(unit, boot, self._draw())
        return presence

    def is_taken(self, unit: str, boot: str) -> bool:
        """Whether another device has a connection as the unit, which may be dead."""
        return unit in self._present and self._present[unit].boot != boot

    async def is_held(self, unit: str, boot: str) -> bool:
        """Whether another device speaks as the unit: listened for a moment. It is told that there are two."""
        if not self.is_taken(unit, boot):
            return False
        first = self._present[unit]
        if not await first.is_heard(self._twin_wait_s, self._under_way_s):
            return False
        first.notices.put_nowait({"t": "twin", "at": self._note_twin(unit)})
        return True

    def make_way(self, unit: str) -> None:
        """End the connection as this unit, if there is one: its device speaks on another."""
        if unit in self._present:
            self._present[unit].notices.put_nowait(None)

    def leave(self, presence: Presence) -> None:
        presence.end()
        if self._present.get(presence.unit) is presence:
            del self._present[presence.unit]

    def _note_twin(self, unit: str) -> datetime:
        now, before = self._clock.now(), self._twins.get(unit)
        self._twins[unit] = replace(before, at=now, times=before.times + 1) if before else Twin(unit, now)
        log.error("two devices speak as vehicle %s: the second is refused", unit)
        return now

    # --- how each lane ends, so that a copied outbox is known by its rows

    def remember_last(self, unit: str, epoch: str, seq: int, mark: int) -> None:
        self._marks.pop((unit, epoch), None)
        self._marks[unit, epoch] = (seq, mark)
        if len(self._marks) > MARKS_KEPT:
            del self._marks[next(iter(self._marks))]

    def mark_at(self, unit: str, epoch: str, seq: int) -> int | None:
        """The mark of that row if it is the last that came here."""
        known, mark = self._marks.get((unit, epoch), (0, 0))
        return mark if seq and known == seq else None
