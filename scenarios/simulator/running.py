"""Run one seed from its first call to the judgement, or many; the same seed gives the same history."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from websockets.exceptions import WebSocketException

from ambulance_unit.addresses import link_of
from ambulance_unit.hub_link import Socket, dial
from ambulance_unit.told import unit_view
from ambulance_unit.told_view import Gap, ToldView
from casebook.holds.granting import Page
from casebook.holds.store import Stand
from casebook.live import plain
from casebook.picture import Picture
from casebook.store.restoring import fold_all, hash_of
from casebook.wire import TEXT_FRAME
from hospital_board.board import list_shown, wall_view
from scenarios.simulator.books import CommonBook, Keeper, OwnBook
from scenarios.simulator.checker import Violation, check
from scenarios.simulator.connections import Connection
from scenarios.simulator.disks import memory_folder
from scenarios.simulator.faults import Trouble, draw_faults, draw_weather
from scenarios.simulator.history import Disordered, History, Leased, Screen
from scenarios.simulator.network import Network, address_of
from scenarios.simulator.parts import Parts
from scenarios.simulator.people import (
    Desk,
    crew,
    dispatcher_badge,
    dispatcher_wants,
    rush,
    ward_badge,
    ward_wants,
    work_at,
)  # fmt: skip
from scenarios.simulator.simulated_hub import SimulatedHub, promised
from scenarios.simulator.simulated_vehicle import SimulatedVehicle
from scenarios.simulator.town import CITY, CORNERS, HOSPITALS, MILL, first_facts
from scenarios.simulator.virtual_loop import Process, VirtualLoop

PLANS = ("one hub", "two books", "one book")  # two books share a store of holds; one book has two hubs
SHELF_S = (0.002, 0.05, 0.4)  # what a way to the store of holds takes at most
TROUBLE_S = (2.0, 16.0)  # virtual seconds between which faults begin
WORKING_S = 20.0  # how long people ask for things
SETTLE_S, STILL_S = 150.0, 1.6  # how long it may take until all rows have arrived; how long nothing may happen then
BEHIND_S = 30.0  # how long a screen on a slow network may then still be catching up
CLOSE_FRAME, NOT_UNDERSTOOD = 0x88, frozenset((1002, 1003, 1007, 1009))  # RFC 6455, sections 5.2 and 7.4.1
LOST_S = 15.0  # silence after which a screen connects anew


@dataclass(frozen=True, slots=True)
class Outcome:
    """`digest`: of the history; `counts`: how often what was told; `seconds`: virtual."""

    seed: int
    violations: tuple[Violation, ...]
    digest: str
    counts: Mapping[str, int]
    entries: int
    seconds: float


def simulate(seed: int, parts: Parts) -> Outcome:
    """One run. Nothing of it is left over afterwards."""
    rng = Random(f"aboard {seed}")
    loop = VirtualLoop(Random(rng.random()))
    with memory_folder() as folder:
        story = Story(loop, parts, Path(folder), rng)
        try:
            history = loop.run_until_complete(story.play())
            violations = tuple(check(history))
            entries = sum(len(log) for log in history.logs.values())
            return Outcome(seed, violations, history.digest(), history.count(), entries, loop.time())
        finally:
            loop.run_until_complete(story.bury())
            loop.close()


def simulate_many(seeds: Iterable[int], parts: Parts) -> Iterator[Outcome]:
    """Each seed's outcome as soon as it is there. Memory is tidied between runs, not in the middle of one."""
    for seed in seeds:
        gc.collect(1)
        gc.disable()
        try:
            yield simulate(seed, parts)
        finally:
            gc.enable()


