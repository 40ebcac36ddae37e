"""A vehicle with its tablet's server and a hub's book on real sockets; the hub may be killed and started again."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI, WebSocket
from unit_story import BASE, SCENE, WARD, leg

from ambulance_unit.agent import Agent
from ambulance_unit.app import make_tablet_app
from ambulance_unit.hub_link import HubLink
from ambulance_unit.monitor import Course, CourseMonitor
from ambulance_unit.outbox import Outbox
from ambulance_unit.scribe import Scribe
from ambulance_unit.told import unit_view
from ambulance_unit.told_view import ToldView
from casebook import events as e
from casebook.access import Badge, Gate, Role
from casebook.book import Book
from casebook.clock import WallClock
from casebook.door import admit_socket, make_app
from casebook.live import Feed
from casebook.log import By, MemoryLog
from casebook.vehicle_door import serve_vehicle

DESK = By("desk", "hub")
ILL = {
    "at": 0, "hr_bpm": 126, "spo2_pct": 84, "sbp_mmhg": 86, "dbp_mmhg": 54, "rr_bpm": 30, "etco2_mmhg": 34,
    "temp_c": 36.2, "glucose_mmol_l": 8.4, "gcs_eye": 3, "gcs_verbal": 4, "gcs_motor": 6,
}  # fmt: skip


@contextlib.asynccontextmanager
async def serving(app: FastAPI, port: int = 0) -> AsyncIterator[int]:
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", ws="websockets-sansio")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells by a flag only
        await asyncio.sleep(0.005)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        while not task.done():  # again and again: a vehicle connects anew while the server is ending
            for connection in list(server.server_state.connections):
                connection.transport.abort()  # type: ignore[attr-defined]
            await asyncio.wait([task], timeout=0.01)
        task.result()


class Stage:
    """`hub(*facts)` writes as the desk; `hub_dies()` and `hub_returns()`; `client` asks as the crew's tablet."""

    def __init__(self, folder: Path) -> None:
        self.clock = WallClock()
        self.book = Book.open(MemoryLog(), self.clock)
        self.began_at = self.clock.now() - timedelta(seconds=300)
        self._hub_gate = Gate()
        self._hub_token = self._hub_gate.issue(Badge(Role.PARAMEDIC, "A01", unit="A01"))
        self._hub_port = 0
        self._hub = contextlib.AsyncExitStack()
        self.gate = Gate()
        self.token = self.gate.issue(Badge(Role.PARAMEDIC, "张急救", unit="A01"))
        self.monitor = CourseMonitor(Course([ILL, {"at": 6000, "hr_bpm": 118}]), self.began_at)
        self.scribe = Scribe(Outbox(folder / "outbox.db"))
        self.told = ToldView(folder / "view.json")
        self.agent: Agent
        self.url = ""
        self.client: httpx.AsyncClient

    async def hub(self, *facts: e.Event) -> None:
        await self.book.write(lambda picture: facts, DESK)

    async def assigned(self) -> None:
        """A mission: the crash, and a leg that is driven in two seconds."""
        await self.hub(e.DrillStarted("g60", 1, 1.0, "yangtze_delta"))
        for id, kind in (("A01", "ambulance_5g"), ("H01", "helicopter")):
            await self.hub(e.UnitEnrolled(id, kind, f"{id}号", f"Unit {id}", "songjiang", BASE))
        for id, zh, en in (("sgh", "市一医院", "General Hospital"), ("jsh", "金山医院", "Jinshan Hospital")):
            await self.hub(e.HospitalEnrolled(id, zh, en, WARD, ("trauma_centre",), 1))
        await self.hub(e.CapacityReported("sgh", "resus_bay", 2, 6), e.ServiceClosed("jsh", "ct", "维修"))
        happened = self.clock.now() - timedelta(seconds=70)
        await self.hub(
            e.IncidentOpened(
                "I1",
                SCENE,
                "traffic",
                1,
                "110",
                "两车追尾",
                happened_at=happened,
                hazards=("traffic", "fuel"),
                drill=True,
            )
        )
        await self.hub(e.UnitAssigned("A01", "I1", "transport", leg(SCENE, BASE, 2)))

    async def hub_returns(self) -> None:
        self._hub_port = await self._hub.enter_async_context(serving(self._hub_app(), self._hub_port))

    async def hub_dies(self) -> None:
        await self._hub.aclose()

    def _hub_app(self) -> FastAPI:
        app, feed = make_app("hub"), Feed(lambda picture, now: unit_view(picture, "A01", now), self.clock)
        self.book.listen(lambda entries: feed.refresh(self.book.picture))

        @app.websocket("/api/v1/unit")
        async def unit(socket: WebSocket) -> None:
            badge = await admit_socket(socket, self._hub_gate)
            if badge is not None:
                feed.refresh(self.book.picture)
                await serve_vehicle(socket, badge, self.book, feed.subscribe(), drill=True)

        return app

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Stage]:
        await self.hub_returns()
        link = HubLink(
            f"ws://127.0.0.1:{self._hub_port}/api/v1/unit", self._hub_token, "A01", self.scribe, self.told,
            self.clock, rng=random.Random(1),
        )  # fmt: skip
        self.agent = Agent(
            "A01", self.clock, self.scribe, self.told, link, base=BASE, monitor_for=lambda label: self.monitor,
            draws_waves=True, feeds_began_at=self.began_at,
        )  # fmt: skip
        working = asyncio.create_task(self.agent.run())
        try:
            async with serving(make_tablet_app(self.agent, self.gate, drill=True)) as port:
                self.url = f"http://127.0.0.1:{port}"
                headers = {"Authorization": f"Bearer {self.token}"}
                async with httpx.AsyncClient(base_url=self.url, headers=headers) as self.client:
                    yield self
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            await self.agent.close()
            await self._hub.aclose()

    async def ask(self, name: str, key: str = "", **command: Any) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return await self.client.post(f"/api/v1/ask/{name}", json=command, headers=headers)
