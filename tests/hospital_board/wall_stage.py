"""A hub with one ward on a real loopback port: book, feed, wall page, media plane, and a vehicle that sends."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import httpx
import numpy as np
import uvicorn
from fastapi import Request, WebSocket
from ward_story import AMBULANCE, SONGJIANG, at

from casebook import events as e
from casebook.access import Badge, Gate, Role, need_hospital
from casebook.book import Book
from casebook.door import add_asks, admit_socket, badge_of, make_app, serve_feed
from casebook.ledger_now import LedgerNow
from casebook.live import Feed
from casebook.log import By, Entry, MemoryLog
from casebook.picture import Picture
from casebook.screens import REPO, add_screen, add_shared
from hospital_board.app import WALL, HospitalRoom
from media.camera import open_camera
from media.forwarder import MediaPlane
from media.sender import VideoPublisher, WavePublisher
from media.signalling import router
from media.waveforms import ChannelWave, WaveKind, WavePacket

CREW, DESK = By("paramedic", "medic Chen"), By("desk", "hub", "desk")
PATIENCE_S = 20.0  # a bound for a busy machine, not an expectation


class HandClock:
    """A clock that runs with the wall from where the story is, and that a test puts forward by hand."""

    rate = 1.0

    def __init__(self, shows: datetime) -> None:
        self._shows, self._since = shows, time.monotonic()

    def now(self) -> datetime:
        return self._shows + timedelta(seconds=time.monotonic() - self._since)

    def forward(self, seconds: float) -> None:
        self._shows += timedelta(seconds=seconds)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def sleep_until(self, at: datetime) -> None:
        await asyncio.sleep(max(0.0, (at - self.now()).total_seconds()))


class WallStage:
    """Begins with `picture` at `seconds` after the story's start. Facts told to it go through the book to the wall."""

    def __init__(self, picture: Picture, seconds: float = 410) -> None:
        self.clock = HandClock(at(seconds))
        self.book = Book(MemoryLog(), self.clock)
        self.book.picture = picture
        self.room = HospitalRoom(self.book, self.clock)
        self.gate, self.port, self.badge = Gate(), 0, Badge(Role.ED, "sister Li", hospital=SONGJIANG)
        self.token = self.gate.issue(self.badge)
        self.ledger = LedgerNow()
        self.feed = Feed(self.room.look(SONGJIANG, self.ledger.view), self.clock, self.room.follows(SONGJIANG))
        self.book.listen(self.ledger.hear)
        self.book.listen(self._hear)
        self._works: list[asyncio.Task[None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def page(self, language: str = "zh") -> str:
        return f"{self.url}/wall?lang={language}#{self.token}"

    def _hear(self, entries: Sequence[Entry]) -> None:
        self.feed.refresh(self.book.picture, entries)

    async def tell(self, *facts: e.Event, by: By = CREW, at: datetime | None = None) -> None:
        await self.book.write(lambda picture: facts, by, at)

    async def vitals(self, casualty: str = "I1-A", **values: object) -> None:
        await self.tell(e.VitalsRecorded(casualty, AMBULANCE, dict(values)))

    async def start(self) -> None:
        if not self.port:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
        self.plane = MediaPlane(on_started=lambda stream: None, on_stopped=lambda stream: None)
        config = uvicorn.Config(
            self._app(), port=self.port, log_level="warning", lifespan="off", timeout_graceful_shutdown=2
        )
        self.server = uvicorn.Server(config)
        self.serving = asyncio.create_task(self.server.serve())
        self.feed.refresh(self.book.picture)
        await eventually(lambda: self.server.started, "the hub listens")

    async def silence(self) -> None:
        """The vehicle sends nothing any more."""
        for work in self._works:
            work.cancel()
        await asyncio.gather(*self._works, return_exceptions=True)
        self._works = []

    async def stop(self) -> None:
        await self.silence()
        if not self.port:
            return
        await self.plane.close()
        self.server.should_exit = True
        self.server.force_exit = True
        await self.serving

    def send_from(self, unit: str, *, video: bool = True) -> None:
        """Let this vehicle send its picture and its waves until the stage ends."""
        client = httpx.AsyncClient(
            base_url=self.url, headers={"Authorization": f"Bearer {self.token}"}, trust_env=False
        )
        self.waves = waves = WavePublisher(client, unit)
        works = [waves.run(), _beat(waves)]
        if video:
            camera = open_camera("scene", lambda: time.time() * 1000)
            works.append(VideoPublisher(client, unit, camera).run())
        self._works += [asyncio.create_task(work) for work in works]

    def _app(self):
        app = make_app("ward")
        add_asks(app, self.room.asks(), self.gate, drill=False, done_before=self.book.log.find_asked)
        app.include_router(router(self.plane, lambda request, action, stream: None))
        add_shared(app, ("media", REPO / "media" / "browser"))
        add_screen(app, "wall", WALL)

        @app.get("/api/v1/me")
        async def me(request: Request) -> Badge:
            return badge_of(self.gate, request)

        @app.websocket("/api/v1/live/wall/{hospital}")
        async def wall(socket: WebSocket, hospital: str) -> None:
            if badge := await admit_socket(socket, self.gate):
                need_hospital(badge, hospital, "wall")
                await serve_feed(socket, self.feed.subscribe())

        return app


async def _beat(waves: WavePublisher) -> None:
    """ECG II and pleth of a fast heart, a packet every 40 ms."""
    sequence = 0
    while True:
        t = (sequence * 10 + np.arange(10)) / 250 % 0.5
        ecg = 1.2 * np.exp(-(((t - 0.1) / 0.008) ** 2)) + 0.15 * np.exp(-(((t - 0.3) / 0.03) ** 2)) - 0.1
        pleth = np.maximum(0, np.sin(2 * np.pi * t)) + 0.3 * np.maximum(0, np.sin(4 * np.pi * t - 2))
        start_ms = int(time.time() * 1000)
        channels = (
            ChannelWave(WaveKind.ECG_II, 250, sequence * 10, ecg),
            ChannelWave(WaveKind.PLETH, 250, sequence * 10, pleth),
        )
        waves.send(WavePacket(sequence, start_ms, channels))
        sequence += 1
        await asyncio.sleep(0.04)


async def eventually(true: Callable[[], object], what: str) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end_s, f"never happened: {what}"
        await asyncio.sleep(0.02)
