"""The book in PostgreSQL: the same entries, chain and claims as in the file, for hubs whose store is a server.

What may be written is decided by casebook/log.py, under a lock that every writer takes (the pen); when the server goes
away the writer waits for it, and asks it whether the last transaction was committed before it writes that again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import asyncpg

from casebook.errors import CoordinationError, RefusedInput
from casebook.log import (
    GENESIS,
    Checkpoint,
    Claim,
    Draft,
    Entry,
    Ground,
    Laid,
    LogMovedOn,
    Source,
    Top,
    Written,
    lay,
    storable,
)  # fmt: skip
from casebook.store import rows as r
from casebook.store.group_commit import GroupWriter
from casebook.store.migrations import WITH_CHECKPOINTS
from casebook.store.own_loop import OwnLoop
from casebook.store.postgres_pen import APPENDING, COMMAND_S, HERE, LOST, silent, take_pen
from casebook.store.postgres_statements import (
    ADD,
    ADD_CHECKPOINT,
    HEAD,
    HOLD,
    PRESENT,
    SINCE,
    Rows,
    write_on,
)

log = logging.getLogger(__name__)
READERS = 3  # connections for reading, beside the one that writes
PATIENCE_S, RETRY_S = 60.0, 0.2  # wall seconds for which a batch waits for a server that restarts; between two tries
PAGE = 1000  # entries read at a time
Told = TypeVar("Told")


class Ahead(NamedTuple):
    """Entries chained on `top` before anybody knew that it would be the last, and as they are stored."""

    top: Top
    laid: list[Entry]
    rows: Rows


class PostgresLog:
    """Connects, and makes or migrates the tables (`make`; else it only looks).

    `sign`: what signs the head from time to time. `shared`: for a hub, beside which others write. `lasting`: refuse a
    server that acknowledges before it has flushed. Raises FeedLost (`log_silent`) and RefusedInput as take_pen does.
    """

    blocking = True

    def __init__(
        self, url: str, *, make: bool = True, sign: Callable[[Entry], Checkpoint] | None = None, shared: bool = False,
        lasting: bool = True,
    ) -> None:  # fmt: skip
        self.where = urlsplit(url).hostname or "postgresql"  # never the whole URL: it may carry a password
        self._url, self._make, self._sign, self.shared, self._lasting = url, make, sign, shared, lasting
        self._pen: Any = None
        self._turn: Any = None  # the transaction in which we hold the lock of all writers
        self._known: int | None = None  # how many entries there were when we took it
        self._loop = OwnLoop(f"postgres {self.where}")
        self._order = asyncio.Lock()  # whoever is at the pen, of those that came one behind the other
        self._newest: Top | None = None  # the last entry of the last of them, where it was written
        self._writer = GroupWriter(self.where, self._commit, self._checkpoint if sign else None, self._begin_on)
        try:
            self._loop.run(self._open())
        except BaseException:
            self._loop.close()
            raise

    async def _open(self) -> None:
        async with self._told():
            self._version = await self._connect()
            self._pool = await asyncpg.create_pool(
                self._url, min_size=0, max_size=READERS, command_timeout=COMMAND_S, timeout=COMMAND_S
            )

    async def _connect(self) -> int:
        self._pen, version = await take_pen(
            self._url, self.where, make=self._make, shared=self.shared, lasting=self._lasting
        )
        return version

    @asynccontextmanager
    async def _told(self) -> AsyncIterator[None]:
        try:
            yield
        except (asyncpg.PostgresError, *LOST) as wrong:
            raise silent(self.where, wrong) from wrong

    # --- writing

    def append(self, drafts: Sequence[Draft]) -> list[Entry]:
        """All or nothing; on the server's disk when it returns. Raises AlreadyHeld, RowTwice, FeedLost."""
        return self.submit(drafts).result()

    def submit(self, drafts: Sequence[Draft], after: Written | None = None) -> Written:
        """The same, answered later; what queues meanwhile shares one commit. `after`: see QueuedLog."""
        storable(drafts)
        return self._writer.submit(drafts, after)

    def append_on(self, top: Top, drafts: Sequence[Draft]) -> list[Entry]:
        """As `append`, if `top` is the last entry. Raises LogMovedOn."""
        return self.submit_on(top, drafts).result()

    def submit_on(self, top: Top, drafts: Sequence[Draft], after: Written | None = None) -> Written:
        """The same, answered later. `after`: on the last entry of that instead."""
        storable(drafts)
        return self._writer.submit(drafts, after, top)

    def _commit(self, batches: Sequence[Sequence[Draft]], top: Top | None) -> Sequence[Laid]:
        known = self._known if top is None else top[0]
        try:
            return self._loop.run(self._commit_patiently(batches, known))
        finally:
            self._known = None

    def _begin_on(self, top: Top, drafts: Sequence[Draft], rests: bool) -> tuple[Top, Written] | None:
        """Chained here and now, while the server may still write what is before it."""
        if r.keys_wanted([drafts]):
            return None
        [laid] = lay(Ground(*top, {}, set()), [drafts])
        if isinstance(laid, CoordinationError) or not laid:
            return None
        ahead = Ahead(top, laid, r.rows_of(laid))
        return (laid[-1].seq, laid[-1].hash), self._loop.begin(self._in_order(ahead, drafts, rests))

    async def _in_order(self, ahead: Ahead, drafts: Sequence[Draft], rests: bool) -> list[Entry]:
        top = ahead.top
        async with self._order:
            if rests and self._newest != top:
                raise LogMovedOn(where=self.where, count="?", known=top[0])
            self._newest = None
            [outcome] = await self._commit_patiently([drafts], top[0], ahead)
            if isinstance(outcome, CoordinationError):
                raise outcome
            self._newest = (outcome[-1].seq, outcome[-1].hash) if outcome else top
            return outcome

    async def _commit_patiently(
        self, batches: Sequence[Sequence[Draft]], known: int | None, ahead: Ahead | None = None
    ) -> Sequence[Laid]:
        """`known`: how many entries there have to be; `ahead`: the one batch as it was chained on the last of them."""
        doubt: list[Laid] = []  # what a lost connection may have committed
        look = False  # outbox rows that are here already are rare: looked for when the table has refused one

        async def attempt() -> list[Laid]:
            if ahead is not None and not (look or doubt):
                return await self._write_on(ahead, doubt)
            async with self._writing() as pen:
                return await self._write(pen, batches, known, doubt, look)

        try:
            return await self._patiently(attempt)
        except asyncpg.UniqueViolationError:
            look, doubt = True, []
        try:
            return await self._patiently(attempt)
        except asyncpg.UniqueViolationError as wrong:
            raise silent(self.where, wrong) from wrong

    async def _patiently(self, attempt: Callable[[], Awaitable[Told]]) -> Told:
        """A server that restarts is waited for: no acknowledgement meanwhile, and nothing written twice after."""
        clock = asyncio.get_running_loop()
        until = clock.time() + PATIENCE_S
        waiting = False
        while True:
            try:
                return await attempt()
            except (*LOST, RefusedInput) as wrong:  # refused: it may not have noticed yet that we were gone
                if clock.time() >= until or isinstance(wrong, asyncpg.DataError):
                    raise wrong if isinstance(wrong, RefusedInput) else silent(self.where, wrong) from wrong
                if not waiting:
                    log.warning("%s is gone (%s); the writer waits for it", self.where, type(wrong).__name__)
                waiting = True
                await asyncio.sleep(RETRY_S)
            except asyncpg.UniqueViolationError:
                raise
            except asyncpg.PostgresError as wrong:
                raise silent(self.where, wrong) from wrong

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[Any]:
        """The connection, in a transaction that no other writer's overlaps: the one that was begun, or a new one."""
        turn = self._turn or await self._begin()
        self._turn = None
        try:
            yield self._pen
            await turn.commit()
        except LOST:
            self._pen.terminate()
            raise
        except BaseException:
            await turn.rollback()
            raise

    async def _begin(self) -> Any:
        if self._pen.is_closed():
            await self._connect()
        turn = self._pen.transaction()
        try:
            await turn.start()
            await self._pen.execute(f"SELECT pg_advisory_xact_lock({APPENDING}, {HERE})")
        except BaseException:
            self._pen.terminate()
            raise
        return turn

    async def _write(
        self, pen: Any, batches: Sequence[Sequence[Draft]], known: int | None, doubt: list[Laid], look: bool
    ) -> list[Laid]:
        if await _is_there(pen, doubt):
            return doubt
        ground = await self._ground(pen, batches, look)
        if known not in (None, ground.count):
            raise LogMovedOn(where=self.where, count=ground.count, known=known)
        before = dict(ground.claims)
        doubt[:] = laid = lay(ground, batches)
        if written := _entries(laid):
            await pen.execute(ADD, *r.columns_of(written))
        gone, held = r.claims_changed(before, ground)
        if gone:
            await pen.execute("DELETE FROM claim WHERE key = ANY($1::text[])", gone)
        if held:
            await pen.execute(HOLD, *map(list, zip(*map(r.claim_row, held), strict=True)))
        return laid

    async def _write_on(self, ahead: Ahead, doubt: list[Laid]) -> list[Laid]:
        """Where it fails, `doubt` is what it may have written, and whoever tries again does so in a transaction of its
        own."""
        if self._pen.is_closed():
            await self._connect()
        doubt[:] = [ahead.laid]
        try:
            written = await write_on(self._pen, ahead.top, ahead.rows)
        except LOST:
            self._pen.terminate()
            raise
        if not written:
            raise LogMovedOn(where=self.where, count="?", known=ahead.top[0])
        return [ahead.laid]

    # --- the pen, for a hub that is one of several

    @property
    def has_pen(self) -> bool:
        return self._turn is not None

    def take_pen(self, after: int) -> list[Entry]:
        """Wait until no other hub writes; it stays so until the next `append` or `lay_down_pen`, or for HELD_S.

        Gives what was written after entry `after`. Raises FeedLost.
        """

        async def attempt() -> list[Entry]:
            turn = await self._begin()
            try:
                rows = await self._pen.fetch(SINCE, after)
            except BaseException:
                self._pen.terminate()
                raise
            self._turn, self._known = turn, rows[-1][0] if rows else after
            return list(map(r.entry_of, rows))

        return self._loop.run(self._patiently(attempt))

    def lay_down_pen(self) -> None:
        async def given_back() -> None:
            turn, self._turn, self._known = self._turn, None, None
            if turn is not None:
                try:
                    await turn.rollback()
                except LOST:  # then the server has taken it back itself
                    self._pen.terminate()

        self._loop.run(given_back())

    async def _ground(self, pen: Any, batches: Sequence[Sequence[Draft]], look: bool) -> Ground:
        head = await pen.fetchrow(HEAD)
        claims: dict[str, Claim] = {}
        if keys := r.keys_wanted(batches):
            found = await pen.fetch("SELECT key, holder, until FROM claim WHERE key = ANY($1::text[])", keys)
            claims = {row[0]: r.claim_of(row) for row in found}
        present: set[Source] = set()
        if look and (brought := r.rows_brought(batches)):
            columns = ([x.unit for x in brought], [x.epoch for x in brought], [x.seq for x in brought])
            present = {Source(*row) for row in await pen.fetch(PRESENT, *columns)}
        count, last = head or (0, GENESIS)
        return Ground(count, last, claims, present)

    def _checkpoint(self) -> None:
        assert self._sign is not None
        signed = r.checkpoint_row(self._sign(next(self.read(self.head()[0] - 1))))
        self.ask(lambda pool: pool.execute(ADD_CHECKPOINT, *signed))

    def adopt(self, entries: Sequence[Entry], claims: Sequence[Claim], checkpoints: Sequence[Checkpoint]) -> None:
        self._loop.run(self._adopt(entries, claims, checkpoints))

    async def _adopt(
        self, entries: Sequence[Entry], claims: Sequence[Claim], checkpoints: Sequence[Checkpoint]
    ) -> None:
        async with self._told(), self._writing() as pen:
            if count := await pen.fetchval("SELECT count(*) FROM entry"):
                raise RefusedInput("log_not_empty", file=self.where, count=count)
            for start in range(0, len(entries), PAGE):
                await pen.execute(ADD, *r.columns_of(entries[start : start + PAGE]))
            if claims:
                await pen.execute(HOLD, *map(list, zip(*map(r.claim_row, claims), strict=True)))
            await pen.executemany(ADD_CHECKPOINT, list(map(r.checkpoint_row, checkpoints)))

    # --- reading

    def ask(self, question: Callable[[Any], Any]) -> Any:
        """The answer of the server to `question(pool)`, which may be asked again. Raises FeedLost. Not for the loop of
        a hub: it waits."""

        async def asked() -> Any:
            for _ in range(READERS):  # after a restart each connection of the pool fails once
                with contextlib.suppress(*LOST):
                    return await question(self._pool)
            async with self._told():
                return await question(self._pool)

        return self._loop.run(asked())

    def read(self, after: int = 0) -> Iterator[Entry]:
        query = f"SELECT {r.COLUMNS} FROM entry WHERE seq > $1 ORDER BY seq LIMIT {PAGE}"
        while found := self.ask(lambda pool, last=after: pool.fetch(query, last)):
            yield from map(r.entry_of, found)
            after = found[-1][0]

    def head(self) -> tuple[int, str]:
        row = self.ask(lambda pool: pool.fetchrow(HEAD))
        return (row[0], row[1]) if row else (0, GENESIS)

    def through(self, unit: str, epoch: str) -> int:
        query = "SELECT coalesce(max(unit_seq), 0) FROM entry WHERE unit = $1 AND epoch = $2"
        return self.ask(lambda pool: pool.fetchval(query, unit, epoch))

    def find_asked(self, key: str) -> list[int]:
        if not key:
            return []
        query = "SELECT seq FROM entry WHERE asked = $1 AND asked <> '' ORDER BY seq"
        return [row[0] for row in self.ask(lambda pool: pool.fetch(query, key))]

    def checkpoints(self) -> list[Checkpoint]:
        if self._version < WITH_CHECKPOINTS:
            return []
        query = f"SELECT {r.CHECKPOINT} FROM checkpoint ORDER BY seq"
        return [r.checkpoint_of(row) for row in self.ask(lambda pool: pool.fetch(query))]

    def close(self) -> None:
        self._writer.close()
        if not self._loop.closed:
            self._loop.run(self._close())
            self._loop.close()

    async def _close(self) -> None:
        await self._pen.close(timeout=COMMAND_S)
        await self._pool.close()


async def _is_there(pen: Any, doubt: Sequence[Laid]) -> bool:
    written = _entries(doubt)
    return bool(written) and bool(await pen.fetchval("SELECT 1 FROM entry WHERE hash = $1", written[-1].hash))


def _entries(laid: Sequence[Laid]) -> list[Entry]:
    return [entry for one in laid if isinstance(one, list) for entry in one]
