"""F13: a board that reads nothing any more."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
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
from aboard.children import resident_mb
from casebook.clock import WallClock

GONE_S = 30.0
PATIENCE_S = 180.0
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
        hub(world.folder / "hub", world.times(4, 8)) as stage,
        load(stage, world.folder, seed=world.seed) as at_work,
        boards(stage, many) as reading,
    ):
        before_ms, _ = await _watched(reading, span_s)
        before_mb = resident_mb([stage.pid]) or 0.0
        stopped = await _stopped_board(stage)
        began_s = time.monotonic()
        try:
            with deaf_board(stage):
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
def deaf_board(stage: Stage) -> Iterator[None]:
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
