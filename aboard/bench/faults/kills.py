"""F1: the hub, or a vehicle, is killed with SIGKILL at random points while everybody works, and started again.

What a store does at a power cut, which a kill does not show, is `power`'s.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from aboard.bench.faults.crews import AGAIN_S, load
from aboard.bench.faults.finding import Finding, worst
from aboard.bench.faults.ledger import fact_mark
from aboard.bench.faults.stage import Stage, hub, until
from aboard.bench.faults.world import World
from aboard.bench.play import BenchFailed
from aboard.children import Child
from aboard.unit import UnitSettings, save_settings
from casebook import events as e
from scenarios.feeds import Body

CREWS = 4
POINT_S = 1.2  # a kill comes so long after the hub is ready, at most
IN_START = 5  # one kill of so many is followed by another, while the hub starts
START_S = 2.5
SURE_S = 30.0
COURSE = ({"at": 0, "hr_bpm": 118, "spo2_pct": 93}, {"at": 36_000, "hr_bpm": 96, "spo2_pct": 97})


async def hub_killed(world: World) -> list[Finding]:
    """Time from the kill until the hub is ready and until the last vehicle has its link again."""
    rng, points = random.Random(world.seed), world.times(2, 200)
    ready_s: list[float] = []
    back_s: list[float] = []
    async with hub(world.folder / "hub", CREWS) as stage:
        async with load(stage, world.folder, seed=world.seed) as at_work:
            for number in range(points):
                await asyncio.sleep(rng.uniform(0.0, POINT_S))
                await stage.kill()
                if number % IN_START == IN_START - 1:
                    await _killed_starting(stage, rng.uniform(0.0, START_S))
                killed_s = time.monotonic()
                ready_s.append(await stage.start())
                await at_work.all_back()
                back_s.append(time.monotonic() - killed_s)
                world.said(number + 1, points)
            await at_work.settle()
        await stage.end()
        told = stage.audit().findings()
    return [
        Finding("kills", "times", points), *told, worst("ready", ready_s, 5), worst("back", back_s, 10),
        Finding("tracebacks", "times", stage.tracebacks(), most=0),
    ]  # fmt: skip


async def _killed_starting(stage: Stage, after_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(after_s):
            await stage.start()
    await stage.kill()


@dataclass(slots=True)
class Tablet:
    """A vehicle's whole process, and a crew that taps: a new casualty with every tap, again until it is answered."""

    stage: Stage
    folder: Path
    unit: str
    url: str = ""
    token: str = ""
    rows: int = 0
    _child: Child | None = None
    _number: int = 0
    _answered: int = 0
    _ready: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> float:
        enrolment = self.folder / "enrolment.json"
        settings = UnitSettings(
            unit=self.unit, hub=self.stage.url, token=self.stage.token(f"unit:{self.unit}"),
            folder=str(self.folder / "unit"), lat=31.0, lon=121.2, camera="none", live_media=False,
            bodies=(Body(self.unit, COURSE),),
        )  # fmt: skip
        save_settings(enrolment, settings)
        self._child = Child("unit", ["unit", str(enrolment)], self.folder)
        began_s = time.monotonic()
        self.url, _, self.token = (await self._child.start())["tablet"].partition("/tablet#")
        self._ready.set()
        return time.monotonic() - began_s

    async def kill(self) -> None:
        assert self._child is not None
        self._ready.clear()
        await self._child.kill()

    async def end(self) -> None:
        if self._child is not None:
            await self._child.end()

    async def ask(self, name: str, key: str, **body: Any) -> dict[str, Any]:
        """The answer, however often it takes."""
        while True:
            await self._ready.wait()
            headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key}
            try:
                async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=SURE_S) as client:
                    answer = await client.post(f"/api/v1/ask/{name}", json=body)
                    if answer.status_code == httpx.codes.OK:
                        return answer.json()
            except httpx.HTTPError:
                pass
            await asyncio.sleep(AGAIN_S)

    async def at_work(self) -> None:
        """Until the monitor's first sample is on the disk and the crew's first tap is answered.

        Raises BenchFailed when that takes longer than any start.
        """
        headers = {"Authorization": f"Bearer {self.token}"}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SURE_S), httpx.AsyncClient(base_url=self.url, headers=headers) as client:
                while True:
                    if self._answered and (await client.get("/api/v1/ledger")).json()["vitals_stored"]:
                        return
                    await asyncio.sleep(AGAIN_S)
        raise BenchFailed(what=self.unit, why=f"no tap answered or no sample stored within {SURE_S:g} s")

    async def tap(self) -> None:
        """Until cancelled. What the tablet has answered is on the vehicle's disk, and so is promised."""
        while True:
            self._number += 1
            label = f"tap{self._number}"
            await self.ask("found_casualty", label, label=label)
            fact = e.CasualtyFound(f"crash-{label}", "crash", label)
            self.stage.promises.keep(self.unit, fact_mark(fact.name, e.encode(fact)))
            self._answered += 1


async def vehicle_killed(world: World) -> list[Finding]:
    """`samples_missing`: vitals that the outbox counted as stored and the log does not have."""
    rng, points = random.Random(world.seed), world.times(2, 200)
    ready_s: list[float] = []
    async with hub(world.folder / "hub", 1) as stage:
        unit = stage.units[0]
        tablet = Tablet(stage, world.folder / "vehicle", unit)
        try:
            ready_s.append(await tablet.start())
            await tablet.ask("attach_monitor", "monitor-on", casualty=f"crash-{unit}")
            tapping = asyncio.create_task(tablet.tap())
            await tablet.at_work()  # a kill before it would find nothing promised, and so prove nothing
            for number in range(points):
                await asyncio.sleep(rng.uniform(0.0, POINT_S))
                await tablet.kill()
                ready_s.append(await tablet.start())
                world.said(number + 1, points)
            tapping.cancel()
            await asyncio.gather(tapping, return_exceptions=True)
        finally:
            await tablet.end()
        return await _vehicle_told(stage, tablet, points, ready_s)


async def _vehicle_told(stage: Stage, tablet: Tablet, points: int, ready_s: list[float]) -> list[Finding]:
    """Once more with the link alone, until the outbox is empty; then the log against what was promised."""
    from aboard.bench.faults.crews import Crew

    crew = Crew(tablet.unit, stage.link_url, stage.token(f"unit:{tablet.unit}"), tablet.folder / "unit", stage.promises)
    try:
        async with crew.linked():
            if await until(lambda: crew.is_back and not crew.waiting, SURE_S) is None:
                raise BenchFailed(what=tablet.unit, why=f"{crew.waiting} rows wait after {SURE_S:g} s")
        stored = crew.scribe.outbox.stored_of(e.VitalsRecorded.name)
    finally:
        await crew.close()
    await stage.end()
    entries = stage.entries()
    there = sum(entry.kind == e.VitalsRecorded.name for entry in entries)
    return [
        Finding("kills", "times", points), *stage.audit().findings(),
        Finding("samples", "samples", stored, least=1), Finding("samples_missing", "samples", stored - there, most=0),
        worst("vehicle_ready", ready_s, 10),
    ]  # fmt: skip
