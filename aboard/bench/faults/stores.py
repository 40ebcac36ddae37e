"""F6: the database stops at once and comes back. F7: the disk of the hub, or of a vehicle, is full for a while.

Nothing may be acknowledged meanwhile that is not kept; everybody goes on by himself when the store is there again.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from aboard.bench.faults.crews import Crew, Load, load
from aboard.bench.faults.finding import Finding, NotRun, worst
from aboard.bench.faults.stage import Stage, hub, until
from aboard.bench.faults.world import World
from aboard.bench.play import BenchFailed
from aboard.bench.postgres_server import find_postgres, postgres_cluster

CREWS = 3
WORK_S = 1.0
LET_GO_S = 1.0  # wall seconds after the store's end in which an answer may still be on its way
HUB_DISK_MB, CREW_DISK_MB = 12, 3
RESERVE_BYTES = 512 << 10
BLOCK = b"\0" * 4096


async def database_stopped(world: World) -> list[Finding]:
    """`acknowledged_without_store`: what was acknowledged while there was no server; `going_again`: from the server's
    start to empty outboxes."""
    programs = find_postgres()
    if programs is None:
        raise NotRun(why="PostgreSQL is not installed (Debian package postgresql)")
    down_s = 30.0 if world.full else 2.0
    with postgres_cluster(programs) as cluster:
        async with hub(world.folder / "hub", CREWS, cluster.url) as stage:
            async with load(stage, world.folder, seed=world.seed) as at_work:
                await asyncio.sleep(WORK_S)
                await asyncio.to_thread(cluster.stop, signal.SIGQUIT)
                acknowledged = await _acknowledged_in(at_work, down_s)
                began_s = time.monotonic()
                await asyncio.to_thread(cluster.start)
                await asyncio.sleep(WORK_S)
                await at_work.settle()
                again_s = time.monotonic() - began_s
            await stage.end()
            told = stage.audit().findings()
    return [
        Finding("down", "s", down_s), *told, Finding("acknowledged_without_store", "facts", acknowledged, most=0),
        worst("going_again", [again_s], 30), Finding("tracebacks", "times", stage.tracebacks(), most=0),
    ]  # fmt: skip


async def _acknowledged_in(at_work: Load, span_s: float) -> int:
    """How much was acknowledged in so many seconds, from a moment after now on."""
    await asyncio.sleep(LET_GO_S)
    before = _acknowledged(at_work)
    await asyncio.sleep(span_s)
    return _acknowledged(at_work) - before


def _acknowledged(at_work: Load) -> int:
    return sum(crew.scribe.outbox.counts.acked for crew in at_work.crews) + len(at_work.stage.promises.answered)


@contextlib.contextmanager
def small_disk(folder: Path, size_mb: int) -> Iterator[Path]:
    """A file system of its own, in memory. Raises NotRun where none may be mounted."""
    folder.mkdir(parents=True)
    mount = shutil.which("mount")
    words = ["-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(folder)]
    if mount is None or subprocess.run([mount, *words], capture_output=True, check=False).returncode:
        raise NotRun(why="a small file system cannot be mounted (needs root)")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Somebody else's file takes all that is left."""
    hog = disk / "hog"
    with contextlib.suppress(OSError), hog.open("wb", buffering=0) as file:
        while True:
            file.write(BLOCK)
    return hog


async def hub_disk_full(world: World) -> list[Finding]:
    """`told_off`: wards that were told no; `not_ready`: whether /readyz said so; then as after a stopped database."""
    with small_disk(world.folder / "hub", HUB_DISK_MB) as disk:
        async with hub(disk, CREWS) as stage:
            async with load(stage, world.folder, seed=world.seed) as at_work:
                await asyncio.sleep(WORK_S)
                hog = fill(disk)
                full = await _until_told_off(at_work)
                acknowledged = await _acknowledged_in(at_work, 20.0 if world.full else 1.0)
                not_ready = await _is_not_ready(stage)
                hog.unlink()
                began_s = time.monotonic()
                await at_work.settle()
                again_s = time.monotonic() - began_s
            await stage.end()
            told = stage.audit().findings()
    return [
        *told, Finding("told_off", "times", full, least=1), Finding("told_not_ready", "times", not_ready, least=1),
        Finding("acknowledged_without_store", "facts", acknowledged, most=0), worst("going_again", [again_s], 30),
        Finding("tracebacks", "times", stage.tracebacks(), most=0),
    ]  # fmt: skip


async def _until_told_off(at_work: Load) -> int:
    """Both wards, twice: what SQLite itself had left is used up."""
    if await until(lambda: all(desk.told_off >= 2 for desk in at_work.desks), 60.0) is None:
        raise BenchFailed(what="full disk", why="the hub still takes everything")
    return at_work.told_off


async def _is_not_ready(stage: Stage) -> int:
    async with stage.client("dispatcher") as client:
        answer = await client.get("/readyz")
    return int(answer.status_code == 503)


async def vehicle_disk_full(world: World) -> list[Finding]:
    """Samples are refused and counted while what may not be refused (taps, alarms) is stored; then all goes on."""
    urgent = world.times(20, 200)
    with small_disk(world.folder / "vehicle", CREW_DISK_MB) as disk:
        async with hub(world.folder / "hub", 1) as stage:
            unit = stage.units[0]
            crew = Crew(
                unit, stage.link_url, stage.token(f"unit:{unit}"), disk, stage.promises, reserve_bytes=RESERVE_BYTES
            )
            hog = fill(disk)
            await _store_until_refused(crew)
            refused = crew.refused
            for _ in range(urgent):
                await crew.store(spare=False)
            not_kept = crew.refused - refused
            hog.unlink()
            async with crew.linked():
                await _store_until_taken(crew)
                drained = await until(lambda: crew.is_back and not crew.waiting, 60.0)
            await crew.close()
            await stage.end()
    if drained is None:
        raise BenchFailed(what="outbox empty", why="> 60 s")
    return [
        *stage.audit().findings(), Finding("samples_refused", "samples", refused, least=1),
        Finding("urgent_refused", "facts", not_kept, most=0), Finding("urgent_stored", "facts", urgent, least=1),
    ]  # fmt: skip


async def _store_until_refused(crew: Crew) -> None:
    while not crew.refused:
        await crew.store()


async def _store_until_taken(crew: Crew) -> None:
    while True:
        refused = crew.refused
        await crew.store()
        if crew.refused == refused:
            return
