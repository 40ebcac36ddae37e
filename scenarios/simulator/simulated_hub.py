"""A hub of a simulated run: the real book, desks, doors and feeds, on a log and a network in memory.

A composition root as aboard/hub.py is, with the same rounds, less the web server, the pictures and the health.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.websockets import WebSocket

from ambulance_unit.fleet_views import FleetViews
from casebook import events as e
from casebook.access import Badge, Gate, Role
from casebook.asking import Ask, Asker, read_command
from casebook.desks import DESK, do_due
from casebook.door import admit_socket, answered, serve_feed
from casebook.errors import CoordinationError
from casebook.holds.booking import SharedHolds
from casebook.holds.store import HoldStore
from casebook.holds.watch import HoldWatch
from casebook.live import Feed
from casebook.log import ChainBroken, Entry, Log
from casebook.store.carried import BLANK, Carried, NotTaken, pack, unpack
from casebook.store.seals import Seal
from casebook.vehicle_door import serve_vehicle
from casebook.vehicle_links import VehicleLinks
from dispatch.app import DispatchRoom
from hospital_board.app import HospitalRoom
from hospital_board.wall_parts import WallParts
from scenarios.simulator.books import Keeper
from scenarios.simulator.history import Acknowledged, Died, History, Refused
from scenarios.simulator.network import Network
from scenarios.simulator.parts import Parts, SharedShelf
from scenarios.simulator.town import TownClock, town_area, town_roads
from scenarios.simulator.virtual_loop import Process, VirtualLoop

# Virtual seconds. The real hub gathers for 8 to 25 ms, twice what its telling took: work takes no virtual time, so here
# it is one span, and a longer one, in which more meets.
REFRESH_S, STREAM_LOOK_S, LOOK_S = 0.04, 0.2, 0.5
FOLLOW_S = 0.5  # as aboard/in_step.py
CARRY_EVERY = 15  # entries; a hub keeps its picture seldom (aboard/carrying.py), a simulated one lives half a minute
SEAL = Seal(Ed25519PrivateKey.from_private_bytes(b"aboard simulated hubs sign by it"), Path())  # nothing is witnessed
STREAMING = frozenset({"vitals_recorded", "position_reported"})


class SimulatedHub:
    """What lasts (its book's place, tokens) and, while it is up, the process. `start`, `kill`, and `start` again."""

    def __init__(
        self, name: str, keeper: Keeper, first: list[e.Event], loop: VirtualLoop, network: Network,
        shelf: SharedShelf | None, history: History, parts: Parts, rng: Random,
    ) -> None:  # fmt: skip
        self.name, self.keeper, self.first = name, keeper, first
        self.clock = TownClock(loop.time)
        self.up: Hub | None = None
        self.life = 0
        self.loop, self.network, self.shelf, self.history = loop, network, shelf, history
        self.parts, self.rng = parts, rng
        self.process: Process | None = None
        self.buried: list[Process] = []
        self.gate = Gate()
        for fact in first:
            match fact:
                case e.UnitEnrolled(unit=unit):
                    self.gate.issue(Badge(Role.PARAMEDIC, unit, unit=unit), f"token-{unit}")
                case e.HospitalEnrolled(hospital=hospital):
                    self.gate.issue(Badge(Role.ED, hospital, hospital=hospital), f"token-{hospital}")
        self._log: Log | None = None
        self.carried, self.carried_seq = b"", 0  # the picture that it kept, and its last entry

    def start(self) -> None:
        """Begin to come up; it is `up` when its book is open."""
        if self.process is not None and self.process.alive:
            return
        self.life += 1
        self.process = Process(self.loop, self.name, self._killed)
        self.buried.append(self.process)
        self.process.start(self._open(self.process))

    async def _open(self, process: Process) -> None:
        self._log = self.keeper.open()
        hub = Hub(self, self._log)
        await going_on(hub.prepare)  # where it cannot write yet its service is started again and again
        for work in hub.rounds():
            process.start(work)
        self.up = hub
        self.network.listen(self.name, process, self.parts.server(hub.serve))

    def try_altered(self) -> None:
        """Somebody changed an entry while it was down: whether it starts on that. The log is put back afterwards."""
        found = self.keeper.altered_copy(self.rng)
        if found is None:
            return
        named, (log, seq) = 0, found
        try:
            self.parts.book.open(log, self.clock)
        except ChainBroken as broken:
            named = broken.facts["seq"]
        self.history.told.append(Refused(self.loop.time(), self.name, seq, named))

    def brought_forward(self, log: Log) -> Carried:
        """What it kept in an earlier life, where it fits this log."""
        try:
            return unpack(self.carried, log, SEAL)
        except NotTaken:
            return BLANK

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()

    def _killed(self) -> None:
        assert self.process is not None
        self.up = None
        self.network.hang_up(self.name)
        self.history.told.append(Died(self.loop.time(), self.name, self.life))
        self.keeper.lost(self._log, self.process, self.rng)

    def promises(self, unit: str, link: int, lanes: dict[str, int]) -> None:
        """It tells a vehicle on this connection that it has these rows."""
        now_s, keeper = self.loop.time(), self.keeper
        for epoch, through in lanes.items():
            self.history.told.append(Acknowledged(now_s, keeper.name, unit, epoch, through, keeper.durable, link))


class Hub:
    """One life of a hub."""

    def __init__(self, machine: SimulatedHub, log: Any) -> None:
        self._machine, parts, clock = machine, machine.parts, machine.clock
        self.book = parts.book.open(log, clock, None, machine.brought_forward(log))
        if machine.shelf is not None:
            self.book.holds = SharedHolds(HoldStore(machine.shelf), machine.name)
        self.watch = HoldWatch(self.book, self.book.holds) if self.book.holds is not None else None
        self.dispatch = DispatchRoom(self.book, clock, town_roads(), town_area())
        self.ward = HospitalRoom(self.book, clock)
        self.answers = parts.answers(clock, shelf=machine.keeper.answers)
        self.links = VehicleLinks(clock, draw=lambda: f"{machine.rng.getrandbits(64):016x}")
        self._asks: dict[str, Ask] = {ask.name: ask for ask in (*self.dispatch.asks(), *self.ward.asks())}
        self._fleet_views = FleetViews()
        self._feeds: dict[str, Feed] = {}
        self._fresh: list[Entry] = []
        self._changed = asyncio.Event()
        self.book.listen(self._hear)

    async def prepare(self) -> None:
        await self.book.write(lambda picture: [] if picture.seq else self._machine.first, DESK)

    # --- rounds, as in aboard/hub.py

    def rounds(self) -> Sequence[Coroutine[Any, Any, None]]:
        return [going_on(work) for work in (self._keep_screens_fresh, self._do_what_is_due, self._think, self._follow)]

    def _hear(self, entries: Sequence[Entry]) -> None:
        self._fresh += entries
        self._changed.set()
        last, machine = entries[-1], self._machine
        if last.seq == self.book.picture.seq and last.seq - machine.carried_seq >= CARRY_EVERY:
            machine.carried, machine.carried_seq = pack(self.book.picture, last, [], SEAL), last.seq

    async def _keep_screens_fresh(self) -> None:
        looked_s = 0.0
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._changed.wait()
            await asyncio.sleep(REFRESH_S)
            self._changed.clear()
            fresh, self._fresh = self._fresh, []
            now_s = asyncio.get_running_loop().time()
            look = now_s - looked_s >= STREAM_LOOK_S or any(entry.kind not in STREAMING for entry in fresh)
            looked_s = now_s if look else looked_s
            for feed in list(self._feeds.values()):
                if feed.watched and feed.refresh(self.book.picture, fresh, look=look):
                    await asyncio.sleep(0)

    async def _do_what_is_due(self) -> None:
        while True:
            for room in (self.dispatch, self.ward):
                await do_due(self.book, room)
            await asyncio.sleep(LOOK_S)

    async def _think(self) -> None:
        while True:
            if self._machine.keeper.leads(self._machine.name):
                await self.dispatch.react()
            if self.watch is not None:
                await self.watch.react()
            await asyncio.sleep(LOOK_S)

    async def _follow(self) -> None:
        while self.book.is_shared:
            await self.book.catch_up()
            await asyncio.sleep(FOLLOW_S)

    # --- doors

    async def ask(self, badge: Badge, name: str, body: bytes, key: str) -> tuple[Any, int]:
        """(the answer, entries on the disk when it was given)"""
        ask = self._asks[name]
        command = read_command(body, ask.command, name)
        answer, _ = await answered(ask, command, Asker(badge, None, key), body, self.book.log.find_asked, self.answers)
        return answer, self._machine.keeper.durable

    async def serve(self, scope: Any, receive: Any, send: Any) -> None:
        """The application, for its server."""
        try:
            await self._admit(WebSocket(scope, receive, send))
        except OSError:
            raise  # the server's own word for a connection that is gone
        except Exception as wrong:  # a server only logs it
            self._machine.loop.surprises.append(f"{self._machine.name}: {wrong!r}")
            raise

    async def _admit(self, socket: WebSocket) -> None:
        """A vehicle, or a ward's wall: by its badge."""
        badge = await admit_socket(socket, self._machine.gate)
        if badge is None:
            return
        if badge.role is Role.ED:
            await serve_feed(socket, self._feed(f"wall/{badge.hospital}").subscribe())
        else:
            screen = self._feed(f"unit/{badge.unit}").subscribe()
            await serve_vehicle(socket, badge, self.book, screen, drill=True, links=self.links)

    def _feed(self, name: str) -> Feed:
        if name not in self._feeds:
            kind, _, id = name.partition("/")
            self._feeds[name] = self._wall(id) if kind == "wall" else self._unit(id)
        feed = self._feeds[name]
        if not feed.watched:
            feed.refresh(self.book.picture)
        return feed

    def _wall(self, hospital: str) -> Feed:
        return self._machine.parts.feed(
            WallParts(hospital).look, self._machine.clock,
            lambda picture: {id for id, one in picture.casualties.items() if one.hospital == hospital},
        )  # fmt: skip

    def _unit(self, unit: str) -> Feed:
        views = self._fleet_views
        return self._machine.parts.feed(
            lambda picture, now: views.look(picture, unit, now), self._machine.clock, None,
            lambda picture, now: views.made_of(picture, unit, now),
        )  # fmt: skip


async def going_on(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a work for ever; what the outside world does to it (a full disk, a silent store) it takes up again after."""
    while True:
        try:
            await work()
            return
        except CoordinationError:
            await asyncio.sleep(1.0)


def promised(text: bytes) -> dict[str, int]:
    """Lane -> through, of the words in which a hub promises that it has rows (casebook/link.py)."""
    if text.startswith(b'{"t":"ack"'):
        words = msgspec.json.decode(text)
        return {words["epoch"]: words["through"]}
    if text.startswith(b'{"t":"welcome"'):
        return dict(msgspec.json.decode(text).get("lanes", {}))
    return {}
