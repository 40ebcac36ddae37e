"""Keep the hub's picture carried forward beside its log, begin from it, and check behind the start what it stands on.

A book that a start reads in a second or two has none: it is read and checked whole. Of a longer one a start checks what
follows the picture, and the hub, once it serves, all that lies before, slowly; until then the signature says that this
hub had checked or written it. What is in the file, and what proves it, is casebook/store/carried.py's.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from aboard.health.judging import Concern
from casebook.book import Book
from casebook.ledger_now import LedgerNow
from casebook.log import GENESIS, ChainBroken, Entry, Log, verify
from casebook.store.carried import BLANK, Carried, NotTaken, pack, unpack
from casebook.store.seals import Seal
from media.sealed_file import DiskSeal, SealedElsewhere

if TYPE_CHECKING:
    from aboard.hub import Hub

log = logging.getLogger(__name__)
FILE = "book.carried"
EVERY = 100_000  # entries between two, and before the first: a start reads so many in about a second
AT_END = 20_000  # entries after which a hub that ends in order leaves one more
LOOK_S = 1.0
SHARE = 0.2  # of one core, while it is written
PAUSES = 50.0  # times what the last one took of a core, before the next: a fiftieth of it, however large it has grown
RETRY_S = 60.0  # after one that could not be written
TURN_S = 0.0002  # of Python's one lock; then others have theirs
CHECKED_AT_ONCE, CHECKING = 250, 0.05  # entries, some two milliseconds; share of one core


class Carrying:
    """`file`: where it lies. `hear`, to be told of every entry that a start reads or a hub writes, tells `ledger`.

    `every`, `at_end`: in entries, as above.
    """

    def __init__(
        self, file: Path, seal: Seal, disk: DiskSeal, ledger: LedgerNow, *, every: int = EVERY, at_end: int = AT_END
    ) -> None:
        self.file, self._seal, self._disk, self._ledger = file, seal, disk, ledger
        self._every, self._at_end = every, at_end
        self.kept = 0  # entries in the picture that is kept
        self._last: Entry | None = None
        self._next_s = float("-inf")
        self._one = threading.Lock()  # one is written at a time
        self._hurry = threading.Event()
        self._dropped = False

    def hear(self, entries: Sequence[Entry]) -> None:
        self._last = entries[-1]
        self._ledger.hear(entries)

    def find(self, book: Log) -> Carried:
        """What was kept, and the ledger as it was then; BLANK where nothing is there or it cannot be taken."""
        try:
            carried = unpack(self._disk.read(self.file), book, self._seal)
        except FileNotFoundError:
            return BLANK
        except (NotTaken, OSError, SealedElsewhere) as wrong:
            why = wrong.why if isinstance(wrong, NotTaken) else type(wrong).__name__
            log.warning("%s is not taken (%s): the whole log is read", self.file.name, why)
            return BLANK
        log.info("%s is taken: the log is read from entry %d on", self.file.name, carried.picture.seq + 1)
        self._ledger.take(carried.piles)
        self.kept = carried.picture.seq
        return carried

    # --- while the hub runs

    async def run(self, book: Book) -> None:
        """Until cancelled; then once more, where it is worth it."""
        try:
            while True:
                await asyncio.sleep(LOOK_S)
                if self._is_due(book, self._every) and time.monotonic() >= self._next_s:
                    await self._tried(book)
        except asyncio.CancelledError:
            self._hurry.set()
            if self._is_due(book, self._at_end):
                await self._tried(book)
            raise

    def _is_due(self, book: Book, after: int) -> bool:
        seq = book.picture.seq
        return not self._dropped and seq >= self._every and seq - self.kept >= after

    async def _tried(self, book: Book) -> None:
        began_s = time.monotonic()
        try:
            await self.keep(book)
            pause_s = PAUSES * SHARE * (time.monotonic() - began_s)
        except Exception:  # whatever it was: the hub does without, and its start reads more
            log.exception("%s could not be written; the older one stays", self.file.name)
            pause_s = RETRY_S
        self._next_s = time.monotonic() + pause_s

    async def keep(self, book: Book) -> None:
        """Write down what is so now. Raises OSError; then the older one stands."""
        picture, last = book.picture, self._last
        if last is None or last.seq != picture.seq:  # nothing was told since a start at its very end
            return
        piles = self._ledger.kept()
        await asyncio.to_thread(self._write, lambda rest: pack(picture, last, piles, self._seal, rest))
        self.kept = max(self.kept, picture.seq)

    def _write(self, packed: Callable[[Callable[[], None]], bytes]) -> None:
        with self._one:
            content = self._disk.sealed(packed(Turns(self._hurry).rest))
            draft = self.file.with_name(f"{self.file.name}.draft")
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:  # noqa: PTH123
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
            draft.replace(self.file)
            if self._dropped:
                self.file.unlink()
            folder = os.open(self.file.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def drop(self) -> None:
        """No start may begin from it, nor from a later one of this hub."""
        self._dropped = True
        self.file.unlink(missing_ok=True)


class Turns:
    """Lets others have Python's one lock now and then; not where somebody waits for the end."""

    def __init__(self, hurry: threading.Event) -> None:
        self._hurry, self._began_s = hurry, time.thread_time()

    def rest(self) -> None:
        took_s = time.thread_time() - self._began_s
        if took_s >= TURN_S:
            self._hurry.wait(took_s * (1 / SHARE - 1))
            self._began_s = time.thread_time()


