"""The dispatch room on a real loopback port: book, feed, roads, console page; the clock is moved by hand."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Sequence

import uvicorn
from fastapi import Request, Response, WebSocket
from valley import Stage, valley_area

from casebook import events as e
from casebook.access import Badge, Gate, Role, need
from casebook.desks import look_after
from casebook.door import add_asks, admit_socket, badge_of, make_app, serve_feed
from casebook.live import Feed
from casebook.log import Entry
from casebook.screens import REPO, add_screen, add_shared
from dispatch.app import CONSOLE, DispatchRoom
from dispatch.area import Area
from routing.roads import Roadmap

PATIENCE_S = 20.0  # a bound for a busy machine, not an expectation


class ConsoleStage(Stage):
    """Facts told to it go through the book to the console, and the desk looks after what follows from them."""

    def __init__(self, roads: Roadmap, *facts: e.Event, area: Area | None = None) -> None:
        super().__init__(*facts)
        self.roads, self.port, self.gate, self.area = roads, 0, Gate(), area or valley_area()
        self.token = self.gate.issue(Badge(Role.DISPATCHER, "desk 1"))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def page(self, language: str = "zh") -> str:
        return f"{self.url}/console?lang={language}#{self.token}"

    async def start(self) -> None:
        """Begin, or begin again on the same port after `stop`."""
        if not self.port:
            await self.open()
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
        self.room = DispatchRoom(self.book, self.clock, self.roads, self.area)
        self.feed = Feed(self.room.console_view, self.clock)
        self._unhear = self.book.listen(self._hear)
        self.feed.refresh(self.book.picture)
        config = uvicorn.Config(
            self._app(), port=self.port, log_level="warning", lifespan="off", timeout_graceful_shutdown=2
        )
        self.server = uvicorn.Server(config)
        self.serving = asyncio.create_task(self.server.serve())
        await eventually(lambda: self.server.started, "the desk listens")

    async def stop(self) -> None:
        if not self.port:
            return
        self._unhear()
        self.server.should_exit = True
        self.server.force_exit = True
        await self.serving

    async def tell(self, *facts: e.Event) -> None:
        await self.happen(*facts)
        await look_after(self.book, self.room)

    def _hear(self, entries: Sequence[Entry]) -> None:
        self.feed.refresh(self.book.picture, entries)

    def _app(self):
        app = make_app("desk")
        add_asks(app, self.room.asks(), self.gate, drill=False, done_before=self.book.log.find_asked)
        add_shared(app, ("media", REPO / "media" / "browser"))
        add_screen(app, "console", CONSOLE)

        @app.get("/api/v1/roads.geojson")
        async def roads(request: Request) -> Response:
            need(badge_of(self.gate, request), Role.DISPATCHER, what="roads")
            return Response(self.room.roads_geojson(), media_type="application/geo+json")

        @app.websocket("/api/v1/live/console")
        async def console(socket: WebSocket) -> None:
            if await admit_socket(socket, self.gate):
                await serve_feed(socket, self.feed.subscribe())

        return app


async def eventually(true: Callable[[], object], what: str) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end_s, f"never happened: {what}"
        await asyncio.sleep(0.02)
