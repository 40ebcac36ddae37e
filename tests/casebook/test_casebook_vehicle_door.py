"""A vehicle's rows on their short way: into the book in order, acknowledged when they are in it, and few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import msgspec
import pytest
from casebook_tales import START, opened

from casebook import events as e
from casebook.book import Book
from casebook.clock import WallClock
from casebook.errors import FeedLost
from casebook.link import VERSION, Hello, OutboxRow, Rows
from casebook.log import Draft, MemoryLog, Written
from casebook.vehicle_door import AHEAD, Taking
from casebook.vehicle_links import Presence, VehicleLinks


class SlowLog(MemoryLog):
    """Writes when it is told to: `disk` is what waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.disk: list[tuple[Sequence[Draft], Written]] = []
        self.fails: Exception | None = None

    def submit(self, drafts: Sequence[Draft], after: Written | None = None) -> Written:
        self.disk.append((drafts, Written()))
        return self.disk[-1][1]

    async def write_all(self) -> None:
        """Until nothing waits any more."""
        for _ in range(20):
            while self.disk:
                drafts, answer = self.disk.pop(0)
                if self.fails is None:
                    answer.set_result(self.append(drafts))
                else:
                    answer.set_exception(self.fails)
            await asyncio.sleep(0)


class Vehicle:
    """Its end of a link: the acknowledgements that came, while `takes` on the short way, else by `pass_on`."""

    def __init__(self, log: SlowLog, book: Book) -> None:
        self.log, self.acks, self.takes = log, list[int](), True
        self.links = VehicleLinks(WallClock())
        self.presence = Presence("A01", "boot", "link")
        hello = Hello("A01", "e1", 1, VERSION, "boot")
        self.taking = Taking(hello, self.presence, book, self.links, self._send_now)

    def _send_now(self, raw: bytes) -> bool:
        if self.takes:
            self._hear(raw)
        return self.takes

    async def send(self, raw: bytes) -> None:
        self._hear(raw)

    def _hear(self, raw: bytes) -> None:
        self.acks.append(msgspec.json.decode(raw)["through"])

    def says(self, *seqs: int, link: str = "link") -> bool:
        rows = [OutboxRow(seq, START + timedelta(seconds=seq), e.PositionReported.name, place(seq)) for seq in seqs]
        return self.taking.hear(msgspec.json.encode(Rows("e1", rows, link)))


def place(seq: int) -> dict[str, object]:
    return e.encode(e.PositionReported("A01", 31.0, 121.0 + seq / 1000))


@pytest.fixture
async def vehicle() -> Vehicle:
    log = SlowLog()
    opening = asyncio.ensure_future(opened(log))
    while not opening.done():
        await log.write_all()
    return Vehicle(log, opening.result())


async def test_rows_are_acknowledged_when_they_are_in_the_log_and_not_before(vehicle: Vehicle):
    assert vehicle.says(1, 2)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (len(vehicle.log.disk), vehicle.acks) == (1, [])
    await vehicle.log.write_all()
    assert vehicle.acks == [2]
    assert vehicle.log.through("A01", "e1") == 2
    assert [entry.kind for entry in vehicle.log.read()][-2:] == [e.PositionReported.name] * 2
    assert vehicle.links.mark_at("A01", "e1", 2) is not None


async def test_no_more_is_taken_than_a_few_messages_ahead_of_the_disk(vehicle: Vehicle):
    assert [vehicle.says(seq) for seq in range(1, AHEAD + 3)] == [True] * AHEAD + [False, False]
    await vehicle.log.write_all()
    assert vehicle.acks == list(range(1, AHEAD + 1))
    assert vehicle.says(AHEAD + 1)


async def test_what_is_to_be_refused_is_left_to_the_long_way(vehicle: Vehicle):
    assert not vehicle.says(1, link="an earlier connection")
    assert not vehicle.taking.hear(b'{"t":"ping","n":1}')
    assert not vehicle.taking.hear(b'{"t":"rows","epoch"')
    assert (vehicle.log.disk, vehicle.links.replays) == ([], 0)


async def test_acknowledgements_keep_their_order_while_the_socket_is_full_and_hold_the_vehicle_up(vehicle: Vehicle):
    assert vehicle.says(1)
    await vehicle.log.write_all()
    vehicle.takes = False
    assert vehicle.says(2)
    await vehicle.log.write_all()
    vehicle.takes = True
    assert all(vehicle.says(seq) for seq in range(3, AHEAD + 2))
    await vehicle.log.write_all()
    assert vehicle.acks == [1]
    assert not vehicle.says(AHEAD + 2)
    passing = asyncio.ensure_future(vehicle.taking.pass_on(vehicle.send))
    vehicle.presence.notices.put_nowait(None)
    await passing
    assert vehicle.acks == list(range(1, AHEAD + 2))
    assert vehicle.says(AHEAD + 2)


async def test_a_store_that_fails_ends_the_link_and_acknowledges_nothing(vehicle: Vehicle):
    vehicle.log.fails = FeedLost("log_silent", where="book", why="full")
    assert vehicle.says(1)
    await vehicle.log.write_all()
    with pytest.raises(FeedLost):
        await vehicle.taking.pass_on(vehicle.send)
    assert vehicle.acks == []
