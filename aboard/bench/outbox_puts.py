"""How long a row takes onto the disk: through the outbox, and by bare stores with the very texts in the very commits.

The bare stores number, check, seal and count nothing: that is what the outbox adds. Nor do they know lanes or keys.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from redis import Redis

from aboard.bench.faults.valkeys import WAIT_S, Server
from aboard.bench.vitals_stores import APPENDING
from ambulance_unit.outbox import Outbox, Record
from ambulance_unit.outbox_rows import Texts
from ambulance_unit.reserve import RESERVE_BYTES

HERE, STREAM = "127.0.0.1", "row"
COLUMNS = "lane, seq, at, kind, body, who, origin, checksum"
TABLE = f"CREATE TABLE row ({COLUMNS}, PRIMARY KEY (lane, seq)) WITHOUT ROWID"
ADD = "INSERT INTO row VALUES (1, ?, ?, ?, ?, ?, ?, ?)"
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Put:
    """Microseconds for each row, commit by commit; `peers_us` by the name of the peer."""

    ours_us: Sequence[float]
    peers_us: dict[str, Sequence[float]]


def measure_puts(folder: Path, commits: Sequence[Sequence[Record]], key: bytes = b"", *, valkey: bool = True) -> Put:
    """One after the other, each into a new file. `valkey` False: this machine has no program of it."""
    folder.mkdir()
    ours_us = outbox_us(folder / "outbox.sqlite", commits, key)
    texts = texts_of(folder / "outbox.sqlite", [len(commit) for commit in commits])
    peers: dict[str, Sequence[float]] = {"bare_sqlite": sqlite_us(folder / "bare.sqlite", texts)}
    if valkey:
        with durable_valkey(folder / "valkey") as server:
            peers["bare_valkey"] = valkey_us(server, texts)
    return Put(ours_us, peers)


def outbox_us(file: Path, commits: Sequence[Sequence[Record]], key: bytes) -> list[float]:
    """The outbox as a vehicle opens it that was linked before: samples have a lane of their own."""
    with closing(Outbox(file, key=key, reserve_bytes=RESERVE_BYTES)) as box:
        box.begin_live({})
        return timed_us(box.put, commits)


def texts_of(file: Path, sizes: Iterable[int]) -> list[list[Texts]]:
    """What stands in an outbox's file, sealed where it is, a list for each of its commits."""
    with closing(sqlite3.connect(file)) as database:
        query = "SELECT seq, at, kind, body, who, origin, checksum FROM row ORDER BY lane, seq"
        rows = iter(database.execute(query).fetchall())
    return [[Texts(*next(rows)) for _ in range(size)] for size in sizes]


def sqlite_us(file: Path, commits: Sequence[Sequence[Texts]]) -> list[float]:
    """A file with one table."""
    with closing(open_bare(file)) as database:
        database.execute(TABLE)

        def put(commit: Sequence[Texts]) -> None:
            database.execute("BEGIN IMMEDIATE")
            database.executemany(ADD, commit)
            database.execute("COMMIT")

        return timed_us(put, commits)


def open_bare(file: Path) -> sqlite3.Connection:
    database = sqlite3.connect(file, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    return database


def valkey_us(server: Server, commits: Sequence[Sequence[Texts]]) -> list[float]:
    """An entry of a stream for each row, a commit in one way there and back; it may keep a part of a commit."""
    asked = [[added(row) for row in commit] for commit in commits]
    with closing(Redis(host=server.host, port=server.port, socket_timeout=WAIT_S)) as client:

        def put(commit: Sequence[Sequence[str | int]]) -> None:
            with client.pipeline(transaction=False) as pipe:
                for words in commit:
                    pipe.execute_command(*words)
                pipe.execute()

        return timed_us(put, asked)


def added(row: Texts) -> list[str | int]:
    """The words that ask for it."""
    return ["XADD", STREAM, "*", *(part for field in row._asdict().items() for part in field)]


@contextlib.contextmanager
def durable_valkey(folder: Path) -> Iterator[Server]:
    """A server that flushes before it answers; killed after the block. Raises FeedLost where there is no program."""
    server = Server(folder, HERE, APPENDING)
    server.start()
    try:
        asyncio.run(server.answers())
        yield server
    finally:
        server.kill()


def timed_us(put: Callable[[Sequence[Row]], object], commits: Iterable[Sequence[Row]]) -> list[float]:
    """Microseconds for each row of each commit."""
    told = []
    for commit in commits:
        began_s = time.perf_counter()
        put(commit)
        told.append(1e6 * (time.perf_counter() - began_s) / len(commit))
    return told
