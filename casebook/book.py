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
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from casebook import events as e
from casebook.clock import Clock
from casebook.drafting import claims_of as claims_of
from casebook.drafting import draft_of
from casebook.drafting import occasion_of as occasion_of
from casebook.errors import FeedLost, RefusedInput
from casebook.holds.booking import LostElsewhere, SharedHolds
from casebook.link import OutboxRow, Unread
from casebook.log import By, Entry, Log, LogMovedOn, QueuedLog, Written, is_of_the_log
from casebook.picture import Occasion, Picture, fold
from casebook.record import Listener as Listener
from casebook.record import Record, nothing
from casebook.vehicle_rows import VEHICLE_FACTS as VEHICLE_FACTS
from casebook.vehicle_rows import Lane, Pool, Row, Turn, answer_with, fitted

Decide = Callable[[Picture], Iterable[e.Event]]
Done = TypeVar("Done")
Told = Callable[[int | BaseException], None]  # how far the book holds an outbox, or what went wrong
HOLDS = By("desk", "holds", "store")  # who says what the shared store said
PEN_TRIES = 5  # how often a decision is repeated whose hub lost the pen to another while it was about to write
POOL_ROWS = 500  # rows after which a commit takes no further vehicle: some 3 ms of fitting and telling, each in one go


class Book(Record):
    """The record, and who writes it when. Make it with `Book.open`, which folds what is already there."""

    def __init__(self, log: Log, clock: Clock) -> None:
        super().__init__(log, clock)
        self.holds: SharedHolds | None = None  # set where several hubs share a store of holds
        self._writing: set[asyncio.Future[Any]] = set()
        self._waiting: deque[Turn] = deque()
        self._pooling = False  # somebody is taking what waits
        self._deciding = 0  # writes that have begun or wait for their turn

    async def write(self, decide: Decide, by: By, at: datetime | None = None, asked: str = "") -> list[Entry]:
        """Decide on the newest picture and commit what follows. `at`: when it happened, default now.

        `asked` is the asker's idempotency key: what it wrote before is given again, nothing is written twice, however
        close together the two came. Raises what `decide` raises, IllegalStep when a fact does not fit, AlreadyHeld
        when a claim is lost; then nothing was written. With a shared store of holds it decides who wins; what another
        hub holds is then written for the loser's next plan.
        """
        return await self._to_the_end(self._write(decide, by, at, asked))

    async def _write(self, decide: Decide, by: By, at: datetime | None, asked: str) -> list[Entry]:
        self._deciding += 1
        try:
            async with self._lock:
                for _ in range(PEN_TRIES - 1):
                    with contextlib.suppress(LogMovedOn):
                        return await self._decide(decide, by, at, asked)
                return await self._decide(decide, by, at, asked)
        finally:
            self._deciding -= 1

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
                await self.holds.settle(facts, self.picture, now)
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
        self.queue_rows(unit, epoch, rows, lambda outcome: answer_with(answer, outcome), role)
        return await answer

    def queue_rows(
        self, unit: str, epoch: str, rows: Sequence[Row | OutboxRow] | Unread, told: Told,
        role: str = "paramedic",
    ) -> None:  # fmt: skip
        """The same without waiting: `told` is called on the loop, once, with how far the book is or with what
        `take_rows` would raise, RefusedInput where the rows cannot be read. It must not raise."""
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
                    if not await self._take_in_a_row():
                        turns = self._next_turns()
                        await self._take(turns)
        finally:
            self._pooling = False
            for turn in (*turns, *self._waiting):  # all were answered, unless this very task was ended
                turn.hear(asyncio.CancelledError())
            self._waiting.clear()

    def _next_turns(self) -> list[Turn]:
        """Those that have theirs in the next commit. Whose rows cannot be read, hears so."""
        turns, rows = [], 0
        while self._waiting and rows < POOL_ROWS:
            turn = self._waiting.popleft()
            try:
                rows += len(turn.rows)
            except RefusedInput as wrong:
                turn.hear(wrong)
                continue
            turns.append(turn)
        return turns

    async def _take_in_a_row(self) -> bool:
        """Whole commits one right after the other, as long as such wait and nobody wants to decide. False: none did.

        While one is on its way to the disk, the next is made ready and handed over behind it, and what the last brought
        is told and acknowledged. Where the log refuses one, what was handed over behind it is not written, and waits
        again.
        """
        log, tell, began_s = self.log, nothing, time.perf_counter()
        if not isinstance(log, QueuedLog):
            return False
        now = self._begin_next(log, self.picture, {})
        while now is not None:
            pool, written = now
            tell()
            ahead = self._begin_next(log, pool.picture, pool.through, written)
            try:
                with self._measured(len(pool.drafts), began_s):
                    entries = await asyncio.wrap_future(written)
            except BaseException as wrong:
                if ahead is not None:
                    self._put_back(ahead[0])
                if not isinstance(wrong, Exception):  # this very task was ended
                    self._put_back(pool)
                    raise
                if ahead is not None:
                    # Until it is sure: not written, either.
                    await asyncio.gather(asyncio.wrap_future(ahead[1]), return_exceptions=True)
                await self._take_otherwise(list(pool.ends), wrong, PEN_TRIES)
                return True
            self._stand(entries, pool.picture)
            self._through |= pool.through
            tell, began_s = partial(self._tell_of_rows, entries, pool), time.perf_counter()
            now = ahead
        tell()
        return tell is not nothing

    def _begin_next(
        self, log: QueuedLog, picture: Picture, newer: Mapping[Lane, int], after: Written | None = None
    ) -> tuple[Pool, Written] | None:
        """The next whole commit and the answer to come, where there is one to make ready."""
        pool = self._make_ready(picture, newer)
        if pool is None:
            return None
        try:
            return pool, self._hand_over(log, pool.drafts, after)
        except Exception as wrong:  # noqa: BLE001 - refused before it was written; whose fault it is, is found out in turn
            refused = Written()
            refused.set_exception(wrong)
            return pool, refused

    def _make_ready(self, picture: Picture, newer: Mapping[Lane, int]) -> Pool | None:
        """The next whole commit fitted onto this picture, out of what waits; None where it has to be taken in turn:
        there is less, others write the log or want to, or the log must be asked about an outbox first. `newer`: how far
        those outboxes are that the commit under way brings."""
        if self._deciding or not self._alone:
            return None
        turns, known = self._next_turns(), self._through
        if sum(len(turn.rows) for turn in turns) >= POOL_ROWS and all(turn.lane in known for turn in turns):
            through = {turn.lane: newer.get(turn.lane, known[turn.lane]) for turn in turns}
            pool = fitted(turns, picture, through, self.clock.now())
            if pool.drafts and not self._is_behind(pool):
                return pool
        self._waiting.extendleft(turn for turn in reversed(turns) if not turn.is_done)
        return None

    def _is_behind(self, pool: Pool) -> bool:
        """Whether rows follow on some that another hub may have taken meanwhile: of a vehicle that came from there."""
        return self.is_shared and any(turn.rows and through < turn.rows[-1].seq for turn, through in pool.ends.items())

    def _put_back(self, pool: Pool) -> None:
        self._waiting.extendleft(reversed(pool.ends))

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
        alone = self._alone
        try:
            async with contextlib.nullcontext() if alone else self._with_pen():
                await self._find_through(turns)
                turns = [turn for turn in turns if not turn.is_done]
                pool = fitted(turns, self.picture, self._through, self.clock.now())
                if alone and self._is_behind(pool):
                    raise LogMovedOn(where="rows", count="?", known=self.picture.seq)
                entries = await self._append(pool.drafts) if pool.drafts else []
        except Exception as wrong:  # noqa: BLE001 - whoever waits must hear, whatever it was
            await self._take_otherwise(turns, wrong, tries)
            return
        self._stand(entries, pool.picture)
        self._through |= pool.through
        self._tell_of_rows(entries, pool)

    def _tell_of_rows(self, entries: Sequence[Entry], pool: Pool) -> None:
        try:
            self._tell(entries)
        except Exception as wrong:  # noqa: BLE001 - whoever waits must hear: the rows stand, and the next ask is told so
            for turn in pool.ends:
                turn.hear(wrong)
        for turn, through in pool.ends.items():
            turn.hear(through)

    async def _take_otherwise(self, turns: Sequence[Turn], wrong: Exception, tries: int) -> None:
        if isinstance(wrong, LogMovedOn) and tries > 1:
            self._alone = False
            return await self._take(turns, tries - 1)
        if len(turns) > 1 and not is_of_the_log(wrong):
            await self._take(turns[: len(turns) // 2])
            await self._take(turns[len(turns) // 2 :])
        for turn in turns:
            turn.hear(wrong)
        return None

    # --- to the end

    async def _to_the_end(self, work: Coroutine[Any, Any, Done]) -> Done:
        """Whoever asked may hang up while the disk writes: what is in the log must be in the picture all the same."""
        return await asyncio.shield(self._begin(work))

    def _begin(self, work: Coroutine[Any, Any, Done]) -> asyncio.Future[Done]:
        task = asyncio.ensure_future(work)
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        return task


def _tried(question: Callable[..., int], *about: str) -> int | Exception:
    try:
        return question(*about)
    except Exception as wrong:  # noqa: BLE001 - told to whoever it concerns
        return wrong
