"""A network in memory: what is sent arrives late, or when a cut has healed, or not at all because the connection broke.

Within a connection it behaves as TCP does: in order, each once, never altered; what would have been altered ends the
connection. Disorder and repetition come from several connections: what a dead one had sent may arrive behind what its
successor sends. A cut is silent: neither end is told. Connections are handed over as a room expects them: to a vehicle
as its `Socket`, to a hub as ASGI.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from random import Random
from typing import Any

from starlette.websockets import WebSocket
from websockets.exceptions import ConnectionClosedError
from websockets.frames import Close

from scenarios.simulator.virtual_loop import OUTSIDE, Process, VirtualLoop

OPEN_S = 5.0  # seconds after which somebody who connects gives up; as ambulance_unit/hub_link.py
KEPT_ALIVE_S = 40.0  # seconds of silence after which the hub's server ends a connection: ping 20 s, wait 20 s
WINDOW_BYTES = 64 << 10  # sent and not yet taken before a sender has to wait
REQUEST_S = 6.0  # seconds after which somebody who asked asks again


@dataclass(slots=True)
class Weather:
    """How a network behaves: seconds a message takes, and how likely one of them breaks its connection."""

    delay_s: tuple[float, float] = (0.001, 0.05)
    breaks: float = 0.0


class Network:
    """`cut` and `heal` between two names; a cut between x and y holds what x and y send each other."""

    def __init__(self, loop: VirtualLoop, rng: Random, weather: Weather) -> None:
        self.loop, self.rng, self.weather = loop, rng, weather
        self.hubs: dict[str, Accept] = {}  # who answers, while it is up
        self.overhear: Callable[[str, str, str], None] = lambda hub, caller, text: None  # what a hub says
        self._cuts: set[frozenset[str]] = set()
        self._connections: list[Connection] = []

    def is_cut(self, one: str, other: str) -> bool:
        return frozenset((one, other)) in self._cuts

    def cut(self, one: str, other: str) -> None:
        self._cuts.add(frozenset((one, other)))
        for connection in self._between(one, other):
            self.loop.call_later(KEPT_ALIVE_S, self._end_if_cut, connection, context=OUTSIDE)

    def heal(self, one: str, other: str) -> None:
        self._cuts.discard(frozenset((one, other)))
        for connection in self._between(one, other):
            connection.thaw()

    def heal_all(self) -> None:
        for one, other in sorted(tuple(sorted(pair)) for pair in self._cuts):
            self.heal(one, other)

    def reset(self, name: str) -> None:
        """All connections of this one break, and what is under way is gone."""
        for connection in [one for one in self._connections if name in one.ends]:
            connection.break_off()

    def hang_up(self, name: str) -> None:
        """The process of that name was killed: its machine still sends what it had been given, then says goodbye."""
        for connection in [one for one in self._connections if name in one.ends]:
            connection.close(1006)

    def drawn_delay_s(self) -> float:
        return self.rng.uniform(*self.weather.delay_s)

    async def dial(self, caller: str, hub: str, token: str) -> ClientEnd:
        """Raises TimeoutError and ConnectionRefusedError."""
        if self.is_cut(caller, hub):
            await asyncio.sleep(OPEN_S)
            raise TimeoutError
        await asyncio.sleep(2 * self.drawn_delay_s())
        accept = self.hubs.get(hub)
        if accept is None:
            raise ConnectionRefusedError
        connection = Connection(self, caller, hub)
        self._connections.append(connection)
        accept(connection.server_end(token))
        return ClientEnd(connection)

    async def request(self, caller: str, server: str, begin: Callable[[], asyncio.Task[Any] | None]) -> Any:
        """What the server answers, as often as this arrives: `begin` starts the work there (None: nobody listens).

        Raises TimeoutError when no answer came; the request may be done all the same, even later.
        """
        answer: asyncio.Future[Any] = self.loop.create_future()

        def arrive() -> None:
            if self.is_cut(caller, server):
                self.loop.call_later(0.5, arrive, context=OUTSIDE)  # sent again and again, as TCP does
            elif (task := begin()) is not None:
                task.add_done_callback(answered, context=OUTSIDE)

        def answered(task: asyncio.Task[Any]) -> None:
            wrong = None if task.cancelled() else task.exception()  # looked at: it is told, or it is lost on its way
            if not self.is_cut(caller, server) and not task.cancelled():
                self.loop.call_later(self.drawn_delay_s(), _settle, answer, task, wrong, context=OUTSIDE)

        self.loop.call_later(self.drawn_delay_s(), arrive, context=OUTSIDE)
        async with asyncio.timeout(REQUEST_S):
            return await answer

    def forget(self, connection: Connection) -> None:
        if connection in self._connections:
            self._connections.remove(connection)

    def _between(self, one: str, other: str) -> list[Connection]:
        return [connection for connection in self._connections if {one, other} == set(connection.ends)]

    def _end_if_cut(self, connection: Connection) -> None:
        if self.is_cut(*connection.ends):
            connection.up.end()


def _settle(answer: asyncio.Future[Any], task: asyncio.Task[Any], wrong: BaseException | None) -> None:
    if answer.done():
        return
    if wrong is not None:
        answer.set_exception(wrong)
    else:
        answer.set_result(task.result())


class Pipe:
    """One direction of a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._loop = connection, connection.network.loop
        self.ended = False  # nothing more comes; what has arrived is still there
        self._arrived: deque[str] = deque()
        self._flight: deque[tuple[float, str]] = deque()  # due at, in order
        self._last_s = 0.0
        self._under_way = 0  # bytes
        self._news: list[asyncio.Future[None]] = []

    async def put(self, text: str) -> bool:
        """Send, waiting while too much is under way; whether the connection still stood."""
        while not self.ended and self._under_way > WINDOW_BYTES:
            await self._wait()
        if self.ended:
            return False
        self._under_way += len(text)
        self._last_s = max(self._last_s, self._loop.time() + self._connection.network.drawn_delay_s())
        self._flight.append((self._last_s, text))
        self._loop.call_at(self._last_s, self._arrive, context=OUTSIDE)
        return True

    async def get(self) -> str | None:
        """The next message; None at the end."""
        while not self._arrived and not self.ended:
            await self._wait()
        if not self._arrived:
            return None
        text = self._arrived.popleft()
        self._under_way -= len(text)
        self._tell()
        return text

    def thaw(self) -> None:
        """The way is free again: what was held arrives after a while, in its order."""
        self._loop.call_later(self._connection.network.drawn_delay_s(), self._arrive, context=OUTSIDE)

    def end(self) -> None:
        self.ended = True
        self._tell()

    def _arrive(self) -> None:
        network = self._connection.network
        while self._flight and self._flight[0][0] <= self._loop.time() and not self._connection.is_cut:
            _, text = self._flight.popleft()
            if network.rng.random() < network.weather.breaks:
                self._connection.break_off()
                return
            self._arrived.append(text)
            self._tell()

    async def _wait(self) -> None:
        news: asyncio.Future[None] = self._loop.create_future()
        self._news.append(news)
        await news

    def _tell(self) -> None:
        told, self._news = self._news, []
        for news in told:
            if not news.done():
                news.set_result(None)


