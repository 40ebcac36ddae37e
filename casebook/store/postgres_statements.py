"""What the book in PostgreSQL says to its server: postgres_log.py says when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from casebook.log import Top
from casebook.store import rows as r
from casebook.store.postgres_pen import APPENDING, HERE, LOST

MANY = 50  # rows that a turn of their own is worth
COLUMN_NAMES = r.COLUMNS.split(", ")
Rows = Sequence[tuple[Any, ...]]

ADD = f"""
INSERT INTO entry ({r.COLUMNS}) SELECT * FROM unnest(
    $1::bigint[], $2::text[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::text[], $11::text[], $12::bigint[], $13::text[], $14::text[], $15::text[])
"""
# In one way there and back: the lock of all writers, held until the end of the statement, which commits by itself. What
# it sees of the table is of before it had the lock; so it is the key that refuses the numbers where others wrote while
# it waited, and the entry before the first must be the one that was last for whoever chained them.
ADD_ON = f"""
WITH pen AS MATERIALIZED (SELECT pg_advisory_xact_lock({APPENDING}, {HERE}))
INSERT INTO entry ({r.COLUMNS}) SELECT new.* FROM pen, unnest(
    $1::bigint[], $2::text[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::text[], $11::text[], $12::bigint[], $13::text[], $14::text[], $15::text[]) AS new
WHERE $16::bigint = 0 OR EXISTS (SELECT FROM entry WHERE seq = $16::bigint AND hash = $17::text)
"""
# Of many rows at once in a turn of four ways there and back instead: a COPY costs server and hub plainly less for a row
# than such a statement. Here the head is looked at under the lock.
TAKE_TURN = f"""
BEGIN; SELECT pg_advisory_xact_lock({APPENDING}, {HERE});
SELECT FROM (VALUES (%d, '%s')) AS known (seq, hash)
WHERE (known.seq, known.hash) IN (SELECT seq, hash FROM entry ORDER BY seq DESC LIMIT 1)
OR known.seq = 0 AND NOT EXISTS (SELECT FROM entry)
"""
ADD_CHECKPOINT = f"""
INSERT INTO checkpoint ({r.CHECKPOINT}) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (seq) DO UPDATE
SET hash = excluded.hash, at = excluded.at, signer = excluded.signer, signature = excluded.signature
"""
HOLD = """
INSERT INTO claim (key, holder, until) SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
ON CONFLICT (key) DO UPDATE SET holder = excluded.holder, until = excluded.until
"""
PRESENT = """
SELECT unit, epoch, unit_seq FROM entry
WHERE (unit, epoch, unit_seq) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[]))
"""
SINCE = f"SELECT {r.COLUMNS} FROM entry WHERE seq > $1 ORDER BY seq"
HEAD = "SELECT seq, hash FROM entry ORDER BY seq DESC LIMIT 1"


async def write_on(pen: Any, top: Top, rows: Rows) -> bool:
    """Write these, at least one, behind the entry `top` and commit. False: it is not the last one, nothing was written.

    Raises what asyncpg raises; the connection is then as it was, or lost."""
    return await (_copied if len(rows) >= MANY else _added)(pen, top, rows)


async def _added(pen: Any, top: Top, rows: Rows) -> bool:
    return await pen.execute(ADD_ON, *map(list, zip(*rows, strict=True)), *top) == f"INSERT 0 {len(rows)}"


async def _copied(pen: Any, top: Top, rows: Rows) -> bool:
    seq, hash = top
    try:
        if await pen.execute(TAKE_TURN % (seq, bytes.fromhex(hash).hex())) == "SELECT 1":
            await pen.copy_records_to_table("entry", records=rows, columns=COLUMN_NAMES)
            await pen.execute("COMMIT")
            return True
    except LOST:
        raise
    except BaseException:
        await pen.execute("ROLLBACK")
        raise
    await pen.execute("ROLLBACK")
    return False
