"""The process in the middle of a measurement: the forwarder, Janus, a relay that decodes, or a screen, behind HTTP.

Run as a module it takes its task from its input (`aboard.bench.media.post`). Anybody may publish and view: it listens
on this machine only.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from fastapi import Request

from aboard.bench.media.engines import Log, Screen, StockRelay
from aboard.bench.media.post import work_at_post
from aboard.serving import Listening, serving
from casebook.clock import WallClock
from casebook.door import make_app
from media.aiortc_private import listen_on
from media.engine import MediaEngine
from media.forwarder import MediaPlane
from media.janus import JanusEngine
from media.signalling import router
from media.wave_door import wave_router
from media.wave_record import WaveRecords


def engine_of(kind: str, log: Log, janus_url: str) -> MediaEngine:
    """`kind`: forwarder, janus, transcode, screen, stock_screen."""
    match kind:
        case "forwarder":
            return MediaPlane()
        case "janus":
            return JanusEngine(janus_url, MediaPlane())
        case "transcode":
            return StockRelay()
        case _:
            return Screen(log, stock=kind == "stock_screen")


def anybody(request: Request, action: str, stream: str) -> None:
    """Everything is allowed."""


async def work(task: dict[str, Any]) -> AsyncGenerator[Any, None]:
    """`address`, `engine`, for Janus `janus_url`, and `waves`: the folder of their record.

    Says its `url`; at the end what was shown, where it is a screen, and each stream's counts.
    """
    listen_on([task["address"]])
    log = Log()
    records = WaveRecords(Path(task["waves"]), WallClock()) if "waves" in task else None
    engine = (
        MediaPlane(on_waves=records.take_live) if records else engine_of(task["engine"], log, task.get("janus_url", ""))
    )
    app = make_app("Aboard benchmark of media")
    app.include_router(router(engine, anybody))
    if records:
        app.include_router(wave_router(records, anybody))
    async with serving(app, Listening()) as url:
        yield {"url": url}
        stats = {stream: engine.stats(stream) for stream in engine.streams()}
        if records:
            records.close()
        yield {"seen": log.seen, "stats": stats}


if __name__ == "__main__":
    work_at_post(work)
