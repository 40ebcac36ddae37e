"""F22: the hub stands still for a moment. F23: it has no descriptors left, or no memory."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import resource
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import websockets

from aboard.bench.faults.crews import Load, load
from aboard.bench.faults.finding import Finding, worst
from aboard.bench.faults.stage import Stage, hub, until
from aboard.bench.faults.world import World
from aboard.bench.play import BenchFailed

PATIENCE_S = 90.0
STALL_S = 2.0
SETTLE_S = 1.0
FEW = 64  # descriptors that the hub has left for newcomers
ROOM_MB, EATERS = (1, 32), 96  # memory that the hub may still take; sockets that each make it keep nearly a megabyte
AGAIN_S = 0.05  # wall seconds before one that was thrown out comes again
NO_LIMIT = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
MOUTHFUL = 1 << 20  # as much as one message may have (aboard/serving.py)


async def hub_stalled(world: World) -> list[Finding]:
    """The whole process is stopped for two seconds, as a machine does that swaps or is moved."""
    waits_s: list[float] = []
    async with hub(world.folder / "hub", 3) as stage:
        async with load(stage, world.folder, seed=world.seed) as at_work:
            connected = _connections(at_work)
            for _ in range(world.times(1, 10)):
                await asyncio.sleep(SETTLE_S)
                os.kill(stage.pid, signal.SIGSTOP)
                await asyncio.sleep(STALL_S)
                os.kill(stage.pid, signal.SIGCONT)
                waits_s.append(await _until_prompt(at_work))
            lost_links = _connections(at_work) - connected
            lag_s = await _told_lag(stage)
            await at_work.settle()
        await stage.end()
        told = stage.audit().findings()
    return [
        *told, Finding("links_lost", "times", lost_links, most=0), worst("prompt_again", waits_s, 5),
        Finding("lag_told", "s", lag_s, least=STALL_S / 2),
    ]  # fmt: skip


async def _until_prompt(at_work: Load) -> float:
    """Wall seconds until no vehicle has more waiting than it samples in half a second."""
    took_s = await until(lambda: all(crew.waiting <= 5 for crew in at_work.crews), PATIENCE_S)
    if took_s is None:
        raise BenchFailed(what="vehicles prompt again", why=f"> {PATIENCE_S:g} s")
    return took_s


async def _told_lag(stage: Stage) -> float | None:
    async with stage.client("engineer") as client:
        lines = (await client.get("/metrics")).text.splitlines()
    told = [float(line.split()[1]) for line in lines if line.startswith("aboard_loop_lag_seconds ")]
    return round(told[0], 3) if told else None


async def descriptors_gone(world: World) -> list[Finding]:
    """Newcomers take every descriptor that the hub has left, and stay; then they go."""
    async with hub(world.folder / "hub", 3) as stage:
        async with load(stage, world.folder, seed=world.seed) as at_work:
            leave_descriptors(stage.pid, FEW)
            with silent_newcomers(stage, 4 * FEW):
                connected, acked = _connections(at_work), _acked(at_work)
                await asyncio.sleep(world.times(3, 20))
                await until(lambda: _grown(at_work, acked) == len(acked), PATIENCE_S)
                going = _grown(at_work, acked)
                lost_links = _connections(at_work) - connected
            began_s = time.monotonic()
            await _until_answered(stage)
            again_s = time.monotonic() - began_s
            await at_work.settle()
        await stage.end()
        told = stage.audit().findings()
    return [
        Finding("newcomers", "times", 4 * FEW), *told, Finding("links_lost", "times", lost_links, most=0),
        Finding("vehicles_going_on", "times", going, least=3), worst("answers_again", [again_s], 10),
        Finding("log_grown", "MB", round(stage.said_bytes() / 1e6, 3), most=1),
    ]  # fmt: skip


@contextlib.contextmanager
def silent_newcomers(stage: Stage, many: int) -> Iterator[None]:
    """So many connections to the hub that say nothing, while the block runs."""
    host, _, port = stage.url.removeprefix("http://").partition(":")
    with contextlib.ExitStack() as newcomers:
        for _ in range(many):
            newcomers.enter_context(socket.create_connection((host, int(port)), timeout=5))
        yield


async def memory_gone(world: World) -> list[Finding]:
    """Screens send messages that never end, until the hub may have no more memory; then they go.

    `hub_ended`: times it ended for that and was started again, as its service does.
    """
    rng, rounds, ended, back_s = random.Random(world.seed), world.times(1, 10), 0, list[float]()
    async with hub(world.folder / "hub", 3) as stage:
        async with load(stage, world.folder, seed=world.seed) as at_work:
            for number in range(rounds):
                await asyncio.sleep(SETTLE_S)
                leave_memory(stage.pid, rng.randint(*ROOM_MB))
                async with eaters(stage, EATERS):
                    await asyncio.sleep(world.times(2, 10))
                began_s = time.monotonic()
                if not stage.is_there:
                    ended += 1
                    await stage.start()
                else:
                    resource.prlimit(stage.pid, resource.RLIMIT_AS, NO_LIMIT)
                await _until_answered(stage)
                await at_work.all_back()
                acked = _acked(at_work)
                if await until(lambda before=acked: _grown(at_work, before) == len(before), PATIENCE_S) is None:
                    raise BenchFailed(what="acknowledgements after the memory was gone", why=f"> {PATIENCE_S:g} s")
                back_s.append(time.monotonic() - began_s)
                world.said(number + 1, rounds)
            await at_work.settle()
        await stage.end()
        told = stage.audit().findings()
    return [
        Finding("rounds", "times", rounds), Finding("hub_ended", "times", ended), *told, worst("going_on", back_s, 10),
        Finding("log_grown", "MB", round(stage.said_bytes() / 1e6, 3), most=1),
    ]  # fmt: skip


def leave_memory(pid: int, more_mb: int) -> None:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + (more_mb << 20)
    resource.prlimit(pid, resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))


@contextlib.asynccontextmanager
async def eaters(stage: Stage, many: int) -> AsyncIterator[None]:
    """Screens each of whose messages goes on and on, while the block runs."""
    url = f"{stage.url.replace('http', 'ws', 1)}/api/v1/live/console"
    tasks = [asyncio.create_task(_eat(url, stage.token("dispatcher"))) for _ in range(many)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _eat(url: str, token: str) -> None:
    """One message in pieces and no end of it; again when the hub has ended the connection."""
    piece, headers = b" " * (MOUTHFUL // 16), {"Authorization": f"Bearer {token}"}

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(15):
            yield piece
        await asyncio.Event().wait()

    while True:
        with contextlib.suppress(OSError, TimeoutError, websockets.WebSocketException):
            async with websockets.connect(
                url, additional_headers=headers, proxy=None, compression=None, close_timeout=0.1
            ) as screen:
                await screen.send(pieces())
        await asyncio.sleep(AGAIN_S)


def _connections(at_work: Load) -> int:
    return sum(crew.link.connections for crew in at_work.crews)


def _acked(at_work: Load) -> list[int]:
    return [crew.scribe.outbox.counts.acked for crew in at_work.crews]


def _grown(at_work: Load, acked: list[int]) -> int:
    """Vehicles of which more is acknowledged by now."""
    return sum(now > before for now, before in zip(_acked(at_work), acked, strict=True))


def leave_descriptors(pid: int, many: int) -> None:
    open_now = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (open_now + many, hard))


async def _until_answered(stage: Stage) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(httpx.HTTPError):
                async with stage.client("dispatcher") as client:
                    if (await client.get("/healthz")).status_code == httpx.codes.OK:
                        return
            await asyncio.sleep(0.1)
