"""A bad link between one vehicle and its hub, as an address of its own: the vehicle takes the relay for the hub.

All that the vehicle says passes here: HTTP and WebSockets as a TCP connection would bring them over such a link (whole
and in order, later for every segment that had to be sent again), media as datagrams, which are lost. What a link is
like is a `Line`; its dials are the bench's (`Way`). While it is silent nothing passes and connections stay open: a dead
cell tells nobody. Congestion, and connections that a longer silence ends, are not modelled.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from aboard.bench.media.thin_link import Side, Way, replaced, two_sides
from casebook.errors import RefusedInput

SEGMENT_BYTES = 1448  # of an Ethernet frame of 1500, with time stamps (RFC 7323)
TAIL_LOSS_RTT = 2  # round trips until what is lost is sent again (RFC 8985 section 7.2: a probe after two)
RTO_MIN_S = 0.2  # what Linux adds to the round trip before it sends again into silence; doubled each time (RFC 6298)
PIECE_BYTES = 64 * 1024
WAITING_MAX = 256  # pieces under way in one direction; then the sender waits
_HEAD_END = b"\r\n\r\n"
_SDP = re.compile(rb"\r\ncontent-type: *application/sdp", re.IGNORECASE)
_LENGTH = re.compile(rb"(\r\ncontent-length: *)(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Line:
    """What a link is like, in each direction: the share of packets that is lost, how long each takes, and how much it
    carries (None: all)."""

    loss: float = 0.0
    delay_s: float = 0.0
    rate_bps: float | None = None

    def ways(self, seed: int) -> tuple[Way, Way]:
        """Up to the hub and down, each with losses of its own."""
        up, down = (Way(2 * seed + place, self.loss, self.delay_s, rate_bps=self.rate_bps) for place in (1, 2))
        return up, down


def read_line(words: str) -> Line:
    """``loss=5,delay=60,rate=2000``: per cent, ms, kbit/s, each at will. Raises RefusedInput (`drill_link`)."""
    told: dict[str, float] = {}
    for word in words.split(","):
        name, _, value = word.partition("=")
        if name not in ("loss", "delay", "rate") or name in told or not re.fullmatch(r"\d{1,6}(\.\d+)?", value):
            raise RefusedInput("drill_link", given=words)
        told[name] = float(value)
    rate_bps = told["rate"] * 1000 if "rate" in told else None
    if told.get("loss", 0) > 50 or rate_bps == 0:
        raise RefusedInput("drill_link", given=words)
    return Line(told.get("loss", 0) / 100, told.get("delay", 0) / 1000, rate_bps)


class Relay:
    """`url` is there while `running`. Set `silent`, and nothing passes in either direction."""

    def __init__(self, hub: str, up: Way, down: Way) -> None:
        self.up, self.down = up, down
        where = urlsplit(hub)
        self._hub = (where.hostname or "", where.port or 80)
        self._sides: list[Side] = []
        self._open: set[asyncio.Task[None]] = set()
        self.url = ""

    @property
    def silent(self) -> bool:
        return self.up.silent or self.down.silent

    @silent.setter
    def silent(self, is_so: bool) -> None:
        self.up.silent = self.down.silent = is_so

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Relay]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for task in self._open:
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)
            for side in self._sides:
                side.transport.close()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._pass_on(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until both ends have closed it, or either breaks it."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            async with _closing(writer):
                hub_reader, hub_writer = await asyncio.open_connection(*self._hub)
                async with _closing(hub_writer):
                    offers: list[Side] = []
                    up, down = _Stream(self.up, self.down, hub_writer), _Stream(self.down, self.up, writer)
                    await _all_or_none(
                        up.run(), down.run(), self._read_vehicle(reader, up, offers),
                        self._read_hub(hub_reader, down, offers),
                    )  # fmt: skip

    async def _read_vehicle(self, reader: asyncio.StreamReader, up: _Stream, offers: list[Side]) -> None:
        """HTTP/1.1 is asked one by one here, so a piece that looks like the head of an offer is one."""
        while piece := await reader.read(PIECE_BYTES):
            if piece.startswith(b"POST ") and _SDP.search(piece):
                from_vehicle, from_hub = await two_sides(self.up, self.down)
                self._sides += from_vehicle, from_hub
                piece, from_hub.target = _readdressed(await _whole(piece, reader), from_hub)
                offers.append(from_vehicle)
            await up.put(piece)
        await up.put(b"")

    async def _read_hub(self, reader: asyncio.StreamReader, down: _Stream, offers: list[Side]) -> None:
        while piece := await reader.read(PIECE_BYTES):
            if offers and piece.startswith(b"HTTP/1.1 ") and _SDP.search(piece):
                from_vehicle = offers.pop()
                piece, from_vehicle.target = _readdressed(await _whole(piece, reader), from_vehicle)
            await down.put(piece)
        await down.put(b"")


class _Stream:
    """One direction of a TCP connection: what is put in comes out whole and in order, an empty piece as its end."""

    def __init__(self, way: Way, back: Way, writer: asyncio.StreamWriter) -> None:
        self._way, self._back, self._writer = way, back, writer
        self._rtt_s = way.delay_s + back.delay_s
        self._rng = random.Random(way.seed)
        self._waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(WAITING_MAX)

    async def put(self, piece: bytes) -> None:
        rounds, now_s = repairs(len(piece), self._way.loss, self._rng), asyncio.get_running_loop().time()
        late_s = self._way.delay_s + self._way.turn_s(len(piece), now_s) + rounds * TAIL_LOSS_RTT * self._rtt_s
        await self._waiting.put((now_s + late_s, piece))

    async def run(self) -> None:
        """Until the end came out."""
        piece = b"-"
        while piece:
            due_s, piece = await self._waiting.get()
            await asyncio.sleep(due_s - asyncio.get_running_loop().time())
            await self._until_heard()
            self._writer.write(piece)
            await self._writer.drain()
        if self._writer.can_write_eof():
            self._writer.write_eof()

    async def _until_heard(self) -> None:
        """Send again into silence, each time after twice the pause; the acknowledgement has to come back, too."""
        pause_s = self._rtt_s + RTO_MIN_S
        while self._way.silent or self._back.silent:
            await asyncio.sleep(pause_s)
            pause_s *= 2


def repairs(size_bytes: int, loss: float, rng: random.Random) -> int:
    """How often some of a piece's segments have to be sent again until all are there. Pure."""
    missing, rounds = -(-size_bytes // SEGMENT_BYTES), -1
    while missing:
        missing = sum(rng.random() < loss for _ in range(missing))
        rounds += 1
    return max(0, rounds)


async def _whole(message: bytes, reader: asyncio.StreamReader) -> bytes:
    """The HTTP message that begins so, head and body, by its Content-Length."""
    while _HEAD_END not in message:
        message += await reader.readuntil(_HEAD_END)
    head, _, body = message.partition(_HEAD_END)
    length = _LENGTH.search(head)
    assert length is not None, "descriptions are sent with their length"
    return message + await reader.readexactly(max(0, int(length[2]) - len(body)))


def _readdressed(message: bytes, side: Side) -> tuple[bytes, tuple[str, int] | None]:
    """The message with `side` for every address in its description, and the first one that it had."""
    head, _, body = message.partition(_HEAD_END)
    body, was = replaced(body, side.address)
    head = _LENGTH.sub(rb"\g<1>%d" % len(body), head)
    return head + _HEAD_END + body, was


async def _all_or_none(*works: Coroutine[Any, Any, None]) -> None:
    """Until all are done; where one fails, none goes on."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def _closing(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    try:
        yield
    finally:
        writer.close()
