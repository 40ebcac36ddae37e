"""A hub's media side on a real loopback port, and ways to wait for what real sockets do."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import uvicorn
from fastapi import Request
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

import media
from casebook.door import make_app, token_of
from casebook.errors import NotAllowed
from media.forwarder import MediaPlane
from media.signalling import router
from media.turn import IceServers

PAGE = """<!doctype html><html lang="en"><title>media</title><body style="margin:0;background:#111">
<video-tile style="width:640px"></video-tile>
<sweep-wave kind="ECG_II" style="height:120px"></sweep-wave>
<sweep-wave kind="PLETH" style="height:80px"></sweep-wave>"""
PATIENCE_S = 20.0  # a bound for a busy machine, not an expectation


def wall_ms() -> float:
    return time.time() * 1000


async def eventually(true: Callable[[], object], what: str) -> None:
    """Wait until `true()` holds; fails after `PATIENCE_S` naming `what`."""
    end_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end_s, f"never happened: {what}"
        await asyncio.sleep(0.02)


@dataclass
class Hub:
    """The media plane behind HTTP. Tokens: ``vehicle`` may publish, ``board`` may view."""

    port: int = 0
    told: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.plane = MediaPlane(
            on_started=lambda stream: self.told.append(("started", stream)),
            on_stopped=lambda stream: self.told.append(("stopped", stream)),
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        app = make_app("media")
        app.include_router(router(self.plane, self.who, self.ice))
        app.mount("/media/browser", StaticFiles(directory=Path(media.__file__).parent / "browser"))
        app.add_api_route("/", lambda: HTMLResponse(PAGE))
        if not self.port:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
        self.server = uvicorn.Server(
            uvicorn.Config(app, port=self.port, log_level="warning", lifespan="off", timeout_graceful_shutdown=2)
        )
        self.serving = asyncio.create_task(self.server.serve())
        await eventually(lambda: self.server.started, "the hub listens")

    async def stop(self) -> None:
        await self.plane.close()
        self.server.should_exit = True
        await self.serving

    @staticmethod
    def who(request: Request, action: str, stream: str) -> None:
        allowed = {"publish": "vehicle", "view": "board"}[action]
        if token_of(request) != allowed:
            raise NotAllowed(what=f"{action} {stream}", needs=allowed)

    def ice(self, request: Request) -> IceServers:
        return IceServers()

    def client(self, token: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, headers={"Authorization": f"Bearer {token}"}, trust_env=False)


class Running:
    """Background work of a test that ends with it."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def __call__(self, *works: object) -> None:
        self._tasks += [asyncio.create_task(work.run()) for work in works]  # type: ignore[attr-defined]

    async def stop(self, *which: int) -> None:
        """Stop the tasks with these places (all without)."""
        chosen = [self._tasks[place] for place in which] or self._tasks
        for task in chosen:
            task.cancel()
        await asyncio.gather(*chosen, return_exceptions=True)
