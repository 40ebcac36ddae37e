"""The vehicle's own server: the tablet's page, its feed, the crew's taps and the live waves; works with the hub gone.

A shell: what is shown is the agent's, what a tap means is `crew`'s.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
from fastapi import FastAPI, Request, WebSocket, WebSocketDisconnect

from ambulance_unit.agent import Agent
from ambulance_unit.file_door import handing_in
from ambulance_unit.file_spool import Spool
from ambulance_unit.triage import next_question
from casebook.access import Badge, Gate, Role, need, need_unit
from casebook.answers import Answers
from casebook.door import add_asks, admit_socket, badge_of, body_of, hear_text, make_app, serve_feed
from casebook.errors import NotAllowed, RefusedInput
from casebook.live import Feed
from casebook.picture import Picture
from casebook.screens import REPO, add_screen, add_shared
from media.voice_door import passing_router

if TYPE_CHECKING:
    from ambulance_unit.guidance import Guide

NO_CAMERA = 4404  # close code
REFRESH_S, LOOK_S = 0.1, 1.0  # wall seconds: changes are gathered for so long; ages are looked at so often


def make_tablet_app(
    agent: Agent,
    gate: Gate,
    *,
    drill: bool = False,
    answers: Answers | None = None,
    hub: httpx.AsyncClient | None = None,
    guide: Guide | None = None,
    files: Spool | None = None,
) -> FastAPI:
    """The application of one vehicle. `gate` knows the crew's badge.

    In a `drill` a script may state its own instant, and the screen says that it is one also before the hub does. `hub`
    asks the hub with the vehicle's token, for the crew's voice; `guide` has the camera's picture, None: no camera;
    `files` keeps what the crew hands in for the hub.
    """
    app = make_app("Aboard vehicle")
    add_asks(app, agent.crew.asks(), gate, drill=drill, done_before=agent.find_asked, answers=answers)
    add_shared(app, ("media", REPO / "media" / "browser"))
    add_screen(app, "tablet", Path(__file__).parent / "tablet")
    app.include_router(passing_router(hub, agent.unit, crew_gate(agent, gate)))
    _open_reading(app, agent, gate)
    _open_sockets(app, agent, gate, drill, guide, files)
    if files is not None:
        app.include_router(handing_in(files, crew_gate(agent, gate), agent.clock))
    return app


def crew_gate(agent: Agent, gate: Gate) -> Callable[[Request, str], Badge]:
    """Lets this vehicle's crew in: the badge of a request, or NotAllowed."""

    def crew(request: Request, what: str) -> Badge:
        badge = badge_of(gate, request)
        need(badge, Role.PARAMEDIC, what=what)
        need_unit(badge, agent.unit, what)
        return badge

    return crew


def _open_reading(app: FastAPI, agent: Agent, gate: Gate) -> None:
    crew = crew_gate(agent, gate)

    @app.get("/api/v1/me")
    async def me(request: Request) -> Badge:
        """Whose token this is."""
        return badge_of(gate, request)

    @app.get("/api/v1/ledger")
    async def ledger(request: Request) -> dict[str, Any]:
        """What became of every sample: sampled, stored, sent, in the hub's book."""
        crew(request, "ledger")
        return agent.ledger()

    @app.post("/api/v1/triage/{method}")
    async def triage(request: Request, method: str) -> dict[str, Any]:
        """The answers so far in, the next question or the category out; nothing is recorded."""
        crew(request, "triage")
        try:
            answers = msgspec.json.decode(await body_of(request), type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError) as wrong:
            raise RefusedInput("bad_json", where="triage", why=str(wrong)) from wrong
        return next_question(method, answers, agent.clock.now())


def _open_sockets(
    app: FastAPI, agent: Agent, gate: Gate, drill: bool, guide: Guide | None, files: Spool | None
) -> None:
    async def admit(socket: WebSocket, serve: Callable[[], Awaitable[None]]) -> None:
        badge = await admit_socket(socket, gate)
        if badge is None:
            return
        try:
            need(badge, Role.PARAMEDIC, what=socket.url.path)
            need_unit(badge, agent.unit, socket.url.path)
        except NotAllowed:
            await socket.close(4403)
            return
        await serve()

    @app.websocket("/api/v1/live/tablet")
    async def tablet(socket: WebSocket) -> None:
        await admit(socket, lambda: serve_tablet(socket, agent, drill=drill, files=files))

    @app.websocket("/api/v1/waves")
    async def waves(socket: WebSocket) -> None:
        await admit(socket, lambda: serve_waves(socket, agent))

    @app.websocket("/api/v1/picture")
    async def picture(socket: WebSocket) -> None:
        await admit(socket, lambda: serve_picture(socket, guide))


async def serve_tablet(socket: WebSocket, agent: Agent, *, drill: bool, files: Spool | None = None) -> None:
    """The tablet's feed, in the same words as every screen's (casebook/live.py)."""
    marked = {"drill": {"rate": agent.clock.rate}} if drill else {}
    waiting = files.told if files is not None else lambda: None
    feed = Feed(lambda picture, now: marked | agent.tablet_view() | {"files": waiting()}, agent.clock)
    feed.refresh(Picture())
    changed = asyncio.Event()
    stop = agent.listen(changed.set)
    refreshing = asyncio.create_task(_keep_fresh(feed, changed))
    try:
        await serve_feed(socket, feed.subscribe())
    finally:
        stop()
        refreshing.cancel()
        await asyncio.gather(refreshing, return_exceptions=True)


async def _keep_fresh(feed: Feed, changed: asyncio.Event) -> None:
    """Once a second also without a change: a link falls silent without telling."""
    while True:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):  # not wait_for: before Python 3.12 it may swallow a cancellation
                await changed.wait()
        changed.clear()
        feed.refresh(Picture())
        await asyncio.sleep(REFRESH_S)


async def serve_picture(socket: WebSocket, guide: Guide | None) -> None:
    """The camera's picture with the places of the marks on it, straight from the vehicle."""
    if guide is None:
        await socket.close(NO_CAMERA)
        return

    async def send() -> None:
        async for message in guide.own_pictures():
            await socket.send_bytes(message)

    with guide.watched():
        await _send_until_gone(socket, send())


async def serve_waves(socket: WebSocket, agent: Agent) -> None:
    """The monitor's waves in the binary form of media/waveforms.py, straight from the vehicle."""

    async def send(queue: asyncio.Queue[bytes]) -> None:
        while True:
            await socket.send_bytes(await queue.get())

    with agent.waves.watched() as queue:
        await _send_until_gone(socket, send(queue))


async def _send_until_gone(socket: WebSocket, work: Coroutine[Any, Any, None]) -> None:
    sending = asyncio.create_task(work)
    try:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            while True:
                await hear_text(socket)  # a socket that only sends never learns of the end
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
