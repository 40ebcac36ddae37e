"""The floor under a vital sample's way: a message of the same size to the same server and back, and nothing else done.

Two hops, as the sample has (vehicle to hub, hub to board), measured in the same seconds as ours. ``bare`` echoes;
``durable`` has each end commit the message to SQLite with a flush first, which ours must do and a bare echo need not.
Run as a module it is the server: it prints its URL and serves until its input ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import websockets
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from aboard.serving import Listening, serving
from casebook.clock import WallClock
from casebook.door import make_app

EVERY_S = 0.5
READY_S = 60.0
KINDS = ("bare", "durable")


class FlushedFile:
    """A SQLite file as the book has it: write-ahead log, a flush with every commit."""

    def __init__(self, file: Path) -> None:
        self._database = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute("CREATE TABLE rows (body BLOB)")

    async def add(self, body: bytes) -> None:
        await asyncio.to_thread(self._database.execute, "INSERT INTO rows VALUES (?)", (body,))

    def close(self) -> None:
        self._database.close()


def sample_message() -> bytes:
    """A board's delta with one sample: the shape and size that a wall board gets each second."""
    now = WallClock().now()
    vitals = {"hr_bpm": 118.0, "spo2_pct": 93.0, "sbp_mmhg": 96.0, "dbp_mmhg": 60.0, "rr_bpm": 26.0, "temp_c": 36.3}
    sample = {"casualty": "incident-1-A", "unit": "B-01", "epoch": "0" * 12, "seq": 1234, "at": now, "vitals": vitals}
    return msgspec.json.encode({"t": "delta", "v": 1234, "now": now, "patch": {}, "samples": [sample]})


def floor_app(rows: FlushedFile) -> FastAPI:
    app = make_app("Aboard benchmark floor")

    @app.websocket("/bare")
    async def bare(socket: WebSocket) -> None:
        await _echo(socket, None)

    @app.websocket("/durable")
    async def durable(socket: WebSocket) -> None:
        await _echo(socket, rows)

    return app


async def _echo(socket: WebSocket, rows: FlushedFile | None) -> None:
    await socket.accept()
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            body = await socket.receive_bytes()
            if rows is not None:
                await rows.add(body)
            await socket.send_bytes(body)


@dataclass(slots=True)
class Floor:
    """Echoes while it runs; `times_ms` of every round trip, by kind."""

    url: str
    rows: FlushedFile
    times_ms: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})

    async def run(self) -> None:
        """Every EVERY_S one message of each kind, until cancelled."""
        message = sample_message()
        ends = [websockets.connect(f"{self.url.replace('http', 'ws', 1)}/{kind}") for kind in KINDS]
        async with ends[0] as bare, ends[1] as durable:
            while True:
                for kind, socket in zip(KINDS, (bare, durable), strict=True):
                    began_s = time.perf_counter()
                    if kind == "durable":
                        await self.rows.add(message)
                    await socket.send(message)
                    await socket.recv()
                    self.times_ms[kind].append(1000 * (time.perf_counter() - began_s))
                await asyncio.sleep(EVERY_S)


@contextlib.asynccontextmanager
async def floor() -> AsyncIterator[Floor]:
    """A floor in a process of its own, as the hub is; ended with the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "aboard.bench.floor", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None and process.stdin is not None
    with tempfile.TemporaryDirectory(prefix="aboard-bench-") as folder:
        rows = FlushedFile(Path(folder) / "sender.sqlite")
        try:
            url = (await asyncio.wait_for(process.stdout.readline(), READY_S)).decode().strip()
            yield Floor(url, rows)
        finally:
            rows.close()
            process.stdin.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 10)
            if process.returncode is None:
                process.kill()
                await process.wait()


async def _serve() -> None:
    with tempfile.TemporaryDirectory(prefix="aboard-bench-") as folder:
        rows = FlushedFile(Path(folder) / "server.sqlite")
        async with serving(floor_app(rows), Listening()) as url:
            sys.stdout.write(url + "\n")
            sys.stdout.flush()
            await asyncio.to_thread(sys.stdin.read)
        rows.close()


if __name__ == "__main__":
    asyncio.run(_serve())
