"""A process of its own for each part of a measurement, so that none takes another's turn.

`posts` begins modules; each takes its task as one line of JSON, says when it is ready, works until its input ends, and
then tells what it has seen: `work_at_post` is its side of that.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from aboard.bench.play import BenchFailed

READY_S, END_S = 60.0, 45.0
LINE_BYTES_MAX = 1 << 26
Work = Callable[[Any], AsyncGenerator[Any, None]]


@dataclass(slots=True)
class Post:
    """The parent's side. `told`: what the process said when it was ready."""

    module: str
    told: Any
    _process: asyncio.subprocess.Process

    @classmethod
    async def call(cls, module: str) -> Post:
        """Begin the process; it loads what it needs and waits for its task."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", f"aboard.bench.media.{module}",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=LINE_BYTES_MAX,
        )  # fmt: skip
        return cls(module, None, process)

    async def begin(self, task: Any) -> Any:
        """Hand it its task; gives what it says when it is ready. Raises BenchFailed when it is not in time."""
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(task) + b"\n")
        self.told = await self._line(READY_S)
        return self.told

    def finish(self) -> None:
        """Tell it to come to its end."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    async def end(self) -> Any:
        """Let it end; gives what it has seen. Raises BenchFailed."""
        self.finish()
        try:
            return await self._line(END_S)
        finally:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), END_S)
            await self.kill()

    async def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def _line(self, patience_s: float) -> Any:
        assert self._process.stdout is not None
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), patience_s)
        except TimeoutError as why:
            raise BenchFailed(what=self.module, why=f"silent for {patience_s:g} s") from why
        if not line:
            raise BenchFailed(what=self.module, why="it ended before it had said anything")
        return msgspec.json.decode(line)

    @property
    def pid(self) -> int:
        return self._process.pid


def cpu_s(pid: int) -> float:
    """Processor time of a running process and its threads, also of those that ended, in s (Linux, to the ns).

    Its own clock (CPUCLOCK_SCHED of the process, include/linux/posix-timers.h): /proc counts in 10 ms, which is a tenth
    of what Janus needs for a whole run.
    """
    return time.clock_gettime(~pid << 3 | 2)


@contextlib.asynccontextmanager
async def posts(*modules: str) -> AsyncIterator[list[Post]]:
    """Processes for these modules, loading side by side; whatever happens none outlives the block."""
    called: list[Post] = []
    try:
        for module in modules:
            called.append(await Post.call(module))
        yield called
    finally:
        for post in reversed(called):
            await post.kill()


def work_at_post(work: Work) -> None:
    """The process's own side. `work(task)` yields what to say when it is ready, and, at the end, what it has seen."""
    asyncio.run(_work(work))


async def _work(work: Work) -> None:
    task = msgspec.json.decode(await asyncio.to_thread(sys.stdin.buffer.readline))
    async with contextlib.aclosing(work(task)) as words:
        _say(await anext(words))
        await asyncio.to_thread(sys.stdin.buffer.read)
        _say(await anext(words))
    os._exit(0)  # whatever thread of a decoder still waits for its queue


def _say(told: Any) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
    sys.stdout.flush()
