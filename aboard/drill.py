"""A drill, put together: a hub, the scenario's vehicles, the player, and somebody who watches as a board would.

The hub and every full vehicle are processes of their own, as in life; light vehicles live in this one, with the same
agent, outbox and link. Full vehicles may be put behind bad links, which a fault of the scenario silences for a while. A
composition root: what happens in a drill is the scenario's.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec

from aboard.children import Child, resident_mb
from aboard.links import Links, write_private
from aboard.pace import keep_pace
from aboard.relay import Line, Relay
from aboard.unit import UnitSettings, Vehicle, save_settings
from aboard.watching import Watchers
from casebook import events as e
from casebook.access import Badge, Gate, Role
from casebook.asking import Asker, read_command
from casebook.clock import RateClock
from casebook.log import Entry
from casebook.sqlite_log import SqliteLog
from scenarios.feeds import bodies_of, first_facts
from scenarios.format import Scenario, ScenarioUnit
from scenarios.player import Played, Player
from scenarios.report import Watched
from scenarios.socket_stage import Doorway, SocketStage, answer_of, patiently

FAST = 30.0  # from this rate on the clock waits for a machine that cannot keep up
BLACKOUT_S = 3.0  # wall seconds for which a dead cell is driven through
DARK_S_MAX = 60.0
DRAIN_S = 60.0  # wall seconds after the last step for outboxes to empty and screens to catch up
LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Performance:
    """What came out of playing a scenario once."""

    played: list[Played]
    watched: Watched
    resident_mb: float | None


@dataclass(frozen=True, slots=True)
class Dark:
    """A blackout, by the drill's clock: nothing passed in between."""

    began_at: datetime
    ended_at: datetime


