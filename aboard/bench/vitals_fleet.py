"""Many vehicles on one hub, each over its own WebSocket: what they send, and how long each acknowledgement took.

A message's time begins when it was due, not when it got out, so that a hub that holds everybody up is not flattered.
What the figures are held to is vitals.py's.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import websockets

from aboard.bench.play import BenchFailed
from casebook import events as e
from casebook.clock import WallClock
from casebook.link import VERSION, Hello, OutboxRow, Rows

AT_ONCE = 50  # connections opened at the same time
WELCOME_S = 30.0
EPOCH = "bench"
HERE = (31.02, 121.23)
VITALS = {"hr_bpm": 112, "spo2_pct": 94, "rr_bpm": 24, "sbp_mmhg": 96, "dbp_mmhg": 61}


@dataclass(slots=True)
class Vehicle:
    """One vehicle and its casualty; without one ("") it tells where it is.

    `took_ms`: of each message, from when it was due until it was acknowledged. `due_s`: of each row, when it was due.
    """

    unit: str
    casualty: str
    socket: websockets.ClientConnection
    link: str
    sent: int = 0
    acked: int = 0
    took_ms: list[float] = field(default_factory=list)
    due_s: list[float] = field(default_factory=list)
    _waiting: deque[tuple[int, float]] = field(default_factory=deque)  # (last row of a message, when it was due)
    _heard: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self) -> None:
        """Take acknowledgements until the link ends; what else the hub tells a vehicle is passed over."""
        now_s = asyncio.get_running_loop().time
        async for raw in self.socket:
            told = msgspec.json.decode(raw, type=_Told)
            if told.t == "refused":
                raise BenchFailed(what=self.unit, why=str(raw))
            if told.t != "ack":
                continue
            self.acked = told.through
            while self._waiting and self._waiting[0][0] <= told.through:
                self.took_ms.append(1000 * (now_s() - self._waiting.popleft()[1]))
            self._heard.set()

    async def pace(self, rows: int, every_s: float, first_s: float, last_s: float) -> None:
        """A message of so many rows at each due instant of the loop's clock, whatever the hub answers."""
        now_s, due_s = asyncio.get_running_loop().time, first_s
        while due_s < last_s:
            await asyncio.sleep(max(0.0, due_s - now_s()))
            await self._send(rows, due_s)
            due_s += every_s

    async def press(self, rows: int, last_s: float) -> None:
        """The next message as soon as the last is acknowledged."""
        now_s = asyncio.get_running_loop().time
        while (began_s := now_s()) < last_s:
            await self._send(rows, began_s)
            await self.answered()

    async def answered(self) -> None:
        """Until everything sent is acknowledged."""
        while self.acked < self.sent:
            self._heard.clear()
            await self._heard.wait()

    async def _send(self, rows: int, due_s: float) -> None:
        at, fact = WallClock().now(), self._fact()
        numbers = range(self.sent + 1, self.sent + rows + 1)
        message = Rows(EPOCH, [OutboxRow(seq, at, fact.name, e.encode(fact)) for seq in numbers], self.link)
        self.sent += rows
        self._waiting.append((self.sent, due_s))
        self.due_s += [due_s] * rows
        await self.socket.send(msgspec.json.encode(message).decode())

    def _fact(self) -> e.Event:
        if self.casualty:
            return e.VitalsRecorded(self.casualty, self.unit, VITALS)
        return e.PositionReported(self.unit, *HERE)


class _Told(msgspec.Struct):
    t: str
    through: int = 0
    link: str = ""


@contextlib.asynccontextmanager
async def fleet(url: str, tokens: Mapping[str, str], aboard: Mapping[str, str]) -> AsyncIterator[Sequence[Vehicle]]:
    """Every vehicle connected while the block runs. `aboard`: unit -> casualty; `tokens`: as the hub's links name them.

    Raises BenchFailed when a link is refused or ends by itself.
    """
    gate = asyncio.Semaphore(AT_ONCE)

    async def connect(unit: str, casualty: str) -> Vehicle:
        async with gate:
            return await _connect(f"{url.replace('http', 'ws', 1)}/api/v1/unit", tokens[f"unit:{unit}"], unit, casualty)

    vehicles = await asyncio.gather(*(connect(*one) for one in aboard.items()))
    hearing = [asyncio.create_task(vehicle.listen()) for vehicle in vehicles]
    try:
        yield vehicles
        if broken := [task for task in hearing if task.done()]:
            raise BenchFailed(what="vehicle links", why=f"{len(broken)} ended: {broken[0].exception()}")
    except (TimeoutError, websockets.WebSocketException) as wrong:
        raise BenchFailed(what="vehicle links", why=repr(wrong)) from wrong
    finally:
        for task in hearing:
            task.cancel()
        await asyncio.gather(*hearing, return_exceptions=True)
        await asyncio.gather(*(vehicle.socket.close() for vehicle in vehicles), return_exceptions=True)


async def _connect(url: str, token: str, unit: str, casualty: str) -> Vehicle:
    try:
        async with asyncio.timeout(WELCOME_S):
            socket = await websockets.connect(
                url, additional_headers={"Authorization": f"Bearer {token}"}, compression=None, ping_interval=None,
                max_size=None, proxy=None, open_timeout=WELCOME_S, close_timeout=1.0,
            )  # fmt: skip
            await socket.send(msgspec.json.encode(Hello(unit, EPOCH, 1, VERSION, f"boot-{unit}")).decode())
            told = msgspec.json.decode(await socket.recv(), type=_Told)
    except (OSError, TimeoutError, websockets.WebSocketException) as wrong:
        raise BenchFailed(what=f"link of {unit}", why=repr(wrong)) from wrong
    if told.t != "welcome":
        raise BenchFailed(what=f"link of {unit}", why=told.t)
    return Vehicle(unit, casualty, socket, told.link)
