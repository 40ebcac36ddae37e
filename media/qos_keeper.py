"""Keep each vehicle's guaranteed uplink as long as it is needed: ask, look, extend, give back, each once and told.

A thin loop around `media.qos.next_step`, one task for each vehicle, so that a network that is slow for one keeps no
other waiting, and nothing of the media at all. What the network has granted is in the book; after a restart the
sessions that are named there are looked for, and kept or given back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime

from casebook import events as e
from casebook.errors import FeedLost
from media.qos import (
    AGAIN_S,
    OVER,
    Grant,
    Line,
    NetworkQuality,
    Status,
    Step,
    UplinkRefused,
    heard,
    lost,
    next_step,
    refused,
    silent,
)

log = logging.getLogger(__name__)
TURN_S = 0.5

Tell = Callable[[e.UplinkChanged], Awaitable[object]]


class UplinkKeeper:
    """`wanted` and `told` are asked all the time: who needs one, and what the book says of each vehicle that has a
    story. `tell` makes a fact durable. `wall_now` is the wall's clock (the network knows no other), `now_s` monotonic;
    `leads`: whether this hub is the one of several that asks."""

    def __init__(
        self,
        network: NetworkQuality,
        *,
        wanted: Callable[[], frozenset[str]],
        told: Callable[[], Mapping[str, e.UplinkChanged]],
        tell: Tell,
        wall_now: Callable[[], datetime],
        now_s: Callable[[], float],
        leads: Callable[[], bool] = lambda: True,
    ) -> None:
        self._network, self._wanted, self._told, self._tell = network, wanted, told, tell
        self._wall_now, self._now_s, self._leads = wall_now, now_s, leads
        self._lines: dict[str, Line] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._nudges: dict[str, asyncio.Event] = {}

    async def run(self) -> None:
        """Until cancelled. Sessions that are open then stay so: whoever comes next finds them in the book."""
        try:
            while True:
                self._look_around()
                await asyncio.sleep(TURN_S)
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            self._tasks.clear()
            await self._network.close()

    def nudge(self, session: str) -> bool:
        """The network has news of a session: look now, whatever it said. False for one that is not ours."""
        for unit, line in self._lines.items():
            if line.session == session and unit in self._nudges:
                self._lines[unit] = replace(line, look_s=0.0)
                self._nudges[unit].set()
                return True
        return False

    def _look_around(self) -> None:
        """A task for each vehicle that needs one, or has one from before; none where another hub asks."""
        if not self._leads():
            for unit in list(self._tasks):
                self._tasks.pop(unit).cancel()
            self._lines.clear()
            return
        for unit in [unit for unit, task in self._tasks.items() if task.done()]:
            del self._tasks[unit]
        known = {unit: fact for unit, fact in self._told().items() if fact.state not in OVER}
        for unit in self._wanted() | known.keys():
            if unit not in self._tasks and self._network.knows(unit):
                self._lines[unit] = line_of(known.get(unit))
                self._tasks[unit] = asyncio.create_task(self._tend(unit))

    async def _tend(self, unit: str) -> None:
        """One vehicle, until nothing is wanted and nothing is open."""
        nudged = self._nudges[unit] = asyncio.Event()
        while True:
            step = next_step(self._lines[unit], unit in self._wanted(), self._now_s())
            if step is Step.DONE:
                del self._lines[unit], self._nudges[unit]
                return
            if step is Step.WAIT:
                nudged.clear()
                try:
                    async with asyncio.timeout(TURN_S):
                        await nudged.wait()
                except TimeoutError:
                    pass
                continue
            await self._take(unit, step)

    async def _take(self, unit: str, step: Step) -> None:
        """One step, with whatever comes of it; nothing that goes wrong here ends the watch over this vehicle."""
        try:
            try:
                after = await self._do(unit, step)
            except UplinkRefused as no:
                after = refused(self._lines[unit], step, no, self._now_s())
            except FeedLost as why:
                log.info("uplink of %s: %s", unit, why)
                after = silent(self._lines[unit], self._now_s())
            await self._become(unit, after)
        except Exception:  # the book did not take it, or our own fault
            log.exception("uplink of %s: a step failed and is tried again", unit)
            self._lines[unit] = replace(self._lines[unit], due_s=self._now_s() + AGAIN_S)

    async def _do(self, unit: str, step: Step) -> Line:
        """The line after a step that was answered."""
        line, network = self._lines[unit], self._network
        match step:
            case Step.ASK:
                if line.state != "refused":  # written first: a hub that dies now is followed by one that looks for it
                    await self._become(unit, replace(line, state="asked", why="", unsure=True))
                return self._heard(unit, await network.ask(unit))
            case Step.FIND:
                found = await network.find(unit)
                return self._heard(unit, found) if found else replace(line, unsure=False, sought=True)
            case Step.LOOK:
                return self._heard(unit, await network.look(line.session))
            case Step.EXTEND:
                longer = await network.extend(line.session)
                self._lines[unit] = replace(line, extend_s=None)
                return self._heard(unit, longer)
            case Step.GIVE_BACK:
                await network.give_back(line.session)
                if line.lost:
                    return replace(
                        line, session="", lost=False, due_s=self._now_s() + AGAIN_S * (line.why != "expired")
                    )
                return replace(line, state="given_back", why="", session="", silences=0)
            case _:
                return replace(line, state="withdrawn", why="", unsure=False)

    def _heard(self, unit: str, grant: Grant | None) -> Line:
        line, now_s = self._lines[unit], self._now_s()
        if grant is None or grant.status is Status.UNAVAILABLE:
            return lost(line, grant, now_s)
        until_s = now_s + (grant.until - self._wall_now()).total_seconds() if grant.until else None
        return heard(line, grant, until_s, now_s)

    async def _become(self, unit: str, after: Line) -> None:
        """Write the change down, if it is one that concerns people, then take it."""
        before = self._lines[unit]
        anew = bool(after.session) and after.session != before.session
        if anew or (after.state, after.why) != (before.state, before.why):
            await self._tell(e.UplinkChanged(unit, after.state, after.why, after.session))
        self._lines[unit] = after


def line_of(fact: e.UplinkChanged | None) -> Line:
    """Where a hub that begins takes up what the book says: a session is looked at, an unanswered wish looked for."""
    if fact is None:
        return Line()
    ended = fact.state == "lost" and bool(fact.session)
    unsure = not fact.session and fact.state in ("asked", "refused")
    return Line(fact.state, fact.why, fact.session, lost=ended, unsure=unsure)
