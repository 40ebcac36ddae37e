"""Write facts: decide on the picture, append, fold, tell whoever listens. One writer at a time.

A decision (`write`) sees the newest picture and returns facts; either all of them are in the log (committed) and in the
picture, or none is. The rows of vehicles (`take_rows`) that queue while a commit is under way share the next one; how
they fit is casebook/vehicle_rows.py's. Where several hubs write one log, the newest picture has what all of them wrote:
before anything is decided the log's pen is taken and what is new is folded; in between, `catch_up` does that.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Protocol, TypeVar

from casebook import events as e
from casebook.clock import Clock
from casebook.drafting import claims_of as claims_of
from casebook.drafting import draft_of
from casebook.drafting import occasion_of as occasion_of
from casebook.errors import CoordinationError, FeedLost
from casebook.events.upcasting import current
from casebook.folding.course import Course
from casebook.holds.booking import LostElsewhere, SharedHolds
from casebook.link import OutboxRow
from casebook.log import GENESIS, By, ChainBroken, Draft, Entry, Log, LogMovedOn, QueuedLog, SharedLog, verify
from casebook.picture import Occasion, Picture, fold
from casebook.spans import span
from casebook.store.seals import checked
from casebook.vehicle_rows import VEHICLE_FACTS as VEHICLE_FACTS
from casebook.vehicle_rows import Lane, Row, Turn, fitted

Decide = Callable[[Picture], Iterable[e.Event]]
Done = TypeVar("Done")
Listener = Callable[[Sequence[Entry]], None]
Told = Callable[[int | BaseException], None]  # how far the book holds an outbox, or what went wrong
HOLDS = By("desk", "holds", "store")  # who says what the shared store said
PEN_TRIES = 5  # how often a decision is repeated whose hub lost the pen to another while it was about to write
POOL_ROWS = 250  # rows after which a commit takes no further vehicle: some 30 ms of folding, which keeps the loop


class Timed(Protocol):
    """Told how many wall seconds a commit took, and whether it was done."""

    def __call__(self, span_s: float, *, done: bool) -> None: ...


class Book:
    """The log with its picture. Make it with `Book.open`, which folds what is already there."""

    def __init__(self, log: Log, clock: Clock) -> None:
        self.log, self.clock = log, clock
        self.picture = Picture()
        self._shared = log if isinstance(log, SharedLog) and log.shared else None
        self._head = GENESIS  # hash of the last entry in the picture
        self.holds: SharedHolds | None = None  # set where several hubs share a store of holds
        self.timed: Timed | None = None  # set where somebody measures the commits
        self._lock = asyncio.Lock()
        self._through: dict[Lane, int] = {}  # how far each outbox is in the log
        self._writing: set[asyncio.Future[Any]] = set()
        self._waiting: deque[Turn] = deque()
        self._pooling = False  # somebody is taking what waits
        self._listeners: list[Listener] = []

    @classmethod
    def open(cls, log: Log, clock: Clock, hear: Listener | None = None) -> Book:
        """`hear`: a listener that is told of what is there already, too.

        Raises ChainBroken when the log does not hold together: nobody decides on a record that was altered.
        Of its checkpoints the newest is enough: whoever changed what older ones sealed has changed its hash, too.
        """
        book = cls(log, clock)
        course = Course(book.picture)
        for entry in map(current, checked(log.read(), log.checkpoints()[-1:])):
            course.read(entry)
            book._head = entry.hash
            if hear is not None:
                hear((entry,))
        book.picture = course.picture
        if hear is not None:
            book.listen(hear)
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
            for _ in range(PEN_TRIES - 1):
                with contextlib.suppress(LogMovedOn):
                    return await self._decide(decide, by, at, asked)
            return await self._decide(decide, by, at, asked)

    async def _decide(self, decide: Decide, by: By, at: datetime | None, asked: str) -> list[Entry]:
        async with self._with_pen():
            if asked and (done := await self._look(lambda: self.log.find_asked(asked))):
                return await self._look(lambda: list(islice(self.log.read(done[0] - 1), len(done))))
            now = self.clock.now()
            happened = at or now
            facts = list(decide(self.picture))
            picture, drafts = self.picture, []
            for number, fact in enumerate(facts, start=1):
                occasion = Occasion(self.picture.seq + number, happened, str(by))
                picture = fold(picture, fact, occasion)
                drafts.append(draft_of(fact, happened, now, by, None, asked))
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
                drafts.append(draft_of(fact, now, now, HOLDS, None, ""))
            await self._commit(drafts, picture)
            raise

    async def take_rows(self, unit: str, epoch: str, rows: Sequence[Row | OutboxRow], role: str = "paramedic") -> int:
        """Commit a vehicle's outbox rows in order and return how far the book now is (the cumulative ack).

        A row that was taken before is skipped; a row that does not fit is kept as RowRefused, so that the vehicle
        may forget it and nobody loses it. Picture and log are as if each vehicle had been served by itself, in the
        order in which they asked; what the log refuses of one is refused to that one alone.
        """
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.queue_rows(unit, epoch, rows, lambda outcome: _answer(answer, outcome), role)
        return await answer

    def queue_rows(
        self, unit: str, epoch: str, rows: Sequence[Row | OutboxRow], told: Told,
        role: str = "paramedic",
    ) -> None:  # fmt: skip
        """The same without waiting: `told` is called on the loop, once, with how far the book is or with what
        `take_rows` would raise. It must not raise."""
        self._waiting.append(Turn((unit, epoch), rows, role, told))
        if not self._pooling:
            self._pooling = True
            self._begin(self._take_waiting())

    async def _take_waiting(self) -> None:
        """Commit after commit until nobody waits; a `write` that came meanwhile has its turn between two of them."""
        turns: list[Turn] = []
        try:
            while self._waiting:
                async with self._lock:
                    turns = self._next_turns()
                    await self._take(turns)
        finally:
            self._pooling = False
            for turn in (*turns, *self._waiting):  # all were answered, unless this very task was ended
                turn.hear(asyncio.CancelledError())
            self._waiting.clear()

    def _next_turns(self) -> list[Turn]:
        turns, rows = [], 0
        while self._waiting and rows < POOL_ROWS:
            turns.append(self._waiting.popleft())
            rows += len(turns[-1].rows)
        return turns

    async def _find_through(self, turns: Sequence[Turn]) -> None:
        """Ask the log about outboxes that spoke for the first time. Whose cannot be told, fails; the others do not."""
        unknown = dict.fromkeys(turn.lane for turn in turns if turn.lane not in self._through)
        if not unknown:
            return
        found = await self._look(lambda: {lane: _tried(self.log.through, *lane) for lane in unknown})
        self._through |= {lane: through for lane, through in found.items() if isinstance(through, int)}
        for turn in turns:
            if isinstance(wrong := found.get(turn.lane), Exception):
                turn.hear(wrong)

    async def _take(self, turns: Sequence[Turn], tries: int = PEN_TRIES) -> None:
        """One append for all of them. Where the log refuses something of it, each half by itself, down to the one turn
        that it refuses; where the log itself is the trouble, all hear so."""
        try:
            async with self._with_pen():
                await self._find_through(turns)
                turns = [turn for turn in turns if not turn.is_done]
                pool = fitted(turns, self.picture, self._through, self.clock.now())
                entries = await self._append(pool.drafts) if pool.drafts else []
        except Exception as wrong:  # noqa: BLE001 - whoever waits must hear, whatever it was
            await self._take_otherwise(turns, wrong, tries)
            return
        self._stand(entries, pool.picture)
        self._through |= pool.through
        try:
            self._tell(entries)
        except Exception as wrong:  # noqa: BLE001 - the same: the rows stand, and the next ask is told so
            for turn in turns:
                turn.hear(wrong)
        for turn, through in pool.ends.items():
            turn.hear(through)

    async def _take_otherwise(self, turns: Sequence[Turn], wrong: Exception, tries: int) -> None:
        if isinstance(wrong, LogMovedOn) and tries > 1:
            return await self._take(turns, tries - 1)
        if len(turns) > 1 and not _of_the_log(wrong):
            await self._take(turns[: len(turns) // 2])
            await self._take(turns[len(turns) // 2 :])
        for turn in turns:
            turn.hear(wrong)
        return None

    # --- what other hubs wrote

    @property
    def is_shared(self) -> bool:
        return self._shared is not None

    async def catch_up(self) -> None:
        """Fold what other hubs have committed, and tell of it. Raises FeedLost, ChainBroken; then nothing changed."""
        if self._shared is not None:
            async with self._lock:
                after = self.picture.seq
                self._fold_on(await self._look(lambda: list(self.log.read(after))))

    @contextlib.asynccontextmanager
    async def _with_pen(self) -> AsyncIterator[None]:
        """No other hub writes meanwhile, and the picture holds everything that any has written."""
        if self._shared is None:
            yield
            return
        log, after = self._shared, self.picture.seq
        try:
            self._fold_on(await self._look(lambda: log.take_pen(after)))
            yield
        finally:
            if log.has_pen:
                await self._look(log.lay_down_pen)

    def _fold_on(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        verify(entries, self.picture.seq, self._head)
        course = Course(self.picture)
        for entry in map(current, entries):
            course.read(entry)
        self._stand(entries, course.picture)
        for source in (entry.source for entry in entries if entry.source is not None):
            self._through[source.unit, source.epoch] = source.seq
        self._tell(entries)

    # --- the log

    async def _look(self, question: Callable[[], Done]) -> Done:
        """Ask the log; nobody else waits for its disk or its server meanwhile."""
        return await asyncio.to_thread(question) if self.log.blocking else question()

    async def _to_the_end(self, work: Coroutine[Any, Any, Done]) -> Done:
        """Whoever asked may hang up while the disk writes: what is in the log must be in the picture all the same."""
        return await asyncio.shield(self._begin(work))

    def _begin(self, work: Coroutine[Any, Any, Done]) -> asyncio.Future[Done]:
        task = asyncio.ensure_future(work)
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        return task

    async def _commit(self, drafts: list[Draft], picture: Picture) -> list[Entry]:
        if not drafts:
            return []
        entries = await self._append(drafts)
        self._stand(entries, picture)
        self._tell(entries)
        return entries

    def _stand(self, entries: Sequence[Entry], picture: Picture) -> None:
        """These entries are in the log now, and in the picture."""
        self.picture = picture
        self._head = entries[-1].hash if entries else self._head

    def _tell(self, entries: Sequence[Entry]) -> None:
        if entries:
            for listener in list(self._listeners):
                listener(entries)

    async def _append(self, drafts: list[Draft]) -> list[Entry]:
        began_s, done = time.perf_counter(), False
        try:
            with span("commit", entries=len(drafts)):
                entries = await self._kept(drafts)
            done = True
            return entries
        except CoordinationError as wrong:
            done = not isinstance(wrong, FeedLost)  # a lost claim is an answer, a full disk is none
            raise
        finally:
            if self.timed is not None:
                self.timed(time.perf_counter() - began_s, done=done)

    async def _kept(self, drafts: list[Draft]) -> list[Entry]:
        """A log with a writer of its own is not waited for in yet another thread."""
        if isinstance(self.log, QueuedLog):
            return await asyncio.wrap_future(self.log.submit(drafts))
        return await asyncio.to_thread(self.log.append, drafts) if self.log.blocking else self.log.append(drafts)


def _answer(answer: asyncio.Future[int], outcome: int | BaseException) -> None:
    """Whoever asked may have gone meanwhile."""
    if answer.done():
        return
    if isinstance(outcome, int):
        answer.set_result(outcome)
    elif isinstance(outcome, asyncio.CancelledError):
        answer.cancel()
    else:
        answer.set_exception(outcome)


def _of_the_log(wrong: Exception) -> bool:
    """The log is silent, or another hub writes it: no rows are to blame, and none would fare better alone."""
    return isinstance(wrong, FeedLost | LogMovedOn | ChainBroken)


def _tried(question: Callable[..., int], *about: str) -> int | Exception:
    try:
        return question(*about)
    except Exception as wrong:  # noqa: BLE001 - told to whoever it concerns
        return wrong
