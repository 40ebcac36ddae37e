"""F10: a vehicle was away for ten minutes and comes back over a thin, lossy line. F19: a line dies without a word.

In a network of one's own, where the kernel limits the rate and drops packets; vehicle and hub are the real ones.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx

from aboard.bench.faults.crews import Crew
from aboard.bench.faults.finding import Finding, NotRun, worst
from aboard.bench.faults.stage import Stage, hub, until
from aboard.bench.faults.world import World
from aboard.bench.play import BenchFailed
from casebook import events as e
from casebook.clock import WallClock

CLONE_NEWNET = 0x40000000  # linux/sched.h
BACKLOG_S = 600
RATE, LOSS_PCT = "256kbit", 2
NEWEST_S, COMPLETE_S, NOTICED_S = 2.0, 60.0, 30.0
PATIENCE_S = 180.0
WATCHER = "127.0.0.9"  # who looks at the hub while the line is dead comes from here
TABLE = "inet faults"
Work = Callable[[], Coroutine[Any, Any, Sequence[Finding]]]


async def in_own_network(work: Work) -> Sequence[Finding]:
    """Do it in a thread that has a network of its own, loopback only, as have the processes it starts.

    Raises NotRun where the kernel or the rights do not allow that.
    """
    if missing := [name for name in ("ip", "tc", "nft") if shutil.which(name) is None]:
        raise NotRun(why=f"{', '.join(missing)} is missing (Debian packages iproute2, nftables)")
    return await asyncio.to_thread(_alone, work)


def _alone(work: Work) -> Sequence[Finding]:
    if os.geteuid() != 0 or ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        raise NotRun(why="no network of its own (needs root)")
    must("ip", "link", "set", "lo", "mtu", "1500", "up")
    must("nft", f"add table {TABLE}")
    must("nft", f"add chain {TABLE} line {{ type filter hook input priority 0; }}")
    return asyncio.run(work())  # type: ignore[arg-type]


def must(*words: str) -> None:
    """Raises NotRun with what the command said."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotRun(why=f"{' '.join(words)}: {done.stderr.strip()}")


def drop(rule: str) -> None:
    """Drop what comes in on this network and fits `rule` (nftables)."""
    must("nft", f"add rule {TABLE} line {rule} counter drop")


def heal() -> None:
    """Drop nothing any more."""
    must("nft", f"flush chain {TABLE} line")


async def long_away(world: World) -> Sequence[Finding]:
    """600 samples of ten minutes wait; then the line is there again, with 256 kbit/s for both directions together."""
    return await in_own_network(lambda: _long_away(world))


async def _long_away(world: World) -> list[Finding]:
    async with hub(world.folder / "hub", 1) as stage:
        unit = stage.units[0]
        crew = Crew(unit, stage.link_url, stage.token(f"unit:{unit}"), world.folder / unit, stage.promises)
        try:
            async with crew.linked():
                await _must_be(lambda: crew.is_back, "first link")
            await _fill(crew)
            must("tc", "qdisc", "add", "dev", "lo", "root", "tbf", "rate", RATE, "burst", "3000", "latency", "500ms")
            drop(f"numgen random mod 100 < {LOSS_PCT}")
            newest_s, complete_s = await _come_back(crew)
            must("tc", "qdisc", "del", "dev", "lo", "root")
            heal()
        finally:
            await crew.close()
        await stage.end()
        told = stage.audit()
        there = sum(entry.kind == e.VitalsRecorded.name for entry in stage.entries())
    return [
        Finding("samples", "samples", there, least=BACKLOG_S), *told.findings(),
        worst("newest", [newest_s], NEWEST_S), worst("complete", [complete_s], COMPLETE_S),
    ]  # fmt: skip


async def _fill(crew: Crew) -> None:
    """Samples of the last ten minutes, one a second."""
    now = WallClock().now()
    await asyncio.gather(*(crew.store(now - timedelta(seconds=second)) for second in range(BACKLOG_S, 0, -1)))


async def _come_back(crew: Crew) -> tuple[float, float]:
    """Wall seconds from the return until a sample taken at the return is in the book, and until all are."""
    async with crew.linked():
        await _must_be(lambda: crew.link.connections > 0 and crew.is_back, "link over the thin line")
        began_s = time.monotonic()
        now = crew.clock.now()
        await crew.store(now)
        await _must_be(lambda: not _waits(crew, now), "newest sample")
        newest_s = time.monotonic() - began_s
        await _must_be(lambda: not crew.waiting, "all samples")
    return newest_s, time.monotonic() - began_s


def _waits(crew: Crew, newest: datetime) -> bool:
    """Whether the sample of this instant, after which none was stored, is still the last of a lane."""
    box = crew.scribe.outbox
    lanes = [lane for lane in (box.main, box.live, *box.history) if lane is not None and lane.waiting]
    return any(row.at == newest for lane in lanes for row in box.unacknowledged(lane.stored - 1, 1, epoch=lane.epoch))


async def _must_be(true: Callable[[], bool], what: str) -> float:
    took_s = await until(true, PATIENCE_S)
    if took_s is None:
        raise BenchFailed(what=what, why=f"> {PATIENCE_S:g} s")
    return took_s


async def line_dead(world: World) -> Sequence[Finding]:
    """Every packet is dropped both ways and nobody is told; later the line is there again."""
    return await in_own_network(lambda: _line_dead(world))


async def _line_dead(world: World) -> list[Finding]:
    async with hub(world.folder / "hub", 1) as stage:
        unit = stage.units[0]
        crew = Crew(unit, stage.link_url, stage.token(f"unit:{unit}"), world.folder / unit, stage.promises)
        try:
            async with crew.linked():
                await _must_be(lambda: crew.is_back, "first link")
                drop(f"ip saddr != {WATCHER} ip daddr != {WATCHER}")
                sampling = asyncio.create_task(crew.sample())
                shown_s, lost_s, noticed_s = await asyncio.gather(
                    _must_be(lambda: not crew.is_back, "late on the tablet"),
                    _must_be(lambda: crew.link.as_view()["state"] == "lost", "lost on the tablet"),
                    _hub_notices(stage),
                )
                since = crew.link.as_view()["since"]
                heal()
                back_s = await _must_be(lambda: crew.is_back, "link again")
                sampling.cancel()
                await asyncio.gather(sampling, return_exceptions=True)
                await _must_be(lambda: not crew.waiting, "all samples")
        finally:
            await crew.close()
        await stage.end()
        told = stage.audit().findings()
    return [
        *told, worst("shown_late", [shown_s], NOTICED_S), worst("shown_lost", [lost_s], NOTICED_S),
        Finding("since_told", "times", int(since is not None), least=1), worst("hub_noticed", [noticed_s], NOTICED_S),
        worst("back", [back_s], 10),
    ]  # fmt: skip


async def _hub_notices(stage: Stage) -> float:
    """Wall seconds until the hub counts no vehicle."""
    began_s = time.monotonic()
    headers = {"Authorization": f"Bearer {stage.token('engineer')}"}
    way = httpx.AsyncHTTPTransport(local_address=WATCHER)
    async with httpx.AsyncClient(base_url=stage.url, headers=headers, transport=way, timeout=PATIENCE_S) as client:
        while "aboard_vehicles_connected 0.0" not in (await client.get("/metrics")).text:
            if time.monotonic() - began_s > PATIENCE_S:
                raise BenchFailed(what="hub notices", why=f"> {PATIENCE_S:g} s")
            await asyncio.sleep(0.2)
    return time.monotonic() - began_s
