"""Stand-ins with dials for what surrounds a vehicle: a hub on a real WebSocket, a hub without one, a view."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from ambulance_unit.monitor import Channel, WaveChunk
from ambulance_unit.scribe import Scribe
from ambulance_unit.told import unit_view
from ambulance_unit.told_view import ToldView
from casebook.book import Book, Row
from casebook.errors import FeedLost
from casebook.live import plain
from casebook.vitals import Vitals

START = datetime(2021, 4, 18, 1, 30, tzinfo=UTC)


async def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for something that happens on real sockets; fails when it does not come."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what is waited for is on the other side of a socket
            await asyncio.sleep(0.005)


@dataclass
class SocketHub:
    """A hub on a real WebSocket that keeps rows as a book does: in order, each once, by epoch.

    Dials: `die_before_ack` ends the connection after taking rows instead of acknowledging, so many times;
    `token` admits; `refuse` answers the hello so; `mute` says nothing after the welcome; `through` lies about the book.
    """

    token: str = "right"
    die_before_ack: int = 0
    refuse: dict[str, Any] | None = None
    mute: bool = False
    through: int | None = None
    view: dict[str, Any] = field(default_factory=dict)
    book: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    taken_again: int = 0
    connections: int = 0
    biggest: int = 0
    hellos: list[dict[str, Any]] = field(default_factory=list)
    sockets: set[ServerConnection] = field(default_factory=set)
    port: int = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/api/v1/unit"

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[SocketHub]:
        def admit(connection: ServerConnection, request: Any) -> Any:
            known = request.headers.get("Authorization") == f"Bearer {self.token}"
            return None if known else connection.respond(403, "no")

        async with serve(self._talk, "127.0.0.1", self.port, process_request=admit) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            yield self
            for socket in list(self.sockets):
                socket.transport.abort()  # as a hub dies: without saying goodbye

    async def _talk(self, socket: ServerConnection) -> None:
        self.connections += 1
        self.sockets.add(socket)
        with contextlib.suppress(ConnectionClosed):
            await self._serve(socket)
        self.sockets.discard(socket)

    async def _serve(self, socket: ServerConnection) -> None:
        hello = json.loads(await socket.recv())
        self.hellos.append(hello)
        if self.refuse:
            await self._say(socket, {"t": "refused", **self.refuse})
            return
        rows = self.book.setdefault(hello["epoch"], [])
        through = len(rows) if self.through is None else self.through
        now = START.isoformat()
        await self._say(socket, {"t": "welcome", "through": through, "now": now, "rate": 1, "drill": True})
        if self.mute:
            await socket.wait_closed()
            return
        await self.tell(socket, {"t": "snapshot", "v": 1, "view": self.view})
        async for raw in socket:
            message = json.loads(raw)
            if message["t"] == "rows":
                self.biggest = max(self.biggest, len(message["rows"]))
                self._take(rows, message["rows"])
                if self.die_before_ack > 0:
                    self.die_before_ack -= 1
                    socket.transport.abort()
                    return
                await self._say(socket, {"t": "ack", "epoch": message["epoch"], "through": len(rows)})

    def _take(self, rows: list[dict[str, Any]], fresh: list[dict[str, Any]]) -> None:
        for row in fresh:
            if row["seq"] == len(rows) + 1:
                rows.append(row)
            else:
                self.taken_again += 1

    async def tell(self, socket: ServerConnection, message: dict[str, Any]) -> None:
        await self._say(socket, {"now": START.isoformat(), **message})

    async def tell_all(self, message: dict[str, Any]) -> None:
        for socket in list(self.sockets):
            await self.tell(socket, message)

    async def _say(self, socket: ServerConnection, message: dict[str, Any]) -> None:
        await socket.send(json.dumps(message))

    def rows(self) -> list[int]:
        """The numbers of all readings taken, over all epochs, in order."""
        return [row["body"].get("n") for rows in self.book.values() for row in rows]


class BookLink:
    """A hub in the same process, for the jump clock: the real book takes the rows, the view comes back whole.

    Dials: `up`; `lose_acks`: so many acknowledgements do not come back; `mute`: the view is not told.
    """

    def __init__(self, book: Book, unit: str, scribe: Scribe, told: ToldView) -> None:
        self._book, self._unit, self._scribe, self._told = book, unit, scribe, told
        self.changed: Callable[[], None] = lambda: None
        self.up, self.lose_acks, self.mute = True, 0, False
        self.sent = self.hub_lost_rows = 0
        self._version = 0
        self._news = asyncio.Event()
        book.listen(lambda entries: self.wake())

    def wake(self) -> None:
        self._news.set()

    def as_view(self) -> dict[str, Any]:
        return {"state": "connected" if self.up else "lost"}

    async def run(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            if self.up:
                with contextlib.suppress(FeedLost):  # as the real link: what could not be acknowledged comes again
                    await self._exchange()

    async def _exchange(self) -> None:
        outbox = self._scribe.outbox
        while rows := outbox.unacknowledged():
            self.sent += len(rows)
            taken = [Row(row.seq, row.at, row.kind, row.body, row.who, row.origin) for row in rows]
            through = await self._book.take_rows(self._unit, outbox.epoch, taken)
            if self.lose_acks > 0:
                self.lose_acks -= 1
                continue
            outbox.acknowledge(outbox.epoch, through)
        if self.mute:
            self.changed()
            return
        self._version += 1
        now = self._book.clock.now()
        view = json.loads(msgspec.json.encode(plain(unit_view(self._book.picture, self._unit, now))))
        self._told.apply({"t": "snapshot", "v": self._version, "now": now.isoformat(), "view": view})
        self.changed()


class SteadyMonitor:
    """A monitor whose numbers are set by hand; `waves` switches one channel of ECG on."""

    def __init__(self, vitals: Vitals | None = None) -> None:
        self.vitals = vitals or Vitals(hr_bpm=118, spo2_pct=93, sbp_mmhg=86)
        self.channels: dict[str, Channel] = {"ecg_ii": Channel(250, "mV")}

    def numerics(self, at: datetime) -> Vitals:
        return self.vitals

    def chunk(self, start_s: float, duration_s: float) -> dict[str, WaveChunk]:
        first = round(start_s * 250)
        samples = np.sin(np.arange(first, first + round(duration_s * 250)) / 20).astype(np.float32)
        return {"ecg_ii": WaveChunk(250, first, samples, "mV")}
