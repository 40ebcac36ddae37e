"""F13: a board that reads nothing any more. F14: a thousand vehicles come back at once."""

from __future__ import annotations

import asyncio
import contextlib
import random
import resource
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
import websockets

from aboard.bench.faults.crews import load
from aboard.bench.faults.finding import Finding, worst
from aboard.bench.faults.lines import in_own_network
from aboard.bench.faults.stage import Stage, hub, until
from aboard.bench.faults.world import World
from aboard.bench.figures import ours_of
from aboard.bench.play import BenchFailed
from aboard.bench.vitals_fleet import EPOCH, WELCOME_S
from aboard.children import resident_mb
from ambulance_unit.hub_link import pause_s
from casebook.clock import WallClock
from casebook.link import VERSION, Hello

GONE_S = 30.0
PATIENCE_S = 180.0
AT_ONCE = 100
STOPPED = """
import asyncio, sys, websockets
async def read_on(url, token):
    async with websockets.connect(url, additional_headers={"Authorization": f"Bearer {token}"}, proxy=None) as socket:
        print(await socket.recv() is not None, flush=True)
        async for message in socket:
            pass
asyncio.run(read_on(*sys.argv[1:]))
"""


@dataclass(slots=True)
class Board:
    """A console that reads: how old each sample was when it came, by the clock that both ends share."""

    late_ms: list[float] = field(default_factory=list)
    messages: int = 0

    async def read(self, url: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        async with websockets.connect(url, additional_headers=headers, proxy=None, max_size=None) as screen:
            async for raw in screen:
                message = msgspec.json.decode(raw)
                self.messages += 1
                if message["t"] == "delta":
                    now = WallClock().now()
                    taken = (datetime.fromisoformat(sample["at"]) for sample in message.get("samples", ()))
                    self.late_ms += [1000 * (now - at).total_seconds() for at in taken]


@contextlib.asynccontextmanager
async def boards(stage: Stage, many: int) -> AsyncIterator[Sequence[Board]]:
    made = [Board() for _ in range(many)]
    url = f"{stage.url.replace('http', 'ws', 1)}/api/v1/live/console"
    tasks = [asyncio.create_task(board.read(url, stage.token("dispatcher"))) for board in made]
    try:
        if await until(lambda: all(board.messages for board in made), PATIENCE_S) is None:
            raise BenchFailed(what="boards", why="no first message")
        yield made
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def board_stopped(world: World) -> Sequence[Finding]:
    """One board's process is stopped (SIGSTOP) and another reads nothing; what the others see, before and meanwhile."""
    return await in_own_network(lambda: _board_stopped(world))


async def _board_stopped(world: World) -> list[Finding]:
    many, span_s = world.times(6, 40), float(world.times(2, 20))
    async with (
        hub(world.folder / "hub", 8) as stage,
        load(stage, world.folder, seed=world.seed) as at_work,
        boards(stage, many) as reading,
    ):
        before_ms, _ = await _watched(reading, span_s)
        before_mb = resident_mb([stage.pid]) or 0.0
        stopped = await _stopped_board(stage)
        began_s = time.monotonic()
        try:
            with _deaf_board(stage):
                gone = asyncio.create_task(_until_screens(stage, many))
                during_ms, counts = await _watched(reading, span_s)
                await gone
                gone_s, grown_mb = time.monotonic() - began_s, (resident_mb([stage.pid]) or 0.0) - before_mb
        finally:
            stopped.send_signal(signal.SIGCONT)
            stopped.kill()
            await stopped.wait()
        await at_work.settle()
        await stage.end()
        told = stage.audit().findings()
    p99_before, p99_during = ours_of(before_ms).p99 or 0.0, ours_of(during_ms).p99 or 0.0
    return [
        Finding("boards", "times", many), *told, Finding("boards_left_out", "times", counts.count(0), most=0),
        Finding("others_before", "ms", p99_before), Finding("others_during", "ms", p99_during),
        Finding("others_slower", "pct", round(100 * (p99_during / p99_before - 1), 1) if p99_before else None, most=10),
        Finding("memory_grown", "MB", round(grown_mb, 1), most=10), worst("disconnected", [gone_s], GONE_S),
    ]  # fmt: skip


async def _watched(reading: Sequence[Board], span_s: float) -> tuple[list[float], list[int]]:
    """(how late samples were, messages of each board) in so many seconds."""
    before = [len(board.late_ms) for board in reading]
    await asyncio.sleep(span_s)
    late = [board.late_ms[count:] for board, count in zip(reading, before, strict=True)]
    return [ms for one in late for ms in one], [len(one) for one in late]


async def _stopped_board(stage: Stage) -> asyncio.subprocess.Process:
    url = f"{stage.url.replace('http', 'ws', 1)}/api/v1/live/console"
    board = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STOPPED, url, stage.token("dispatcher"), stdout=asyncio.subprocess.PIPE
    )
    assert board.stdout is not None
    await board.stdout.readline()
    board.send_signal(signal.SIGSTOP)
    return board


