"""F14: the hub is killed under every vehicle of a city, and all of them come back at once.

A city is a thousand vehicles, four hundred of them on a mission of their own. What the links carry is not told here.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import websockets

from aboard.bench.city import city_of, facts_of
from aboard.bench.faults.finding import Finding, worst
from aboard.bench.faults.stage import Stage, until
from aboard.bench.faults.stage import facts_of as facts_at_one_scene
from aboard.bench.faults.world import World
from aboard.bench.machine import cpu_s
from aboard.bench.play import BenchFailed
from aboard.bench.vitals_fleet import EPOCH
from aboard.children import resident_mb
from aboard.descriptors import take_descriptors
from ambulance_unit.hub_link import OPEN_S, pause_s
from casebook import events as e
from casebook.link import VERSION, Hello

PATIENCE_S = 180.0
AT_ONCE = 100
HOSPITALS, ON_MISSION = 60, 0.4
READY_S, BACK_S = 5.0, 10.0
Facts = Callable[[Sequence[str]], Sequence[e.Event]]


@dataclass(slots=True)
class Returning:
    """A vehicle's link, without the rest of a vehicle: greets, stays, and comes back as the real one does."""

    unit: str
    url: str
    token: str
    rng: random.Random
    is_there: bool = False
    attempts: int = 0

    async def run(self) -> None:
        failures = 0
        while True:
            try:
                await self._stay()
                failures = 0
            except (OSError, TimeoutError, websockets.WebSocketException):
                failures = 0 if self.is_there else failures + 1
            self.is_there = False
            await asyncio.sleep(pause_s(failures, self.rng))

    async def _stay(self) -> None:
        self.attempts += 1
        headers = {"Authorization": f"Bearer {self.token}"}
        async with websockets.connect(
            self.url, additional_headers=headers, compression=None, ping_interval=None, max_size=None, proxy=None,
            open_timeout=OPEN_S, close_timeout=1.0,
        ) as socket:  # fmt: skip
            await socket.send(msgspec.json.encode(Hello(self.unit, EPOCH, 1, VERSION, f"boot-{self.unit}")).decode())
            await socket.recv()
            self.is_there = True
            async for _ in socket:
                continue


@dataclass(frozen=True, slots=True)
class Return:
    """`ready_s`, `back_s`: from the kill until the hub listened, and until the last vehicle was greeted. `cpu_ms`: of
    the hub for each vehicle, from its being ready on. `tracebacks`: errors of the program."""

    many: int
    ready_s: float
    back_s: float
    attempts: float
    cpu_ms: float
    memory_mb: float | None
    tracebacks: int


async def storm(world: World) -> list[Finding]:
    """A city; in the long form also a region of three times its size, and a disaster at one place."""
    many = world.times(200, 1000)
    city = await come_back(world.folder / "city", many, world.seed, lambda _: _city(many))
    told = [
        Finding("vehicles", "times", city.many), worst("storm_ready", [city.ready_s], READY_S),
        worst("storm_back", [city.back_s], BACK_S), Finding("attempts_each", "times", round(city.attempts, 1)),
        Finding("storm_cpu", "ms", round(city.cpu_ms, 2)), Finding("memory", "MB", city.memory_mb, most=1000),
        Finding("tracebacks", "times", city.tracebacks, most=0),
    ]  # fmt: skip
    return [*told, *await _thrice(world), *await _one_scene(world)] if world.full else told


async def _thrice(world: World) -> list[Finding]:
    region = await come_back(world.folder / "region", 3000, world.seed, lambda _: _city(3000))
    return [
        Finding("more_vehicles", "times", region.many), worst("more_ready", [region.ready_s], READY_S),
        worst("more_back", [region.back_s], BACK_S), Finding("more_memory", "MB", region.memory_mb, most=1000),
    ]  # fmt: skip


async def _one_scene(world: World) -> list[Finding]:
    """Each vehicle is told of each casualty of its scene, so that the work grows with the square of their number."""
    scene = await come_back(world.folder / "scene", 200, world.seed, facts_at_one_scene)
    return [
        Finding("scene_vehicles", "times", scene.many), worst("scene_back", [scene.back_s], BACK_S),
        Finding("scene_cpu", "ms", round(scene.cpu_ms, 2)), Finding("scene_memory", "MB", scene.memory_mb, most=1000),
    ]  # fmt: skip


async def come_back(folder: Path, many: int, seed: int, facts: Facts) -> Return:
    """Connect so many, kill the hub under them, start it again. Raises BenchFailed when they are not back for long."""
    take_descriptors()
    units = [f"V{number:04}" for number in range(many)]  # as city_of names them
    stage = Stage(folder, units, facts=facts)
    try:
        await stage.start()
        async with _fleet(stage, seed) as fleet:
            tried = sum(one.attempts for one in fleet)
            await stage.kill()
            killed_s = time.monotonic()
            await stage.start()
            ready_s, cpu_before_s = time.monotonic() - killed_s, cpu_s(stage.pid)
            await _all_there(fleet)
            back_s, cpu_ms = time.monotonic() - killed_s, 1000 * (cpu_s(stage.pid) - cpu_before_s) / many
            attempts = (sum(one.attempts for one in fleet) - tried) / many
            memory_mb = resident_mb([stage.pid])
    finally:
        await stage.end()
    return Return(many, ready_s, back_s, attempts, cpu_ms, memory_mb and round(memory_mb, 1), stage.tracebacks())


def _city(many: int) -> list[e.Event]:
    return facts_of(city_of(HOSPITALS, many, int(ON_MISSION * many)))


@contextlib.asynccontextmanager
async def _fleet(stage: Stage, seed: int) -> AsyncIterator[Sequence[Returning]]:
    """All of them connected, a hundred after the other: the storm is how they come back, not how they came."""
    fleet = [
        Returning(unit, stage.link_url, stage.token(f"unit:{unit}"), random.Random(seed + number))
        for number, unit in enumerate(stage.units)
    ]
    tasks: list[asyncio.Task[None]] = []
    try:
        for first in range(0, len(fleet), AT_ONCE):
            tasks += [asyncio.create_task(one.run()) for one in fleet[first : first + AT_ONCE]]
            await _all_there(fleet[first : first + AT_ONCE])
        yield fleet
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _all_there(fleet: Sequence[Returning]) -> None:
    if await until(lambda: all(one.is_there for one in fleet), PATIENCE_S) is None:
        raise BenchFailed(what="vehicles back", why=f"{sum(not one.is_there for one in fleet)} missing")
