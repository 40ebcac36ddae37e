"""Two lanes: after an outage the newest comes first and what was missed follows, each row once, whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import random
import tempfile
import threading
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI, WebSocket
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from unit_fakes import START, SocketHub, until
from unit_stage import serving
from unit_story import BASE, SCENE

from ambulance_unit import hub_link, sending
from ambulance_unit.hub_link import HubLink
from ambulance_unit.outbox import LIVE_ROWS, Outbox, Record
from ambulance_unit.scribe import Scribe
from ambulance_unit.sending import Sending, pause_after_s
from ambulance_unit.told_view import ToldView
from casebook import events as e
from casebook.access import Badge, Gate, Role
from casebook.book import Book, Row
from casebook.clock import WallClock
from casebook.door import admit_socket, make_app
from casebook.live import Feed
from casebook.log import By, Entry, MemoryLog
from casebook.vehicle_door import serve_vehicle
from casebook.vehicle_links import VehicleLinks

DESK = By("desk", "hub")


def vitals(second: int) -> Record:
    fact = e.VitalsRecorded("I1-A", "A01", {"hr_bpm": 60 + second % 100})
    return Record(START + timedelta(seconds=second), fact.name, e.encode(fact), sample=True, spare=True)


def position(second: int) -> Record:
    fact = e.PositionReported("A01", 31.0 + second / 10_000, 121.0)
    return Record(START + timedelta(seconds=second), fact.name, e.encode(fact), sample=True, spare=True)


def tap(fact: e.Event, second: int) -> Record:
    return Record(START + timedelta(seconds=second), fact.name, e.encode(fact), "张急救", "button")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_link, "PAUSE_S", 0.01)
    monkeypatch.setattr(hub_link, "PAUSE_S_MAX", 0.05)
    monkeypatch.setattr(sending, "HISTORY_ROWS_S", 1e9)


class Hub:
    """A real door with a real book on a real socket. `drop_acks` more acknowledgements end the connection unsent."""

    def __init__(self) -> None:
        self.clock = WallClock()
        self.book = Book.open(MemoryLog(), self.clock)
        self.gate = Gate()
        self.token = self.gate.issue(Badge(Role.PARAMEDIC, "A01", unit="A01"))
        self.feed = Feed(lambda picture, now: {}, self.clock)
        self.links = VehicleLinks(self.clock)
        self.port = 0
        self.sockets: set[WebSocket] = set()

    async def opened(self) -> None:
        await self.book.write(
            lambda picture: [
                e.UnitEnrolled("A01", "ambulance_5g", "A01号", "Unit A01", "songjiang", BASE),
                e.IncidentOpened("I1", SCENE, "traffic", 1, "110", "追尾", happened_at=START, drill=True),
                e.UnitAssigned("A01", "I1"),
            ],
            DESK,
        )

    @contextlib.asynccontextmanager
    async def up(self) -> AsyncIterator[Hub]:
        app: FastAPI = make_app("hub")

        @app.websocket("/api/v1/unit")
        async def unit(socket: WebSocket) -> None:
            if badge := await admit_socket(socket, self.gate):
                self.feed.refresh(self.book.picture)
                screen = self.feed.subscribe()
                await serve_vehicle(socket, badge, self.book, screen, drill=True, links=self.links)

        async with serving(app, self.port) as self.port:
            yield self

    @property
    def told(self) -> list[Entry]:
        return [entry for entry in self.book.log.read() if entry.source is not None]

    def came_once(self) -> bool:
        names = [(entry.source.epoch, entry.source.seq) for entry in self.told if entry.source]
        return len(names) == len(set(names))


class Vehicle:
    def __init__(self, folder: Path, url: str, token: str) -> None:
        self.scribe = Scribe(Outbox(folder / "outbox.db"), gather_s=0.0)
        self.outbox = self.scribe.outbox
        self.link = HubLink(url, token, "A01", self.scribe, ToldView(), WallClock(), rng=random.Random(1))

    async def put(self, *records: Record) -> None:
        await self.scribe.put(records)
        self.link.wake()

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[Vehicle]:
        task = asyncio.create_task(self.link.run())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def is_empty(self) -> None:
        await until(lambda: self.outbox.counts.waiting == 0, 30)


@contextlib.asynccontextmanager
async def met(folder: Path) -> AsyncIterator[tuple[Hub, Vehicle]]:
    """A vehicle that has met its hub once, and has lost it."""
    hub = Hub()
    await hub.opened()
    async with hub.up():
        vehicle = Vehicle(folder, f"ws://127.0.0.1:{hub.port}/api/v1/unit", hub.token)
        async with vehicle.connected():
            await vehicle.put(tap(e.UnitAcknowledged("A01"), 0))
            await vehicle.is_empty()
            await until(lambda: vehicle.outbox.live is not None)
    try:
        yield hub, vehicle
    finally:
        await vehicle.scribe.close()


MINUTES = 10


async def outage(vehicle: Vehicle) -> None:
    """Ten minutes: the patient is found in the second, everything is sampled."""
    for second in range(1, 60 * MINUTES + 1):
        if second == 5:
            await vehicle.put(tap(e.UnitEnRoute("A01"), 5))
        if second == 90:
            await vehicle.put(tap(e.UnitOnScene("A01"), 90), tap(e.CasualtyFound("I1-A", "I1", "A"), 90))
        if second == 100:
            await vehicle.put(tap(e.UnitAtPatient("A01", "I1-A"), 100))
        if second > 100:
            await vehicle.put(vitals(second))
        if second % 5 == 0:
            await vehicle.put(position(second))


async def test_after_an_outage_taps_come_first_then_the_newest_samples_then_what_was_missed(tmp_path: Path):
    async with met(tmp_path) as (hub, vehicle):
        await outage(vehicle)
        waiting, before = vehicle.outbox.counts.waiting, len(hub.told)
        assert waiting == 500 + 120 + 4
        async with hub.up(), vehicle.connected():
            await vehicle.is_empty()
        told = hub.told[before:]
        assert len(told) == waiting and hub.came_once()
        assert [entry.kind for entry in told[:4]] == [
            "unit_en_route", "unit_on_scene", "casualty_found", "unit_at_patient",
        ]  # fmt: skip
        newest, history = told[4 : 4 + LIVE_ROWS], told[4 + LIVE_ROWS :]
        assert newest[-1].at == START + timedelta(seconds=600)
        assert max(entry.at for entry in history) <= newest[0].at
        assert [entry.at for entry in history] == sorted(entry.at for entry in history)
        assert "row_refused" not in {entry.kind for entry in told}


async def test_the_picture_is_as_if_everything_had_come_in_its_order(tmp_path: Path):
    async with met(tmp_path) as (hub, vehicle):
        await outage(vehicle)
        async with hub.up(), vehicle.connected():
            await vehicle.is_empty()
        state, unit = hub.book.picture.get_casualty("I1-A"), hub.book.picture.get_unit("A01")
        assert [sample.at for sample in state.trend] == [
            START + timedelta(seconds=second) for second in range(101, 601)
        ]
        assert state.latest is not None and state.latest.at == START + timedelta(seconds=600)
        assert state.times["vitals_recorded"] == START + timedelta(seconds=101)
        assert unit.position_at == START + timedelta(seconds=600)
        assert unit.position is not None and unit.position.lat == pytest.approx(31.06)
        refolded = Book.open(hub.book.log, hub.clock)
        assert refolded.picture == hub.book.picture


async def test_samples_taken_while_history_is_sent_do_not_wait_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sending, "HISTORY_ROWS_S", 1e-9)  # after its first message history does not go on
    async with met(tmp_path) as (hub, vehicle):
        await outage(vehicle)
        async with hub.up(), vehicle.connected():
            await until(lambda: any(lane.acked for lane in vehicle.outbox.history))
            for second in range(700, 710):
                await vehicle.put(vitals(second))
            await until(lambda: hub.told[-1].at == START + timedelta(seconds=709))
            assert vehicle.outbox.counts.waiting > 400
            state = hub.book.picture.get_casualty("I1-A")
            assert state.latest is not None and state.latest.at == START + timedelta(seconds=709)
        monkeypatch.setattr(sending, "HISTORY_ROWS_S", 1e9)
        async with hub.up(), vehicle.connected():
            await vehicle.is_empty()
        assert hub.came_once()


async def test_a_hub_that_dies_again_and_again_gets_every_row_once(tmp_path: Path):
    async with met(tmp_path) as (hub, vehicle):
        await outage(vehicle)
        total = len(hub.told) + vehicle.outbox.counts.waiting
        async with vehicle.connected():
            for number in range(5):
                have = len(hub.told)
                async with hub.up():
                    await until(lambda have=have: len(hub.told) > have or not vehicle.outbox.counts.waiting)
                for second in range(20):
                    await vehicle.put(vitals(1000 + 20 * number + second))
                total += 20
            async with hub.up():
                await vehicle.is_empty()
        assert len(hub.told) == total and hub.came_once()
        seconds = [entry.at for entry in hub.told if entry.kind == "vitals_recorded"]
        assert len(seconds) == len(set(seconds)) == 600


async def test_a_vehicle_that_is_started_anew_in_the_outage_loses_and_repeats_nothing(tmp_path: Path):
    async with met(tmp_path) as (hub, vehicle):
        await vehicle.put(tap(e.UnitEnRoute("A01"), 5), *(position(second) for second in range(0, 300, 5)))
        await vehicle.scribe.close()
        again = Vehicle(tmp_path, vehicle.link.url, hub.token)
        vehicle.scribe = again.scribe
        await again.put(*(position(second) for second in range(300, 400, 5)))
        async with hub.up(), again.connected():
            await again.is_empty()
        positions = [entry.at for entry in hub.told if entry.kind == "position_reported"]
        assert sorted(positions) == [START + timedelta(seconds=second) for second in range(0, 400, 5)]
        assert hub.came_once()


# --- hubs and vehicles of the version before


async def test_a_hub_of_version_1_gets_every_lane_one_after_the_other_and_then_one_lane_only(tmp_path: Path):
    """`SocketHub` speaks version 1: one epoch on a connection, and a welcome without lanes."""
    old = SocketHub()
    async with old.open():
        vehicle = Vehicle(tmp_path, old.url, "right")
        vehicle.outbox.begin_live({})
        for second in range(30):
            vehicle.outbox.put([vitals(second)])
        vehicle.outbox.begin_live({vehicle.outbox.live.epoch: 0})  # type: ignore[union-attr]
        vehicle.outbox.put([tap(e.UnitEnRoute("A01"), 31)])
        async with vehicle.connected():
            await vehicle.is_empty()
            rows = [row for taken in old.book.values() for row in taken]
            assert len(rows) == 31 and old.taken_again == 0
            main = vehicle.outbox.epoch
            await vehicle.put(vitals(40), tap(e.UnitOnScene("A01"), 41))
            await vehicle.is_empty()
            assert [row["kind"] for row in old.book[main]] == ["unit_en_route", "vitals_recorded", "unit_on_scene"]
        await vehicle.scribe.close()


async def test_a_hub_that_was_updated_meanwhile_gets_lanes_again(tmp_path: Path):
    async with met(tmp_path) as (hub, vehicle):
        vehicle.link.hub_version = 1  # what the vehicle last heard
        await outage(vehicle)
        vehicle.outbox.end_live()
        async with hub.up(), vehicle.connected():
            await vehicle.is_empty()
            await until(lambda: vehicle.outbox.live is not None)
        assert hub.came_once() and vehicle.link.hub_version == 2


# --- a copy of the outbox, and a book that is older than it


async def test_a_lane_whose_last_row_in_the_book_is_another_one_gets_a_new_epoch(tmp_path: Path):
    async with met(tmp_path) as (hub, vehicle):
        epoch = vehicle.outbox.epoch
        await vehicle.put(tap(e.UnitEnRoute("A01"), 5))
        async with hub.up():
            async with vehicle.connected():
                await vehicle.is_empty()
            await vehicle.put(tap(e.UnitOnScene("A01"), 6))
            hub.links.remember_last("A01", epoch, 3, 0)  # a copy of this outbox has sent a third row of its own
            row = vehicle.outbox.unacknowledged()[0]
            await hub.book.take_rows("A01", epoch, [_copied(row.seq)])
            async with vehicle.connected():
                await vehicle.is_empty()
        assert vehicle.outbox.epoch != epoch
        assert [entry.kind for entry in hub.told].count("unit_on_scene") == 1


def _copied(seq: int) -> Row:
    fact = e.PositionReported("A01", 31.0, 121.0)
    return Row(seq, START, fact.name, e.encode(fact))


def test_history_takes_half_of_the_time_at_most_and_is_bounded(monkeypatch: pytest.MonkeyPatch):
    assert pause_after_s(24, 1.0) == 1.0
    monkeypatch.setattr(sending, "HISTORY_ROWS_S", 200)
    assert pause_after_s(24, 0.02) + 0.02 == pytest.approx(24 / 200)


# --- the lanes of the file


class SlowBox(Outbox):
    """A disk on which a lane is begun while the connection that asked for it ends."""

    begun, go_on = threading.Event(), threading.Event()

    def begin_live(self, sent: Mapping[str, int]) -> bool:
        was_begun = super().begin_live(sent)
        self.begun.set()
        assert self.go_on.wait(20)
        return was_begun


async def test_a_lane_that_was_begun_as_its_connection_ended_still_gives_the_newest_to_the_next(tmp_path: Path):
    box = SlowBox(tmp_path / "outbox.db")
    scribe = Scribe(box)
    sending = Sending(scribe)
    first = asyncio.create_task(sending.begin_live())
    assert await asyncio.to_thread(box.begun.wait, 20)
    first.cancel()
    box.go_on.set()
    await asyncio.gather(first, return_exceptions=True)
    await scribe.put([vitals(second) for second in range(600)])
    await sending.begin_live()
    epoch, rows = await sending.next_rows()
    assert box.live is not None and epoch == box.live.epoch
    assert [row.at for row in rows] == [START + timedelta(seconds=second) for second in range(600 - LIVE_ROWS, 600)]
    await scribe.close()


async def test_a_disk_that_takes_nothing_at_the_start_does_not_end_the_search_for_the_hub(tmp_path: Path):
    hub = Hub()
    await hub.opened()
    async with hub.up():
        vehicle = Vehicle(tmp_path, f"ws://127.0.0.1:{hub.port}/api/v1/unit", hub.token)
        disk = vehicle.outbox._db
        await vehicle.scribe.do(lambda: disk.execute("PRAGMA query_only = 1"))
        async with vehicle.connected():
            await asyncio.sleep(0)  # the link has asked for a lane
            await vehicle.scribe.do(lambda: disk.execute("PRAGMA query_only = 0"))
            await vehicle.put(tap(e.UnitAcknowledged("A01"), 0))
            await vehicle.is_empty()
        assert vehicle.outbox.live is not None


class LaneLaws(RuleBasedStateMachine):
    """Rows by their own number are the truth; whatever is begun, moved or acknowledged, each waits in one lane."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.file = Path(self.folder.name) / "outbox.db"
        self.box = Outbox(self.file)
        self.number, self.waiting, self.names = 0, set[int](), dict[tuple[str, int], int]()
        self.sent: dict[str, int] = {}

    @rule(count=st.integers(1, 12), sample=st.booleans())
    def put(self, count: int, sample: bool) -> None:
        numbers = range(self.number, self.number + count)
        self.number += count
        self.box.put([Record(START, "vitals_recorded", {"n": n}, sample=sample) for n in numbers])
        self.waiting |= set(numbers)

    @rule()
    def begin_live(self) -> None:
        self.box.begin_live(self.sent)

    @rule()
    def end_live(self) -> None:
        self.box.end_live()

    @rule(share=st.floats(0, 1), which=st.integers(0, 5))
    def send_and_acknowledge(self, share: float, which: int) -> None:
        lanes = [self.box.main, *([self.box.live] if self.box.live else []), *self.box.history]
        lane = lanes[which % len(lanes)]
        for row in self.box.unacknowledged(lane.acked, epoch=lane.epoch):
            self.sent[lane.epoch] = max(row.seq, self.sent.get(lane.epoch, 0))
            assert self.names.setdefault((lane.epoch, row.seq), row.body["n"]) == row.body["n"]  # never another fact
        through = lane.acked + round(share * lane.waiting)
        gone = {row.body["n"] for row in self.box.unacknowledged(0, epoch=lane.epoch) if row.seq <= through}
        self.box.acknowledge(lane.epoch, through)
        self.waiting -= gone

    @rule()
    def close_and_open(self) -> None:
        self.box.close()
        self.box = Outbox(self.file)

    @invariant()
    def each_row_waits_once_and_in_order(self) -> None:
        found: list[int] = []
        for lane in [self.box.main, *([self.box.live] if self.box.live else []), *self.box.history]:
            rows = self.box.unacknowledged(0, epoch=lane.epoch)
            assert [row.seq for row in rows] == list(range(lane.acked + 1, lane.stored + 1))
            numbers = [row.body["n"] for row in rows]
            assert numbers == sorted(numbers)
            found += numbers
        assert sorted(found) == sorted(self.waiting)
        counts = self.box.counts
        assert (counts.stored, counts.waiting) == (self.number, len(self.waiting))

    def teardown(self) -> None:
        self.box.close()
        self.folder.cleanup()


TestLaneLaws = LaneLaws.TestCase
TestLaneLaws.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
