"""A hub's voice side on a real loopback port, and a vehicle's server that passes its tablet's requests on."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from media_stage import eventually

import media
from casebook.access import Badge, Role
from casebook.door import make_app, token_of
from casebook.errors import NotAllowed
from media.voice import VoicePlane
from media.voice_door import passing_router, voice_router
from media.voice_party import Party
from media.voice_talking import Turn

PAGE = """<!doctype html><html lang="en"><title>voice</title><body style="font:20px sans-serif">
<voice-panel></voice-panel>"""
BADGES = {
    "crew": Badge(Role.PARAMEDIC, "A01", unit="A01"),
    "ward": Badge(Role.ED, "songjiang", hospital="songjiang"),
    "dispatch": Badge(Role.DISPATCHER, "dispatcher"),
}


class Serving:
    """One application on a port of its own."""

    def __init__(self, app: FastAPI, port: int = 0) -> None:
        app.mount("/media", StaticFiles(directory=Path(media.__file__).parent / "browser"))
        app.add_api_route("/", lambda: HTMLResponse(PAGE))
        if not port:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.port = port
        self._server = uvicorn.Server(
            uvicorn.Config(app, port=port, log_level="warning", lifespan="off", timeout_graceful_shutdown=2)
        )

    async def start(self) -> None:
        self._task = asyncio.create_task(self._server.serve())
        await eventually(lambda: self._server.started, "the server listens")

    async def stop(self) -> None:
        self._server.should_exit = True
        await self._task


@dataclass
class VoiceHub:
    """Tokens are the names of `BADGES`; who stands in `barred` may no more."""

    told: list[tuple[str, ...]] = field(default_factory=list)
    barred: set[str] = field(default_factory=set)
    port: int = 0

    def __post_init__(self) -> None:
        self.plane = VoicePlane(self.may, self)
        app = make_app("voice")
        app.include_router(voice_router(self.plane, self.who))
        self.serving = Serving(app, self.port)

    @property
    def url(self) -> str:
        return self.serving.url

    async def start(self) -> None:
        await self.serving.start()

    async def stop(self) -> None:
        await self.plane.close()
        await self.serving.stop()

    def may(self, badge: Badge, unit: str) -> None:
        if badge.who in self.barred or badge.unit not in ("", unit):
            raise NotAllowed("not_allowed", what=f"voice {unit}", needs="-")

    def who(self, request: Request, unit: str) -> Badge:
        badge = BADGES.get(token_of(request) or "")
        if badge is None:
            raise NotAllowed("unknown_token")
        self.may(badge, unit)
        return badge

    def client(self, token: str, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False, transport=transport)

    # what the plane tells

    def joined(self, party: Party) -> None:
        self.told.append(("joined", party.badge.who))

    def left(self, party: Party, why: str) -> None:
        self.told.append(("left", party.badge.who, why))

    def spoke(self, party: Party, turn: Turn, ended_ago_s: float) -> None:
        self.told.append(("spoke", party.badge.who))


def vehicle_of(hub: VoiceHub) -> tuple[Serving, httpx.AsyncClient]:
    """A vehicle's server with a page of its own; its client must be closed."""
    client = hub.client("crew")
    app = make_app("vehicle")

    def admit(request: Request, what: str) -> None:
        if token_of(request) != "tablet":
            raise NotAllowed("unknown_token")

    app.include_router(passing_router(client, "A01", admit))
    return Serving(app), client
