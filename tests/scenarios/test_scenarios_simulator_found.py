"""Faults of the product that the simulator found, each told again as a small story, so that none comes back."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from ambulance_unit.hub_link import HubLink
from ambulance_unit.outbox import Outbox, Record
from ambulance_unit.sampling import Sample, Sampler
from ambulance_unit.scribe import Scribe
from ambulance_unit.technical import Technical
from ambulance_unit.told_view import ToldView
from casebook import events as e
from casebook.access import Badge, Role
from casebook.asking import Asker
from casebook.book import Book
from casebook.casualty import Category
from casebook.errors import AlreadyHeld, FeedLost
from casebook.holds.booking import SharedHolds
from casebook.holds.granting import Page
from casebook.holds.store import HoldStore, Stand
from casebook.holds.watch import HoldWatch
from casebook.link import mark_of
from casebook.log import By, Draft, Entry, MemoryLog
from casebook.store.restoring import fold_all, hash_of
from casebook.vitals import Vitals
from dispatch.app import DispatchRoom
from dispatch.choosing import ChooseDestination
from scenarios.simulator.parts import SharedShelf
from scenarios.simulator.town import BAYS, BEGAN_AT, CITY, HOSPITALS, TownClock, first_facts, town_area, town_roads
from scenarios.simulator.virtual_loop import VirtualLoop

BY = By("desk", "hub")
LATER = BEGAN_AT + timedelta(hours=1)


def still() -> TownClock:
    return TownClock(lambda: 0.0)


async def test_a_decision_at_the_door_folds_to_what_the_log_says() -> None:
    """No seconds were an int in memory and a float in the log: the picture was not the one folded from the log."""
    book = Book.open(MemoryLog(), still())
    casualty = "I1-A"
    door = HOSPITALS[CITY]
    found = (e.CasualtyFound(casualty, "I1", "A"), e.CasualtyTriaged(casualty, "manual", Category.RED, "crew"))
    here = (e.UnitEnrolled("A1", "ambulance", "A1", "A1", "town", door), e.UnitAssigned("A1", "I1"))
    under_way = (e.UnitEnRoute("A1"), e.UnitOnScene("A1"), e.CasualtyBoarded(casualty, "A1"), e.UnitLeftScene("A1"))
    facts = [*hospitals(), e.IncidentOpened("I1", door, "fall", 1, "120", ""), *found, *here, *under_way]
    await book.write(lambda picture: facts, BY)
    room = DispatchRoom(book, still(), town_roads(), town_area(), threaded=False)
    choose = next(ask for ask in room.asks() if ask.name == "choose_destination")
    command = ChooseDestination(casualty=casualty, hospital=CITY, mode="road", override_reason="we stand at its door")
    await choose.handle(command, Asker(Badge(Role.DISPATCHER, "desk")))
    assert book.picture.casualties[casualty].option.eta_s == 0.0  # type: ignore[union-attr]
    assert hash_of(book.picture) == hash_of(fold_all(book.log.read()))


def test_a_monitor_is_sampled_on_when_the_clock_is_set_back_by_an_hour() -> None:
    """The sampler waited for the second after the last one: for an hour."""
    loop, taken = VirtualLoop(Random(1)), list[Sample]()
    clock = TownClock(loop.time)

    class Steady:
        channels: dict[str, Any] = {}  # noqa: RUF012

        def numerics(self, at: Any) -> Vitals:
            return Vitals(hr_bpm=80.0)

        def chunk(self, start_s: float, duration_s: float) -> dict[str, Any]:
            return {}

    async def story() -> None:
        sampler = Sampler(clock, Technical(lambda: None), lambda casualty: Steady(), taken.append)
        sampler.attach("I1-A")
        running = asyncio.create_task(sampler.run())
        await asyncio.sleep(10.0)
        clock.skew_s = -3600.0
        await asyncio.sleep(10.0)
        running.cancel()

    loop.run_until_complete(story())
    loop.close()
    assert len(taken) >= 19


def test_a_vehicle_that_begins_a_new_epoch_counts_on(tmp_path: Path) -> None:
    """What was acknowledged before disappeared from the ledger."""
    box = Outbox(tmp_path / "outbox.sqlite")
    box.put([Record(BEGAN_AT, "message_read", {"n": n}) for n in range(5)])
    box.acknowledge(box.epoch, 3)
    for _ in range(2):  # again after a restart
        box.renew()
        assert (box.counts.stored, box.counts.acked, box.counts.waiting) == (5, 3, 2)
        box.close()
        box = Outbox(tmp_path / "outbox.sqlite")
    assert (box.counts.stored, box.counts.acked, box.counts.waiting) == (5, 3, 2)
    box.close()


class Hub:
    """Welcomes a vehicle with what it holds, and says no more."""

    def __init__(self, through: int, last: dict[str, int]) -> None:
        self._through, self._last = through, last
        self._said = False

    async def send(self, message: str) -> None:
        return

    async def recv(self) -> str:
        if self._said:
            await asyncio.sleep(1000)
        self._said = True
        words = {
            "t": "welcome", "through": self._through, "now": BEGAN_AT, "rate": 1.0, "drill": True, "version": 2,
            "link": "l", "lanes": {}, "last": self._last,
        }  # fmt: skip
        return msgspec.json.encode(words).decode()

    async def close(self) -> None:
        return


def test_a_row_that_was_damaged_after_the_hub_had_it_is_not_sent_again(tmp_path: Path) -> None:
    """Its mark had changed with it: the vehicle took the hub for another, and sent everything that waited twice."""
    file = tmp_path / "outbox.sqlite"
    box = Outbox(file)
    box.put([Record(BEGAN_AT, "message_read", {"n": n}) for n in range(3)])
    epoch, marks = box.epoch, {box.epoch: mark_of(box.unacknowledged(1, 1)[0])}
    box.close()
    db = sqlite3.connect(file)
    db.execute("UPDATE row SET body = '{\"n\":9}' WHERE seq = 2")
    db.commit()
    db.close()
    loop = VirtualLoop(Random(1))
    box = Outbox(file)

    async def story() -> None:
        async def dial(url: str, token: str, tls: Any) -> Hub:
            return Hub(2, marks)

        link = HubLink("ws://hub", "t", "A1", Scribe(box), ToldView(), TownClock(loop.time), rng=Random(1), dial=dial)
        running = asyncio.create_task(link.run())
        await asyncio.sleep(2.0)
        running.cancel()
        await asyncio.wait([running])

    loop.run_until_complete(story())
    loop.close()
    assert (box.epoch, box.counts.waiting) == (epoch, 1)
    box.close()


class FullLog(MemoryLog):
    """Takes nothing while it is `full`."""

    full = False

    def append(self, drafts: Sequence[Draft]) -> list[Entry]:
        if self.full:
            raise FeedLost("log_silent", where="disk", why="full")
        return super().append(drafts)


async def two_hubs_with_three_bays() -> tuple[Book, Book, FullLog]:
    """North and south, which share the store of holds, and the disk of the first."""
    store = HoldStore(SharedShelf(Random(1), 0.0))
    logs, books = [FullLog(), FullLog()], list[Book]()
    for name, log in zip("NS", logs, strict=True):
        book = Book.open(log, still())
        await book.write(lambda picture: [*hospitals(), *_case("I1-A"), e.CasualtyFound("I1-B", "I1", "B")], BY)
        await book.write(lambda picture: [e.CapacityReported(CITY, BAYS, 3, 3)], BY)
        book.holds = SharedHolds(store, name)
        books.append(book)
    return books[0], books[1], logs[0]


def placed(casualty: str, slot: int) -> e.HoldPlaced:
    return e.HoldPlaced(casualty, CITY, BAYS, slot, LATER)


def left(casualty: str, slot: int) -> e.HoldReleased:
    return e.HoldReleased(casualty, CITY, BAYS, slot, "bay_assigned")


async def write_in_vain(book: Book, disk: FullLog, *facts: e.Event) -> None:
    disk.full = True
    with pytest.raises(FeedLost):
        await book.write(lambda picture: facts, BY)
    disk.full = False


async def test_a_slot_that_was_to_be_left_stays_taken_until_that_is_written() -> None:
    """A hub moved a case in the shared store, could not write it, and another hub was given the slot in its book."""
    north, south, disk = await two_hubs_with_three_bays()
    await north.write(lambda picture: [placed("I1-A", 1)], BY)
    move = [left("I1-A", 1), placed("I1-A", 3)]
    await write_in_vain(north, disk, *move)
    with pytest.raises(AlreadyHeld):
        await south.write(lambda picture: [placed("I1-A", 1)], BY)
    await north.write(lambda picture: move, BY)
    await HoldWatch(south, south.holds).react()  # type: ignore[arg-type]
    assert await south.write(lambda picture: [placed("I1-A", 1)], BY)


async def test_two_cases_whose_exchange_was_not_written_keep_the_bays_that_the_book_says() -> None:
    """The store had exchanged them, the book had not; when one was released by its name, the store gave the other's
    bay away."""
    north, south, disk = await two_hubs_with_three_bays()
    await north.write(lambda picture: [placed("I1-A", 1), placed("I1-B", 2)], BY)
    await write_in_vain(north, disk, left("I1-A", 1), left("I1-B", 2), placed("I1-A", 2), placed("I1-B", 1))
    await north.write(lambda picture: [left("I1-A", 1)], BY)
    with pytest.raises(AlreadyHeld):
        await south.write(lambda picture: [placed("I1-A", 2)], BY)
    await HoldWatch(south, south.holds).react()  # type: ignore[arg-type]
    assert await south.write(lambda picture: [placed("I1-A", 1)], BY)


async def test_a_move_that_was_not_written_is_not_made_by_the_next_thing_that_is() -> None:
    """The slot that was to be left was given up as soon as anything else of that page was written."""
    north, south, disk = await two_hubs_with_three_bays()
    await north.write(lambda picture: [placed("I1-A", 1)], BY)
    await write_in_vain(north, disk, left("I1-A", 1), placed("I1-A", 3))
    await north.write(lambda picture: [placed("I1-B", 2)], BY)
    with pytest.raises(AlreadyHeld):
        await south.write(lambda picture: [placed("I1-A", 1)], BY)
    await HoldWatch(south, south.holds).react()  # type: ignore[arg-type]
    assert await south.write(lambda picture: [placed("I1-A", 3)], BY)


class LateShelf(SharedShelf):
    """Its word on all pages is under way until `arrives`."""

    arrives: asyncio.Event
    read_all: asyncio.Event  # it has been read

    async def read(self, pages: Sequence[Page]) -> dict[Page, Stand]:
        found = await super().read(pages)
        if not pages:
            self.read_all.set()
            await self.arrives.wait()
        return found


async def test_what_was_read_before_a_slot_was_won_does_not_take_it_away() -> None:
    """The watch had read that another hub has the slot; that hub gave it back, this one won it, and then the watch
    wrote what it had read: the book knew no more of the slot, the store still kept it for the case."""
    shelf = LateShelf(Random(1), 0.0)
    shelf.arrives, shelf.read_all = asyncio.Event(), asyncio.Event()
    store, books = HoldStore(shelf), list[Book]()
    for name in "NS":
        book = Book.open(MemoryLog(), still())
        await book.write(lambda picture: [*hospitals(), *_case("I1-A")], BY)
        book.holds = SharedHolds(store, name)
        books.append(book)
    north, south = books
    await north.write(lambda picture: [placed("I1-A", 1)], BY)
    looking = asyncio.create_task(HoldWatch(south, south.holds).react())  # type: ignore[arg-type]
    await shelf.read_all.wait()
    await north.write(lambda picture: [e.HoldReleased("I1-A", CITY, BAYS, 1, "redirected")], BY)
    await south.write(lambda picture: [placed("I1-A", 1)], BY)
    shelf.arrives.set()
    await looking
    assert [(hold.casualty, hold.elsewhere) for hold in south.picture.holds.values()] == [("I1-A", False)]


def hospitals() -> list[e.Event]:
    known = first_facts([], Random(1))
    return [fact for fact in known if isinstance(fact, e.HospitalEnrolled | e.CapacityReported)]


def _case(id: str) -> list[e.Event]:
    return [e.IncidentOpened("I1", HOSPITALS[CITY], "fall", 1, "120", ""), e.CasualtyFound(id, "I1", "A")]
