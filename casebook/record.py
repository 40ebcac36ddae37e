"""A log and the picture that follows from it: append, fold, tell whoever listens, and take in what other hubs wrote.

Nothing is decided here, and whose turn it is to write is casebook/book.py's.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import partial
from typing import Protocol, Self, TypeVar

from casebook.clock import Clock
from casebook.errors import CoordinationError, FeedLost
from casebook.events.upcasting import current
from casebook.folding.course import Course
from casebook.log import GENESIS, Draft, Entry, Log, QueuedLog, QueuedSharedLog, SharedLog, Written, verify
from casebook.picture import Picture
from casebook.spans import span
from casebook.store.carried import BLANK, Carried
from casebook.store.seals import checked
from casebook.vehicle_rows import Lane

Done = TypeVar("Done")
Listener = Callable[[Sequence[Entry]], None]


def nothing() -> None:
    return


class Timed(Protocol):
    """Told how many wall seconds a commit took, and whether it was done."""

    def __call__(self, span_s: float, *, done: bool) -> None: ...


class Record:
    """Make it with `Record.open`, which folds what is already there."""

    def __init__(self, log: Log, clock: Clock) -> None:
        self.log, self.clock = log, clock
        self.picture = Picture()
        self._shared = log if isinstance(log, SharedLog) and log.shared else None
        self._head = GENESIS  # hash of the last entry in the picture
        self._alone = self._shared is None  # nobody else wrote when we looked last
        self.timed: Timed | None = None  # set where somebody measures the commits
        self._lock = asyncio.Lock()  # whoever holds it writes
        self._through: dict[Lane, int] = {}  # how far each outbox is in the log
        self._listeners: list[Listener] = []

    @classmethod
    def open(cls, log: Log, clock: Clock, hear: Listener | None = None, carried: Carried = BLANK) -> Self:
        """`hear`: a listener that is told of what is there already, too. `carried`: a picture to begin with; then only
        what follows in the log is read, checked and told.

        Raises ChainBroken when the log does not hold together: nobody decides on a record that was altered.
        Of its checkpoints the newest is enough: whoever changed what older ones sealed has changed its hash, too.
        """
        book = cls(log, clock)
        course, book._head = Course(carried.picture), carried.hash
        follows = checked(log.read(course.seq), log.checkpoints()[-1:], count=course.seq, head=book._head)
        for entry in map(current, follows):
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
        self._alone = not entries
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
        """A log with a writer of its own is not waited for in yet another thread. Without the pen what we know must be
        all that there is."""
        with self._measured(len(drafts), time.perf_counter()):
            log, shared = self.log, self._shared
            if isinstance(log, QueuedLog):
                return await asyncio.wrap_future(self._hand_over(log, drafts))
            if shared is not None and not shared.has_pen:
                append = partial(shared.append_on, (self.picture.seq, self._head))
            else:
                append = log.append
            return await asyncio.to_thread(append, drafts) if log.blocking else append(drafts)

    def _hand_over(self, log: QueuedLog, drafts: list[Draft], after: Written | None = None) -> Written:
        """To be written, behind what was handed over before it."""
        if isinstance(log, QueuedSharedLog) and self._shared is not None and not log.has_pen:
            return log.submit_on((self.picture.seq, self._head), drafts, after)
        return log.submit(drafts, after)

    @contextlib.contextmanager
    def _measured(self, entries: int, began_s: float) -> Iterator[None]:
        done = False
        try:
            with span("commit", entries=entries):
                yield
            done = True
        except CoordinationError as wrong:
            done = not isinstance(wrong, FeedLost)  # a lost claim is an answer, a full disk is none
            raise
        finally:
            if self.timed is not None:
                self.timed(time.perf_counter() - began_s, done=done)
