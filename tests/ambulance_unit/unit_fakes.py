"""Stand-ins with dials for what surrounds a vehicle: a hub on a real WebSocket, a hub without one, a view."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

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
