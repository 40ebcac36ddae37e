"""Keep the pages of holds in one SQLite file (WAL, synchronous=FULL) that several processes of one machine share."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from casebook.errors import FeedLost
from casebook.holds.granting import Leases, Page
from casebook.holds.store import Stand

BUSY_MS = 10_000  # how long a write waits for another process's before the store counts as silent
TABLE = """
CREATE TABLE IF NOT EXISTS held (
    hospital TEXT NOT NULL, resource TEXT NOT NULL, seq INTEGER NOT NULL, leases TEXT NOT NULL,
    PRIMARY KEY (hospital, resource)
) STRICT, WITHOUT ROWID
"""
# The one conditional write: a new page, or one that nobody has changed since it was read.
SWAP = """
INSERT INTO held (hospital, resource, seq, leases) VALUES (?, ?, ?, ?)
ON CONFLICT (hospital, resource) DO UPDATE SET seq = excluded.seq, leases = excluded.leases
WHERE held.seq = excluded.seq - 1
"""


class SqliteShelf:
    """Opens the file, or makes it. Raises FeedLost (`hold_store_silent`) when it cannot."""

    def __init__(self, file: Path) -> None:
        self._file, self._lock = file, threading.Lock()  # one connection, used by one thread at a time
        file.parent.mkdir(parents=True, exist_ok=True)
        with self._told():
            self._db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
            self._db.execute(f"PRAGMA busy_timeout={BUSY_MS}")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute(TABLE)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as wrong:
            raise FeedLost("hold_store_silent", where=self._file.name, why=str(wrong)) from wrong

    async def read(self, pages: Sequence[Page]) -> dict[Page, Stand]:
        return await asyncio.to_thread(self._read, pages)

    def _read(self, pages: Sequence[Page]) -> dict[Page, Stand]:
        query = "SELECT hospital, resource, seq, leases FROM held"
        with self._lock, self._told():
            if not pages:
                rows = self._db.execute(query).fetchall()
            else:
                one = f"{query} WHERE hospital = ? AND resource = ?"
                found = (self._db.execute(one, (page.hospital, page.resource)).fetchone() for page in pages)
                rows = [row for row in found if row is not None]
        return {Page(hospital, resource): (seq, read_leases(text)) for hospital, resource, seq, text in rows}

    async def swap(self, changes: Mapping[Page, Stand]) -> set[Page]:
        return await asyncio.to_thread(self._swap, changes)

    def _swap(self, changes: Mapping[Page, Stand]) -> set[Page]:
        with self._lock, self._told():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                written = {
                    page
                    for page, (seq, leases) in changes.items()
                    if self._db.execute(SWAP, (page.hospital, page.resource, seq, write_leases(leases))).rowcount == 1
                }
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
        return written

    async def close(self) -> None:
        with self._lock:
            self._db.close()


def write_leases(leases: Leases) -> str:
    return msgspec.json.encode(leases).decode()


def read_leases(text: str) -> Leases:
    return msgspec.json.decode(text, type=Leases)
