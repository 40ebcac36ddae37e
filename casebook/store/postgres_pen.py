"""A connection to PostgreSQL that may write the book: its server flushes what it acknowledges and its tables fit.

Decides whether the store can be trusted at all; what is written over the connection is postgres_log.py's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import asyncpg

from casebook.errors import FeedLost, RefusedInput
from casebook.store.migrations import NEWEST, POSTGRES, steps_from

CONNECT_S, COMMAND_S = 10, 30  # wall seconds after which the store counts as silent
HELD_S = 5  # wall seconds after which the server takes the pen from a hub that holds it and says nothing
# How soon the server notices that the machine of a hub is gone, which may hold the pen: 3 s of silence, then 3 probes.
WATCHED = {
    "idle_in_transaction_session_timeout": f"{HELD_S}s", "tcp_keepalives_idle": "3", "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "3",
}  # fmt: skip
# Keys of advisory locks; the second one is the schema's, so that two books in one database do not meet. Hubs share the
# third; those of before, of which only one could be, took it for themselves: neither starts beside the other.
MAKING, APPENDING, PRESENT = 0x41424F41, 0x41424F42, 0x41424F43
HERE = "hashtext(current_schema())"
# What must be so for a commit to survive a power cut (PostgreSQL manual, chapters 20.5 and 30): every write of the log
# flushed, no torn pages, no answer before the flush. Every other value of synchronous_commit flushes on this server.
FORGETS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
LOST = (  # the connection or the server is gone, perhaps for a moment
    asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.InternalClientError,  # cut in the middle of a word
    asyncpg.OperatorInterventionError,
    asyncpg.ReadOnlySQLTransactionError, asyncpg.TooManyConnectionsError, OSError, TimeoutError,
    asyncpg.IdleInTransactionSessionTimeoutError,
)  # fmt: skip


def silent(where: str, wrong: BaseException) -> FeedLost:
    return FeedLost("log_silent", where=where, why=str(wrong) or type(wrong).__name__)


async def take_pen(url: str, where: str, *, make: bool, shared: bool, lasting: bool) -> tuple[Any, int]:
    """A connection and the number of the store's format.

    Raises RefusedInput: `log_forgets` (only where it must be `lasting`), `log_too_new`, `log_unreadable`, `log_in_use`
    (asked where `shared`: a hub of a version that cannot share writes there); FeedLost and what asyncpg raises when the
    server is not to be had.
    """
    pen = await asyncpg.connect(url, timeout=CONNECT_S, command_timeout=COMMAND_S, server_settings=WATCHED)
    try:
        if lasting:
            await _must_last(pen, where)
        if shared and not await pen.fetchval(f"SELECT pg_try_advisory_lock_shared($1, {HERE})", PRESENT):
            raise RefusedInput("log_in_use", where=where)
        return pen, await _prepare(pen, where, make)
    except BaseException:
        pen.terminate()
        raise


def find_weakness(settings: Mapping[str, str]) -> str | None:
    """The first setting with which a server would acknowledge what it may forget."""
    return next((name for name, value in FORGETS.items() if settings[name] == value), None)


async def _must_last(pen: Any, where: str) -> None:
    settings = {name: await pen.fetchval(f"SHOW {name}") for name in FORGETS}
    if weak := find_weakness(settings):
        raise RefusedInput("log_forgets", where=where, setting=weak, value=settings[weak])


async def _prepare(pen: Any, where: str, make: bool) -> int:
    """Bring the tables up to date, one hub at a time; only look where not `make`."""
    if (encoding := await pen.fetchval("SHOW server_encoding")) != "UTF8":
        raise RefusedInput("log_unreadable", file=where, why=f"server_encoding {encoding}")
    async with pen.transaction():
        await pen.execute(f"SELECT pg_advisory_xact_lock({MAKING}, {HERE})")
        version = await _format(pen)
        if version > NEWEST:
            raise RefusedInput("log_too_new", file=where, version=version, known=NEWEST)
        if not make:
            if version == 0:
                raise RefusedInput("log_unreadable", file=where, why="no book in it")
            return version
        if version == 0:
            await pen.execute("CREATE TABLE log_format (version integer NOT NULL)")
            await pen.execute("INSERT INTO log_format VALUES (0)")
        for number, step in steps_from(version, POSTGRES):
            await pen.execute(step)
            await pen.execute("UPDATE log_format SET version = $1", number)
    return NEWEST


async def _format(pen: Any) -> int:
    if await pen.fetchval("SELECT to_regclass('log_format')") is None:
        return 0
    return await pen.fetchval("SELECT version FROM log_format")
