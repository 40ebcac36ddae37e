"""A vehicle of a simulated run: the real agent, link, scribe and outbox, on a disk and a network in memory."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from ambulance_unit.addresses import link_of
from ambulance_unit.agent import Agent
from ambulance_unit.hub_link import HubLink
from ambulance_unit.monitor.feed import Channel, WaveChunk
from ambulance_unit.outbox import Outbox, Record
from ambulance_unit.position import Fix, FollowLeg
from ambulance_unit.sampling import Sample
from ambulance_unit.scribe import Scribe
from ambulance_unit.told_view import Gap, ToldView
from casebook import events as e
from casebook.access import Badge, Role
from casebook.answers import Answers
from casebook.asking import Asker, read_command
from casebook.door import answered
from casebook.errors import CoordinationError, FeedLost
from casebook.place import Place
from casebook.vitals import Vitals
from scenarios.simulator import disks
from scenarios.simulator.history import Damaged, Died, Disordered, History, Put, Sampled, Vehicle, name_of, sent_name
from scenarios.simulator.network import Network, address_of
from scenarios.simulator.parts import Parts
from scenarios.simulator.town import TownClock
from scenarios.simulator.virtual_loop import Process, VirtualLoop

SILENT_S = 6.0  # without a sample although the monitor is on: one a second is due


class SimulatedVehicle:
    """What lasts (`folder`) and, while it is up, the agent. `start`, `kill`, and `start` again."""

    def __init__(
        self, unit: str, hubs: Sequence[str], base: Place, loop: VirtualLoop, network: Network, history: History,
        parts: Parts, folder: Path, rng: Random,
    ) -> None:  # fmt: skip
        self.unit, self.hubs, self.base, self.loop, self.network = unit, hubs, base, loop, network
        self.history, self.parts, self.rng = history, parts, rng
        self.clock = TownClock(loop.time)
        self.quiet = False  # nothing more is measured
        self.agent: SimulatedAgent | None = None
        self.outbox: Outbox | None = None
        self.answers: Answers | None = None
        self.life = 0
        self.process: Process | None = None
        self.buried: list[Process] = []
        self.opened: list[Outbox] = []
        self.sampled_s = 0.0
        self._folders, self.folder = folder, folder / f"{unit}-0"
        self.folder.mkdir()
        self.wrong: list[str] = []

    # --- life and death

    def start(self) -> None:
        if self.process is not None and self.process.alive:
            return
        self.life += 1
        self.process = Process(self.loop, self.unit, self._killed)
        self.buried.append(self.process)
        self.process.within(self._open)

    def _open(self) -> None:
        assert self.process is not None
        outbox = self.parts.outbox(self.folder / disks.OUTBOX, draw=self._draw)
        self.opened.append(outbox)
        outbox.put = self._watched(outbox.put)  # type: ignore[method-assign]
        scribe, told = Scribe(outbox), WatchedView(self)
        first, *others = (link_of(address_of(hub)) for hub in self.hubs)
        link = HubLink(
            first, f"token-{self.unit}", self.unit, scribe, told, self.clock, rng=self.rng, others=others,
            wall_s=self.loop.time, boot=self._draw(),
        )  # fmt: skip
        self.outbox, self.sampled_s = outbox, self.loop.time()
        self.agent, self.answers = SimulatedAgent(self, scribe, told, link), Answers(self.clock)
        self.process.start(self.agent.run())

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()

    def _killed(self) -> None:
        """Its files stay as they lie, perhaps torn in the middle of a transaction; the next life finds a copy."""
        assert self.process is not None
        self.agent = self.outbox = None
        self.network.hang_up(self.unit)
        self.history.told.append(Died(self.process.lived_s, self.unit, self.life))
        before = disks.log_bytes(self.folder)
        if self.process.jobs and self.rng.random() < 0.5:
            with contextlib.suppress(CoordinationError):
                self.process.jobs[0].work()
        after = self._folders / f"{self.unit}-{self.life}"
        disks.copy_of(self.folder, after)
        disks.tear(after, before, self.rng)
        self.folder = after

    def flip_a_bit(self) -> None:
        """While it is down, its disk damages a row."""
        if self.process is None or self.process.alive:
            return
        if (found := disks.flip_a_bit(self.folder, self.rng)) is not None:
            at, kind, body = found
            name = name_of(self.unit, kind, datetime.fromisoformat(at), msgspec.json.decode(body))
            self.history.told.append(Damaged(self.loop.time(), self.unit, name))

    def fill_disk(self, full: bool) -> None:
        if self.outbox is not None:
            disks.fill(self.outbox._db, full)  # SQLite's own limit; nobody else has a use for it

    # --- what it tells the history

    def _watched(self, put: Callable[[Sequence[Record]], list[int]]) -> Callable[[Sequence[Record]], list[int]]:
        """The disk as the history sees it: what it was given, and what it said."""
        process = self.process

        def watched(records: Sequence[Record]) -> list[int]:
            assert process is not None
            facts = tuple(name_of(self.unit, one.kind, one.at, one.body) for one in records)
            keys = tuple(one.asked for one in records if one.asked)
            told, place = self.history.told, len(self.history.told)
            told.append(begun := Put(self.loop.time(), self.unit, self.life, facts, keys))
            try:
                seqs = put(records)
            except FeedLost:
                told[place] = replace(begun, outcome="refused")
                raise
            if process.alive:
                told[place] = replace(begun, outcome="stored")
            return seqs

        return watched

    def note_sample(self, sample: Sample) -> None:
        assert self.process is not None
        self.sampled_s = self.loop.time()
        body = e.encode(e.VitalsRecorded(sample.casualty, self.unit, sample.vitals.as_dict()))
        name = name_of(self.unit, "vitals_recorded", sample.at, body)
        self.history.told.append(Sampled(self.process.lived_s, self.unit, self.life, name))

    def listen(self) -> None:
        """Once a second: whether a monitor that is on is sampled."""
        agent, stopped = self.agent, self.process is None or self.process.stopped
        if self.quiet or stopped or agent is None or agent.sampler.monitor is None:
            self.sampled_s = self.loop.time()
        elif self.loop.time() - self.sampled_s > SILENT_S:
            self.wrong.append(f"{self.unit}: the monitor is on and was not sampled for {SILENT_S} s")
            self.sampled_s = self.loop.time()

    def told(self) -> Vehicle:
        """How it stands in the end."""
        assert self.outbox is not None
        counts, waiting = self.outbox.counts, list[str]()
        lanes = (self.outbox.main, self.outbox.live, *self.outbox.history)
        for lane in lanes:
            rows = self.outbox.unacknowledged(lane.acked, epoch=lane.epoch) if lane is not None else ()
            waiting += [sent_name(self.unit, row.kind, row.at, row.body) for row in rows]
        samples = self.outbox.stored_of(e.VitalsRecorded.name)
        return Vehicle(self.unit, tuple(waiting), counts.stored, counts.acked, samples)

    # --- the crew's tablet

    async def ask(self, name: str, body: bytes, key: str) -> Any:
        """A tap, as the tablet's server takes it."""
        agent = self.agent
        assert agent is not None
        ask = next(ask for ask in agent.crew.asks() if ask.name == name)
        asker = Asker(Badge(Role.PARAMEDIC, self.unit, unit=self.unit), None, key)
        command = read_command(body, ask.command, name)
        answer, _ = await answered(ask, command, asker, body, agent.find_asked, self.answers)
        return answer

    def _draw(self) -> str:
        return f"{self.rng.getrandbits(64):016x}"


