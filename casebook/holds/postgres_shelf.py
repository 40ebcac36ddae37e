"""Keep the pages of holds in PostgreSQL, for hubs on several machines; every answer is on the disk of the server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from casebook.errors import FeedLost, RefusedInput
from casebook.holds.granting import Page
from casebook.holds.sqlite_shelf import read_leases, write_leases
from casebook.holds.store import Stand

CONNECTIONS = 4  # of one hub; a change is two short statements
COMMAND_S = 10.0  # wall seconds after which the store counts as silent
MAKING = 0x41424F41  # key of the advisory lock under which the table is made, so that two hubs do not make it at once
TABLE = """
CREATE TABLE IF NOT EXISTS held (
    hospital text NOT NULL, resource text NOT NULL, seq bigint NOT NULL, leases text NOT NULL,
    PRIMARY KEY (hospital, resource)
)
"""
READ = "SELECT hospital, resource, seq, leases FROM held"
READ_THESE = f"{READ} WHERE (hospital, resource) IN (SELECT * FROM unnest($1::text[], $2::text[]))"
# The one conditional write: a new page, or one that nobody has changed since it was read. A rival's write is waited
# for, and the condition asked again of what it left. In the order of the pages, so that two batches cannot cross.
SWAP = """
INSERT INTO held (hospital, resource, seq, leases)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) ORDER BY 1, 2
ON CONFLICT (hospital, resource) DO UPDATE SET seq = excluded.seq, leases = excluded.leases
WHERE held.seq = excluded.seq - 1
RETURNING hospital, resource
"""


class PostgresShelf:
    """Make it with `PostgresShelf.open`."""

    def __init__(self, pool: Any, where: str) -> None:
        self._pool, self._where = pool, where

    @classmethod
    async def open(cls, url: str) -> PostgresShelf:
        """Connect and make the table where there is none.

        Raises FeedLost (`hold_store_silent`), RefusedInput (`hold_store_forgets`) when the server would acknowledge
        what it has not yet on its disk.
        """
        where = urlsplit(url).hostname or "postgresql"  # never the whole URL: it may carry a password
        async with _told(where):
            pool = await asyncpg.create_pool(url, min_size=1, max_size=CONNECTIONS, command_timeout=COMMAND_S)
            try:
                async with pool.acquire() as connection:
                    await _prepare(connection, where)
            except BaseException:
                await pool.close()
                raise
        return cls(pool, where)

    async def read(self, pages: Sequence[Page]) -> dict[Page, Stand]:
        hospitals, resources = [page.hospital for page in pages], [page.resource for page in pages]
        async with _told(self._where):
            rows = await self._pool.fetch(READ_THESE, hospitals, resources) if pages else await self._pool.fetch(READ)
        return {Page(row[0], row[1]): (row[2], read_leases(row[3])) for row in rows}

    async def swap(self, changes: Mapping[Page, Stand]) -> set[Page]:
        columns = (
            [page.hospital for page in changes],
            [page.resource for page in changes],
            [seq for seq, _ in changes.values()],
            [write_leases(leases) for _, leases in changes.values()],
        )
        async with _told(self._where):
            rows = await self._pool.fetch(SWAP, *columns)
        return {Page(row[0], row[1]) for row in rows}

    async def close(self) -> None:
        await self._pool.close()


async def _prepare(connection: Any, where: str) -> None:
    if await connection.fetchval("SHOW synchronous_commit") == "off":
        raise RefusedInput("hold_store_forgets", where=where)
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", MAKING)
        await connection.execute(TABLE)


@asynccontextmanager
async def _told(where: str) -> AsyncIterator[None]:
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as wrong:
        raise FeedLost("hold_store_silent", where=where, why=str(wrong) or type(wrong).__name__) from wrong
