"""Play a scenario in one process on a jump clock: the same desks, agents, outboxes and player, without sockets.

Hours pass in seconds, so this is how a drill's counterfactual is run (no aircraft; no road works) and how stories are
tested. The link between vehicle and hub hands rows over directly; video and waves have no part in it.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from ambulance_unit.agent import Agent
from ambulance_unit.monitor.feed import Monitor
from ambulance_unit.outbox import Outbox
from ambulance_unit.scribe import Scribe
from ambulance_unit.told import unit_view
from ambulance_unit.told_view import ToldView
from casebook import events as e
from casebook.access import Badge, Role
from casebook.asking import Ask, Asker, read_command
from casebook.book import Book, Row
from casebook.clock import JumpClock
from casebook.desks import DESK, Desk, look_after
from casebook.live import plain
from casebook.log import Entry, MemoryLog
from casebook.picture import Picture
from scenarios.format import Scenario, ScenarioUnit
from scenarios.player import Played, Player

STREAMING = frozenset({"vitals_recorded", "position_reported"})
LOOK_S = 5.0  # story seconds between looks of the desks when nothing happens


class NearLink:
    """A vehicle's link inside one process: rows go straight into the book, the view comes straight back."""

    def __init__(self, unit: str, book: Book, scribe: Scribe, told: ToldView) -> None:
        self.unit, self._book, self._outbox, self._told = unit, book, scribe.outbox, told
        self.changed: Callable[[], None] = lambda: None
        self.sent = 0
        self._version = 0
        self._news = asyncio.Event()
        self._stale = True
        book.listen(self._hear)

    def _hear(self, entries: Sequence[Entry]) -> None:
        """A vehicle's own samples and fixes change nothing of what it is told."""
        if any(entry.kind not in STREAMING for entry in entries):
            self._stale = True
            self._news.set()

    def wake(self) -> None:
        self._news.set()

    def as_view(self) -> dict[str, Any]:
        return {"state": "connected"}

    async def run(self) -> None:
        while True:
            if self._stale:
                self._stale = False
                self._tell()
            await self._news.wait()
            self._news.clear()
            await self._hand_over()

    async def _hand_over(self) -> None:
        while rows := self._outbox.unacknowledged(0):
            taken = [Row(row.seq, row.at, row.kind, row.body, row.who, row.origin) for row in rows]
            self.sent += len(taken)
            through = await self._book.take_rows(self.unit, self._outbox.epoch, taken)
            self._outbox.acknowledge(self._outbox.epoch, through)

    def _tell(self) -> None:
        self._version += 1
        now = self._book.clock.now()
        view = plain(unit_view(self._book.picture, self.unit, now))
        self._told.apply({"t": "snapshot", "v": self._version, "now": now.isoformat(), "view": view})
        self.changed()


@dataclass(frozen=True, slots=True)
class Told:
    """What came out of a story."""

    played: list[Played]
    entries: list[Entry]
    sampled: int


class StoryStage:
    """The desks and the crews in one process."""

    def __init__(self, book: Book, asks: Sequence[Ask], agents: Mapping[str, Agent]) -> None:
        self._book, self.agents = book, agents
        self._asks = {ask.name: ask for ask in asks}

    async def ask(self, who: str, name: str, command: Mapping[str, Any], at: datetime, key: str) -> dict[str, Any]:
        role, _, id = who.partition(":")
        asks = self._asks
        if role == "crew":
            asks = {ask.name: ask for ask in self.agents[id].crew.asks()}
        ask = asks[name]
        wanted = read_command(msgspec.json.encode(command), ask.command, name)
        return await ask.handle(wanted, Asker(badge_for(role, id), at, key)) or {}

    async def entries(self) -> AsyncIterator[Entry]:
        news, after = asyncio.Event(), 0
        stop = self._book.listen(lambda entries: news.set())
        try:
            while True:
                news.clear()
                for entry in list(self._book.log.read(after)):
                    after = entry.seq
                    yield entry
                await news.wait()
        finally:
            stop()

    async def fault(self, name: str) -> None:
        """A story has no process to break; faults are for drills over sockets."""


def badge_for(role: str, id: str) -> Badge:
    match role:
        case "crew":
            return Badge(Role.PARAMEDIC, id, unit=id)
        case "hospital":
            return Badge(Role.ED, id, hospital=id)
        case _:
            return Badge(Role(role), role)


MonitorFor = Callable[[str], Monitor | None]
Rooms = Callable[[Book], Sequence[Desk]]


Over = Callable[[Picture], bool]


def tell(
    scenario: Scenario, rooms: Rooms, first: Sequence[e.Event], monitor_for: MonitorFor = lambda label: None,
    over: Over = lambda picture: False,
) -> Told:  # fmt: skip
    """Play the scenario to its end or until it is `over`. `rooms(book)` makes the desks; `first`: what is so before."""
    clock = JumpClock(scenario.starts_at)
    with tempfile.TemporaryDirectory(prefix="aboard-story-") as folder:
        return asyncio.run(clock.run(_story(scenario, clock, rooms, first, monitor_for, over, Path(folder))))


async def _story(
    scenario: Scenario, clock: JumpClock, rooms: Rooms, first: Sequence[e.Event], monitor_for: MonitorFor, over: Over,
    folder: Path,
) -> Told:  # fmt: skip
    book = Book(MemoryLog(), clock)
    desks = rooms(book)
    await book.write(lambda picture: first, DESK)
    agents = {unit.id: make_agent(unit, book, clock, folder, monitor_for) for unit in scenario.units}
    works = [agent.run() for agent in agents.values()] + [_look_after(book, desks)]
    tasks = [asyncio.create_task(work) for work in works]
    try:
        stage = StoryStage(book, [ask for desk in desks for ask in desk.asks()], agents)
        played = await Player(scenario, stage, clock, over=over).play()
        for agent in agents.values():
            await agent.attach_monitor(None)
        await clock.sleep(LOOK_S)  # what was sampled last is handed over
        sampled = sum(agent.sampler.sampled for agent in agents.values())
        return Told(played, list(book.log.read()), sampled)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for agent in agents.values():
            await agent.close()


def make_agent(unit: ScenarioUnit, book: Book, clock: JumpClock, folder: Path, monitor_for: MonitorFor) -> Agent:
    scribe = Scribe(Outbox(folder / unit.id / "outbox.sqlite"), in_thread=False)
    told = ToldView()
    link = NearLink(unit.id, book, scribe, told)
    return Agent(unit.id, clock, scribe, told, link, base=unit.place, monitor_for=monitor_for)


async def _look_after(book: Book, desks: Sequence[Desk]) -> None:
    """The desks do what is theirs to do, after every change and every few seconds of the story."""
    news = asyncio.Event()
    stop = book.listen(lambda entries: news.set() if any(x.kind not in STREAMING for x in entries) else None)
    try:
        while True:
            for desk in desks:
                await look_after(book, desk)
            news.clear()
            waits = {asyncio.ensure_future(news.wait()), asyncio.ensure_future(book.clock.sleep(LOOK_S))}
            _, unfinished = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in unfinished:
                wait.cancel()
    finally:
        stop()


def without_steps(scenario: Scenario, *asks: str) -> Scenario:
    """The same scenario without the steps that ask these: what would have been."""
    return replace(scenario, steps=tuple(step for step in scenario.steps if step.ask not in asks))
