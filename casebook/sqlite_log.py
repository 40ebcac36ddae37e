"""The book in one SQLite file: WAL, synchronous=FULL, so that an entry that was acknowledged survives a power cut."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from casebook.errors import AlreadyHeld, RefusedInput
from casebook.log import GENESIS, By, Claim, Draft, Entry, Source, chained

SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE entry (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,
    at TEXT NOT NULL, recorded_at TEXT NOT NULL, role TEXT NOT NULL, who TEXT NOT NULL, origin TEXT NOT NULL,
    unit TEXT, epoch TEXT, unit_seq INTEGER, asked TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL,
    UNIQUE (unit, epoch, unit_seq)
) STRICT;
CREATE INDEX entry_asked ON entry (asked) WHERE asked <> '';
CREATE TABLE claim (key TEXT PRIMARY KEY, holder TEXT NOT NULL, until TEXT NOT NULL) STRICT;
"""
# One conditional write decides: nobody there, the same holder renewing, or a lease that has run out.
_TAKE = """
INSERT INTO claim (key, holder, until) VALUES (:key, :holder, :until)
ON CONFLICT (key) DO UPDATE SET holder = excluded.holder, until = excluded.until
WHERE claim.holder = excluded.holder OR claim.until <= :now
"""


class SqliteLog:
    """Opens the file, or makes it (`make`). Raises RefusedInput when it is not ours or newer than this program."""

    blocking = True

    def __init__(self, file: Path, *, make: bool = True) -> None:
        self.file, self._make = file, make
        self._lock = threading.RLock()  # one connection, several threads: nobody reads what may still be rolled back
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = not file.exists()
        try:
            self._db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA busy_timeout=5000")
            self._prepare()
        except sqlite3.DatabaseError as wrong:
            raise RefusedInput("log_unreadable", file=file.name, why=str(wrong)) from wrong
        if fresh:
            _sync_folder(file.parent)

    def _prepare(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0 and not self._make:
            raise RefusedInput("log_unreadable", file=self.file.name, why="no book in it")
        if version == 0:
            self._db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
        elif version > SCHEMA_VERSION:
            raise RefusedInput("log_too_new", file=self.file.name, version=version, known=SCHEMA_VERSION)

    def append(self, drafts: Sequence[Draft]) -> list[Entry]:
        """All or nothing; on the disk when it returns. Raises AlreadyHeld when a claim is lost."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                count, head = self.head()
                fresh = chained(drafts, count, head)
                for draft in drafts:
                    for claim in draft.claims:
                        self._claim(claim, draft.recorded_at)
                self._db.executemany(f"INSERT INTO entry VALUES ({','.join('?' * 15)})", map(_row, fresh))
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
        return fresh

    def _claim(self, claim: Claim, now: datetime) -> None:
        if claim.until is None:
            self._db.execute("DELETE FROM claim WHERE key = ? AND ? IN (holder, '*')", (claim.key, claim.holder))
            return
        # Compared as text, so both in UTC.
        until, now_utc = _text(claim.until.astimezone(UTC)), _text(now.astimezone(UTC))
        named = {"key": claim.key, "holder": claim.holder, "until": until, "now": now_utc}
        if self._db.execute(_TAKE, named).rowcount == 0:
            holder = self._db.execute("SELECT holder FROM claim WHERE key = ?", (claim.key,)).fetchone()[0]
            resource, _, rest = claim.key.partition(":")
            raise AlreadyHeld(resource=resource, hospital=rest, holder=holder)

    def read(self, after: int = 0) -> Iterator[Entry]:
        while True:
            with self._lock:
                query = "SELECT * FROM entry WHERE seq > ? ORDER BY seq LIMIT 1000"
                rows = self._db.execute(query, (after,)).fetchall()
            if not rows:
                return
            for row in rows:
                yield _entry(row)
            after = rows[-1][0]

    def head(self) -> tuple[int, str]:
        with self._lock:
            row = self._db.execute("SELECT seq, hash FROM entry ORDER BY seq DESC LIMIT 1").fetchone()
        return row or (0, GENESIS)

    def through(self, unit: str, epoch: str) -> int:
        query = "SELECT coalesce(max(unit_seq), 0) FROM entry WHERE unit = ? AND epoch = ?"
        with self._lock:
            return self._db.execute(query, (unit, epoch)).fetchone()[0]

    def find_asked(self, key: str) -> list[int]:
        if not key:
            return []
        with self._lock:
            rows = self._db.execute("SELECT seq FROM entry WHERE asked = ? ORDER BY seq", (key,)).fetchall()
        return [seq for (seq,) in rows]

    def close(self) -> None:
        self._db.close()


def _text(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")


def _row(entry: Entry) -> tuple[object, ...]:
    source = entry.source
    return (
        entry.seq, entry.kind, entry.version, msgspec.json.encode(entry.body).decode(), _text(entry.at),
        _text(entry.recorded_at), entry.by.role, entry.by.who, entry.by.origin,
        source.unit if source else None, source.epoch if source else None, source.seq if source else None,
        entry.asked, entry.prev, entry.hash,
    )  # fmt: skip


def _entry(row: tuple) -> Entry:
    try:
        body = msgspec.json.decode(row[3])
    except msgspec.DecodeError:
        body = {"unreadable": row[3]}  # the chain check will name it
    source = Source(row[9], row[10], row[11]) if row[9] is not None else None
    at, recorded_at = datetime.fromisoformat(row[4]), datetime.fromisoformat(row[5])
    by = By(row[6], row[7], row[8])
    return Entry(row[0], row[1], row[2], body, at, recorded_at, by, source, row[12], row[13], row[14])


def _sync_folder(folder: Path) -> None:
    """A new file is only there after its folder was flushed too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
