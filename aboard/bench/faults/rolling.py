"""F20: two hubs of one database are ended and started again in turn, as at an upgrade, while everybody works.

One of the vehicles speaks the words of the version before. A hub may take its time to end; nobody may wait for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import websockets

from aboard.bench.faults.finding import Finding, worst
from aboard.bench.faults.hubs import NEWCOMER, STALE_S, at_two_hubs
from aboard.bench.faults.ledger import sample_mark
from aboard.bench.faults.stage import Stage, casualty_of, until
from aboard.bench.faults.world import World
from aboard.bench.play import BenchFailed
from aboard.bench.vitals_fleet import VITALS
from aboard.children import END_S
from casebook import events as e
from casebook.clock import WallClock
from casebook.link import OutboxRow

WORK_S, SAMPLE_S, PAUSE_S = 1.0, 0.2, 0.25
LANE, AT_ONCE = "old", 5
DRAINED_S = 60.0


@dataclass(slots=True)
class OldVehicle:
    """A vehicle as it was before version 2 of the link (casebook/link.py): one lane, no name of the connection, and of
    what a hub says it knows welcome and ack. Its rows are in memory, for it is not what breaks here.

    `gap_s`: the longest that it was acknowledged nothing.
    """

    stages: Sequence[Stage]
    unit: str
    rows: list[OutboxRow] = field(default_factory=list)
    through: int = 0
    gap_s: float = 0.0
    versions: set[Any] = field(default_factory=set)  # that hubs named in their welcome; of the old words: none
    _acked_s: float | None = None
    _ended: bool = False

    async def run(self) -> None:
        """Until `settle`, then until everything is acknowledged."""
        sampling = asyncio.create_task(self._sample())
        try:
            for stage in itertools.cycle(self.stages):
                with contextlib.suppress(OSError, TimeoutError, websockets.WebSocketException):
                    await self._live_once(stage)
                await asyncio.sleep(PAUSE_S)
        finally:
            sampling.cancel()

    async def _sample(self) -> None:
        fact = e.VitalsRecorded(casualty_of(self.unit), self.unit, VITALS)
        while not self._ended:
            at = WallClock().now()
            self.rows.append(OutboxRow(len(self.rows) + 1, at, fact.name, e.encode(fact), self.unit, "monitor"))
            self.stages[0].promises.keep(self.unit, sample_mark(at))
            await asyncio.sleep(SAMPLE_S)

    async def _live_once(self, stage: Stage) -> None:
        headers = {"Authorization": f"Bearer {stage.token(f'unit:{self.unit}')}"}
        async with websockets.connect(
            stage.link_url, additional_headers=headers, proxy=None, max_size=None, open_timeout=STALE_S,
            close_timeout=0.5, ping_interval=1, ping_timeout=STALE_S,
        ) as link:  # fmt: skip
            await self._say(link, t="hello", unit=self.unit, epoch=LANE, next=self.through + 1)
            sending: asyncio.Task[None] | None = None
            try:
                async for raw in link:
                    told = msgspec.json.decode(raw)
                    if told["t"] == "welcome":
                        self.versions.add(told.get("version"))
                        sending = asyncio.create_task(self._send(link, told["through"]))
                    elif told["t"] == "ack":
                        self._heard(told["through"])
            finally:
                if sending is not None:
                    sending.cancel()
                    await asyncio.gather(sending, return_exceptions=True)

    async def _send(self, link: websockets.ClientConnection, sent: int) -> None:
        while True:
            if rows := self.rows[sent : sent + AT_ONCE]:
                await self._say(link, t="rows", epoch=LANE, rows=rows)
                sent = rows[-1].seq
            else:
                await asyncio.sleep(SAMPLE_S)

    async def _say(self, link: websockets.ClientConnection, **words: Any) -> None:
        await link.send(msgspec.json.encode(words).decode())

    def _heard(self, through: int) -> None:
        now_s = time.monotonic()
        if self._acked_s is not None:
            self.gap_s = max(self.gap_s, now_s - self._acked_s)
        self.through, self._acked_s = through, now_s

    async def settle(self) -> None:
        """Sample no more; until the hubs have everything. Raises BenchFailed."""
        self._ended = True
        if await until(lambda: self.through >= len(self.rows), DRAINED_S) is None:
            raise BenchFailed(what="the old vehicle", why=f"{len(self.rows) - self.through} rows after {DRAINED_S:g} s")


async def rolling_restart(world: World) -> list[Finding]:
    """`ended`: from SIGTERM until the process was gone; by itself, not made to."""
    turns = world.times(1, 5)
    ended_s: list[float] = []
    async with at_two_hubs(world.folder, "", seed=world.seed) as at_two:
        old = OldVehicle(at_two.stages, NEWCOMER)
        task = asyncio.create_task(old.run())
        try:
            for number, stage in enumerate(at_two.stages * turns):
                await asyncio.sleep(WORK_S)
                began_s = time.monotonic()
                await stage.end()
                ended_s.append(time.monotonic() - began_s)
                await stage.start()
                await at_two.bus_up()
                world.said(number + 1, len(at_two.stages) * turns)
            await asyncio.sleep(WORK_S)
            await old.settle()
            told = await at_two.told()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    return [
        Finding("restarts", "times", 2 * turns), *told, worst("ended", ended_s, END_S),
        worst("old_gap", [old.gap_s], STALE_S), Finding("old_rows", "facts", len(old.rows), least=1),
        Finding("old_spoken_newly", "times", len(old.versions - {None}), most=0),
    ]  # fmt: skip
