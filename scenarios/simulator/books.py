"""Where the books of a simulated run are kept: each hub's own, on its disk, or one for several hubs, on a server.

A book knows how many entries last (`durable`), and tells the history when there are more.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from random import Random
from typing import Protocol

from casebook.answers import AnswerShelf
from casebook.errors import CoordinationError, FeedLost
from casebook.log import Draft, Entry, Ground, Log, LogMovedOn, MemoryLog, Top, lay, storable
from scenarios.simulator.disks import FrameLog, Platter, altered
from scenarios.simulator.history import Committed, History
from scenarios.simulator.virtual_loop import Blocked, Process, VirtualLoop

PEN_S = 5.0  # after which the server takes the pen from who says nothing (casebook/store/postgres_pen.py)
LEAD_S = 5.0  # the leader's lease (casebook/store/peers.py)


class Keeper(Protocol):
    """`full`: it takes nothing more. `answers`: where those are found by all of its hubs."""

    name: str
    answers: AnswerShelf | None

    @property
    def durable(self) -> int: ...

    @property
    def full(self) -> bool: ...

    @full.setter
    def full(self, full: bool) -> None: ...

    def open(self) -> Log: ...

    def lost(self, log: Log | None, process: Process, rng: Random) -> None:
        """The hub that had this log open is gone, perhaps in the middle of a write."""
        ...

    def leads(self, hub: str) -> bool:
        """Whether this hub thinks for all of this book; asked again, it goes on to."""
        ...

    def altered_copy(self, rng: Random) -> tuple[Log, int] | None:
        """The book with one entry changed, and which; None where nobody can get at it."""
        ...


class OwnBook:
    """One hub's log on its disk."""

    answers: AnswerShelf | None = None

    def __init__(self, name: str, loop: VirtualLoop, history: History, kind: type[FrameLog]) -> None:
        self.name, self.durable, self._platter = name, 0, Platter()
        self._loop, self._history, self._kind = loop, history, kind
        self._is_there = False

    @property
    def full(self) -> bool:
        return self._platter.full

    @full.setter
    def full(self, full: bool) -> None:
        self._platter.full = full

    def open(self) -> FrameLog:
        log = self._kind(self._platter)
        log.committed, self._is_there = self._committed, True
        if (count := log.head()[0]) > self.durable:  # written when the hub died, told to nobody
            self._committed(self.durable + 1, count)
        return log

    def lost(self, log: Log | None, process: Process, rng: Random) -> None:
        """What was being written is torn off anywhere."""
        self._is_there = False
        flushed = self._platter.flushed
        if process.jobs and rng.random() < 0.5:
            with contextlib.suppress(CoordinationError):
                process.jobs[0].work()
        self._platter.flushed = flushed
        self._platter.lose_power(rng)

    def leads(self, hub: str) -> bool:
        return True

    def altered_copy(self, rng: Random) -> tuple[Log, int] | None:
        if not self._platter.data:
            return None
        platter = Platter()
        data, seq = altered(self._platter.data, rng)
        platter.data = bytearray(data)
        return self._kind(platter), seq

    def _committed(self, first: int, last: int) -> None:
        if self._is_there:
            self.durable = last
            self._history.told.append(Committed(self._loop.time(), self.name, first, last))


class CommonBook:
    """One log for several hubs on a server that does not fail; the hubs do, and their way to it (`full`: it is cut)."""

    def __init__(self, name: str, loop: VirtualLoop, history: History) -> None:
        self.name, self.full = name, False
        self.answers: AnswerShelf | None = CommonAnswers()
        self.truth = MemoryLog()
        self.pen: CommonLog | None = None
        self.pen_s = 0.0
        self._loop, self._history = loop, history
        self._leader, self._leads_until_s = "", 0.0

    @property
    def durable(self) -> int:
        return self.truth.head()[0]

    def open(self) -> CommonLog:
        return CommonLog(self)

    def lost(self, log: Log | None, process: Process, rng: Random) -> None:
        """What it had sent may still be done; then the server notices that it is gone."""
        if process.jobs and rng.random() < 0.5:
            with contextlib.suppress(CoordinationError, Blocked):
                process.jobs[0].work()
        if self.pen is log:
            self.pen = None

    def leads(self, hub: str) -> bool:
        now_s = self._loop.time()
        if hub == self._leader or now_s >= self._leads_until_s:
            self._leader, self._leads_until_s = hub, now_s + LEAD_S
        return hub == self._leader

    def altered_copy(self, rng: Random) -> tuple[Log, int] | None:
        return None

    def hold_pen(self, log: CommonLog) -> None:
        """Raises Blocked while another hub has it, and FeedLost where the server cannot be reached."""
        self.answer()
        now_s = self._loop.time()
        if self.pen is not None and self.pen is not log and now_s - self.pen_s < PEN_S:
            raise Blocked
        if self.pen is not log:
            self.pen, self.pen_s = log, now_s

    def answer(self) -> None:
        if self.full:
            raise FeedLost("log_silent", where="server", why="cut")

    def write(self, drafts: Sequence[Draft]) -> list[Entry]:
        storable(drafts)
        truth = self.truth
        ground = Ground(*truth.head(), truth._claims, truth._rows)
        (laid,) = lay(ground, [drafts])
        if isinstance(laid, CoordinationError):
            raise laid
        truth._claims = ground.claims
        truth._entries += laid
        if laid:
            self._history.told.append(Committed(self._loop.time(), self.name, laid[0].seq, laid[-1].seq))
        return laid


class CommonLog:
    """A hub's connection to the common book: a SharedLog (casebook/log.py)."""

    blocking = shared = True

    def __init__(self, book: CommonBook) -> None:
        self._book, self._known = book, -1
        truth = book.truth
        self.read, self.head, self.through = truth.read, truth.head, truth.through
        self.find_asked, self.checkpoints, self.adopt = truth.find_asked, truth.checkpoints, truth.adopt

    @property
    def has_pen(self) -> bool:
        return self._known >= 0

    def take_pen(self, after: int) -> list[Entry]:
        self._book.hold_pen(self)
        self._known = self._book.durable
        return list(self.read(after))

    def lay_down_pen(self) -> None:
        self._known = -1
        if self._book.pen is self:
            self._book.pen = None

    def append(self, drafts: Sequence[Draft]) -> list[Entry]:
        return self._write(drafts, self._known)

    def append_on(self, top: Top, drafts: Sequence[Draft]) -> list[Entry]:
        return self._write(drafts, top[0])

    def _write(self, drafts: Sequence[Draft], known: int) -> list[Entry]:
        try:
            self._book.hold_pen(self)
            if known not in (-1, self._book.durable):
                raise LogMovedOn(where="server", count=self._book.durable, known=known)
            written = self._book.write(drafts)
        except Blocked:
            raise
        except CoordinationError:
            self.lay_down_pen()
            raise
        self.lay_down_pen()
        return written

    def close(self) -> None:
        return


class CommonAnswers:
    """Answers that every hub of the book finds: an AnswerShelf (casebook/answers.py)."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, str]] = {}

    def find(self, key: str) -> tuple[str, str] | None:
        return self._kept.get(key)

    def keep(self, key: str, what: str, answer: str, at: str, before: str) -> None:
        self._kept.setdefault(key, (what, answer))

    def close(self) -> None:
        return
