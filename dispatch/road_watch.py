"""Keep legs and proposals in step with the roads: after every change each is looked at again, at the instant of it.

Which way a vehicle then takes is dispatch/rerouting.py's, which hospital dispatch/destination.py's. Another hospital
for somebody on the way is only proposed: a person says yes, as always.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial

from casebook import events as e
from casebook.events import Decision
from casebook.log import Entry
from casebook.picture import CasualtyState, Picture, UnitState
from dispatch.desk import DESK, Desk, Thoughts, refuse_stale, until_fresh
from dispatch.destination import canonical
from dispatch.journeys import traffic_version
from dispatch.policy import RerouteRules
from dispatch.rerouting import may_change, reroute
from dispatch.switching import is_under_way, is_worth_telling
from dispatch.whereabouts import HELICOPTER

TOGETHER = 25  # casualties whose drives are asked for together: more gain little, and crews who ask wait meanwhile


def in_parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[first : first + TOGETHER] for first in range(0, len(ids), TOGETHER))


class RoadWatch:
    """`changed()` after a road was changed by hand; `look()` now and then, for what changes by itself or was missed.

    Whoever changes a road holds `lock` over the change and what follows from it, so that both are of one instant.
    """

    def __init__(self, desk: Desk, rules: RerouteRules) -> None:
        self._desk, self._rules = desk, rules
        self.lock = asyncio.Lock()
        self._looked: dict[str, tuple[object, str]] = {}  # unit or casualty -> what was looked at, and on which roads

    async def look(self) -> None:
        """Follow a closure that ran out, or a change that nobody followed (a restart came between)."""
        if self._behind(self._desk.book.picture, self._desk.clock.now()):
            async with self.lock:
                now = self._desk.clock.now()
                await self.changed(changed_by_itself(self._desk.book.picture, now) or now)

    async def changed(self, at: datetime) -> list[Entry]:
        """Look at every leg and every open decision again, as the roads are at `at`. To be called under `lock`."""
        picture = self._desk.book.picture
        version, written = traffic_version(picture, at), list[Entry]()
        for id in sorted(picture.units):
            if self._leg_is_behind(self._desk.book.picture, id, version):
                written += await self._follow_leg(id, at)
        for ids in in_parts(self._decisions_behind(self._desk.book.picture, version)):
            ahead = await self._desk.think_ahead(ids, at)
            for id in ids:
                if self._decision_is_behind(self._desk.book.picture, id, version):
                    written += await self._decide_again(id, at, ahead)
        return written

    def _decisions_behind(self, picture: Picture, version: str) -> list[str]:
        return [id for id in sorted(picture.casualties) if self._decision_is_behind(picture, id, version)]

    # --- what is behind the roads

    def _behind(self, picture: Picture, at: datetime) -> bool:
        version = traffic_version(picture, at)
        legs = any(self._leg_is_behind(picture, id, version) for id in picture.units)
        return legs or any(self._decision_is_behind(picture, id, version) for id in picture.casualties)

    def _leg_is_behind(self, picture: Picture, id: str, version: str) -> bool:
        unit = picture.units[id]
        if not may_change(unit) or unit.leg is None:
            return False
        fresh = unit.leg.traffic_version == version and unit.halted is None
        return not fresh and self._looked.get(id) != (_leg_looked_at(unit), version)

    def _decision_is_behind(self, picture: Picture, id: str, version: str) -> bool:
        state = picture.casualties[id]
        if not _is_on_the_road(picture, state) or (state.proposal is None and not state.stranded):
            return False
        fresh = state.proposal is not None and state.proposal.traffic_version == version
        return not fresh and self._looked.get(id) != ((state.proposed_at, state.chosen_at), version)

    # --- what follows

    async def _follow_leg(self, id: str, at: datetime) -> list[Entry]:
        desk = self._desk

        async def attempt(last: bool) -> list[Entry]:
            picture = desk.book.picture
            stood_on = _standing_leg(picture, id, at)
            fact = await desk.think(lambda: reroute(desk.roadmap, picture, id, at, self._rules))

            def decide(newest: Picture) -> list[e.Event]:
                refuse_stale(stood_on, _standing_leg(newest, id, at), last)
                return [fact] if fact is not None and may_change(newest.get_unit(id)) else []

            return await desk.book.write(decide, DESK, at)

        entries = await until_fresh(attempt)
        picture = desk.book.picture
        self._looked[id] = (_leg_looked_at(picture.units[id]), traffic_version(picture, at))
        return entries

    async def _decide_again(self, id: str, at: datetime, ahead: Thoughts) -> list[Entry]:
        worth: Callable[[Picture, Decision], bool] = partial(is_worth_telling, id=id, at=at, rules=self._rules)
        entries = await self._desk.propose(id, at, DESK, worth=worth, ahead=ahead)
        picture = self._desk.book.picture
        state = picture.casualties[id]
        self._looked[id] = ((state.proposed_at, state.chosen_at), traffic_version(picture, at))
        return entries


def _leg_looked_at(unit: UnitState) -> object:
    return unit.leg_at, unit.duty, unit.halted


def _standing_leg(picture: Picture, id: str, at: datetime) -> str:
    """A name for everything in the picture that this unit's way depends on."""
    unit = picture.get_unit(id)
    looked_at = [unit.duty, unit.times, unit.leg_at, unit.halted, unit.purpose, traffic_version(picture, at)]
    return hashlib.sha256(canonical(looked_at)).hexdigest()


def _is_on_the_road(picture: Picture, state: CasualtyState) -> bool:
    """Under way, and not in the air, where roads are nothing."""
    carrier = picture.units.get(state.unit or "")
    flying = carrier is not None and carrier.kind == HELICOPTER and state.id in carrier.aboard
    return is_under_way(picture, state) and not flying


def changed_by_itself(picture: Picture, now: datetime) -> datetime | None:
    """When a closure or slow stretch last ran out or began as announced; None: none has since a road was changed."""
    roads = picture.roads.values()
    turns = [at for road in roads for at in (road.until, road.since) if at is not None and at <= now]
    newest = max((road.at for road in roads), default=now)
    return max(turns) if turns and max(turns) > newest else None
