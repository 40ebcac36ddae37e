"""Many vehicles on one hub, each over its own WebSocket: what they send, and how long each acknowledgement took.

A message's time begins when it was due, not when it got out, so that a hub that holds everybody up is not flattered.
Vehicles and hub share the machine, so that a vehicle costs little here: its rows are made once but for
their numbers and their instant.
What the figures are held to is vitals.py's.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from aboard.bench.boards import Board, Seat, boards
from aboard.bench.play import BenchFailed
from casebook import events as e
from casebook.clock import WallClock
from casebook.link import VERSION, Hello, OutboxRow, Rows

WELCOME_S = 30.0
EPOCH = "bench"
HERE = (31.02, 121.23)
ROW_BEGINS, NO_ROWS = b'{"seq":0', b"[]"  # of a row and of a message without any, in JSON
VITALS = {"hr_bpm": 112, "spo2_pct": 94, "rr_bpm": 24, "sbp_mmhg": 96, "dbp_mmhg": 61}


@dataclass(slots=True)
class Vehicle:
    """One vehicle and its casualty; without one ("") it tells where it is.

    `took_ms`: of each message, from when it was due until it was acknowledged. `due_s`: of each row, when it was due.
    `late_ms`: of each message that was due at an instant, how much later it went: a delay that is not the hub's.
    """

    unit: str
    casualty: str
    link: str = ""
    board: Board | None = None  # its end of the WebSocket
    sent: int = 0
    acked: int = 0
    took_ms: list[float] = field(default_factory=list)
    due_s: list[float] = field(default_factory=list)
    late_ms: list[float] = field(default_factory=list)
    _waiting: deque[tuple[int, float]] = field(default_factory=deque)  # (last row of a message, when it was due)
    _heard: asyncio.Event = field(default_factory=asyncio.Event)
    _wrong: str = ""
    _words: tuple[bytes, ...] = ()  # of its messages, made once

    def hear(self, raw: bytes) -> None:
        """Take the welcome, acknowledgements, a refusal; what else the hub tells a vehicle is passed over."""
        told = msgspec.json.decode(raw, type=_Told)
        if told.t == "ack":
            now_s, self.acked = asyncio.get_running_loop().time(), told.through
            while self._waiting and self._waiting[0][0] <= told.through:
                self.took_ms.append(1000 * (now_s - self._waiting.popleft()[1]))
        elif told.t == "welcome":
            self.link = told.link
        elif told.t == "refused":
            self._wrong = raw.decode()
        else:
            return
        self._heard.set()

    async def greet(self, board: Board) -> None:
        """Say hello and wait for the welcome. Raises BenchFailed."""
        self.board = board
        board.say(msgspec.json.encode(Hello(self.unit, EPOCH, 1, VERSION, f"boot-{self.unit}")))
        async with asyncio.timeout(WELCOME_S):
            await self._heard.wait()
        if not self.link:
            raise BenchFailed(what=f"link of {self.unit}", why=self._wrong)

    @property
    def is_lost(self) -> bool:
        return self._wrong != "" or self.board is None or self.board.is_lost

    async def pace(self, rows: int, every_s: float, first_s: float, last_s: float) -> None:
        """A message of so many rows at each due instant of the loop's clock, whatever the hub answers."""
        now_s, due_s = asyncio.get_running_loop().time, first_s
        while due_s < last_s:
            await asyncio.sleep(max(0.0, due_s - now_s()))
            self.late_ms.append(1000 * (now_s() - due_s))
            self._send(rows, due_s)
            due_s += every_s

    async def press(self, rows: int, last_s: float) -> None:
        """The next message as soon as the last is acknowledged."""
        now_s = asyncio.get_running_loop().time
        while (began_s := now_s()) < last_s:
            self._send(rows, began_s)
            await self.answered()

    async def answered(self) -> None:
        """Until everything sent is acknowledged."""
        while self.acked < self.sent:
            self._heard.clear()
            await self._heard.wait()

    def _send(self, rows: int, due_s: float) -> None:
        assert self.board is not None
        self._words = begins, ends, before_at, after_at = self._words or self._made()
        row = before_at + msgspec.json.encode(WallClock().now()) + after_at
        numbers = range(self.sent + 1, self.sent + rows + 1)
        self.sent += rows
        self._waiting.append((self.sent, due_s))
        self.due_s += [due_s] * rows
        self.board.say(begins + b"[" + b",".join(b'{"seq":%d%s' % (seq, row) for seq in numbers) + b"]" + ends)

    def _made(self) -> tuple[bytes, ...]:
        """What is before and behind a message's rows, and before and behind a row's instant."""
        fact, at = self._fact(), WallClock().now()
        row = msgspec.json.encode(OutboxRow(0, at, fact.name, e.encode(fact))).removeprefix(ROW_BEGINS)
        message = msgspec.json.encode(Rows(EPOCH, [], self.link))
        return (*message.split(NO_ROWS), *row.split(msgspec.json.encode(at)))

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
    vehicles = [Vehicle(unit, casualty) for unit, casualty in aboard.items()]
    seats = [Seat(url, "/api/v1/unit", tokens[f"unit:{one.unit}"], one.hear) for one in vehicles]
    try:
        async with boards(seats) as links:
            await asyncio.gather(*(one.greet(link) for one, link in zip(vehicles, links, strict=True)))
            yield vehicles
            if lost := [one.unit for one in vehicles if one.is_lost]:
                raise BenchFailed(what="vehicle links", why=f"{len(lost)} ended: {lost[0]}")
    except (TimeoutError, OSError) as wrong:
        raise BenchFailed(what="vehicle links", why=repr(wrong)) from wrong
