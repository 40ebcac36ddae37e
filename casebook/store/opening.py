"""Open the keeper that a name stands for: a file, or a database by its URL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from casebook.log import Checkpoint, Entry
from casebook.sqlite_log import SqliteLog
from casebook.store.postgres_log import PostgresLog

SERVERS = ("postgresql://", "postgres://")


def is_server(where: str) -> bool:
    return where.startswith(SERVERS)


def open_log(
    where: str, *, make: bool = True, sign: Callable[[Entry], Checkpoint] | None = None, shared: bool = False,
    lasting: bool = True,
) -> SqliteLog | PostgresLog:  # fmt: skip
    """A SQLite file's or a PostgreSQL server's log. Raises as they do. `shared`, `lasting`: of a server (a file always
    lasts, and is one hub's)."""
    if is_server(where):
        return PostgresLog(where, make=make, sign=sign, shared=shared, lasting=lasting)
    return SqliteLog(Path(where), make=make, sign=sign)
