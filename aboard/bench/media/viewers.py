"""The process of the viewers: some show what they get, the others only take the packets in, as a crowd does.

Run as a module it takes its task from its input (`aboard.bench.media.post`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import msgspec
from aiortc import RTCPeerConnection

from aboard.bench.media.engines import Log, wall_ms
from aboard.bench.media.post import work_at_post
from media.aiortc_private import listen_on, tap_packets
from media.link import Link
from media.receiver import VideoViewer


class Task(msgspec.Struct, frozen=True):
    """`streams` are shown, each once; or, with a `crowd`, so many viewers take in each of them."""

    url: str
    address: str
    streams: tuple[str, ...]
    crowd: int = 0


def showing(client: httpx.AsyncClient, stream: str, log: Log) -> Link:
    """A viewer of ours."""
    return VideoViewer(client, stream, wall_ms, on_frame=lambda frame, stamp: log.show(stream, frame)).link


def crowding(client: httpx.AsyncClient, stream: str) -> Link:
    """A viewer that decodes nothing."""

    def prepare(pc: RTCPeerConnection) -> None:
        pc.on("track", lambda track: None)
        tap_packets(pc.addTransceiver("video", direction="recvonly").receiver, lambda *packet: None, lambda: None)

    return Link(client, f"whep/{stream}", prepare)


async def work(words: dict[str, Any]) -> AsyncGenerator[Any, None]:
    """Says when all streams are seen; at the end every picture of each."""
    task = msgspec.convert(words, Task)
    listen_on([task.address])
    log = Log()
    async with httpx.AsyncClient(base_url=task.url, trust_env=False) as client:
        if task.crowd:
            links = [crowding(client, stream) for stream in task.streams for _ in range(task.crowd)]
        else:
            links = [showing(client, stream, log) for stream in task.streams]
        running = [asyncio.create_task(link.run()) for link in links]
        try:
            await asyncio.gather(*(link.connected.wait() for link in links))
            if not task.crowd:
                await asyncio.gather(*(log.begun(stream).wait() for stream in task.streams))
            yield {"began_s": time.monotonic()}
            yield {"seen": log.seen}
        finally:
            for one in running:
                one.cancel()
            await asyncio.gather(*running, return_exceptions=True)


if __name__ == "__main__":
    work_at_post(work)
