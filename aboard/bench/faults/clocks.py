"""F9: the hub's clock jumps an hour ahead and two back; a vehicle's clock is off and jumps. F24: a log is restored.

What is in which order follows from numbers, never from clocks.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

from aboard.bench.faults.crews import Crew, Desk, load
from aboard.bench.faults.finding import Finding, NotRun
from aboard.bench.faults.stage import Stage, hub, until
from aboard.bench.faults.world import World
from aboard.bench.play import BenchFailed
from casebook.clock import WallClock
from casebook.log import Entry
from casebook.store.restoring import fold_all, hash_of
from casebook.store.seals import TRUSTED

LIBRARIES = ("faketime/libfaketimeMT.so.1",)
PLACES = (Path("/usr/lib/x86_64-linux-gnu"), Path("/usr/lib/aarch64-linux-gnu"), Path("/usr/lib"))
JUMPS_S = (3600, -3600, 0)
STAY_S = 1.5
OFF_S = 300
TOLERANCE_S = 30.0


class OffClock(WallClock):
    """A wall clock that is off by so much."""

    def __init__(self, off_s: float) -> None:
        super().__init__()
        self.off_s = off_s

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.off_s)


async def clocks_jump(world: World) -> list[Finding]:
    """The hub's wall clock is another one by libfaketime, its monotonic clock is true, as with a false time server."""
    unit, file = "V0000", world.folder / "offset"
    file.write_text("+0s")
    env = dict(os.environ) | {
        "LD_PRELOAD": str(_library()), "FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }  # fmt: skip
    stage = Stage(world.folder / "hub", [unit, "V0001"], env=env)
    try:
        await stage.start()
        off = OffClock(OFF_S)
        crew = Crew("V0001", stage.link_url, stage.token("unit:V0001"), world.folder / "off", stage.promises, clock=off)
        stage.units = [unit]
        skews_s: list[float] = []
        try:
            async with load(stage, world.folder, seed=world.seed) as at_work, crew.linked():
                sampling = asyncio.create_task(crew.sample())
                if await until(lambda: bool(crew.link.connections), TOLERANCE_S) is None:
                    raise BenchFailed(what="vehicle with another clock", why="no link")
                links = crew.link.connections + at_work.crews[0].link.connections
                for _ in range(world.times(1, 5)):
                    for jump_s in JUMPS_S:
                        file.write_text(f"{jump_s:+d}s")
                        off.off_s = OFF_S - jump_s / 60
                        await asyncio.sleep(STAY_S)
                links = crew.link.connections + at_work.crews[0].link.connections - links
                skews_s.append(abs((crew.link.skew_s or 0.0) + OFF_S))
                ahead_s = await _ahead_s(stage, "V0001")
                sampling.cancel()
                await asyncio.gather(sampling, return_exceptions=True)
                await at_work.settle()
                await until(lambda: not crew.waiting, TOLERANCE_S)
        finally:
            await crew.close()
    finally:
        await stage.end()
    told = stage.audit().findings()
    instants = [entry.recorded_at for entry in stage.entries()]
    back = sum(later < earlier for earlier, later in itertools.pairwise(instants))
    return [
        *told, Finding("clock_went_back", "times", back, least=1), Finding("links_lost", "times", links, most=0),
        Finding("skew_wrong", "s", round(max(skews_s), 1), most=TOLERANCE_S),
        Finding("ahead_told", "s", ahead_s, least=OFF_S / 2),
        Finding("tracebacks", "times", stage.tracebacks(), most=0),
    ]  # fmt: skip


def _library() -> Path:
    found = next((place / name for place in PLACES for name in LIBRARIES if (place / name).exists()), None)
    if found is None:
        raise NotRun(why="libfaketime is missing (Debian package faketime)")
    return found


async def _ahead_s(stage: Stage, unit: str) -> float | None:
    async with stage.client("engineer") as client:
        lines = (await client.get("/metrics")).text.splitlines()
    name = f'aboard_vehicle_clock_ahead_seconds{{unit="{unit}"}} '
    return next((round(float(line.removeprefix(name)), 1) for line in lines if line.startswith(name)), None)


# --- a log is restored


async def log_restored(world: World) -> list[Finding]:
    """A hub at work is exported; the export is restored whole and as it was before; a hub goes on with the restored
    log. `folds_differ`: pictures that were not the same, by their SHA-256."""
    async with hub(world.folder / "hub", 3) as stage:
        async with load(stage, world.folder, seed=world.seed) as at_work:
            await asyncio.sleep(world.times(1, 10))
            export = await asyncio.to_thread(_export, stage.folder, world.folder / "live.jsonl")
            await at_work.settle()
        await stage.end()
        entries, differ, refused = stage.entries(), 0, 0
        cuts = [_length(export), *_places(_length(export), world.times(2, 8))]
        for number, through in enumerate(cuts):
            target = world.folder / f"restored{number}" / "book.sqlite"
            told = await asyncio.to_thread(_restore, export, target, through)
            refused += not told
            differ += hash_of(fold_all(entries[:through])) not in told
        going_on = await _goes_on(world.folder / "again", stage, entries)
    return [
        Finding("entries", "facts", len(entries), least=1), Finding("restores", "times", len(cuts)),
        Finding("restores_failed", "times", refused, most=0), Finding("folds_differ", "times", differ, most=0),
        Finding("hub_goes_on", "times", going_on, least=1),
    ]  # fmt: skip


def _aboard(*words: str) -> str:
    """What the command says; nothing when it fails."""
    command = [sys.executable, "-m", "aboard", "--lang", "en", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return done.stdout if done.returncode == 0 else ""


def _export(folder: Path, file: Path) -> Path:
    file.write_text(_aboard("log", "export", str(folder)), encoding="utf-8")
    return file


def _length(export: Path) -> int:
    return sum('"checkpoint":' not in line[:20] for line in export.read_text(encoding="utf-8").splitlines())


def _places(count: int, many: int) -> list[int]:
    return [count * (number + 1) // (many + 1) for number in range(many)]


def _restore(export: Path, target: Path, through: int) -> str:
    target.parent.mkdir()
    return _aboard("log", "restore", str(export), str(target), "--through", str(through))


def _carry_over(source: Path, folder: Path) -> None:
    """As an operator does: the export and, beside it, the names of those whose signatures count."""
    folder.mkdir()
    shutil.copy(source / TRUSTED, folder.parent / TRUSTED)
    export = _export(source, folder.with_suffix(".jsonl"))
    assert _aboard("log", "restore", str(export), str(folder / "book.sqlite"))


async def _goes_on(folder: Path, stage: Stage, entries: list[Entry]) -> int:
    """1 when a hub opens on the log that was restored whole, and a desk's count is the next entry."""
    await asyncio.to_thread(_carry_over, stage.folder, folder)
    other = Stage(folder, stage.units)
    try:
        await other.start()
        await Desk(other, "after").ask()
    finally:
        await other.end()
    there = other.entries()
    same = [entry.hash for entry in there[: len(entries)]] == [entry.hash for entry in entries]
    return int(same and len(there) > len(entries) and other.audit().lost == 0)