@contextlib.contextmanager
def _deaf_board(stage: Stage):
    """A socket with a small buffer that shakes hands and never reads again."""
    host, _, port = stage.url.removeprefix("http://").partition(":")
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        raw.connect((host, int(port)))
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        raw.sendall(
            f"GET /api/v1/live/console HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\n{key}Authorization: Bearer {stage.token('dispatcher')}\r\n\r\n".encode()
        )
        raw.recv(64)
        yield


async def _until_screens(stage: Stage, many: int) -> None:
    """Until the hub counts so many consoles and no more."""
    wanted = f'aboard_screens{{feed="console"}} {float(many)}'
    async with stage.client("engineer") as client:
        async with asyncio.timeout(PATIENCE_S):
            while wanted not in (await client.get("/metrics")).text:  # noqa: ASYNC110 - another process does not tell
                await asyncio.sleep(0.2)


# --- everybody at once


@dataclass(slots=True)
class Returning:
    """A vehicle's link, without the rest of a vehicle: greets, stays, and comes back as the real one does."""

    unit: str
    url: str
    token: str
    rng: random.Random
    is_there: bool = False
    attempts: int = 0

    async def run(self) -> None:
        failures = 0
        while True:
            try:
                await self._stay()
                failures = 0
            except (OSError, TimeoutError, websockets.WebSocketException):
                failures = 0 if self.is_there else failures + 1
            self.is_there = False
            await asyncio.sleep(pause_s(failures, self.rng))

    async def _stay(self) -> None:
        self.attempts += 1
        headers = {"Authorization": f"Bearer {self.token}"}
        async with websockets.connect(
            self.url, additional_headers=headers, compression=None, ping_interval=None, max_size=None, proxy=None,
            open_timeout=WELCOME_S, close_timeout=1.0,
        ) as socket:  # fmt: skip
            await socket.send(msgspec.json.encode(Hello(self.unit, EPOCH, 1, VERSION, f"boot-{self.unit}")).decode())
            await socket.recv()
            self.is_there = True
            async for _ in socket:
                continue


async def storm(world: World) -> list[Finding]:
    """The hub is killed under all of them and started again: how long until every link is greeted."""
    many = world.times(200, 1000)
    _need_descriptors(many + 500)
    async with hub(world.folder / "hub", many) as stage:
        fleet = [
            Returning(unit, stage.link_url, stage.token(f"unit:{unit}"), random.Random(world.seed + number))
            for number, unit in enumerate(stage.units)
        ]
        tasks: list[asyncio.Task[None]] = []
        try:
            for first in range(0, many, AT_ONCE):  # the storm is how they come back, not how they came
                tasks += [asyncio.create_task(one.run()) for one in fleet[first : first + AT_ONCE]]
                await _all_there(fleet[first : first + AT_ONCE])
            tried = sum(one.attempts for one in fleet)
            await stage.kill()
            await stage.start()
            ready_s = time.monotonic()
            await _all_there(fleet)
            back_s = time.monotonic() - ready_s
            tried = sum(one.attempts for one in fleet) - tried
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        memory_mb = resident_mb([stage.pid])
    return [
        Finding("vehicles", "times", many), worst("storm_back", [back_s], 10),
        Finding("attempts_each", "times", round(tried / many, 1)),
        Finding("memory", "MB", None if memory_mb is None else round(memory_mb, 1), most=1000),
        Finding("tracebacks", "times", stage.tracebacks(), most=0),
    ]  # fmt: skip


async def _all_there(fleet: Sequence[Returning]) -> None:
    if await until(lambda: all(one.is_there for one in fleet), PATIENCE_S) is None:
        raise BenchFailed(what="vehicles back", why=f"{sum(not one.is_there for one in fleet)} missing")


def _need_descriptors(many: int) -> None:
    """The limit of this process, which the hub inherits, as far up as it may go."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < many:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(many, hard) if hard != resource.RLIM_INFINITY else many, hard))
