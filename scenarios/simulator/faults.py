"""What goes wrong in a simulated run, drawn from its seed: crashes, cuts, full disks, clocks that jump, damage."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from scenarios.simulator.connections import Weather
from scenarios.simulator.network import Network
from scenarios.simulator.parts import SharedShelf
from scenarios.simulator.simulated_hub import SimulatedHub
from scenarios.simulator.simulated_vehicle import SimulatedVehicle

FAULTS_MAX = 8
SPAN_S = (0.5, 15.0)  # how long something is down, cut or full
FUSE_MAX = 200  # steps that a process still makes before it dies: it may die anywhere
JUMPS_S = (-3600.0, -40.0, -1.5, 0.4, 20.0, 3600.0)  # of a vehicle's clock
KINDS = (
    "hub_crash", "hub_crash", "hub_stops", "vehicle_crash", "vehicle_crash", "vehicle_stops", "cut", "cut", "reset",
    "book_full", "vehicle_disk_full", "clock_jump", "shelf_silent", "altered_log", "bit_flip",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    at_s: float
    kind: str
    span_s: float


def draw_weather(rng: Random) -> Weather:
    """Mostly a good network; now and then a slow one, or one on which connections break. Sockets that take nothing for
    a while are in most runs, so that what goes out takes the short way and the long one in turn."""
    slow = rng.choice((0.01, 0.05, 0.3, 1.5))
    breaks = rng.choice((0.0, 0.0, 0.002, 0.02))
    splits, blocks = rng.choice((0.0, 0.1, 0.5)), rng.choice((0.0, 0.05, 0.3))
    return Weather((slow / 10, slow), breaks, splits, blocks, rng.choice((0, 0, 1000, 64 << 10)))


def draw_faults(rng: Random, from_s: float, to_s: float) -> list[Fault]:
    """At most FAULTS_MAX, in order."""
    times = sorted(rng.uniform(from_s, to_s) for _ in range(rng.randint(0, FAULTS_MAX)))
    return [Fault(at, rng.choice(KINDS), rng.uniform(*SPAN_S)) for at in times]


@dataclass(slots=True)
class Trouble:
    """Makes faults happen."""

    hubs: Sequence[SimulatedHub]
    vehicles: Sequence[SimulatedVehicle]
    network: Network
    shelf: SharedShelf | None
    rng: Random

    async def make(self, faults: Sequence[Fault]) -> None:
        """Each at its time; several may go on at once."""
        loop = asyncio.get_running_loop()
        going_on: list[asyncio.Task[None]] = []
        for fault in faults:
            await asyncio.sleep(max(0.0, fault.at_s - loop.time()))
            going_on.append(asyncio.create_task(self._happen(fault)))
        if going_on:
            await asyncio.wait(going_on)
            for task in going_on:
                task.result()

    async def _happen(self, fault: Fault) -> None:
        hub, vehicle = self.rng.choice(self.hubs), self.rng.choice(self.vehicles)
        match fault.kind:
            case "hub_crash" | "altered_log":
                await self._crash(hub, fault.span_s, altered=fault.kind == "altered_log")
            case "vehicle_crash" | "bit_flip":
                await self._stop(vehicle, fault.span_s, damaged=fault.kind == "bit_flip")
            case "cut":
                for name in (cut := self.rng.sample(vehicle.hubs, self.rng.randint(1, len(vehicle.hubs)))):
                    self.network.cut(vehicle.unit, name)
                await asyncio.sleep(fault.span_s)
                for name in cut:
                    self.network.heal(vehicle.unit, name)
            case "reset":
                self.network.reset(self.rng.choice((vehicle.unit, hub.name)))
            case "hub_stops" | "vehicle_stops":
                process = hub.process if fault.kind == "hub_stops" else vehicle.process
                if process is not None:
                    process.stop(fault.span_s)
            case "book_full":
                hub.keeper.full = True
                await asyncio.sleep(fault.span_s)
                hub.keeper.full = False
            case "vehicle_disk_full":
                vehicle.fill_disk(True)
                await asyncio.sleep(fault.span_s)
                vehicle.fill_disk(False)
            case "clock_jump":
                vehicle.clock.skew_s += self.rng.choice(JUMPS_S)
            case "shelf_silent" if self.shelf is not None:
                self.shelf.silent = True
                await asyncio.sleep(fault.span_s)
                self.shelf.silent = False
            case _:
                pass

    async def _crash(self, hub: SimulatedHub, span_s: float, *, altered: bool) -> None:
        if hub.process is not None:
            hub.process.fuse = self.rng.randint(0, FUSE_MAX)
        await asyncio.sleep(span_s)
        hub.kill()  # had it not come so far
        if altered:
            hub.try_altered()
        hub.start()

    async def _stop(self, vehicle: SimulatedVehicle, span_s: float, *, damaged: bool) -> None:
        if vehicle.process is not None:
            vehicle.process.fuse = self.rng.randint(0, FUSE_MAX)
        await asyncio.sleep(span_s)
        vehicle.kill()
        if damaged:
            vehicle.flip_a_bit()
        vehicle.start()
