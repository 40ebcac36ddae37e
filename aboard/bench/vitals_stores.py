"""The bare stores as peers: the same rows into the same tables, with as many rows to a commit, flushed each time.

Nothing is decided, chained or folded here; that is what the hub adds.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg

from aboard.bench.postgres_server import find_postgres, running_postgres
from aboard.bench.vitals_fleet import EPOCH, VITALS
from casebook import events as e
from casebook.clock import WallClock
from casebook.drafting import draft_of
from casebook.log import GENESIS, By, Source, chained
from casebook.sqlite_log import ADD, SqliteLog
from casebook.store.postgres_log import ADD as ADD_MANY
from casebook.store.postgres_log import PostgresLog
from casebook.store.rows import rows_of

PREPARED = 20_000  # rows made before the clock starts; a store that is through with them has ended
Batch = list[tuple[Any, ...]]


def prepared(rows: int, per_commit: int) -> Iterator[Batch]:
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


def sqlite_us(seconds: float, per_commit: int) -> float:
    """Microseconds for each row in a file of its own, WAL and synchronous=FULL."""
    with tempfile.TemporaryDirectory(prefix="aboard-bench-") as folder:
        file = Path(folder) / "raw.sqlite"
        SqliteLog(file).close()
        database = sqlite3.connect(file, isolation_level=None)
        database.execute("PRAGMA synchronous=FULL")
        batches = list(prepared(PREPARED, per_commit))
        began_s, rows = time.perf_counter(), 0
        for batch in batches:
            database.execute("BEGIN IMMEDIATE")
            database.executemany(ADD, batch)
            database.execute("COMMIT")
            rows += len(batch)
            if time.perf_counter() - began_s >= seconds:
                break
        took_s = time.perf_counter() - began_s
        database.close()
    return 1e6 * took_s / rows


def postgres_us(seconds: float, per_commit: int) -> float | None:
    """The same in a PostgreSQL of its own; None where none is installed."""
    programs = find_postgres()
    if programs is None:
        return None
    with running_postgres(programs) as url:
        PostgresLog(url).close()
        return asyncio.run(_postgres_us(url, seconds, per_commit))


async def _postgres_us(url: str, seconds: float, per_commit: int) -> float:
    connection = await asyncpg.connect(url)
    try:
        columns = [list(map(list, zip(*batch, strict=True))) for batch in prepared(PREPARED, per_commit)]
        began_s, rows = time.perf_counter(), 0
        for batch in columns:
            await connection.execute(ADD_MANY, *batch)
            rows += len(batch[0])
            if time.perf_counter() - began_s >= seconds:
                break
        return 1e6 * (time.perf_counter() - began_s) / rows
    finally:
        await connection.close()
