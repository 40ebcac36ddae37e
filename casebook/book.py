"""Write facts: decide on the picture, append, fold, tell whoever listens. One writer at a time.

`write` is the only door. A decision sees the newest picture and returns facts; either all of them are in the log
(committed) and in the picture, or none is.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Protocol, TypeVar

from casebook import events as e
from casebook.capacity import Hold
from casebook.clock import Clock
from casebook.errors import CoordinationError, FeedLost, RefusedInput
from casebook.events.upcasting import current
from casebook.holds.booking import LostElsewhere, SharedHolds
from casebook.log import By, Claim, Draft, Entry, Log, Source
from casebook.picture import Occasion, Picture, fold
from casebook.store.seals import checked

VEHICLE_FACTS: frozenset[type[e.Event]] = frozenset(
    {
        e.UnitAcknowledged, e.UnitEnRoute, e.UnitOnScene, e.UnitAtPatient, e.UnitLeftScene, e.UnitAtLandingSite,
        e.UnitAtDestination, e.UnitBackInService, e.PositionReported, e.CasualtyFound, e.CasualtyTriaged,
        e.FindingsRecorded, e.VitalsRecorded, e.WishStated, e.CasualtyBoarded, e.CasualtyTransferred, e.CasualtyClosed,
        e.CasualtyArrived, e.DestinationRequested, e.MessageSent, e.MessageRead, e.HandoverStarted, e.HandoverSigned,
        e.VideoStarted, e.VideoStopped, e.LegSeen, e.CrewDiverted,
    }
)  # fmt: skip
Decide = Callable[[Picture], Iterable[e.Event]]
Done = TypeVar("Done")
Listener = Callable[[Sequence[Entry]], None]
HOLDS = By("desk", "holds", "store")  # who says what the shared store said
UNIT_LEASE = timedelta(hours=12)  # longer than any mission; a unit is given back by its own facts, not by the lease


class Timed(Protocol):
    """Told how many wall seconds a commit took, and whether it was done."""

    def __call__(self, span_s: float, *, done: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class Row:
    """One fact as a vehicle's outbox sent it."""

    seq: int
    at: datetime
    kind: str
    body: dict
    who: str = ""
    origin: str = "device"


class Book:
    """The log with its picture. Make it with `Book.open`, which folds what is already there."""

    def __init__(self, log: Log, clock: Clock) -> None:
        self.log, self.clock = log, clock
        self.picture = Picture()
        self.holds: SharedHolds | None = None  # set where several hubs share a store of holds
        self.timed: Timed | None = None  # set where somebody measures the commits
        self._lock = asyncio.Lock()
        self._through: dict[tuple[str, str], int] = {}  # (unit, epoch) -> how far its outbox is in the log
        self._writing: set[asyncio.Future[Any]] = set()
        self._listeners: list[Listener] = []

    @classmethod
    def open(cls, log: Log, clock: Clock) -> Book:
        """Raises ChainBroken when the log does not hold together: nobody decides on a record that was altered."""
        book = cls(log, clock)
        for entry in map(current, checked(log.read(), log.checkpoints())):
            book.picture = fold(book.picture, e.decode(entry.kind, entry.body), occasion_of(entry))
        return book

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Be told of every committed batch, after the picture holds it. Returns how to stop."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def write(self, decide: Decide, by: By, at: datetime | None = None, asked: str = "") -> list[Entry]:
        """Decide on the newest picture and commit what follows. `at`: when it happened, default now.

        `asked` is the asker's idempotency key: what it wrote before is given again, nothing is written twice, however
        close together the two came. Raises what `decide` raises, IllegalStep when a fact does not fit, AlreadyHeld
        when a claim is lost; then nothing was written. With a shared store of holds it decides who wins; what another
        hub holds is then written for the loser's next plan.
        """
        return await self._to_the_end(self._write(decide, by, at, asked))

    async def _write(self, decide: Decide, by: By, at: datetime | None, asked: str) -> list[Entry]:
        async with self._lock:
            if asked and (done := await self._look(lambda: self.log.find_asked(asked))):
                return await self._look(lambda: list(islice(self.log.read(done[0] - 1), len(done))))
            now = self.clock.now()
            happened = at or now
            facts = list(decide(self.picture))
            picture, drafts = self.picture, []
            for number, fact in enumerate(facts, start=1):
                occasion = Occasion(self.picture.seq + number, happened, str(by))
                picture = fold(picture, fact, occasion)
                drafts.append(_draft(fact, happened, now, by, None, asked))
            if self.holds is None:
                return await self._commit(drafts, picture)
            await self._win(self.holds, facts, now)
            entries = await self._commit(drafts, picture)
            with contextlib.suppress(FeedLost):  # the facts stand; what could not be given back runs out by itself
                await self.holds.settle(facts)
            return entries

    async def _win(self, holds: SharedHolds, facts: list[e.Event], now: datetime) -> None:
        try:
            await holds.win(facts, self.picture, now)
        except LostElsewhere as lost:
            picture, drafts = self.picture, []
            for number, fact in enumerate(lost.seen, start=1):
                picture = fold(picture, fact, Occasion(self.picture.seq + number, now, str(HOLDS)))
                drafts.append(_draft(fact, now, now, HOLDS, None, ""))
            await self._commit(drafts, picture)
            raise

    async def take_rows(self, unit: str, epoch: str, rows: Sequence[Row], role: str = "paramedic") -> int:
        """Commit a vehicle's outbox rows in order and return how far the book now is (the cumulative ack).

        A row that was taken before is skipped; a row that does not fit is kept as RowRefused, so that the vehicle
        may forget it and nobody loses it.
        """
        return await self._to_the_end(self._take_rows(unit, epoch, rows, role))

    async def _take_rows(self, unit: str, epoch: str, rows: Sequence[Row], role: str) -> int:
        async with self._lock:
            if (unit, epoch) not in self._through:
                self._through[unit, epoch] = await self._look(lambda: self.log.through(unit, epoch))
            through = self._through[unit, epoch]
            now = self.clock.now()
            picture, drafts = self.picture, []
            for row in (row for row in rows if row.seq > through):
                if row.seq != through + 1:
                    break  # a gap: what comes after it waits for what is missing
                by = By(role, row.who or unit, row.origin)
                fact, picture = _fitted(picture, unit, epoch, row, self.picture.seq + len(drafts) + 1, by)
                drafts.append(_draft(fact, row.at, now, by, Source(unit, epoch, row.seq), ""))
                through = row.seq
            await self._commit(drafts, picture)
            self._through[unit, epoch] = through
            return through

    async def _look(self, question: Callable[[], Done]) -> Done:
        """Ask the log; nobody else waits for its disk or its server meanwhile."""
        return await asyncio.to_thread(question) if self.log.blocking else question()

    async def _to_the_end(self, work: Coroutine[Any, Any, Done]) -> Done:
        """Whoever asked may hang up while the disk writes: what is in the log must be in the picture all the same."""
        task = asyncio.ensure_future(work)
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        return await asyncio.shield(task)

    async def _commit(self, drafts: list[Draft], picture: Picture) -> list[Entry]:
        if not drafts:
            return []
        entries = await self._append(drafts)
        self.picture = picture
        for listener in list(self._listeners):
            listener(entries)
        return entries

    async def _append(self, drafts: list[Draft]) -> list[Entry]:
        began_s, done, append = time.perf_counter(), False, self.log.append
        try:
            entries = await asyncio.to_thread(append, drafts) if self.log.blocking else append(drafts)
            done = True
            return entries
        except CoordinationError as wrong:
            done = not isinstance(wrong, FeedLost)  # a lost claim is an answer, a full disk is none
            raise
        finally:
            if self.timed is not None:
                self.timed(time.perf_counter() - began_s, done=done)


