"""One writer per store: whatever has queued while the last transaction was flushed goes into the next one.

A keeper gives it `commit`, which writes many batches in one transaction (where an entry is given, only behind that) and
tells each batch's outcome, and `seal`, which signs the head. One that can chain a batch while the one before it is
still being written gives `begin`, too; whoever hands a batch over does that itself while the writer rests. Asks neither
what a batch says nor where it goes.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from functools import partial

from casebook.errors import CoordinationError
from casebook.log import Draft, Laid, LogMovedOn, Top, Written

log = logging.getLogger(__name__)
GROUP_DRAFTS = 5000  # drafts after which a transaction takes no further batch: about 50 ms of hashing
SEAL_ENTRIES, SEAL_S = 1000, 60.0  # a checkpoint is signed after so many entries, or so many wall seconds
# Wall seconds between two of them however much is written: each is two flushes more, and the writer makes them.
SEAL_REST_S = 1.0

Commit = Callable[[Sequence[Sequence[Draft]], Top | None], Sequence[Laid]]
# Chain a batch on the entry that will be the last before it, and have it written behind what was begun before, without
# waiting for that: the last of its own entries, and the answer to come. True: it rests on what was begun just before
# it, and where that was not written, it is not, either (LogMovedOn). None: not in this way.
Begin = Callable[[Top, Sequence[Draft], bool], tuple[Top, Written] | None]


@dataclass(slots=True)
class _Turn:
    drafts: Sequence[Draft]
    after: Written | None = None
    on: Top | None = None
    answer: Written = field(default_factory=Future)

    def rests_on_nothing(self) -> bool:
        """Whether that which it rests on was not written. That has its answer when this has its turn."""
        return self.after is not None and (self.after.cancelled() or self.after.exception() is not None)

    def top(self) -> Top | None:
        """The entry that has to be the last one before it."""
        if self.on is None or self.after is None:
            return self.on
        last = self.after.result()[-1]
        return last.seq, last.hash


@dataclass(frozen=True, slots=True)
class _Begun:
    """What is on its way: the answer that its turn gets, the last of its entries, and the keeper's answer."""

    answer: Written
    last: Top
    done: Written