@dataclass(slots=True)
class Drill:
    """One drill in one folder. `told` hears of every step; `ports`: hub's, then full vehicles' (0: any free). `line`:
    what the full vehicles' links to the hub are like; without it they have none to speak of, but for blackouts. These
    last until `noticed` at the earliest, for a machine that takes its time (and DARK_S_MAX at the latest)."""

    scenario: Scenario
    folder: Path
    rate: float
    told: Callable[[Played], None] = lambda played: None
    ports: tuple[int, ...] = ()
    host: str = "127.0.0.1"
    line: Line | None = None
    noticed: Callable[[], bool] = lambda: True
    darks: list[Dark] = field(default_factory=list, init=False)
    watchers: Watchers | None = field(default=None, init=False)  # while `perform` runs
    relays: dict[str, Relay] = field(default_factory=dict, init=False)  # by full vehicle
    clock: RateClock = field(init=False)
    links: dict[str, str] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)
    doors: dict[str, Doorway] = field(default_factory=dict)  # of everybody who asks
    _hub: Child = field(init=False)
    _children: dict[str, Child] = field(default_factory=dict)
    _light: dict[str, Vehicle] = field(default_factory=dict)
    _blackouts: set[asyncio.Task[None]] = field(default_factory=set)
    _peak_mb: float | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.clock = RateClock(self.scenario.starts_at, self.rate, file=self.folder / "clock.txt")
        self.clock.save()

    # --- setting the stage

    @contextlib.asynccontextmanager
    async def set_up(self) -> AsyncIterator[Drill]:
        """Hub and vehicles are up while the block runs; the clock stands still until `perform`."""
        async with contextlib.AsyncExitStack() as stack:
            await self._start_hub(stack)
            full = [unit for unit in self.scenario.units if unit.full]
            await self._lay_lines(full, stack)
            await asyncio.gather(*(self._start_child(unit, number, stack) for number, unit in enumerate(full, 1)))
            for unit in self.scenario.units:
                if not unit.full:
                    await self._start_light(unit, stack)
            yield self

    async def _start_hub(self, stack: contextlib.AsyncExitStack) -> None:
        folder = self.folder / "hub"
        hospitals = self.scenario.region.hospitals
        units = [unit.id for unit in self.scenario.units]
        self.links = Links(folder / "links.json", Gate(folder / "badges.json")).issue(hospitals, units)
        facts = [[fact.name, e.encode(fact)] for fact in first_facts(self.scenario, self.rate)]
        write_private(folder / "facts.json", msgspec.json.encode(facts))
        self._hub = Child("hub", self._hub_words(folder, self._port(0)), folder)
        stack.push_async_callback(lambda: self._hub.end())
        self.urls["hub"] = (await self._hub.start())["url"]
        for who, token in self.links.items():
            self.doors[who] = Doorway(self.urls["hub"], token)

    def _hub_words(self, folder: Path, port: int) -> list[str]:
        return [
            "hub", "--region", str(self.scenario.region.file), "--folder", str(folder), "--host", self.host,
            "--port", str(port), "--facts", str(folder / "facts.json"),
            "--drill-clock", str(self.folder / "clock.txt"),
        ]  # fmt: skip

    async def _lay_lines(self, full: list[ScenarioUnit], stack: contextlib.AsyncExitStack) -> None:
        """A relay for each full vehicle, where its link is a bad one or goes silent."""
        if self.line is None and all(step.fault != "blackout" for step in self.scenario.steps):
            return
        for number, unit in enumerate(full):
            ways = (self.line or Line()).ways(1000 * self.scenario.seed + number)
            self.relays[unit.id] = await stack.enter_async_context(Relay(self.urls["hub"], *ways).running())

    def _port(self, number: int) -> int:
        return self.ports[number] if number < len(self.ports) else 0

    def _settings(self, unit: ScenarioUnit, port: int = 0) -> UnitSettings:
        hub = self.relays[unit.id].url if unit.id in self.relays else self.urls["hub"]
        return UnitSettings(
            unit=unit.id, hub=hub, token=self.links[f"unit:{unit.id}"],
            folder=str(self.folder / unit.id), lat=unit.place.lat, lon=unit.place.lon, port=port,
            camera=unit.camera, live_media=unit.full, clock=str(self.folder / "clock.txt"), seed=self.scenario.seed,
            bodies=bodies_of(self.scenario),
        )  # fmt: skip

    async def _start_child(self, unit: ScenarioUnit, number: int, stack: contextlib.AsyncExitStack) -> None:
        settings = self._settings(unit, self._port(number))
        folder = Path(settings.folder)
        token = Gate(folder / "badges.json").issue(Badge(Role.PARAMEDIC, unit.id, unit=unit.id))
        write_private(folder / "tablet.token", token.encode())
        save_settings(folder / "enrolment.json", settings)
        child = Child(unit.id, ["unit", str(folder / "enrolment.json")], folder)
        self._children[unit.id] = child
        stack.push_async_callback(child.end)
        self.urls[unit.id] = (await child.start())["url"]
        self.doors[f"crew:{unit.id}"] = Doorway(self.urls[unit.id], token)

    async def _start_light(self, unit: ScenarioUnit, stack: contextlib.AsyncExitStack) -> None:
        vehicle = Vehicle(self._settings(unit), self.clock)
        self._light[unit.id] = await stack.enter_async_context(vehicle.running())

    # --- playing

    async def perform(self) -> Performance:
        """Start the clock, play to the end, wait until everything has arrived, and give what came out."""
        async with httpx.AsyncClient(timeout=30) as client:
            stage = DrillStage(self.doors, client, self._break, light=self._light)
            player = Player(self.scenario, stage, self.clock, self.told)
            watchers = Watchers(self.doors, self.clock, lambda: player.picture, frozenset(self._children))
            self.watchers = watchers
            watching = [asyncio.create_task(self._watch_memory())]
            if self.rate >= FAST:
                watching.append(asyncio.create_task(keep_pace(self.clock, player, lambda: self.is_dark)))
            try:
                async with watchers.running():
                    self.clock.go()
                    played = await player.play()
                    await self._take_monitors_off(stage)
                    ledgers = await self._drain(stage, watchers)
                    return Performance(played, watchers.watched(ledgers), self._peak_mb)
            finally:
                for task in (*watching, *self._blackouts):
                    task.cancel()

    async def _break(self, fault: str) -> None:
        """A fault of the scenario. The drill goes on while links are silent."""
        if fault == "blackout":
            blackout = asyncio.create_task(self._black_out())
            self._blackouts.add(blackout)
            blackout.add_done_callback(self._blackouts.discard)
            return
        assert fault == "kill_hub", fault
        await self._kill_hub()

    @property
    def is_dark(self) -> bool:
        return any(relay.silent for relay in self.relays.values())

    async def _black_out(self) -> None:
        self._silence(True)
        began_at = self.clock.now()
        try:
            await asyncio.sleep(BLACKOUT_S)
            for _ in range(int((DARK_S_MAX - BLACKOUT_S) / LOOK_S)):
                if self.noticed():
                    break
                await asyncio.sleep(LOOK_S)
        finally:
            self.darks.append(Dark(began_at, self.clock.now()))
            self._silence(False)

    def _silence(self, silent: bool) -> None:
        for relay in self.relays.values():
            relay.silent = silent

    async def _kill_hub(self) -> None:
        """As by a power cut, and start it again on the same port."""
        port = int(self.urls["hub"].rpartition(":")[2])
        await self._hub.kill()
        self._hub = Child("hub", self._hub_words(self.folder / "hub", port), self.folder / "hub")
        await self._hub.start()

    async def _take_monitors_off(self, stage: DrillStage) -> None:
        """The drill is over: the ledger closes on a whole number of samples."""
        for unit in self.scenario.units:
            await stage.ask(f"crew:{unit.id}", "attach_monitor", {}, self.clock.now(), "")

    async def _drain(self, stage: DrillStage, watchers: Watchers) -> list[dict[str, Any]]:
        """The ledgers once nothing waits in any outbox and every sample was shown; after DRAIN_S as they are."""
        ledgers = await self._ledgers(stage)
        for _ in range(int(DRAIN_S / LOOK_S)):
            if not any(one["waiting"] for one in ledgers) and watchers.shown >= sum(one["sampled"] for one in ledgers):
                break
            await asyncio.sleep(LOOK_S)
            ledgers = await self._ledgers(stage)
        return ledgers

    async def _ledgers(self, stage: DrillStage) -> list[dict[str, Any]]:
        return [await stage.ledger(unit.id) for unit in self.scenario.units]

    async def _watch_memory(self) -> None:
        while True:
            pids = [os.getpid(), self._hub.pid, *(child.pid for child in self._children.values())]
            now_mb = resident_mb(pids)
            if now_mb is not None:
                self._peak_mb = max(self._peak_mb or 0.0, now_mb)
            await asyncio.sleep(0.5)

    def screens(self) -> list[tuple[str, str]]:
        """(word, link) of the screens worth opening: console, the first ward of the scenario, tablets."""
        hub = self.urls["hub"]
        shown = [("console", f"{hub}/console#{self.links['dispatcher']}")]
        wall = next(iter(self.scenario.capacity), next(iter(self.scenario.region.hospitals)))
        shown.append(("wall", f"{hub}/wall?hospital={wall}#{self.links[f'hospital:{wall}']}"))
        shown += [("tablet", f"{self.urls[id]}/tablet#{self.doors[f'crew:{id}'].token}") for id in self._children]
        return shown

    def entries(self) -> list[Entry]:
        """The book of this drill as it is now."""
        log = SqliteLog(self.folder / "hub" / "book.sqlite", make=False)
        try:
            return list(log.read())
        finally:
            log.close()


