"""The bare stores as peers: the very rows that a hub committed, in the very commits, into a store as large as its own.

Nothing is received, decided, chained, folded or shown here: that is what the hub adds. The entries of one commit were
recorded at one instant, and no other commit at the same.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from aboard.bench.faults.valkeys import Server
from aboard.bench.postgres_server import find_postgres, running_postgres
from aboard.bench.vitals_fleet import EPOCH, VITALS
from casebook import events as e
from casebook.clock import WallClock
from casebook.drafting import draft_of
from casebook.errors import FeedLost
from casebook.log import GENESIS, By, Source, chained
from casebook.sqlite_log import ADD, SqliteLog
from casebook.store.postgres_log import PostgresLog
from casebook.store.postgres_statements import ADD as ADD_MANY
from casebook.store.rows import COLUMNS, rows_of

BOOK = "book.sqlite"
FRESH_ROWS = 20_000
APPENDING = ("appendonly yes", "appendfsync always")
LOADED_AT_ONCE = 1000  # rows of a statement that brings a store to its size, before anything is timed
RECORDED_AT = COLUMNS.split(", ").index("recorded_at")
NTH = "SELECT seq FROM entry WHERE unit IS NOT NULL ORDER BY seq LIMIT 1 OFFSET ?"
Batch = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Part:
    """What a hub's `book` got after its entry `after`. `earlier` is the file as it stood then, page by page."""

    book: Path
    earlier: Path
    after: int

    def commits(self) -> Iterator[Batch]:
        """The rows as they are stored, a list for each commit."""
        with closing(sqlite3.connect(self.book)) as database:
            rows = database.execute(f"SELECT {COLUMNS} FROM entry WHERE seq > ? ORDER BY seq", (self.after,))
            for _, commit in groupby(rows, lambda row: row[RECORDED_AT]):
                yield list(commit)

    def before(self) -> Iterator[Batch]:
        """The rows before it."""
        with closing(sqlite3.connect(self.book)) as database:
            rows = database.execute(f"SELECT {COLUMNS} FROM entry WHERE seq <= ? ORDER BY seq", (self.after,))
            while batch := rows.fetchmany(LOADED_AT_ONCE):
                yield batch


def begin_part(book: Path) -> Part:
    """From here on. The hub may go on meanwhile."""
    earlier = book.with_name("earlier.sqlite")
    with closing(sqlite3.connect(book)) as now, closing(sqlite3.connect(earlier)) as copy:
        now.backup(copy)
        return Part(book, earlier, copy.execute("SELECT coalesce(max(seq), 0) FROM entry").fetchone()[0])


async def taken_from(url: str, book: Path, rows: int) -> Part:
    """What the book on a server holds, taken over into a file that is like a hub's. The part is what came after so many
    rows of vehicles."""
    SqliteLog(book).close()
    connection = await asyncpg.connect(url)
    with closing(sqlite3.connect(book)) as database:
        async with connection.transaction():
            async for row in connection.cursor(f"SELECT {COLUMNS} FROM entry ORDER BY seq", prefetch=LOADED_AT_ONCE):
                database.execute(ADD, tuple(row))
        database.commit()
        after = database.execute(NTH, (max(0, rows - 1),)).fetchone()
    await connection.close()
    return Part(book, book, after[0] if rows else 0)


def kept_in(book: Path) -> int:
    """Rows of vehicles that a book's file holds as vitals, not as refused."""
    return sum(kept_by(book).values())


def kept_by(book: Path) -> dict[str, int]:
    """The same by vehicle."""
    with closing(sqlite3.connect(book)) as database:
        query = "SELECT unit, count(*) FROM entry WHERE unit IS NOT NULL AND kind = ? GROUP BY unit"
        return dict(database.execute(query, (e.VitalsRecorded.name,)))


def sqlite_us(file: Path, commits: Iterable[Batch]) -> float:
    """Microseconds for each row written into this file of a book, WAL and synchronous=FULL; reading it is not timed."""
    took_s, rows = 0.0, 0
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        for commit in commits:
            began_s = time.perf_counter()
            database.execute("BEGIN IMMEDIATE")
            database.executemany(ADD, commit)
            database.execute("COMMIT")
            took_s += time.perf_counter() - began_s
            rows += len(commit)
    return 1e6 * took_s / max(1, rows)


def postgres_us(before: Iterable[Batch], commits: Iterable[Batch]) -> float | None:
    """The same in a PostgreSQL of its own that holds `before`; None where none is installed."""
    programs = find_postgres()
    if programs is None:
        return None
    with running_postgres(programs) as url:
        PostgresLog(url).close()
        return asyncio.run(_postgres_us(url, before, commits))


async def _postgres_us(url: str, before: Iterable[Batch], commits: Iterable[Batch]) -> float:
    took_s, rows = 0.0, 0
    connection = await asyncpg.connect(url)
    try:
        for batch in before:
            await connection.execute(ADD_MANY, *columns_of(batch))
        await connection.execute("CHECKPOINT")
        for commit in commits:
            columns = columns_of(commit)
            began_s = time.perf_counter()
            await connection.execute(ADD_MANY, *columns)
            took_s += time.perf_counter() - began_s
            rows += len(commit)
        return 1e6 * took_s / max(1, rows)
    finally:
        await connection.close()


def valkey_us(folder: Path, commits: Iterable[Batch]) -> float | None:
    """The same in a Valkey that flushes before it answers (`appendfsync always`): an entry of a stream for each row, a
    commit in one way there and back. It keeps no index of them. None where this machine has no such program."""
    server = Server(folder / "valkey", "127.0.0.1", APPENDING)
    try:
        server.start()
    except FeedLost:
        return None
    try:
        return asyncio.run(_valkey_us(server, commits))
    finally:
        server.kill()


async def _valkey_us(server: Server, commits: Iterable[Batch]) -> float:
    await server.answers()
    client, took_s, rows = server.client(), 0.0, 0
    try:
        for commit in commits:
            texts = [msgspec.json.encode(row) for row in commit]
            began_s = time.perf_counter()
            pipe = client.pipeline(transaction=False)
            for text in texts:
                pipe.execute_command("XADD", "entry", "*", "row", text)
            await pipe.execute()
            took_s += time.perf_counter() - began_s
            rows += len(commit)
        assert await client.xlen("entry") == rows, "a peer that lost rows is no peer"
        return 1e6 * took_s / max(1, rows)
    finally:
        await client.aclose()


def columns_of(batch: Batch) -> list[list[Any]]:
    return list(map(list, zip(*batch, strict=True)))


def fresh_us(folder: Path, per_commit: int) -> dict[str, float | None]:
    """By peer, the same for rows made here into empty stores: each unit's first, in the order of the units."""
    file = folder / "fresh.sqlite"
    SqliteLog(file).close()
    rows = list(made(FRESH_ROWS, per_commit))
    return {"fresh_sqlite": sqlite_us(file, rows), "fresh_postgres": postgres_us([], rows)}


def made(rows: int, per_commit: int) -> Iterator[Batch]:
    """Whole entries as the stores keep them, a list of them for each commit."""
    at = WallClock().now()
    drafts = [
        draft_of(
            e.VitalsRecorded(f"C{n}", f"U{n}", VITALS), at + timedelta(milliseconds=n), at, By("paramedic", "bench"),
            Source(f"U{n}", EPOCH, 1), "",
        )
        for n in range(rows)
    ]  # fmt: skip
    entries = chained(drafts, 0, GENESIS)
    for start in range(0, rows, per_commit):
        yield rows_of(entries[start : start + per_commit])
