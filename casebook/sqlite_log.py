"""The book in one SQLite file: WAL, synchronous=FULL, so that an entry that was acknowledged survives a power cut.

What may be written is decided by casebook/log.py; who writes when by casebook/store/group_commit.py.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from casebook.errors import FeedLost, RefusedInput
from casebook.log import GENESIS, Checkpoint, Claim, Draft, Entry, Ground, Laid, Top, Written, lay, storable
from casebook.store import rows as r
from casebook.store.group_commit import GroupWriter
from casebook.store.migrations import NEWEST, SQLITE, WITH_CHECKPOINTS, steps_from

FULL = 2  # PRAGMA synchronous: flushed at every commit
LASTING_JOURNALS = (
    "wal",
    "delete",
    "truncate",
    "persist",
)  # with FULL each survives a power cut; memory and off do not
BUSY_MS = 5000  # how long a write waits for another process's
PAGE = 1000  # entries read at a time
ONE = f"({','.join('?' * r.WIDTH)})"
ADD = f"INSERT INTO entry ({r.COLUMNS}) VALUES {ONE}"
# Rows that one statement writes, most first. Between statements Python's lock changes hands, and who wants it back from
# a busy loop waits up to 5 ms for it: a statement for each row would make a commit of 250 rows last a second.
AT_ONCE = {rows: f"{ADD}{f', {ONE}' * (rows - 1)}" for rows in (250, 50, 10, 3, 1)}
ADD_CHECKPOINT = f"INSERT OR REPLACE INTO checkpoint ({r.CHECKPOINT}) VALUES (?,?,?,?,?)"
HOLD = "INSERT OR REPLACE INTO claim (key, holder, until) VALUES (?, ?, ?)"

Sign = Callable[[Entry], Checkpoint]


class SqliteLog:
    """Opens the file, or makes it (`make`); brings an older file up to date unless it is only looked at (not `make`).

    `sign`: what signs the head from time to time. Raises RefusedInput: it is not ours (`log_unreadable`), newer than
    this program (`log_too_new`), or on what forgets in a power cut (`log_forgets`).
    """

    blocking = True

    def __init__(self, file: Path, *, make: bool = True, sign: Sign | None = None) -> None:
        self.file, self._make, self._sign = file, make, sign
        self._lock = threading.RLock()  # one connection, several threads: nobody reads what may still be rolled back
        self._writer = GroupWriter(file.name, self._commit, self._checkpoint if sign else None)
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = not file.exists()
        try:
            self._db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
            self._db.execute(f"PRAGMA busy_timeout={BUSY_MS}")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._must_last()
            self._version = self._prepare()
        except sqlite3.DatabaseError as wrong:
            raise RefusedInput("log_unreadable", file=file.name, why=str(wrong)) from wrong
        if fresh:
            _sync_folder(file.parent)

    def _must_last(self) -> None:
        journal = self._db.execute("PRAGMA journal_mode").fetchone()[0]
        flushed = self._db.execute("PRAGMA synchronous").fetchone()[0]
        if journal not in LASTING_JOURNALS or flushed < FULL:
            raise RefusedInput("log_forgets", where=self.file.name, setting="journal_mode", value=journal)

    def _prepare(self) -> int:
        """The number of the file's format, after it was brought up to date."""
        version = self._format()
        if version > NEWEST:
            raise RefusedInput("log_too_new", file=self.file.name, version=version, known=NEWEST)
        if version == 0 and not self._make:
            raise RefusedInput("log_unreadable", file=self.file.name, why="no book in it")
        if not self._make or version == NEWEST:
            return version
        with self._transaction():
            for number, step in steps_from(self._format(), SQLITE):  # asked again: another process may have been first
                for statement in filter(str.strip, step.split(";")):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {number}")
        return NEWEST

    def _format(self) -> int:
        return self._db.execute("PRAGMA user_version").fetchone()[0]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """One write transaction; others wait from its beginning, so that what is read in it stays so."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # some errors, such as a full disk, have rolled back already
                    self._db.execute("ROLLBACK")
                raise

    # --- writing

    def append(self, drafts: Sequence[Draft]) -> list[Entry]:
        """All or nothing; on the disk when it returns. Raises AlreadyHeld when a claim is lost, RowTwice."""
        return self.submit(drafts).result()

    def submit(self, drafts: Sequence[Draft], after: Written | None = None) -> Written:
        """The same, answered later; what queues meanwhile shares one flush. `after`: see QueuedLog."""
        storable(drafts)
        return self._writer.submit(drafts, after)

    def _commit(self, batches: Sequence[Sequence[Draft]], _: Top | None = None) -> Sequence[Laid]:
        """Outbox rows that are here already are looked for only after the table has refused one: they are rare."""
        with self._told():
            try:
                return self._write(batches, look=False)
            except sqlite3.IntegrityError:
                return self._write(batches, look=True)

    def _write(self, batches: Sequence[Sequence[Draft]], *, look: bool) -> Sequence[Laid]:
        with self._transaction():
            ground = self._ground(batches, look)
            before = dict(ground.claims)
            laid = lay(ground, batches)
            written = [entry for one in laid if isinstance(one, list) for entry in one]
            add_rows(self._db, r.rows_of(written))
            gone, held = r.claims_changed(before, ground)
            self._db.executemany("DELETE FROM claim WHERE key = ?", [(key,) for key in gone])
            self._db.executemany(HOLD, map(r.claim_row, held))
        return laid

    @contextmanager
    def _told(self) -> Iterator[None]:
        """A full disk or a failing one: nothing was written, and the asker hears it in words."""
        try:
            yield
        except sqlite3.Error as wrong:
            raise FeedLost("log_silent", where=self.file.name, why=str(wrong)) from wrong

    def _ground(self, batches: Sequence[Sequence[Draft]], look: bool) -> Ground:
        claims: dict[str, Claim] = {}
        for key in r.keys_wanted(batches):
            query = "SELECT key, holder, until FROM claim WHERE key = ?"
            claims |= {row[0]: r.claim_of(row) for row in self._db.execute(query, (key,))}
        here = "SELECT 1 FROM entry WHERE unit = ? AND epoch = ? AND unit_seq = ?"
        brought = r.rows_brought(batches) if look else []
        present = {one for one in brought if self._db.execute(here, (one.unit, one.epoch, one.seq)).fetchone()}
        return Ground(*self.head(), claims, present)

    def _checkpoint(self) -> None:
        assert self._sign is not None
        with self._lock:
            last = next(self.read(self.head()[0] - 1))
            self._db.execute(ADD_CHECKPOINT, r.checkpoint_row(self._sign(last)))

    def adopt(self, entries: Sequence[Entry], claims: Sequence[Claim], checkpoints: Sequence[Checkpoint]) -> None:
        with self._transaction():
            if count := self.head()[0]:
                raise RefusedInput("log_not_empty", file=self.file.name, count=count)
            add_rows(self._db, r.rows_of(entries))
            self._db.executemany(HOLD, map(r.claim_row, claims))
            self._db.executemany(ADD_CHECKPOINT, map(r.checkpoint_row, checkpoints))

    # --- reading

    def _find(self, query: str, *values: object) -> list[tuple]:
        """Raises FeedLost (`log_silent`) where the file itself is damaged or the disk fails."""
        with self._lock, self._told():
            return self._db.execute(query, values).fetchall()

    def read(self, after: int = 0) -> Iterator[Entry]:
        query = f"SELECT {r.COLUMNS} FROM entry WHERE seq > ? ORDER BY seq LIMIT {PAGE}"
        while found := self._find(query, after):
            for row in found:
                yield r.entry_of(row)
            after = found[-1][0]

    def head(self) -> tuple[int, str]:
        found = self._find("SELECT seq, hash FROM entry ORDER BY seq DESC LIMIT 1")
        return found[0] if found else (0, GENESIS)

    def through(self, unit: str, epoch: str) -> int:
        query = "SELECT coalesce(max(unit_seq), 0) FROM entry WHERE unit = ? AND epoch = ?"
        return self._find(query, unit, epoch)[0][0]

    def find_asked(self, key: str) -> list[int]:
        if not key:
            return []
        return [seq for (seq,) in self._find("SELECT seq FROM entry WHERE asked = ? ORDER BY seq", key)]

    def checkpoints(self) -> list[Checkpoint]:
        if self._version < WITH_CHECKPOINTS:
            return []
        return [r.checkpoint_of(row) for row in self._find(f"SELECT {r.CHECKPOINT} FROM checkpoint ORDER BY seq")]

    def close(self) -> None:
        self._writer.close()
        with self._lock:
            self._db.close()


def add_rows(database: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Entries into their table, in few statements."""
    start = 0
    for size, statement in AT_ONCE.items():
        while len(rows) - start >= size:
            database.execute(statement, tuple(chain.from_iterable(rows[start : start + size])))
            start += size


def _sync_folder(folder: Path) -> None:
    """A new file is only there after its folder was flushed too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
