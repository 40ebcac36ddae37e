"""How soon an alarming sample of a vehicle's monitor is on the wall board, when nothing is lost and when every tenth
packet is, and whether each is there once.

The real hub in a process of its own, four vehicles with their outboxes, a board's socket. Packets are dropped by the
kernel in a network of the measurement's own, both ways between vehicles and hub; the board's way is spared. Where there
are no rights for that only the clean line is measured.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec

from aboard.bench.boards import Seat, boards
from aboard.bench.faults.crews import Crew
from aboard.bench.faults.finding import Finding, NotRun
from aboard.bench.faults.lines import drop, heal, in_own_network
from aboard.bench.faults.stage import WARD, Stage, casualty_of, facts_of, until
from aboard.bench.figures import Case, once, ours_of
from aboard.bench.media.extent import Extent
from aboard.bench.play import BenchFailed
from aboard.bench.vitals_fleet import VITALS
from ambulance_unit.outbox import Record
from casebook import events as e
from casebook.clock import WallClock

UNITS = ("V0001", "V0002", "V0003", "V0004")
EVERY_S = 0.2
ALARMING = {**VITALS, "spo2_pct": 79}
LOSS_PCT = 10
CLEAN_MS, LOSSY_MS = 500.0, 2000.0
SETTLE_S, ARRIVE_S = 2.0, 20.0
SPARED = "127.0.0.9"  # the board looks from here
Known = tuple[str, datetime]


@dataclass(slots=True)
class Rung:
    """Alarms by vehicle and instant: those that were taken, and how often and how late (ms) each came."""

    taken: list[Known] = field(default_factory=list)
    came: Counter[Known] = field(default_factory=Counter)
    delay_ms: list[float] = field(default_factory=list)

    def hear(self, body: bytes) -> None:
        """A message of the board's feed."""
        now = WallClock().now()
        for sample in msgspec.json.decode(body, type=_Message).samples:
            known = (sample.unit, sample.at)
            self.came[known] += 1
            if self.came[known] == 1:
                self.delay_ms.append(1000 * (now - sample.at).total_seconds())

    @property
    def lost(self) -> int:
        return sum(not self.came[known] for known in self.taken)

    @property
    def doubled(self) -> int:
        return sum(self.came[known] > 1 for known in self.taken)


class _Sample(msgspec.Struct):
    unit: str
    at: datetime


class _Message(msgspec.Struct):
    samples: list[_Sample] = []


async def alarm(extent: Extent) -> list[Case]:
    """Clean, then lossy where that can be made."""
    seconds, told = extent.either(12, 5), dict[str, Rung]()

    async def both() -> Sequence[Finding]:
        for name, lossy in (("clean", False), ("lossy", True)):
            extent.said(f"alarm, {name}")
            told[name] = await ring(seconds, lossy=lossy)
        return ()

    try:
        await in_own_network(both)
    except NotRun as why:
        extent.said(f"alarm, lossy: {why}")
        told["clean"] = await ring(seconds, lossy=False)
    return [case for name, rung in told.items() for case in alarm_cases(name, rung)]


async def ring(seconds: float, *, lossy: bool) -> Rung:
    """Every vehicle's monitor alarms for so many seconds. Raises BenchFailed when nothing is ready."""
    rung = Rung()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aboard-bench-")))
        stage = Stage(folder / "hub", UNITS, facts=_bound)
        stack.push_async_callback(stage.end)
        await stage.start()
        seat = Seat(stage.url, f"/api/v1/live/wall/{WARD}", stage.token(f"hospital:{WARD}"), rung.hear, SPARED)
        await stack.enter_async_context(boards([seat]))
        crews = [
            Crew(unit, stage.link_url, stage.token(f"unit:{unit}"), folder / unit, stage.promises) for unit in UNITS
        ]
        for crew in crews:
            stack.push_async_callback(crew.close)
            await stack.enter_async_context(crew.linked())
        if await until(lambda: all(crew.is_back for crew in crews), ARRIVE_S) is None:
            raise BenchFailed(what="alarm", why="a vehicle was not connected")
        await asyncio.sleep(SETTLE_S)
        if lossy:
            for side in ("sport", "dport"):
                port = stage.url.rpartition(":")[2]
                drop(f"ip saddr != {SPARED} ip daddr != {SPARED} tcp {side} {port} numgen random mod 100 < {LOSS_PCT}")
        await asyncio.gather(*(_alarm(crew, rung, round(seconds / EVERY_S)) for crew in crews))
        await until(lambda: not rung.lost, ARRIVE_S)
        if lossy:
            heal()
    return rung


async def _alarm(crew: Crew, rung: Rung, times: int) -> None:
    """One alarm after another; each is taken when the vehicle's disk has it."""
    began_s = asyncio.get_running_loop().time()
    for number in range(1, times + 1):
        at = WallClock().now()
        fact = e.VitalsRecorded(casualty_of(crew.unit), crew.unit, ALARMING)
        await crew.scribe.put([Record(at, fact.name, e.encode(fact), crew.unit, "monitor", sample=True, spare=False)])
        rung.taken.append((crew.unit, at))
        crew.link.wake()
        await asyncio.sleep(max(0.0, began_s + number * EVERY_S - asyncio.get_running_loop().time()))


def _bound(units: Sequence[str]) -> list[e.Event]:
    """As the stage begins, and every casualty is on its way to the ward."""
    way = e.Option(WARD, "road", 1200, {"drive": 1200})
    return [*facts_of(units), *(e.DestinationChosen(casualty_of(unit), way) for unit in units)]


def alarm_cases(name: str, rung: Rung) -> list[Case]:
    """Pure."""
    bound = CLEAN_MS if name == "clean" else LOSSY_MS
    return [
        Case(f"alarm_{name}", "ms", ours_of(rung.delay_ms), {}, {"p99": bound}),
        Case(f"alarm_{name}_lost", "alarms", once(rung.lost), {}, {"p99": 0}),
        Case(f"alarm_{name}_twice", "alarms", once(rung.doubled), {}, {"p99": 0}),
    ]
