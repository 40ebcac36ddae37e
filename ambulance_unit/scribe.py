"""Write into the outbox for many callers: whatever queued goes out with one flush.

What is spare (`Record.spare`) is flushed at most once in `GATHER_S`, the first of it at once: at one sample a second
nothing waits. A tap or an alarm is written at once, with what waits. The outbox itself is `outbox`'s; what is written
is the agent's.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from ambulance_unit.outbox import Outbox, Record, encoded_body
from casebook.errors import FeedLost

GATHER_S = 0.2  # wall seconds between flushes of what is spare; a power cut loses at most so much of it
Told = TypeVar("Told")


@dataclass(frozen=True, slots=True)
class _Asked:
    records: Sequence[Record]
    done: asyncio.Future[list[int]]

    @property
    def spare(self) -> bool:
        return all(record.spare for record in self.records)


class Scribe:
    """All work on the outbox goes through one thread of its own; `in_thread` False does it at once (a jump clock)."""

    def __init__(self, outbox: Outbox, *, in_thread: bool = True, gather_s: float = GATHER_S) -> None:
        self.outbox = outbox
        self._thread = ThreadPoolExecutor(1, "outbox") if in_thread else None
        self._gather_s = gather_s if in_thread else 0.0
        self._queue: list[_Asked] = []
        self._hurry = asyncio.Event()
        self._flushed_s = -math.inf
        self._writer: asyncio.Task[None] | None = None

    async def put(self, records: Sequence[Record]) -> list[int]:
        """As `Outbox.put`, each caller's records all or none."""
        for record in records:
            encoded_body(record)  # one caller's oversized row must not fail the others'
        asked = _Asked(records, asyncio.get_running_loop().create_future())
        self._queue.append(asked)
        if not asked.spare:
            self._hurry.set()
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return await asked.done

    async def do(self, work: Callable[[], Told]) -> Told:
        """Run other work on the outbox (reading, acknowledging) where the writing is done."""
        if self._thread is None:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def close(self) -> None:
        """Finish what was asked, then close the file."""
        self._gather_s = 0.0
        self._hurry.set()
        if self._writer is not None:
            await self._writer
        if self._thread is not None:
            self._thread.shutdown()
        self.outbox.close()

    async def _write(self) -> None:
        while self._queue:
            await self._gather()
            batch, self._queue = self._queue, []
            await self._put(batch)
            self._flushed_s = asyncio.get_running_loop().time()

    async def _gather(self) -> None:
        """Wait for company while nothing in the queue is urgent and the last flush was only just now."""
        wait_s = self._flushed_s + self._gather_s - asyncio.get_running_loop().time()
        if wait_s > 0 and not self._hurry.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._hurry.wait()
        self._hurry.clear()

    async def _put(self, batch: list[_Asked]) -> None:
        """All with one flush; where the disk does not take that, what is not spare by itself."""
        urgent = [asked for asked in batch if not asked.spare]
        try:
            _tell(batch, await self._seqs(batch))
        except FeedLost as wrong:
            if not urgent or len(urgent) == len(batch):
                _fail(batch, wrong)
                return
            _fail([asked for asked in batch if asked.spare], wrong)
            await self._put(urgent)
        except Exception as wrong:  # noqa: BLE001 - whatever it is, every caller is told
            _fail(batch, wrong)

    async def _seqs(self, batch: list[_Asked]) -> list[int]:
        records = [record for asked in batch for record in asked.records]
        return await self.do(lambda: self.outbox.put(records))


def _tell(batch: list[_Asked], seqs: list[int]) -> None:
    left = iter(seqs)
    for asked in batch:
        own = [next(left) for _ in asked.records]
        if not asked.done.done():
            asked.done.set_result(own)


def _fail(batch: list[_Asked], wrong: BaseException) -> None:
    for asked in batch:
        if not asked.done.done():
            asked.done.set_exception(wrong)