class GroupWriter:
    """`submit` from any thread. The thread starts with the first batch and ends with `close`."""

    def __init__(
        self, name: str, commit: Commit, seal: Callable[[], None] | None = None, begin: Begin | None = None
    ) -> None:  # fmt: skip
        self._name, self._commit, self._seal, self._begin = name, commit, seal, begin
        self._turns: queue.SimpleQueue[_Turn | None] = queue.SimpleQueue()
        self._gate = threading.Lock()  # nobody queues behind the end
        self._busy = threading.Lock()  # who holds it begins, writes or signs
        self._thread: threading.Thread | None = None
        self._next: _Turn | None = None  # taken from the queue, for the transaction after this one
        self._begun: _Begun | None = None  # the last of those that may still be on their way
        self._closed = False
        self._unsealed, self._sealed_s = 0, time.monotonic()

    def submit(self, drafts: Sequence[Draft], after: Written | None = None, on: Top | None = None) -> Written:
        """Answered when the batch is on the disk, or with why nothing of it was written.

        `after`: the answer of one that was submitted before; where that was not written, this is not, either. `on`:
        only where this is the last entry, or the last of `after`, which then has one.
        """
        turn = _Turn(drafts, after, on)
        with self._gate:
            if self._closed:
                raise RuntimeError(f"{self._name} is closed")
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_on, name=f"write {self._name}", daemon=True)
                self._thread.start()
            elif (begun := self._begun_at_once(drafts, after, on)) is not None:
                return begun
            self._turns.put(turn)
        return turn.answer

    def _begun_at_once(self, drafts: Sequence[Draft], after: Written | None, on: Top | None) -> Written | None:
        """The answer of what the caller itself has begun, while the writer rests: what is chained where it was made is
        still at hand there, and no thread waits for another. None: the writer's. Waits for nothing."""
        if self._begin is None or on is None or not self._busy.acquire(blocking=False):
            return None
        try:
            turn, unsealed = _Turn(drafts, after, on), self._unsealed
            turn.answer.set_running_or_notify_cancel()
            if self._next is not None or not self._turns.empty() or self._would_wait(turn) or not self._has_begun(turn):
                return None
            if unsealed == 0 or unsealed < SEAL_ENTRIES <= self._unsealed:
                self._turns.put(_woken())  # a signature is due sooner than the writer knows
            return turn.answer
        finally:
            self._busy.release()

    def _would_wait(self, turn: _Turn) -> bool:
        """Whether it can be begun only when something that is on its way, or still to come, has its answer."""
        if self._begun is not None and turn.after is self._begun.answer:
            return False
        return any(one is not None and not one.done() for one in (turn.after, self._begun and self._begun.done))

    def close(self) -> None:
        """Write what has queued, sign the head, end."""
        with self._gate:
            closed, self._closed = self._closed, True
            if not closed:
                self._turns.put(None)
        if self._thread is not None:
            self._thread.join()

    def _write_on(self) -> None:
        ending = False
        while not ending:
            turn, ending = self._wait()
            with self._busy:
                if turn is not None and not self._has_begun(turn):
                    self._settle()
                    turns, ending = self._with_queued(turn)
                    self._write(turns)
                self._seal_when_due(ending)
        self._settle()

    def _wait(self) -> tuple[_Turn | None, bool]:
        """The next turn, or None: nobody waits for this one any more, a signature is due, or (True) the end is."""
        turn, self._next = self._next, None
        if turn is not None:
            return turn, False
        wait_s = max(0.0, self._seal_due_s - time.monotonic()) if self._unsealed and self._seal else None
        try:
            turn = self._turns.get(timeout=wait_s)
        except queue.Empty:
            return None, False
        return (turn if turn is not None and turn.answer.set_running_or_notify_cancel() else None), turn is None

    def _has_begun(self, turn: _Turn) -> bool:
        """Whether it is on its way behind what already was."""
        if self._begin is None or turn.on is None:
            return False
        before, rests = self._begun, self._begun is not None and turn.after is self._begun.answer
        if not rests:
            self._settle()
            if turn.rests_on_nothing():
                return False
        begun = None
        with contextlib.suppress(Exception):  # whatever is wrong with it, `_write` finds again and tells
            top = before.last if before is not None and rests else turn.top()
            begun = self._begin(top, turn.drafts, rests) if top is not None else None
        if begun is None:
            return False
        self._begun = _Begun(turn.answer, *begun)
        self._unsealed += len(turn.drafts)
        self._begun.done.add_done_callback(partial(_pass_on, turn.answer))
        return True

    def _settle(self) -> None:
        """Wait until nothing is on its way."""
        if self._begun is not None:
            wait([self._begun.done])
            self._begun = None

    def _with_queued(self, first: _Turn) -> tuple[list[_Turn], bool]:
        """It and what else has queued, but nothing that rests on one of these; True: then the end is due."""
        turns, drafts = [first], len(first.drafts)
        with contextlib.suppress(queue.Empty):
            while drafts < GROUP_DRAFTS:
                turn = self._turns.get_nowait()
                if turn is None:
                    return turns, True
                if not turn.answer.set_running_or_notify_cancel():
                    continue
                if any(turn.after is one.answer for one in turns):
                    self._next = turn
                    break
                turns.append(turn)
                drafts += max(1, len(turn.drafts))
        return turns, False

    def _write(self, turns: Sequence[_Turn]) -> None:
        for turn in [one for one in turns if one.rests_on_nothing()]:
            turn.answer.set_exception(LogMovedOn(where=self._name, count="?", known="?"))
        turns = [turn for turn in turns if not turn.answer.done()]
        if not turns:
            return
        try:
            top = next((turn.top() for turn in turns if turn.on is not None), None)
            outcomes = self._commit([turn.drafts for turn in turns], top)
        except BaseException as wrong:  # noqa: BLE001 - whoever waits must hear, whatever it was
            for turn in turns:
                turn.answer.set_exception(wrong)
            return
        for turn, outcome in zip(turns, outcomes, strict=True):
            if isinstance(outcome, CoordinationError):
                turn.answer.set_exception(outcome)
            else:
                self._unsealed += len(outcome)
                turn.answer.set_result(outcome)

    @property
    def _seal_due_s(self) -> float:
        """When what was written since the last signature is to be signed, on the monotonic clock."""
        return self._sealed_s + (SEAL_REST_S if self._unsealed >= SEAL_ENTRIES else SEAL_S)

    def _seal_when_due(self, ending: bool) -> None:
        if self._seal is None or not self._unsealed or not (ending or time.monotonic() >= self._seal_due_s):
            return
        self._settle()  # what is counted is to be in the log
        try:
            self._seal()
            self._unsealed = 0
        except Exception:
            log.exception("%s: the head could not be signed; tried again later", self._name)
        self._sealed_s = time.monotonic()


def _woken() -> _Turn:
    """A turn for which nobody waits: it has the writer look whether a signature is due."""
    turn = _Turn(())
    turn.answer.cancel()
    return turn


def _pass_on(answer: Written, done: Written) -> None:
    if (wrong := done.exception()) is not None:
        answer.set_exception(wrong)
    else:
        answer.set_result(done.result())