class Story:
    """One run: who is there, what happens, and how it ends."""

    def __init__(self, loop: VirtualLoop, parts: Parts, folder: Path, rng: Random) -> None:
        self.loop, self.rng, self.history = loop, rng, History()
        self.network = Network(loop, Random(rng.random()), draw_weather(rng))
        self.network.overhear = self._overhear
        make = partial(self._make, parts, folder)
        self.plan = rng.choice(PLANS)
        self.shelf = parts.shelf(Random(rng.random()), rng.choice(SHELF_S)) if self.plan == "two books" else None
        if self.shelf is not None:
            self.shelf.changed = self._leased
        self.hubs, self.vehicles, self.walls = list[SimulatedHub](), list[SimulatedVehicle](), list[Wall]()
        if self.plan == "one book":
            make(CommonBook("AB", self.loop, self.history), ["A", "B"])
        else:
            for name in ("A",) if self.plan == "one hub" else ("A", "B"):
                make(OwnBook(name, self.loop, self.history, parts.log), [name])

    def _make(self, parts: Parts, folder: Path, keeper: Keeper, names: list[str]) -> None:
        """The hubs of a book, its vehicles, and a wall at each hub."""
        rng = self.rng
        units = [f"{keeper.name}{place}" for place in range(1, rng.randint(1, 2) + 1)]
        first = first_facts(units, rng)
        self.hubs += [
            SimulatedHub(
                name, keeper, first, self.loop, self.network, self.shelf, self.history, parts, Random(rng.random())
            )
            for name in names
        ]
        for unit in units:
            base, own = rng.choice(list(CORNERS.values())), Random(rng.random())
            hubs = rng.sample(names, len(names))
            vehicle = SimulatedVehicle(unit, hubs, base, self.loop, self.network, self.history, parts, folder, own)
            vehicle.clock.skew_s = rng.choice((0.0, 0.0, rng.uniform(-300, 300)))
            vehicle.clock.drift = rng.uniform(-1e-3, 1e-3)
            self.vehicles.append(vehicle)
        wards = rng.sample((CITY, MILL), len(names))
        self.walls += [Wall(self.loop, self.history, name, ward) for name, ward in zip(names, wards, strict=True)]

    async def play(self) -> History:
        for one in (*self.hubs, *self.vehicles):
            one.start()
        for wall in self.walls:
            wall.start()
        others = [asyncio.create_task(work) for work in self._people()]
        listening = asyncio.create_task(self._listen())
        trouble = Trouble(self.hubs, self.vehicles, self.network, self.shelf, Random(self.rng.random()))
        try:
            await trouble.make(draw_faults(Random(self.rng.random()), *TROUBLE_S))
            await asyncio.sleep(max(0.0, WORKING_S - self.loop.time()))
            for task in others:
                task.cancel()
            self._make_whole()
            await self._settle()
        finally:
            for task in (*others, listening):
                task.cancel()
            ends = await asyncio.gather(*others, listening, return_exceptions=True)
        self.history.surprises += [*self.loop.surprises, *(repr(one) for one in ends if isinstance(one, Exception))]
        return self.history

    def _people(self) -> Iterator[Any]:
        for hub in self.hubs:
            hubs = sorted((one for one in self.hubs if one.keeper is hub.keeper), key=lambda one: one is not hub)
            desk = partial(Desk, hubs, network=self.network, history=self.history)
            yield work_at(desk(dispatcher_badge(hub.name)), self._rng(), dispatcher_wants, (0.3, 2.0))
            for hospital in HOSPITALS:
                yield work_at(desk(ward_badge(hospital)), self._rng(), ward_wants(hospital), (0.5, 4.0))
        desks = [Desk([hub], dispatcher_badge(f"{hub.name} rush"), self.network, self.history) for hub in self.hubs]
        yield rush(desks, self._rng(), (0.5, 4.0))
        for vehicle in self.vehicles:
            yield crew(vehicle, self._rng(), (0.3, 1.5))

    def _rng(self) -> Random:
        return Random(self.rng.random())

    async def _listen(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            for vehicle in self.vehicles:
                vehicle.listen()

    def _overhear(self, connection: Connection, who: str, kind: int, said: bytes) -> None:
        if kind == TEXT_FRAME and (lanes := promised(said)):
            hub = next(one for one in self.hubs if one.name == connection.hub)
            hub.promises(connection.caller, connection.number, lanes)
        elif kind == TEXT_FRAME and said.startswith(b'{"t":"refused"'):
            self.history.told.append(Disordered(self.loop.time(), connection.caller, said.decode()))
        elif kind == CLOSE_FRAME and (code := int.from_bytes(said[:2], "big")) in NOT_UNDERSTOOD:
            self.history.told.append(Disordered(self.loop.time(), who, f"did not understand what came: {code}"))

    def _leased(self, page: Page, stand: Stand) -> None:
        cases = tuple(lease.case for lease in stand[1])
        self.history.told.append(Leased(self.loop.time(), page.hospital, page.resource, cases))

    # --- the end

    def _make_whole(self) -> None:
        self.network.heal_all()
        if self.shelf is not None:
            self.shelf.silent = False
        for hub in self.hubs:
            hub.keeper.full = False
            hub.start()
        for vehicle in self.vehicles:
            vehicle.fill_disk(False)
            vehicle.start()
            vehicle.quiet = True

    async def _settle(self) -> None:
        """Until everything has arrived and nothing moves; what is so then is the end."""
        until_s, still_s, seen = self.loop.time() + SETTLE_S, self.loop.time(), None
        while self.loop.time() < until_s:
            await asyncio.sleep(0.4)
            now = tuple(hub.keeper.durable for hub in self.hubs)
            if now != seen or not self._is_all_there():
                seen, still_s = now, self.loop.time()
            elif self.loop.time() - still_s >= STILL_S:
                self._look()
                self.history.quiet = True
                if all(
                    screen.seen == screen.wanted and screen.trend <= screen.shown for screen in self.history.screens
                ):
                    return
                if self.loop.time() - still_s > BEHIND_S:
                    return
        self._look()

    def _is_all_there(self) -> bool:
        """Everybody is up, nobody stands still, and no row waits."""
        outboxes = [vehicle.outbox for vehicle in self.vehicles]
        going = all(one.process is not None and not one.process.stopped for one in (*self.hubs, *self.vehicles))
        return (
            going
            and all(hub.up is not None for hub in self.hubs)
            and all(box is not None and box.counts.waiting == 0 for box in outboxes)
        )

    def _look(self) -> None:
        """What is on the platters, in memory, on the screens and in the outboxes at this moment."""
        history = self.history
        history.screens, history.vehicles = [], [vehicle.told() for vehicle in self.vehicles if vehicle.outbox]
        history.silences = [wrong for vehicle in self.vehicles for wrong in vehicle.wrong]
        for hub in self.hubs:
            if hub.up is None:
                continue
            entries = list(hub.up.book.log.read())
            history.logs[hub.keeper.name], picture = entries, fold_all(entries)
            history.pictures[hub.name] = hub.keeper.name, hash_of(hub.up.book.picture)
            history.screens += self._screens(hub, picture)

    def _screens(self, hub: SimulatedHub, picture: Picture) -> Iterator[Screen]:
        """What is seen at this hub, and what should be. A vehicle is looked at with the first of its hubs."""
        now = hub.clock.now()
        for vehicle in self.vehicles:
            if vehicle.hubs[0] == hub.name and vehicle.agent is not None:
                wanted = plain(unit_view(picture, vehicle.unit, now))
                yield Screen(vehicle.unit, vehicle.agent.told, _as_told(wanted))
        for wall in self.walls:
            if wall.hub == hub.name:
                wanted = plain(wall_view(picture, wall.hospital, now))
                own = list_shown(picture, picture.get_hospital(wall.hospital), now)
                trend = frozenset(f"{one.id} {s.unit} {s.epoch} {s.seq}" for one in own for s in one.trend)
                yield Screen(wall.name, wall.told.view, _as_told(wanted), frozenset(wall.samples), trend)

    async def bury(self) -> None:
        processes: list[Process] = [process for one in (*self.hubs, *self.vehicles) for process in one.buried]
        processes += [wall.process for wall in self.walls]
        while tasks := [task for process in processes for task in process.bury()]:  # what they leave may begin more
            await asyncio.wait(tasks)
        for vehicle in self.vehicles:
            for outbox in vehicle.opened:
                outbox.close()


class Wall:
    """A ward's screen: follows its feed, asks for a snapshot after a gap, connects anew."""

    def __init__(self, loop: VirtualLoop, history: History, hub: str, hospital: str) -> None:
        self.loop, self.history, self.hub, self.hospital = loop, history, hub, hospital
        self.name = f"wall {hospital} at {hub}"
        self.process = Process(loop, self.name, lambda: None)
        self.told = ToldView()
        self.samples: set[str] = set()

    def start(self) -> None:
        self.process.start(self._watch())

    async def _watch(self) -> None:
        while True:
            try:
                socket = await dial(link_of(address_of(self.hub)), f"token-{self.hospital}", None)
                try:
                    await self._live(socket)
                finally:
                    await socket.close()
            except (OSError, TimeoutError, WebSocketException):
                await asyncio.sleep(1.0)

    async def _live(self, socket: Socket) -> None:
        self.told.forget_version()
        while True:
            async with asyncio.timeout(LOST_S):
                message = msgspec.json.decode(await socket.recv())
            try:
                self.told.apply(message)
            except Gap:
                self.history.told.append(Disordered(self.loop.time(), self.name, "a message is missing"))
                await socket.send('{"t":"resync"}')
                continue
            for one in message.get("samples", ()):
                self.samples.add(f"{one['casualty']} {one['unit']} {one['epoch']} {one['seq']}")


def _as_told(view: dict[str, Any]) -> dict[str, Any]:
    """As it is after its way over the network."""
    return msgspec.json.decode(msgspec.json.encode(view))