class Behind:
    """Checks, beside the hub's work, the part of the chain that its start did not read.

    `open_log`: a log of its own to read, so that nobody who writes waits. `left`: entries that are still to be checked.
    """

    def __init__(self, carried: Carried, open_log: Callable[[], Log], found: Callable[[Concern], None]) -> None:
        self._through, self._hash = carried.picture.seq, carried.hash
        self._open_log, self._found = open_log, found
        self._count, self._head = 0, GENESIS

    @property
    def left(self) -> int:
        return self._through - self._count

    async def run(self) -> None:
        """For ever. Raises FeedLost; called again it goes on where it was."""
        opened = await asyncio.to_thread(self._open_log)
        try:
            await self.check(opened)
        finally:
            await asyncio.to_thread(opened.close)
        await asyncio.Event().wait()

    async def check(self, book: Log) -> None:
        """Until all of it was checked, or an entry does not fit."""
        entries = book.read(self._count)
        while self.left > 0:
            began_s = time.monotonic()
            try:
                await asyncio.to_thread(self._check, entries)
            except ChainBroken as broken:
                seq, self._through = broken.facts["seq"], self._count
                log.error("entry %d of the log is not as it was written (%s)", seq, broken.facts["why"])
                self._found(Concern("log_altered", "stop", {"seq": seq}))
                return
            if self.left == 0:
                log.info("the %d entries before the picture that this hub began with hold", self._count)
            await asyncio.sleep((time.monotonic() - began_s) * (1 / CHECKING - 1))

    def _check(self, entries: Iterator[Entry]) -> None:
        some = islice(entries, min(CHECKED_AT_ONCE, self.left))
        before = self._count
        self._count, self._head = verify(some, self._count, self._head)
        if self._count == before:
            raise ChainBroken(seq=before + 1, why="missing", found="-")
        if self.left == 0 and self._head != self._hash:
            raise ChainBroken(seq=self._count, why="altered", found=self._head[:16])


def add_carrying(hub: Hub, carrying: Carrying, carried: Carried, open_log: Callable[[], Log]) -> None:
    """Let a hub keep its picture, and check what the start from `carried` did not read."""

    async def carry() -> None:
        await carrying.run(hub.book)

    def found(concern: Concern) -> None:
        hub.health.standing.append(concern)
        carrying.drop()  # the next start shall read all of it, and refuse

    behind = Behind(carried, open_log, found)
    hub.carrying, hub.behind = carrying, behind
    hub.works.append(carry)
    if behind.left:
        hub.works.append(behind.run)
