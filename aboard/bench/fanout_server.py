"""A server with one feed that changes many times a second, and beside it the same bytes without a feed.

Run as a module it prints its URL and serves until its input ends. A line `feed N` or `bare N` on its input makes it
tell all screens of that kind N times a second; `stop` makes it rest. It answers each line when it has done so.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from aboard.bench.floor import sample_message
from aboard.serving import Listening, serving
from casebook.clock import WallClock
from casebook.door import make_app, serve_feed
from casebook.live import Feed
from casebook.picture import Picture

BYTES = len(sample_message())  # what a wall board gets each second


class Source:
    """Tells `stamp`: the monotonic nanosecond at which it was made, and as many bytes as a real message has."""

    def __init__(self) -> None:
        self._stamp = 0
        self.feed = Feed(lambda picture, now: self.view(), WallClock(), None)
        self.bare: set[asyncio.Queue[bytes]] = set()

    def view(self) -> dict[str, str]:
        return {"stamp": str(self._stamp).rjust(BYTES // 2, "0")}

    def tell(self, kind: str) -> None:
        self._stamp = time.monotonic_ns()
        if kind == "feed":
            self.feed.refresh(Picture())
            return
        message = b'{"stamp":"' + self.view()["stamp"].encode() + b'"}'
        for queue in self.bare:
            queue.put_nowait(message)

    async def run(self, kind: str, per_second: float) -> None:
        """Until cancelled; what the machine could not do in time is made up for, not left out."""
        now_s = asyncio.get_running_loop().time
        due_s = now_s()
        while True:
            self.tell(kind)
            due_s += 1 / per_second
            await asyncio.sleep(max(0.0, due_s - now_s()))


def app_of(source: Source) -> FastAPI:
    app = make_app("Aboard benchmark of fan-out")

    @app.websocket("/feed")
    async def feed(socket: WebSocket) -> None:
        await socket.accept()
        await serve_feed(socket, source.feed.subscribe())

    @app.websocket("/bare")
    async def bare(socket: WebSocket) -> None:
        """As little as a server can do: a queue, and what it holds as it comes."""
        await socket.accept()
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        source.bare.add(queue)
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            while message := await queue.get():
                await socket.send_text(message.decode())
        source.bare.discard(queue)

    return app


async def _serve() -> None:
    source = Source()
    telling: asyncio.Task[None] | None = None
    async with serving(app_of(source), Listening()) as url:
        _say(url)
        while line := (await asyncio.to_thread(sys.stdin.readline)).strip():
            if telling is not None:
                telling.cancel()
            kind, _, rate = line.partition(" ")
            telling = asyncio.create_task(source.run(kind, float(rate))) if rate else None
            _say(line)
        if telling is not None:
            telling.cancel()
        for queue in source.bare:
            queue.put_nowait(b"")  # the end


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_serve())