class WatchedView(ToldView):
    """The view, whose gaps are known to the history."""

    def __init__(self, vehicle: SimulatedVehicle) -> None:
        super().__init__(vehicle.folder / "told.json")
        self._vehicle = vehicle

    def apply(self, message: dict[str, Any]) -> bool:
        try:
            return super().apply(message)
        except Gap:
            told, unit = self._vehicle.history.told, self._vehicle.unit
            told.append(Disordered(self._vehicle.loop.time(), unit, "a message is missing"))
            raise


class SimulatedAgent(Agent):
    """The agent, whose samples and place are known to the history."""

    def __init__(self, vehicle: SimulatedVehicle, scribe: Scribe, told: ToldView, link: HubLink) -> None:
        self._vehicle = vehicle
        super().__init__(
            vehicle.unit, vehicle.clock, scribe, told, link, base=vehicle.base,
            monitor_for=lambda label: PlainMonitor(vehicle), wall_s=vehicle.loop.time,
            position=QuietLeg(vehicle, lambda: self.view),
        )  # fmt: skip

    @property
    def told(self) -> dict[str, Any]:
        """The view as the hub told it last, without the crew's own facts."""
        return self._told.view

    def _store_sample(self, sample: Sample) -> None:
        self._vehicle.note_sample(sample)
        super()._store_sample(sample)


class PlainMonitor:
    """Numbers that follow from the time, some of which are alarms; nothing once the vehicle is `quiet`."""

    def __init__(self, vehicle: SimulatedVehicle) -> None:
        self._vehicle = vehicle
        self.channels: dict[str, Channel] = {}

    def numerics(self, at: datetime) -> Vitals:
        if self._vehicle.quiet:
            return Vitals()
        second = int(at.timestamp())
        return Vitals(hr_bpm=60.0 + second % 90, spo2_pct=84.0 + second % 16, rr_bpm=16.0)

    def chunk(self, start_s: float, duration_s: float) -> dict[str, WaveChunk]:
        return {}


class QuietLeg(FollowLeg):
    """A drill's vehicle on its leg, which is nowhere once it is `quiet`."""

    def __init__(self, vehicle: SimulatedVehicle, view: Callable[[], dict[str, Any]]) -> None:
        super().__init__(view, vehicle.base)
        self._vehicle = vehicle

    def fix(self, at: datetime) -> Fix | None:  # type: ignore[override]
        return None if self._vehicle.quiet else super().fix(at)