@dataclass(eq=False)
class Connection:
    """`up` leads from the caller to the hub, `down` back."""

    network: Network
    caller: str
    hub: str
    close_code: int = 1006
    doomed: bool = False  # it ends when the way is free again
    up: Pipe = field(init=False)
    down: Pipe = field(init=False)

    def __post_init__(self) -> None:
        self.up, self.down = Pipe(self), Pipe(self)

    @property
    def ends(self) -> tuple[str, str]:
        return self.caller, self.hub

    @property
    def is_cut(self) -> bool:
        return self.network.is_cut(*self.ends)

    def thaw(self) -> None:
        """The way is free again: what was held is sent, and then whatever had to end ends."""
        self.up.thaw()
        self.down.thaw()
        if self.doomed:
            self.close(self.close_code)

    def break_off(self) -> None:
        """Both ends learn of it at once, unless the way between them is cut; what has arrived stays readable."""
        if self.is_cut:
            self.doomed = True
            return
        self.up.end()
        self.down.end()
        self.network.forget(self)

    def close(self, code: int) -> None:
        """One end says goodbye; the other hears it a little later, behind what was sent before."""
        self.close_code = code
        delay_s = self.network.weather.delay_s[1]
        self.network.loop.call_later(delay_s, self.break_off, context=OUTSIDE)

    def server_end(self, token: str) -> WebSocket:
        """The hub's end, as its web server would hand it over."""
        scope = {
            "type": "websocket", "path": "/", "query_string": b"", "subprotocols": [],
            "headers": [(b"authorization", f"Bearer {token}".encode())],
        }  # fmt: skip
        greeted = False

        async def receive() -> dict[str, Any]:
            nonlocal greeted
            if not greeted:
                greeted = True
                return {"type": "websocket.connect"}
            text = await self.up.get()
            if text is None:
                return {"type": "websocket.disconnect", "code": 1006}
            return {"type": "websocket.receive", "text": text}

        async def send(message: Any) -> None:
            if message["type"] == "websocket.close":
                self.close(message["code"])
            elif message["type"] == "websocket.send":
                self.network.overhear(self.hub, self.caller, message["text"])
                if not await self.down.put(message["text"]):
                    raise OSError("the connection is gone")

        return WebSocket(scope, receive, send)


class ClientEnd:
    """The vehicle's or the screen's end, with the exceptions of `websockets`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def send(self, message: str) -> None:
        if not await self._connection.up.put(message):
            raise self._closed()

    async def recv(self) -> str:
        text = await self._connection.down.get()
        if text is None:
            raise self._closed()
        return text

    async def close(self) -> None:
        self._connection.close(1000)

    def _closed(self) -> ConnectionClosedError:
        code = self._connection.close_code
        return ConnectionClosedError(Close(code, "") if code in (4401, 4403, 4409) else None, None)


Accept = Callable[[WebSocket], None]
Serve = Callable[[WebSocket], Coroutine[Any, Any, None]]


def serving(process: Process, serve: Serve) -> Accept:
    """A hub that takes connections while its process lives."""

    def accept(socket: WebSocket) -> None:
        process.start(serve(socket))

    return accept
