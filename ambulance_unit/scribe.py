"""Write into the outbox for many callers: whatever queued while the disk was busy goes out with one flush.

The outbox itself is `outbox`'s; what is written is the agent's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ambulance_unit.outbox import Outbox, Record, encoded_body

Told = TypeVar("Told")


class Scribe:
    """All work on the outbox goes through one thread of its own; `in_thread` False does it at once (a jump clock)."""

    def __init__(self, outbox: Outbox, *, in_thread: bool = True) -> None:
        self.outbox = outbox
        self._thread = ThreadPoolExecutor(1, "outbox") if in_thread else None
        self._queue: list[tuple[Sequence[Record], asyncio.Future[list[int]]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def put(self, records: Sequence[Record]) -> list[int]:
        """As `Outbox.put`, each caller's records all or none."""
        for record in records:
            encoded_body(record)  # one caller's oversized row must not fail the others'
        done: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        self._queue.append((records, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return await done

    async def do(self, work: Callable[[], Told]) -> Told:
        """Run other work on the outbox (reading, acknowledging) where the writing is done."""
        if self._thread is None:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def close(self) -> None:
        """Finish what was asked, then close the file."""
        if self._writer is not None:
            await self._writer
        if self._thread is not None:
            self._thread.shutdown()
        self.outbox.close()

    async def _write(self) -> None:
        while self._queue:
            batch, self._queue = self._queue, []
            records = [record for asked, _ in batch for record in asked]
            try:
                seqs = iter(await self.do(lambda records=records: self.outbox.put(records)))
            except Exception as wrong:  # noqa: BLE001 - whatever it is, every caller is told
                for _, done in batch:
                    if not done.done():
                        done.set_exception(wrong)
                continue
            for asked, done in batch:
                own = [next(seqs) for _ in asked]
                if not done.done():
                    done.set_result(own)
