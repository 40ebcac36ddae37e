"""Whatever order things happen in: leases in a shared store; samples from a vehicle's disk to the book; on real files.

Two machines beside a plain truth (a dict, a list). Choosing and cancelling: tests/dispatch/test_dispatch_machine.py.
"""

from __future__ import annotations

import asyncio
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ambulance_unit.outbox import Outbox, Record
from casebook import events as e
from casebook.book import Book, Row
from casebook.clock import JumpClock
from casebook.holds import Held, HoldStore, Page, Wanted
from casebook.holds.sqlite_shelf import SqliteShelf
from casebook.log import By
from casebook.place import Place
from casebook.sqlite_log import SqliteLog
from casebook.store.restoring import hash_of

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
BOUNDED = settings(
    max_examples=20, stateful_step_count=30, deadline=None, derandomize=True, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip

# --- holds and leases: two hubs on one file

PAGES = (Page("city", "resus_bay"), Page("mill", "resus_bay"))
CASES = ("a", "b", "c", "d")
LEASE_S = 100.0
pages, cases, hubs = st.sampled_from(PAGES), st.sampled_from(CASES), st.integers(0, 1)


class HoldLaws(RuleBasedStateMachine):
    """`truth`: page -> case -> (slot, until), with what has run out, since its slot may be nobody's yet."""

    def __init__(self) -> None:
        super().__init__()
        self.folder, self.runner = tempfile.TemporaryDirectory(), asyncio.Runner()
        self.file = Path(self.folder.name) / "holds.sqlite"
        self.stores = [HoldStore(SqliteShelf(self.file)) for _ in range(2)]
        self.truth: dict[Page, dict[str, tuple[int, datetime]]] = {page: {} for page in PAGES}
        self.now = NOON

    def in_force(self, page: Page) -> dict[str, tuple[int, datetime]]:
        return {case: held for case, held in self.truth[page].items() if held[1] > self.now}

    @rule(hub=hubs, page=pages, case=cases, limit=st.integers(0, 3))
    def acquire(self, hub: int, page: Page, case: str, limit: int) -> None:
        before, until = self.in_force(page), self.now + timedelta(seconds=LEASE_S)
        told = self.runner.run(self.stores[hub].acquire(Wanted(page, case, LEASE_S, limit), self.now))
        assert isinstance(told, Held) == (case in before or len(before) < limit)
        self.truth[page] = before
        if isinstance(told, Held):
            taken = {slot for other, (slot, _) in before.items() if other != case}
            assert told.slot not in taken and (case not in before or told.slot == before[case][0])
            assert told.until == max([until, *(held[1] for held in [before.get(case)] if held)])
            self.truth[page][case] = (told.slot, told.until)
        else:
            assert set(told.holders) == set(before), "the loser hears who has it"

    @rule(hub=hubs, page=pages, wanted=st.lists(cases, unique=True, min_size=2), limit=st.integers(1, 2))
    def all_want_it_at_once(self, hub: int, page: Page, wanted: list[str], limit: int) -> None:
        """Each by another hub than the one before."""

        async def ask() -> list[Any]:
            asks = (
                self.stores[(hub + number) % 2].acquire(Wanted(page, case, LEASE_S, limit), self.now)
                for number, case in enumerate(wanted)
            )
            return await asyncio.gather(*asks)

        before = self.in_force(page)
        won = {case: told for case, told in zip(wanted, self.runner.run(ask()), strict=True) if isinstance(told, Held)}
        room, new = max(0, limit - len(before)), won.keys() - before.keys()
        assert len(new) == min(room, len(set(wanted) - before.keys())), "as many as there is room for, and no more"
        self.truth[page] = before | {case: (told.slot, told.until) for case, told in won.items()}

    @rule(hub=hubs, page=pages, case=cases)
    def renew(self, hub: int, page: Page, case: str) -> None:
        told = self.runner.run(self.stores[hub].renew(page, case, LEASE_S, self.now))
        own = self.truth[page].get(case)
        taken = own is not None and any(
            slot == own[0] and other != case for other, (slot, _) in self.in_force(page).items()
        )
        assert isinstance(told, Held) == (own is not None and not taken)
        if isinstance(told, Held):
            self.truth[page][case] = (told.slot, told.until)

    @rule(hub=hubs, page=pages, case=cases)
    def release(self, hub: int, page: Page, case: str) -> None:
        self.runner.run(self.stores[hub].release(page, case))
        self.truth[page].pop(case, None)

    @rule(hub=hubs)
    def expire(self, hub: int) -> None:
        gone = {lease.case for lease in self.runner.run(self.stores[hub].expire(self.now))}
        kept = {page: self.in_force(page) for page in PAGES}
        assert gone == {case for page in PAGES for case in self.truth[page].keys() - kept[page].keys()}
        self.truth = kept

    @rule(seconds=st.sampled_from([1.0, 60.0, LEASE_S, 1000.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(hub=hubs)
    def a_hub_starts_again(self, hub: int) -> None:
        self.runner.run(self.stores[hub].close())
        self.stores[hub] = HoldStore(SqliteShelf(self.file))

    @invariant()
    def every_hub_sees_the_same_and_no_slot_is_held_twice(self) -> None:
        for store in self.stores:
            held = self.runner.run(store.list_held(self.now))
            seen = {page: {one.case: (one.slot, one.until) for one in leases} for page, leases in held.items()}
            assert seen == {page: alive for page in PAGES if (alive := self.in_force(page))}
            for leases in held.values():
                assert len({one.slot for one in leases}) == len(leases)

    def teardown(self) -> None:
        for store in self.stores:
            self.runner.run(store.close())
        self.runner.close()
        self.folder.cleanup()


TestHoldLaws = HoldLaws.TestCase
TestHoldLaws.settings = BOUNDED


# --- outbox and acknowledgements: one vehicle's disk, a link that loses and repeats, the hub's disk

HERE = Place(31.0, 121.2)


class OutboxToBook(RuleBasedStateMachine):
    """Every sample that was put is in the book once and in its order, whatever is lost, repeated or started again."""

    def __init__(self) -> None:
        super().__init__()
        self.folder, self.runner = tempfile.TemporaryDirectory(), asyncio.Runner()
        self.at = Path(self.folder.name)
        self.box = Outbox(self.at / "outbox.db")
        self.book = Book.open(SqliteLog(self.at / "book.sqlite"), JumpClock(NOON))
        first = [
            e.IncidentOpened("I1", HERE, "traffic", 1, "120", ""), e.CasualtyFound("I1-A", "I1", "A"),
            e.UnitEnrolled("A01", "ambulance_5g", "一", "One", "s", HERE),
        ]  # fmt: skip
        self.runner.run(self.book.write(lambda picture: first, By("desk", "test")))
        self.number = 0
        self.sent: list[tuple[str, list[Row]]] = []  # every frame that ever left, for the link to repeat
        self.acks: list[tuple[str, int]] = []  # every ack that the hub ever gave

    @rule(count=st.integers(1, 6))
    def sample(self, count: int) -> None:
        numbers = range(self.number, self.number + count)
        self.number += count
        facts = [e.VitalsRecorded("I1-A", "A01", {"hr_bpm": 40 + number % 100, "temp_c": 36.0}) for number in numbers]
        self.box.put([
            Record(NOON + timedelta(seconds=number), fact.name, e.encode(fact))
            for number, fact in zip(numbers, facts, strict=True)
        ])  # fmt: skip

    @rule(limit=st.integers(1, 8), skip=st.integers(0, 3), heard=st.booleans())
    def send(self, limit: int, skip: int, heard: bool) -> None:
        """What waits, perhaps without its beginning (a frame before it was lost); the ack may be lost, too."""
        rows = [Row(one.seq, one.at, one.kind, one.body) for one in self.box.unacknowledged(limit=limit)][skip:]
        if rows:
            self.sent.append((self.box.epoch, rows))
            self._take(*self.sent[-1], heard=heard)

    @rule(which=st.integers(0, 30), heard=st.booleans())
    def the_link_repeats_an_old_frame(self, which: int, heard: bool) -> None:
        if self.sent:
            self._take(*self.sent[which % len(self.sent)], heard=heard)

    @rule(which=st.integers(0, 30))
    def an_old_ack_comes_late(self, which: int) -> None:
        if self.acks:
            self.box.acknowledge(*self.acks[which % len(self.acks)])

    @rule()
    def the_vehicle_starts_again(self) -> None:
        self.box.close()
        self.box = Outbox(self.at / "outbox.db")

    @rule()
    def the_hub_starts_again(self) -> None:
        before = hash_of(self.book.picture)
        self.book.log.close()
        self.book = Book.open(SqliteLog(self.at / "book.sqlite"), JumpClock(NOON))
        assert hash_of(self.book.picture) == before

    def _take(self, epoch: str, rows: list[Row], *, heard: bool) -> None:
        through = self.runner.run(self.book.take_rows("A01", epoch, rows))
        self.acks.append((epoch, through))
        if heard:
            self.box.acknowledge(epoch, through)

    @invariant()
    def what_is_acknowledged_is_in_the_book_and_the_book_has_no_hole(self) -> None:
        kept = [entry for entry in self.book.log.read() if entry.source is not None]
        assert [entry.source.seq for entry in kept if entry.source] == list(range(1, len(kept) + 1))
        assert [entry.at for entry in kept] == [NOON + timedelta(seconds=number) for number in range(len(kept))]
        assert all(entry.kind == e.VitalsRecorded.name for entry in kept)
        assert self.number - self.box.counts.waiting <= len(kept), "nothing is forgotten before it is committed"

    def teardown(self) -> None:
        while rows := [Row(one.seq, one.at, one.kind, one.body) for one in self.box.unacknowledged(limit=50)]:
            self._take(self.box.epoch, rows, heard=True)
        self.what_is_acknowledged_is_in_the_book_and_the_book_has_no_hole()
        assert sum(entry.source is not None for entry in self.book.log.read()) == self.number
        self.box.close()
        self.book.log.close()
        self.runner.close()
        self.folder.cleanup()


TestOutboxToBook = OutboxToBook.TestCase
TestOutboxToBook.settings = BOUNDED
