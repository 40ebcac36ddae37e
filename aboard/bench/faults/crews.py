"""Vehicles of the real kind - outbox on a disk, scribe, link - in this process, sampling steadily; and desks that ask.

Each writes down what it was promised. What becomes of the hub meanwhile is the fault's.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import msgspec

from aboard.bench.faults.ledger import Promises, sample_mark
from aboard.bench.faults.stage import WARD, Stage, casualty_of, until
from aboard.bench.play import BenchFailed
from aboard.bench.vitals_fleet import VITALS
from ambulance_unit.hub_link import REFUSED_PAUSE_S, HubLink
from ambulance_unit.outbox import Outbox, Record
from ambulance_unit.scribe import Scribe
from ambulance_unit.told_view import ToldView
from casebook import events as e
from casebook.clock import Clock, WallClock
from casebook.errors import FeedLost

SAMPLE_S = 0.1
AGAIN_S = 0.1  # wall seconds before a desk repeats what was not answered
DRAINED_S = 120.0  # wall seconds in which everything must be in the book once the fault is over
NUMBERS = 998


class Crew:
    """One vehicle. `refused`: samples that its disk did not take, and said so."""

    def __init__(
        self, unit: str, url: str, token: str, folder: Path, promises: Promises, *, seed: int = 0,
        clock: Clock | None = None, reserve_bytes: int = 0, others: Sequence[str] = (),
        refused_pause_s: float = REFUSED_PAUSE_S,
    ) -> None:  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        self.unit, self.clock, self.promises, self.refused = unit, clock or WallClock(), promises, 0
        self.scribe = Scribe(Outbox(folder / "outbox.sqlite", reserve_bytes=reserve_bytes))
        told = ToldView(folder / "told.json")
        self.link = HubLink(
            url, token, unit, self.scribe, told, self.clock, others=others, rng=random.Random(seed),
            refused_pause_s=refused_pause_s,
        )  # fmt: skip
        self._last_at: datetime | None = None

    @property
    def is_back(self) -> bool:
        return self.link.as_view()["state"] == "connected"

    @property
    def waiting(self) -> int:
        return self.scribe.outbox.counts.waiting

    async def store(self, at: datetime | None = None, *, spare: bool = True) -> None:
        """One sample; promised when the disk has it. `at`: when it was taken."""
        at = at or self._now()
        fact = e.VitalsRecorded(casualty_of(self.unit), self.unit, VITALS)
        record = Record(at, fact.name, e.encode(fact), self.unit, "monitor", sample=True, spare=spare)
        try:
            await self.scribe.put([record])
        except FeedLost:
            self.refused += 1
            return
        self.promises.keep(self.unit, sample_mark(at))
        self.link.wake()

    def _now(self) -> datetime:
        """An instant of its own, whatever the clock does: samples are known by it."""
        at = self.clock.now()
        if self._last_at is not None and at == self._last_at:
            at += timedelta(microseconds=1)
        self._last_at = at
        return at

    async def sample(self) -> None:
        """Until cancelled; what was begun is finished, since what is promised after all have settled would be missed
        in vain."""
        storing: set[asyncio.Task[None]] = set()
        try:
            while True:
                storing = {task for task in storing if not task.done()} | {asyncio.create_task(self.store())}
                await asyncio.sleep(SAMPLE_S)
        finally:
            await asyncio.gather(*storing)

    @contextlib.asynccontextmanager
    async def linked(self) -> AsyncIterator[Crew]:
        """Connected while the block runs."""
        task = asyncio.create_task(self.link.run())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def close(self) -> None:
        await self.scribe.close()


@dataclass(slots=True)
class Desk:
    """A ward that states one count after the other, each under a key, again and again until it is answered; each time
    at the next of the hubs that it knows, of which `stage` is the first."""

    stage: Stage
    name: str
    others: Sequence[Stage] = ()
    told_off: int = 0  # answers that said no: the hub could not keep it now
    silent: int = 0  # no answer at all
    _number: int = 0

    async def ask(self) -> None:
        """One count, to its answer."""
        self._number += 1
        key = f"{self.name}-{self._number}"
        body = {"hospital": WARD, "resource": "ed_bed", "free": self._number % NUMBERS, "total": NUMBERS}
        self.stage.promises.tried.add(key)
        for stage in itertools.cycle([self.stage, *self.others]):
            try:
                async with stage.client(f"hospital:{WARD}") as client:
                    answer = await client.post(
                        "/api/v1/ask/report_capacity", json=body, headers={"Idempotency-Key": key}
                    )
            except httpx.HTTPError:
                self.silent += 1
            else:
                if answer.status_code == httpx.codes.OK:
                    self.stage.promises.answered[key] = msgspec.json.decode(answer.content)["entries"]
                    return
                self.told_off += 1
            await asyncio.sleep(AGAIN_S)

    async def keep_asking(self) -> None:
        while True:
            await self.ask()
            await asyncio.sleep(AGAIN_S)


@dataclass(slots=True)
class Load:
    """Vehicles and desks at work on one hub."""

    stage: Stage
    crews: Sequence[Crew]
    desks: Sequence[Desk]
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def all_back(self, within_s: float = 60.0) -> float:
        """Wall seconds until every vehicle is connected. Raises BenchFailed."""
        took_s = await until(lambda: all(crew.is_back for crew in self.crews), within_s)
        if took_s is None:
            raise BenchFailed(what="vehicles back", why=f"> {within_s:g} s")
        return took_s

    async def settle(self, within_s: float = DRAINED_S) -> float:
        """Stop sampling and asking; wall seconds until every outbox is empty. Raises BenchFailed."""
        await self.stop()
        took_s = await until(lambda: not any(crew.waiting for crew in self.crews), within_s)
        if took_s is None:
            left = sum(crew.waiting for crew in self.crews)
            raise BenchFailed(what="outboxes empty", why=f"{left} rows after {within_s:g} s")
        return took_s

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        told = await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        for wrong in told:
            if isinstance(wrong, Exception):
                raise wrong

    @property
    def told_off(self) -> int:
        return sum(desk.told_off for desk in self.desks)


@contextlib.asynccontextmanager
async def load(
    stage: Stage, folder: Path, *, desks: int = 2, seed: int = 0, others: Sequence[Stage] = (), spread: bool = False
) -> AsyncIterator[Load]:
    """Every vehicle of the stage samples ten times a second, and so many desks ask, until `settle` or the block's end.

    `folder`: where the vehicles keep their outboxes; `others`: where vehicles and desks go when this hub is gone; with
    `spread` they begin there in turn.
    """
    urls = [one.link_url for one in (stage, *others)]
    crews = list[Crew]()
    for number, unit in enumerate(stage.units):
        first = number % len(urls) if spread else 0
        crews.append(
            Crew(
                unit, urls[first], stage.token(f"unit:{unit}"), folder / unit, stage.promises, seed=seed + number,
                others=urls[first + 1 :] + urls[:first],
            )
        )  # fmt: skip
    at_work = Load(stage, crews, [Desk(stage, f"desk{number}", others) for number in range(desks)])
    try:
        async with contextlib.AsyncExitStack() as links:
            for crew in crews:
                await links.enter_async_context(crew.linked())
            await at_work.all_back()
            await until(lambda: all(crew.link.connections for crew in crews), DRAINED_S)
            works = [*(crew.sample() for crew in crews), *(desk.keep_asking() for desk in at_work.desks)]
            at_work._tasks += [asyncio.create_task(work) for work in works]
            try:
                yield at_work
            finally:
                await at_work.stop()
    finally:
        for crew in crews:
            await crew.close()