@dataclass(slots=True)
class DrillStage(SocketStage):
    """Sockets for hub and tablets; light vehicles are asked in this process, by the same handlers."""

    light: dict[str, Vehicle] = field(default_factory=dict)

    async def ask(self, who: str, name: str, command: Mapping[str, Any], at: datetime, key: str) -> dict[str, Any]:
        vehicle = self.light.get(who.removeprefix("crew:")) if who.startswith("crew:") else None
        if vehicle is None:
            return await SocketStage.ask(self, who, name, command, at, key)
        ask = next(ask for ask in vehicle.agent.crew.asks() if ask.name == name)
        badge = Badge(Role.PARAMEDIC, vehicle.agent.unit, unit=vehicle.agent.unit)
        wanted = read_command(msgspec.json.encode(command), ask.command, name)
        return await ask.handle(wanted, Asker(badge, at, key)) or {}

    async def ledger(self, unit: str) -> dict[str, Any]:
        """What the vehicle has counted."""
        if unit in self.light:
            return self.light[unit].agent.ledger()
        door = self.doors[f"crew:{unit}"]
        return await patiently(lambda: self._read(f"{door.url}/api/v1/ledger", door), "ledger")

    async def _read(self, url: str, door: Doorway) -> dict[str, Any]:
        return answer_of(await self.client.get(url, headers=door.headers))