def occasion_of(entry: Entry) -> Occasion:
    source = entry.source
    if source is None:
        return Occasion(entry.seq, entry.at, str(entry.by))
    return Occasion(entry.seq, entry.at, str(entry.by), source.unit, source.epoch, source.seq)


def _fitted(picture: Picture, unit: str, epoch: str, row: Row, seq: int, by: By) -> tuple[e.Event, Picture]:
    """The row's fact and the picture with it, or RowRefused and why."""
    occasion = Occasion(seq, row.at, str(by), unit, epoch, row.seq)
    try:
        fact = e.decode(row.kind, row.body)
        speaks_for_itself(fact, unit)
        return fact, fold(picture, fact, occasion)
    except CoordinationError as wrong:
        refused = e.RowRefused(unit, row.kind, row.body, wrong.key, wrong.said("en"))
        return refused, fold(picture, refused, occasion)


def speaks_for_itself(fact: e.Event, unit: str) -> None:
    """A vehicle reports only what a vehicle can know, only of itself, and signs only for its crew."""
    if type(fact) not in VEHICLE_FACTS:
        raise RefusedInput("not_a_vehicle_fact", kind=fact.name)
    named = getattr(fact, "unit", unit)
    if named != unit:
        raise RefusedInput("not_your_unit", unit=unit, named=named)
    if isinstance(fact, e.HandoverSigned) and fact.side != "crew":
        raise RefusedInput("not_a_vehicle_fact", kind=f"{fact.name} ({fact.side})")


def _draft(fact: e.Event, at: datetime, now: datetime, by: By, source: Source | None, asked: str) -> Draft:
    return Draft(fact.name, fact.version, e.encode(fact), at, now, by, source, asked, claims_of(fact, now))


def claims_of(fact: e.Event, now: datetime) -> tuple[Claim, ...]:
    """The scarce things a fact takes or gives back."""
    match fact:
        case e.HoldPlaced():
            hold = Hold(fact.hospital, fact.resource, fact.slot, fact.casualty, fact.until)
            return (Claim(hold.key, fact.casualty, fact.until),)
        case e.HoldReleased():
            hold = Hold(fact.hospital, fact.resource, fact.slot, fact.casualty, now)
            return (Claim(hold.key, fact.casualty, None),)
        case e.UnitAssigned():
            return (Claim(f"unit:{fact.unit}", fact.incident, now + UNIT_LEASE),)
        case e.UnitBackInService() | e.UnitStoodDown():
            return (Claim(f"unit:{fact.unit}", "*", None),)
        case _:
            return ()
