"""A bare uvicorn that sends every text back, and vehicles that take what comes back for their acknowledgement.

What a hub can at best be on this machine: the same server, the same sockets, the same messages, and nothing decoded,
decided, kept or shown. Run as a module it prints its URL and serves until its input ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

import uvicorn

from aboard.bench.boards import Seat, boards
from aboard.bench.play import BenchFailed
from aboard.bench.vitals_fleet import Vehicle

READY_S, END_S = 30.0, 5.0  # wall seconds until it serves, and until it has ended
LINK = "echo-0000-0000-0000-0000"  # as long as a hub's name of a link: messages are as long as to a hub
Message = MutableMapping[str, Any]


@dataclass(slots=True)
class Echoed(Vehicle):
    """A vehicle whose oldest message is answered by whatever comes."""

    def hear(self, raw: bytes) -> None:
        if self._waiting:
            self.acked, due_s = self._waiting.popleft()
            self.took_ms.append(1000 * (asyncio.get_running_loop().time() - due_s))
            self._heard.set()


@contextlib.asynccontextmanager
async def echoed(aboard: Mapping[str, str]) -> AsyncIterator[Sequence[Vehicle]]:
    """A vehicle for each (unit -> casualty), all connected to one bare server while the block runs. Raises
    BenchFailed."""
    vehicles = [Echoed(unit, casualty, LINK) for unit, casualty in aboard.items()]
    async with _server() as url, boards([Seat(url, "/", "", one.hear) for one in vehicles]) as links:
        for one, link in zip(vehicles, links, strict=True):
            one.board = link
        yield vehicles
        if lost := [one.unit for one in vehicles if one.is_lost]:
            raise BenchFailed(what="links to a bare server", why=f"{len(lost)} ended: {lost[0]}")


@contextlib.asynccontextmanager
async def _server() -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "aboard.bench.vitals_echo", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        url = (await asyncio.wait_for(process.stdout.readline(), READY_S)).decode().strip()
        if not url:
            raise BenchFailed(what="a bare server", why="it did not start")
        yield url
    finally:
        process.stdin.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), END_S)
        if process.returncode is None:
            process.kill()
            await process.wait()


async def echo(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """The application: every text goes back as it came."""
    await receive()
    await send({"type": "websocket.accept"})
    while (came := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": came["text"]})


async def _serve() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        server = uvicorn.Server(
            uvicorn.Config(
                echo, lifespan="off", ws="websockets-sansio", log_level="critical", timeout_graceful_shutdown=1
            )
        )
        serving = asyncio.create_task(server.serve([listening]))
        sys.stdout.write(f"http://127.0.0.1:{listening.getsockname()[1]}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)
        server.should_exit = True
        await serving


if __name__ == "__main__":
    asyncio.run(_serve())
