"""Two hubs on one database, vehicles and wards at work on them, and a console that watches it all at the second one.

How long nobody was acknowledged, and how old what the console showed was, is measured all the while.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import httpx
import msgspec
import websockets

from aboard.bench.faults.crews import Crew, Load, load
from aboard.bench.faults.finding import Finding, NotRun, worst
from aboard.bench.faults.ledger import audit, sample_mark
from aboard.bench.faults.stage import Stage, read_whole, until
from aboard.bench.play import BenchFailed
from aboard.bench.postgres_server import Cluster, find_postgres, postgres_cluster
from casebook.clock import WallClock

CREWS = 3
NEWCOMER = f"V{CREWS:04}"  # a vehicle that is enrolled and stays away
STALE_S = 5.0  # how old what a board shows may be at most, and how long a vehicle may wait for its acknowledgement
LOOK_S = 0.05
PATIENCE_S = 90.0
CONSOLE_PAUSE_S = 0.25
BUS_UP = "aboard_bus_up 1.0"


@dataclass(slots=True)
class Console:
    """A dispatcher's screen that goes to the next hub when it loses one, and notes what it showed and how late.

    `seen`: (unit, mark) of each sample; `stalest_s`: the greatest age of a sample when it came.
    """

    stages: Sequence[Stage]
    seen: set[tuple[str, str]] = field(default_factory=set)
    stalest_s: float = 0.0
    messages: int = 0

    async def watch(self) -> None:
        """Until cancelled."""
        for stage in itertools.cycle(self.stages):
            with contextlib.suppress(OSError, TimeoutError, websockets.WebSocketException):
                await self._read(stage)
            await asyncio.sleep(CONSOLE_PAUSE_S)

    async def _read(self, stage: Stage) -> None:
        headers = {"Authorization": f"Bearer {stage.token('dispatcher')}"}
        url = f"{stage.url.replace('http', 'ws', 1)}/api/v1/live/console"
        async with websockets.connect(
            url, additional_headers=headers, proxy=None, max_size=None, ping_interval=1, ping_timeout=STALE_S,
            close_timeout=0.5,
        ) as screen:  # fmt: skip
            async for raw in screen:
                self._take(msgspec.json.decode(raw))

    def _take(self, message: dict) -> None:
        now = WallClock().now()
        is_first, self.messages = not self.messages, self.messages + 1
        for sample in message.get("samples", ()):
            at = datetime.fromisoformat(sample["at"])
            if (one := (sample["unit"], sample_mark(at))) not in self.seen:
                self.seen.add(one)
                late_s = 0.0 if is_first else (now - at).total_seconds()  # what was before it was opened is not late
                self.stalest_s = max(self.stalest_s, late_s)


@dataclass(slots=True)
class Gaps:
    """`longest_s`: the longest that one of the vehicles, which sample all the time, was acknowledged nothing."""

    crews: Sequence[Crew]
    longest_s: float = 0.0

    async def watch(self) -> None:
        last = [(crew.scribe.outbox.counts.acked, time.monotonic()) for crew in self.crews]
        while True:
            await asyncio.sleep(LOOK_S)
            now_s = time.monotonic()
            for number, crew in enumerate(self.crews):
                acked, since_s = last[number]
                self.longest_s = max(self.longest_s, now_s - since_s)
                if crew.scribe.outbox.counts.acked != acked:
                    last[number] = (crew.scribe.outbox.counts.acked, now_s)


@dataclass(slots=True)
class AtTwo:
    """What goes on at two hubs. Ended with `told`, which gives what all of it showed."""

    stages: tuple[Stage, Stage]
    cluster: Cluster
    work: Load
    console: Console
    gaps: Gaps
    _watching: Sequence[asyncio.Task[None]]

    async def bus_up(self) -> float:
        """Wall seconds until both hubs say that the bus carries. Raises BenchFailed."""
        began_s = time.monotonic()
        for stage in self.stages:
            await _says(stage, BUS_UP)
        return time.monotonic() - began_s

    async def told(self) -> list[Finding]:
        """Let everything settle, end the hubs, and compare the log and what the console showed with the promises."""
        self._watching[0].cancel()  # nobody samples any more: what is then not acknowledged is no gap
        await self.work.settle()
        unseen = await self._unseen()
        for task in self._watching:
            task.cancel()
        for stage in self.stages:
            await stage.end()
        first, second = self.stages
        entries = await asyncio.to_thread(read_whole, first.folder, self.cluster.url, others=[second.folder])
        return [
            *audit(first.promises, entries).findings(),
            worst("ack_gap", [self.gaps.longest_s], STALE_S), worst("board_stale", [self.console.stalest_s], STALE_S),
            Finding("board_lacks", "samples", unseen, most=0),
            Finding("commands_refused", "times", self.work.told_off, most=0),
            Finding("tracebacks", "times", sum(one.tracebacks() for one in self.stages), most=0),
        ]  # fmt: skip

    async def _unseen(self) -> int:
        """Samples that vehicles stored and the console has not shown, after it had time to."""
        crews = {crew.unit for crew in self.work.crews}
        wanted = {(unit, mark) for unit in crews for mark in self.stages[0].promises.stored.get(unit, ())}
        await until(lambda: wanted <= self.console.seen, STALE_S)
        return len(wanted - self.console.seen)


async def _says(stage: Stage, line: str) -> None:
    async with stage.client("engineer") as client, asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if line in (await client.get("/metrics")).text:
                    return
            await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def at_two_hubs(folder: Path, *buses: str, seed: int, spread: bool = False) -> AsyncIterator[AtTwo]:
    """Two hubs with the bus of each, three vehicles and two wards that begin at the first, a console at the second.

    `spread`: the vehicles begin at both. Raises NotRun where there is no PostgreSQL.
    """
    programs = find_postgres()
    if programs is None:
        raise NotRun(why="PostgreSQL is not installed (Debian package postgresql)")
    units = [f"V{number:04}" for number in range(CREWS)]
    enrolled = [*units, NEWCOMER]
    with postgres_cluster(programs) as cluster:
        first = Stage(folder / "first", enrolled, cluster.url, bus=buses[0])
        second = Stage(folder / "second", enrolled, cluster.url, bus=buses[-1], promises=first.promises)
        try:
            await first.start()
            await second.start()
            first.units = units
            async with _work_at(first, second, cluster, folder / "vehicles", seed, spread) as at_two:
                yield at_two
        finally:
            await first.end()
            await second.end()


@contextlib.asynccontextmanager
async def _work_at(
    first: Stage, second: Stage, cluster: Cluster, folder: Path, seed: int, spread: bool
) -> AsyncIterator[AtTwo]:
    console = Console((second, first))
    watching = asyncio.create_task(console.watch())
    if await until(lambda: console.messages, PATIENCE_S) is None:
        raise BenchFailed(what="console", why="no first message")
    try:
        async with load(first, folder, seed=seed, others=[second], spread=spread) as work:
            gaps = Gaps(work.crews)
            counting = asyncio.create_task(gaps.watch())
            at_two = AtTwo((first, second), cluster, work, console, gaps, (counting, watching))
            try:
                await at_two.bus_up()
                yield at_two
            finally:
                counting.cancel()
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
