"""TCP connections in memory, as asyncio's transports: the product's own protocols stand at both ends.

Bytes arrive in order, each once, late, in other pieces than they were written in, or not at all because the connection
broke. A cut is silent: neither end is told, and what was sent arrives when it has healed. A process that stands still
reads nothing, one that was killed says goodbye with what its machine had been given before.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextvars import Context
from dataclasses import dataclass
from random import Random
from typing import Any

from websockets.frames import apply_mask  # pyright: ignore[reportPrivateImportUsage]

from casebook.wire import MASK_BYTES, MASKED, SHORT
from scenarios.simulator.virtual_loop import OUTSIDE, VirtualLoop

WINDOW_BYTES = 64 << 10  # sent and not yet read before a machine takes no more
WHOLE = 0x80  # a frame's first byte says so; RFC 6455, section 5.2
BLOCKED_S = 1.5  # for how long at most a socket takes nothing although there is room


@dataclass(frozen=True, slots=True)
class Weather:
    """How a network behaves: seconds that a piece takes, how likely one breaks its connection, how likely what is sent
    goes in two, how likely a socket takes no more for a while after a write, and how many bytes a program may then
    keep for it before it is told to wait."""

    delay_s: tuple[float, float] = (0.001, 0.05)
    breaks: float = 0.0
    splits: float = 0.0
    blocks: float = 0.0
    buffer_bytes: int = 64 << 10


Overhear = Callable[["Connection", str, int, bytes], None]


class Way:
    """What all connections of a network have in common."""

    def __init__(self, loop: VirtualLoop, rng: Random, weather: Weather) -> None:
        self.loop, self.rng, self.weather = loop, rng, weather
        self.overhear: Overhear = lambda connection, who, kind, said: None  # each frame: of whom, its first byte
        self._cuts: set[frozenset[str]] = set()

    def is_cut(self, one: str, other: str) -> bool:
        return frozenset((one, other)) in self._cuts

    def drawn_delay_s(self) -> float:
        return self.rng.uniform(*self.weather.delay_s)


class Connection:
    """Between `caller` and `hub`, known by its number. Contexts: of whose process an end is."""

    def __init__(self, way: Way, number: int, caller: str, hub: str, calling: Context, answering: Context) -> None:
        self.way, self.number, self.caller, self.hub = way, number, caller, hub
        self.client, self.server = End(self, caller, calling), End(self, hub, answering)
        self.client.peer, self.server.peer = self.server, self.client

    @property
    def ends(self) -> tuple[End, End]:
        return self.client, self.server

    @property
    def is_over(self) -> bool:
        return self.client.is_lost and self.server.is_lost

    @property
    def is_cut(self) -> bool:
        return self.way.is_cut(self.caller, self.hub)

    def thaw(self) -> None:
        """The way is free again: what was held arrives after a while, in its order."""
        for end in self.ends:
            end.deliver_in(self.way.drawn_delay_s())

    def break_off(self) -> None:
        """What is under way is gone. Both ends hear of it once they have read what has arrived; behind a cut, when it
        has healed."""
        for end in self.ends:
            end.lose()


class End(asyncio.Transport):
    """One end of a connection: what its program writes, and what has arrived for it.

    `peer`: the other end.
    """

    peer: End

    def __init__(self, connection: Connection, name: str, context: Context) -> None:
        super().__init__()
        self.name, self._connection, self._way, self._context = name, connection, connection.way, context
        self._protocol: Any = None
        self._high = self._way.weather.buffer_bytes
        # out: the program's, then the network's
        self._kept, self._is_full, self._free_at_s = bytearray(), False, 0.0
        self._is_closing, self._ends_writing = False, False
        self.is_lost = False  # nothing goes out any more, nothing is heard
        self._is_told = False  # its program knows
        self._flight: deque[tuple[float, bytes]] = deque()  # (due at, piece), in order; an empty one is the end
        self._last_s, self._under_way = 0.0, 0
        # in
        self._arrived, self._is_reading, self._looks = bytearray(), False, False
        self._came_to_end, self._was_reset = False, False

    def begin(self, protocol: Any) -> None:
        """Somebody is there: within their process."""
        self._protocol = protocol
        protocol.connection_made(self)
        self.resume_reading()

    # --- what a program asks of its transport

    def set_protocol(self, protocol: Any) -> None:
        self._protocol = protocol

    def get_protocol(self) -> Any:
        return self._protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return (self.peer.name, 1) if name == "peername" else default

    def is_closing(self) -> bool:
        return self._is_closing

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = min(self._way.weather.buffer_bytes, high if high is not None else 64 << 10)

    def write(self, data: Any) -> None:
        if self.is_lost or not data:
            return
        data = bytes(data)
        for kind, said in frames_in(data):
            self._way.overhear(self._connection, self.name, kind, said)
        self._kept += data
        self._send()
        if len(self._kept) > self._high and not self._is_full:
            self._is_full = True
            self._protocol.pause_writing()

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self._ends_writing = True
        self._send()

    def pause_reading(self) -> None:
        self._is_reading = False

    def resume_reading(self) -> None:
        self._is_reading = True
        self._look()

    def close(self) -> None:
        """Goodbye behind what was written."""
        if not self._is_closing:
            self._is_closing = True
            self._send()

    def abort(self) -> None:
        self._end(None)

    # --- what its machine does

    def vanish(self) -> None:
        """Its program was killed: its machine says goodbye for it."""
        if not self.is_lost:
            self.is_lost = True
            self._kept.clear()
            self._depart(END)

    def lose(self) -> None:
        self._flight.clear()
        self._depart(RESET)

    def deliver_in(self, seconds: float) -> None:
        self._way.loop.call_later(seconds, self._deliver, context=OUTSIDE)

    def _send(self) -> None:
        """Give the machine what it takes now."""
        if self.is_lost or self._was_reset:
            self._end(ConnectionResetError())
            return
        way = self._way
        room = WINDOW_BYTES - self._under_way
        if self._kept and room > 0 and way.loop.time() >= self._free_at_s:
            taken = bytes(self._kept[:room])
            del self._kept[: len(taken)]
            cut = way.rng.randrange(len(taken)) if way.rng.random() < way.weather.splits else 0
            for piece in (taken[:cut], taken[cut:]) if cut else (taken,):
                self._under_way += len(piece)
                self._depart(piece)
            if way.rng.random() < way.weather.blocks:
                self._free_at_s = way.loop.time() + way.rng.uniform(0.0, BLOCKED_S)
                way.loop.call_at(self._free_at_s, self._write_on, context=self._context)
        if not self._kept and self._is_closing:
            self._end(None)
        elif not self._kept and self._ends_writing:
            self._ends_writing = False
            self._depart(END)

    def _write_on(self) -> None:
        """The socket takes something again."""
        self._send()
        if self._is_full and len(self._kept) <= self._high // 4 and not self.is_lost:
            self._is_full = False
            self._protocol.resume_writing()

    def _depart(self, piece: bytes) -> None:
        self._last_s = max(self._last_s, self._way.loop.time() + self._way.drawn_delay_s())
        self._flight.append((self._last_s, piece))
        self._way.loop.call_at(self._last_s, self._deliver, context=OUTSIDE)

    def _deliver(self) -> None:
        """What is due arrives at the peer."""
        way, peer = self._way, self.peer
        while self._flight and self._flight[0][0] <= way.loop.time() and not self._connection.is_cut:
            _, piece = self._flight.popleft()
            if piece and piece is not RESET and way.rng.random() < way.weather.breaks:
                self._connection.break_off()
                return
            peer.take(piece)

    def take(self, piece: bytes) -> None:
        if self.is_lost or self._was_reset:
            if piece and piece is not RESET:  # for nobody: whoever sent it is told so
                self._depart(RESET)
            return
        if piece is RESET:
            self._was_reset = True
            self._write_on_soon()
        elif piece:
            self._arrived += piece
        else:
            self._came_to_end = True
        self._look()

    # --- what its loop does

    def _look(self) -> None:
        if not self._looks:
            self._looks = True
            self._way.loop.call_soon(self._read, context=self._context)

    def _read(self) -> None:
        self._looks = False
        if self.is_lost or self._is_closing or not self._is_reading:
            return
        if self._arrived:
            data = bytes(self._arrived)
            self._arrived.clear()
            self.peer.make_room(len(data))
            if self._came_to_end or self._was_reset:
                self._look()
            self._protocol.data_received(data)
        elif self._was_reset:
            self._end(ConnectionResetError())
        elif self._came_to_end and not self._protocol.eof_received():
            self.close()

    def make_room(self, count: int) -> None:
        self._under_way -= count
        self._write_on_soon()

    def _write_on_soon(self) -> None:
        if self._kept:
            self._way.loop.call_soon(self._write_on, context=self._context)

    def _end(self, wrong: Exception | None) -> None:
        if self._is_told:
            return
        self._is_closing = self._is_told = True
        self.vanish()
        self._way.loop.call_soon(self._protocol.connection_lost, wrong, context=self._context)


END, RESET = b"", b"reset"  # a piece is RESET only if it is this very object


def frames_in(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(first byte, what it says) of each frame of what a program wrote at once; nothing of a handshake."""
    at = 0 if data[0] & WHOLE else len(data)
    while at < len(data):
        kind, length, masked = data[at], data[at + 1] & ~MASKED, data[at + 1] & MASKED
        at += 2
        if length >= SHORT:
            wide = 2 if length == SHORT else 8
            length, at = int.from_bytes(data[at : at + wide], "big"), at + wide
        mask, at = (data[at : at + MASK_BYTES], at + MASK_BYTES) if masked else (b"", at)
        said = data[at : at + length]
        yield kind, apply_mask(said, mask) if masked else said
        at += length
